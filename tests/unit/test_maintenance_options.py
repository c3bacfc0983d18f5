# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a host is taken out for maintenance: what may be asked for."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.hundred.containers.plugins.filter.maintenance_options import (
    maintenance_options,
)


def test_what_is_not_said_has_its_default() -> None:
    assert maintenance_options({"force": "", "drain_timeout": None}) == {
        "in_flight": "fail",
        "force": False,
        "drain_timeout": 120.0,
        "reachable_timeout": 600.0,
        "healthy_timeout": 120.0,
        "ready_timeout": 60.0,
    }


@pytest.mark.parametrize(
    ("option", "given", "read"),
    [
        ("force", "yes", True),
        ("force", False, False),
        ("in_flight", "cut", "cut"),
        ("healthy_timeout", 90, 90.0),
        ("healthy_timeout", " 6 ", 6.0),
        ("reachable_timeout", "1m30s", 90.0),
        ("drain_timeout", "500ms", 0.5),
        ("ready_timeout", "0", 0.0),
    ],
)
def test_values_as_they_are_written(option: str, given: Any, read: Any) -> None:
    assert maintenance_options({option: given}, problems=True) == []
    assert maintenance_options({option: given})[option] == read


@pytest.mark.parametrize(
    ("option", "given", "message"),
    [
        ("in_flight", "no", 'hundred_maintenance_in_flight: must be fail or cut; given: "no"'),
        ("force", "maybe", 'force: must be true or false; given: "maybe"'),
        ("drain_timeout", "2 minutes", "hundred_maintenance_drain_timeout: must be a duration"),
        ("reachable_timeout", True, "hundred_maintenance_reachable_timeout: must be a duration"),
        ("healthy_timeout", "-1", "hundred_maintenance_healthy_timeout: must be a duration"),
        ("ready_timeout", "2d", "hundred_maintenance_ready_timeout: must be a duration"),
    ],
)
def test_what_is_refused(option: str, given: Any, message: str) -> None:
    (said,) = maintenance_options({option: given}, problems=True)
    assert said.startswith(message)
    with pytest.raises(AnsibleFilterError, match=option):
        maintenance_options({option: given})


def test_everything_that_is_wrong_is_said_at_once() -> None:
    given = {"force": "maybe", "in_flight": "no"}
    assert len(maintenance_options(given, problems=True)) == 2
