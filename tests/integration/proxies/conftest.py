# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Both proxies, and two generations of a service's replicas."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.proxies.replicas import Replicas
from tests.integration.proxies.running import ProxyUnderTest


@pytest.fixture(params=["haproxy", "nginx"])
def proxy(request: pytest.FixtureRequest) -> Iterator[ProxyUnderTest]:
    """A running proxy; every test that takes it is run with either."""
    with ProxyUnderTest(request.param) as running:
        yield running


@pytest.fixture
def haproxy() -> Iterator[ProxyUnderTest]:
    """A running HAProxy, for what only that has."""
    with ProxyUnderTest("haproxy") as running:
        yield running


@pytest.fixture
def old() -> Iterator[Replicas]:
    """Generation 1 of the service shop."""
    with Replicas("shop", 1, 2) as replicas:
        yield replicas


@pytest.fixture
def new() -> Iterator[Replicas]:
    """Generation 2 of the service shop."""
    with Replicas("shop", 2, 2) as replicas:
        yield replicas
