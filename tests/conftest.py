# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all tests share: the lab, and the machine's time.

The lab's fixtures are offered here and nowhere else: one that two conftest.py import is two, and
each would begin its lab by removing the other's.

``HUNDRED_LAB`` names the lab (default ``test``). It is removed after the run, and what an earlier,
killed run left is removed before, unless ``HUNDRED_LAB_KEEP=1``: then hosts stay, with all that
tests left on them, and the next run starts at once. Each worker of pytest-xdist has a lab of its
own: ``test-gw0`` and so on.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.lab.host import Host
from tests.lab.images import ensure_image
from tests.lab.lab import Lab
from tests.lab.recipes import SUITES, python_recipe
from tests.lab.registry import Registry


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """The lab of this run."""
    keep = os.environ.get("HUNDRED_LAB_KEEP") == "1"
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    name = os.environ.get("HUNDRED_LAB", "test")
    lab = Lab(f"{name}-{worker}" if worker else name)
    if not keep:
        lab.destroy()
    yield lab
    if not keep:
        lab.destroy()


@pytest.fixture(scope="session")
def registry(lab: Lab) -> Registry:
    """The lab's ready registry; the engine of this machine trusts it, too."""
    registry = lab.registry()
    registry.trust_here()
    return registry


@pytest.fixture(scope="session", params=SUITES)
def host(request: pytest.FixtureRequest, lab: Lab) -> Host:
    """A host of either Debian with engine and proxies; no service is deployed here, so that a test
    may stop its proxies."""
    return lab.ensure(f"spare-{request.param}", request.param)


@pytest.fixture(scope="session")
def python_image() -> str:
    """A small image with Python, in the engine of this machine."""
    return ensure_image(python_recipe())


def pytest_configure(config: pytest.Config) -> None:
    """Name the markers."""
    for line in (
        "once: on Debian 12 with HAProxy only, unless HUNDRED_TEST_ALL is set",
        "large: only when HUNDRED_TEST_ALL is set",
        "timed: asserts how long something takes; bin/test runs these first, and beside no other",
    ):
        config.addinivalue_line("markers", line)
