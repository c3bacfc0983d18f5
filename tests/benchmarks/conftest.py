# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The benchmarks run on the hosts of the integration tests."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.conftest import Machines, digests, ten

__all__ = ["digests", "ten"]


@pytest.fixture(scope="session")
def machines(lab, registry, tmp_path_factory) -> Machines:
    """The lab hosts, which log requests as a user's would: a cost that is theirs, too."""
    return Machines(lab, registry, tmp_path_factory.mktemp("machines"), access_log=True)


@pytest.fixture
def service(request, machines, digests, tmp_path) -> Any:
    """An empty Debian 12 host with HAProxy."""
    target = machines.get("bookworm", "haproxy", tmp_path)
    target.driver = "haproxy"
    target.call("service_rollout", {"name": "shop", "state": "absent"})
    yield target
    target.call("service_rollout", {"name": "shop", "state": "absent"})
