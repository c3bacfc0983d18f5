# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a host is taken out for maintenance: what the variables ask for, checked."""

from __future__ import annotations

DOCUMENTATION = r"""
---
name: maintenance_options
short_description: How a host is taken out for maintenance
version_added: 0.1.0
description:
  - Checks what the inventory and the command line ask of the playbook C(maintenance), before
    anything is drained, and reads durations as every other part of the collection reads them.
  - Keys that are missing or empty have their defaults. What is refused ends the task with a message
    that names every variable that is wrong.
author: hundred.containers authors (@hundred-containers)
options:
  _input:
    description:
      - What is asked for, by the keys of RV(_value).
    type: dict
    required: true
  problems:
    description:
      - Return what is wrong as a list of sentences instead; an empty one where all is well.
    type: bool
    default: false
"""

EXAMPLES = r"""
---
- name: Read
  ansible.builtin.set_fact:
    asked: "{{ {'healthy_timeout': '1m30s'} | hundred.containers.maintenance_options }}"
"""

RETURN = r"""
_value:
  description:
    - What is to be done; durations are seconds.
  type: raw
  sample:
    in_flight: fail
    force: false
    drain_timeout: 120.0
    reachable_timeout: 600.0
    healthy_timeout: 90.0
    ready_timeout: 60.0
"""

from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.hundred.containers.plugins.module_utils.definition.problems import (
    Place,
    Problem,
)
from ansible_collections.hundred.containers.plugins.module_utils.definition.units import Duration
from ansible_collections.hundred.containers.plugins.plugin_utils.policy import flag, one_of

Check = Callable[[Place, Any], Any]

# Of each option its variable, its check, and what it is when nothing is said.
OPTIONS: Mapping[str, tuple[str, Check, Any]] = {
    "in_flight": ("hundred_maintenance_in_flight", one_of("fail", "cut"), "fail"),
    "force": ("force", flag, False),
    "drain_timeout": ("hundred_maintenance_drain_timeout", Duration(), 120.0),
    "reachable_timeout": ("hundred_maintenance_reachable_timeout", Duration(), 600.0),
    "healthy_timeout": ("hundred_maintenance_healthy_timeout", Duration(), 120.0),
    "ready_timeout": ("hundred_maintenance_ready_timeout", Duration(), 60.0),
}


def maintenance_options(given: Mapping[str, Any], problems: bool = False) -> Any:
    """The options by their names, or what is wrong with them. Pure.

    :raises AnsibleFilterError: something is wrong, and that was not asked for.
    """
    found: list[Problem] = []
    options: dict[str, Any] = {}
    for name, (variable, check, default) in OPTIONS.items():
        value = given.get(name)
        said = value not in (None, "")
        options[name] = check(Place(variable, found), value) if said else default
    wrong = [str(problem) for problem in found]
    if wrong and not problems:
        raise AnsibleFilterError("; ".join(wrong))
    return wrong if problems else options


class FilterModule:
    """The filter ``hundred.containers.maintenance_options``."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """The functions by their names."""
        return {"maintenance_options": maintenance_options}
