# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Drain a host at an edge, or put it back."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: edge_host
short_description: Drain a host at an edge, or put it back
version_added: 0.1.0
description:
  - Has the HAProxy of an edge send a host no new request in any of its backends, and waits until
    what the host has in flight has ended; or puts the host back and waits until it passes its
    checks.
  - A drained host stays so over reloads and restarts of the edge.
  - A host that is in no backend of the edge, such as one that runs workers only, gets no request
    anyway; nothing is done and RV(services) is empty.
  - The playbook C(maintenance) does it on all edges.
author: hundred.containers authors (@hundred-containers)
extends_documentation_fragment:
  - hundred.containers.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
options:
  name:
    description: The host's name in the inventory, which is its name in the edge's backends.
    type: str
    required: true
  state:
    description: V(drained) gets no new requests, V(ready) gets them.
    type: str
    choices: [drained, ready]
    required: true
  timeout:
    description:
      - With V(drained), how long to wait for what is in flight; what is left then is returned, and
        is no failure.
      - With V(ready), how long the host may take to pass its checks.
    type: str
    default: 30s
  force:
    description:
      - Drain it even where it is the only host that serves one of its services, whose requests are
        refused then. Without it that is an error, and nothing is drained.
    type: bool
    default: false
seealso:
  - module: hundred.containers.edge_proxy
"""

EXAMPLES = r"""
---
- name: Send the host no requests
  hundred.containers.edge_host:
    name: web2
    state: drained
    timeout: 2m

- name: Put it back
  hundred.containers.edge_host:
    name: web2
    state: ready
"""

RETURN = r"""
actions:
  description: What was done or, in check mode, would be.
  returned: success
  type: list
  elements: str
  sample: ["drain web2 in the backends of api, shop"]
in_flight:
  description: Requests and connections that the host still has.
  returned: success
  type: int
  sample: 0
services:
  description: The services of the edge that the host runs.
  returned: success
  type: list
  elements: str
  sample: ["api", "shop"]
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.hundred.containers.plugins.module_utils.ansible_module import run
from ansible_collections.hundred.containers.plugins.module_utils.definition.units import (
    read_duration,
)
from ansible_collections.hundred.containers.plugins.module_utils.edge.config import EdgeSettings
from ansible_collections.hundred.containers.plugins.module_utils.edge.haproxy import Edge

STATES = {"drained": "drain", "ready": "ready"}


def main() -> None:
    """Read the options, call the core, return what came of it."""
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["drained", "ready"], "required": True},
            "timeout": {"type": "str", "default": "30s"},
            "force": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )

    def call() -> dict[str, Any]:
        params = module.params
        timeout = read_duration("timeout", params["timeout"])
        edge, name = Edge(EdgeSettings()), params["name"]
        before = edge.look(name)
        changed = not set(before.states) <= {STATES[params["state"]]}
        verb = "drain" if params["state"] == "drained" else "put back"
        actions = [f"{verb} {name} in the backends of {', '.join(before.backends)}"] * changed
        left = before.in_flight
        if module.check_mode:
            if params["state"] == "drained" and not params["force"]:
                edge.require_others(name)
        elif before.backends:
            if params["state"] == "drained":
                left = edge.drain_host(name, timeout, params["force"])
            else:
                edge.put_host_back(name, timeout)
        told = {"in_flight": left, "services": list(before.backends)}
        return {"changed": changed, "actions": actions, **told}

    run(module, call)


if __name__ == "__main__":
    main()
