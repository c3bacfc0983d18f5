# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The application's image, built once a session."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.lab.command import docker
from tests.lab.images import build_lock


@pytest.fixture(scope="session")
def app_image(python_image: str) -> str:
    """The image of release "built"."""
    tag = "hundred-test-app:own-tests"
    command = ["build", "--quiet", "--tag", tag, "--build-arg", "RELEASE=built"]
    command += ["--build-arg", f"BASE_IMAGE={python_image}", str(Path(__file__).parent)]
    with build_lock():
        docker(*command)
    return tag
