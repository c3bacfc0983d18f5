# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hosts of each play of the playbook deploy."""

from __future__ import annotations

DOCUMENTATION = r"""
---
name: deploy_hosts
short_description: The hosts that a step of a deploy is for
version_added: 0.1.0
description:
  - Chooses the hosts of one play of the playbook C(hundred.containers.deploy), from what the plays
    before it left in the variables of C(localhost) and of the hosts.
  - It is part of that playbook. Where a playbook is only checked for its syntax, it returns none.
author: hundred.containers authors (@hundred-containers)
options:
  _terms:
    description:
      - The step, one of V(build), V(prefetch), V(before), V(swap), V(swap_in_hooks), V(after),
        V(find), V(undo) and V(report).
      - The number of the service among those of the run, from 0 on.
      - How many services the playbook was loaded for; only looked at by V(build).
    type: raw
    required: true
"""

EXAMPLES = r"""
---
- name: Swap batch by batch
  hosts: "{{ query('hundred.containers.deploy_hosts', 'swap', __hundred_number) }}"
  gather_facts: false
  tasks: []
"""

RETURN = r"""
_raw:
  description: The names of the hosts.
  type: list
  elements: str
  sample: ["web1", "web2"]
"""

from collections.abc import Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleError
from ansible.plugins.lookup import LookupBase
from ansible.plugins.lookup.inventory_hostnames import LookupModule as InventoryHostnames

from ..plugin_utils.deploy_steps import LIMITED, LOCALHOST, ONCE, STEPS, Progress

RESULT = "__hundred_service_rollout"


class LookupModule(LookupBase):
    """The lookup plugin ``hundred.containers.deploy_hosts``.

    It is no expression in the playbook, since each name in one is templated anew in each play,
    whether it is needed or not: that was 0.15 s of a deploy that finds nothing to do (measured).
    """

    def run(
        self, terms: Sequence[Any], variables: Mapping[str, Any] | None = None, **kwargs: Any
    ) -> list[str]:
        """The names of the hosts.

        :raises AnsibleError: more or fewer services are asked for than the playbook was loaded
            for, or its first play was left out.
        """
        variables = variables or {}
        hostvars = variables.get("hostvars")
        if hostvars is None:  # a syntax check
            return []
        step, number = str(terms[0]), int(terms[1])
        checked = hostvars[LOCALHOST].get("__hundred_checked") or {}
        if "services" not in checked:
            raise AnsibleError(
                "nothing was checked: the first play of deploy was left out, so nothing is done; "
                "run it as a whole, without --tags, --skip-tags and --start-at-task"
            )
        names = checked["names"]
        if step == "build" and len(names) != int(terms[2]):
            raise AnsibleError(
                "several services have to be named on the command line: -e service="
                + ",".join(names)
            )
        progress = _progress(variables, hostvars, checked, number)
        hosts = STEPS[step](progress)
        if hosts and step in LIMITED:
            hosts = self._within_limit(hosts, variables)
        return hosts[:1] if step in ONCE else hosts

    def _within_limit(self, hosts: list[str], variables: Mapping[str, Any]) -> list[str]:
        """Without those that a limit leaves out, which were not asked either."""
        limit = variables.get("ansible_limit") or f"all,{LOCALHOST}"
        plugin = InventoryHostnames(loader=self._loader, templar=self._templar)
        known = set(plugin.run([limit], variables=variables))
        return [host for host in hosts if host in known]


def _progress(
    variables: Mapping[str, Any],
    hostvars: Mapping[str, Mapping[str, Any]],
    checked: Mapping[str, Any],
    number: int,
) -> Progress:
    """How far the deploy is, by the variables that the plays before left."""
    local = hostvars[LOCALHOST]
    service = checked["services"][checked["names"][number]]
    hosts = list(service["hosts"])

    def look() -> dict[str, Mapping[str, Any]]:
        told = ((host, hostvars[host].get(RESULT)) for host in hosts)
        return {host: result for host, result in told if result is not None}

    builder = str(local.get("hundred_build_host", LOCALHOST))
    return Progress(
        hosts=hosts,
        later=number > 0,
        kept=service["kept"],
        tasks=bool(service["tasks"]["before"]),
        deploy=checked["deploy"],
        look=look,
        build_host=None if "digest" in variables else builder,
        unbuilt="__hundred_unbuilt" in local,
        stopped=bool(local.get("__hundred_stopped")),
        undone="__hundred_undo" in local,
    )
