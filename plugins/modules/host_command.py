#!/usr/bin/python
# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Install the command hundred and the supervisor on a host."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: host_command
short_description: Install the command hundred and the supervisor on a host
version_added: 0.1.0
description:
  - Puts the collection's own code on the host, so that services are looked after between deploys
    without Ansible and without the controller, the command C(hundred) that shows and controls them,
    and, where systemd runs, the unit C(hundred-supervisor.service).
  - The code goes to C(/usr/local/lib/hundred), in a folder for each version; an upgrade is one
    rename, and restarts the supervisor. What serves is not touched by that.
  - Its Python is the one that Ansible uses on the host; it needs the Docker SDK for Python.
options:
  supervise:
    description:
      - Whether the supervisor runs. With V(false) it is stopped and removed, and the engine starts
        again what dies.
      - On a host without systemd nothing is started; have C(hundred supervise) run as root by what
        starts services there.
    type: bool
    default: true
  state_dir:
    description:
      - The folder of the services' state, the same as for M(hundred.containers.service_rollout).
    type: path
    default: /var/lib/hundred
  metrics_file:
    description:
      - A file that the supervisor writes for the textfile collector of Prometheus' node exporter,
        such as C(/var/lib/prometheus/node-exporter/hundred.prom); its folder must exist.
      - Without it nothing is written.
    type: path
  version:
    description: The name of the library's content. The action plugin gives it.
    type: str
  archive:
    description: The library on the host. The action plugin brings it.
    type: path
extends_documentation_fragment:
  - hundred.containers.attributes
  - hundred.containers.attributes.action_group
  - hundred.containers.engine
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
author: hundred.containers authors (@hundred-containers)
"""

EXAMPLES = r"""
- name: Look after the services of this host
  hundred.containers.host_command:
    metrics_file: /var/lib/prometheus/node-exporter/hundred.prom
"""

RETURN = r"""
actions:
  description: What was done, or in check mode would be, one sentence for each step.
  returned: success
  type: list
  elements: str
  sample: ["install the library 1f2e3d4c5b6a", "restart the supervisor"]
version:
  description: The name of the library's content.
  returned: success
  type: str
  sample: 1f2e3d4c5b6a
supervised:
  description: Whether a supervisor looks after the host now.
  returned: success
  type: bool
  sample: true
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.hundred.containers.plugins.module_utils.ansible_module import run
from ansible_collections.hundred.containers.plugins.module_utils.arguments import (
    ENGINE_ARGUMENTS,
    STATE_DIR,
)
from ansible_collections.hundred.containers.plugins.module_utils.command.install import (
    Installation,
    Places,
    Request,
)
from ansible_collections.hundred.containers.plugins.module_utils.supervise.presence import (
    is_supervised,
)


def main() -> None:
    """Read the options, call the core, return what came of it."""
    module = AnsibleModule(
        argument_spec={
            "supervise": {"type": "bool", "default": True},
            "state_dir": {"type": "path", "default": STATE_DIR},
            "metrics_file": {"type": "path"},
            "version": {"type": "str"},
            "archive": {"type": "path"},
            **ENGINE_ARGUMENTS,
        },
        supports_check_mode=True,
    )
    params = module.params

    def call() -> dict[str, Any]:
        installation = Installation(Places(), module.check_mode)
        needed = not installation.has(params["version"])
        if needed and params["archive"] is None and not module.check_mode:
            return {"changed": False, "needs_archive": True}
        installation.apply(
            Request(
                version=params["version"],
                archive=params["archive"],
                configuration={
                    "state_dir": params["state_dir"],
                    "docker_host": params["docker_host"],
                    "metrics_file": params["metrics_file"] or "",
                },
                supervise=params["supervise"],
            )
        )
        return {
            "changed": bool(installation.actions),
            "actions": installation.actions,
            "version": params["version"],
            "supervised": is_supervised(params["state_dir"]),
        }

    run(module, call)


if __name__ == "__main__":
    main()
