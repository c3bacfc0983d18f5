# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Have nobody deploy a service for a time."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: service_freeze
short_description: Have nobody deploy a service for a time
version_added: 0.1.0
description:
  - While a service is frozen on a host, M(hundred.containers.service_rollout) refuses to roll
    anything out there, and a deploy over many hosts is refused before the first of them is swapped.
  - Rollbacks, stopping and removing are not refused; what runs goes on. A freeze ends by itself.
author: hundred.containers authors (@hundred-containers)
extends_documentation_fragment:
  - hundred.containers.attributes
  - hundred.containers.attributes.action_group
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
options:
  name:
    description: Name of the service; the host need not have it yet.
    type: str
    required: true
  state:
    description: Whether it is frozen.
    type: str
    choices: [present, absent]
    default: present
  reason:
    description: Why, for everybody who is refused. Required with O(state=present), and not empty.
    type: str
  end:
    description:
      - When it ends, a time with its zone, such as V(2026-12-24T18:00:00Z), or a duration from now
        on, such as V(4h) or V(7d). Required with O(state=present).
    type: str
  started_by:
    description: Whose wish it is. Default is the user that the module runs as.
    type: str
    aliases: [owner]
  state_dir:
    description: Folder of everything that is remembered on the host.
    type: path
    default: /var/lib/hundred
seealso:
  - module: hundred.containers.service_rollout
"""

EXAMPLES = r"""
---
- name: No deploys of the shop before Christmas
  hundred.containers.service_freeze:
    name: shop
    reason: the Christmas sale
    end: "2026-12-27T00:00:00Z"
    started_by: anna

- name: Deploys are welcome again
  hundred.containers.service_freeze:
    name: shop
    state: absent
"""

RETURN = r"""
freeze:
  description: The freeze in words, empty when there is none.
  returned: success
  type: str
  sample: "frozen by anna until 2026-12-27 00:00:00 UTC: the Christmas sale"
"""

import getpass
import time
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.hundred.containers.plugins.module_utils.ansible_module import run
from ansible_collections.hundred.containers.plugins.module_utils.arguments import STATE_DIR
from ansible_collections.hundred.containers.plugins.module_utils.errors import HundredError
from ansible_collections.hundred.containers.plugins.module_utils.rollout.host import (
    ServiceHost,
    Settings,
    checked_name,
)
from ansible_collections.hundred.containers.plugins.module_utils.state.freeze import (
    Freeze,
    parse_end,
)


def main() -> None:
    """Read the options, call the core, return what came of it."""
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "reason": {"type": "str"},
            "end": {"type": "str"},
            "started_by": {"type": "str", "aliases": ["owner"]},
            "state_dir": {"type": "path", "default": STATE_DIR},
        },
        required_if=[("state", "present", ("reason", "end"))],
        supports_check_mode=True,
    )

    def call() -> dict[str, Any]:
        params = module.params
        settings = Settings(state_dir=params["state_dir"])
        file = ServiceHost(settings, checked_name(params["name"])).freeze_file
        if params["state"] == "absent":
            found = file.exists()
            if found and not module.check_mode:
                file.remove()
            return {"changed": found, "freeze": ""}
        if not params["reason"].strip():
            raise HundredError("reason is empty", next_step="say why, for everybody who is refused")
        owner = params["started_by"] or getpass.getuser()
        wanted = Freeze(owner, params["reason"], parse_end(params["end"], time.time()))
        changed = file.read() != wanted
        if changed and not module.check_mode:
            file.write(wanted)
        return {"changed": changed, "freeze": str(wanted)}

    run(module, call)


if __name__ == "__main__":
    main()
