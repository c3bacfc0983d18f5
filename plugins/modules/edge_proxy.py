# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Have an edge balance over the proxies of hosts."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: edge_proxy
short_description: Have an edge balance over the proxies of hosts
version_added: 0.1.0
description:
  - Writes the configuration of the HAProxy on an edge, one backend for each routed service, checks
    it, and reloads HAProxy if it has changed. A configuration that HAProxy refuses changes nothing.
  - Hosts that are drained stay drained.
  - The role C(edge) uses it.
author: hundred.containers authors (@hundred-containers)
extends_documentation_fragment:
  - hundred.containers.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
options:
  services:
    description:
      - The services by name, as M(hundred.containers.service_definition) returns them. Those
        without routes and those with C(protocol=tcp) are passed over.
    type: dict
    required: true
  addresses:
    description: The addresses of their hosts, by the hosts' names in the inventory.
    type: dict
    required: true
  host_port:
    description: The port of the proxies on the hosts.
    type: int
    default: 80
  http_port:
    description: The port that the edge listens on without TLS.
    type: int
    default: 80
  https_port:
    description: The port that it ends TLS on.
    type: int
    default: 443
  certificates:
    description:
      - The texts of PEM files, each with a certificate, its chain and its private key. Without any
        there is no TLS.
      - They are kept in C(/etc/haproxy/hundred-certificates), readable by root only.
    type: list
    elements: str
    default: []
  redirect:
    description: With O(certificates), whether clients without TLS are sent to O(https_port).
    type: bool
    default: true
  health:
    description:
      - How a host is checked; C(interval), C(timeout), C(successes), C(failures), as in a
        definition.
    type: dict
    default: {}
  settings:
    description: Addresses to listen on and timeouts, as C(hundred_proxy_settings).
    type: dict
    default: {}
seealso:
  - module: hundred.containers.edge_host
"""

EXAMPLES = r"""
---
- name: Balance over the hosts of the shop
  hundred.containers.edge_proxy:
    services: "{{ checked.services }}"
    addresses:
      web1: 10.0.0.11
      web2: 10.0.0.12
    certificates:
      - "{{ vault_shop_certificate_and_key }}"
"""

RETURN = r"""
actions:
  description: What was done or, in check mode, would be.
  returned: success
  type: list
  elements: str
  sample: ["write /etc/haproxy/hundred/hundred.cfg", "reload HAProxy"]
drained:
  description: The hosts that get no requests.
  returned: success
  type: list
  elements: str
  sample: ["web2"]
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.hundred.containers.plugins.module_utils.ansible_module import run
from ansible_collections.hundred.containers.plugins.module_utils.edge.haproxy import Edge
from ansible_collections.hundred.containers.plugins.module_utils.edge.options import (
    make_backends,
    make_settings,
)


def main() -> None:
    """Read the options, call the core, return what came of it."""
    module = AnsibleModule(
        argument_spec={
            "services": {"type": "dict", "required": True},
            "addresses": {"type": "dict", "required": True},
            "host_port": {"type": "int", "default": 80},
            "http_port": {"type": "int", "default": 80},
            "https_port": {"type": "int", "default": 443},
            "certificates": {"type": "list", "elements": "str", "default": [], "no_log": True},
            "redirect": {"type": "bool", "default": True},
            "health": {"type": "dict", "default": {}},
            "settings": {"type": "dict", "default": {}},
        },
        supports_check_mode=True,
    )

    def call() -> dict[str, Any]:
        params = module.params
        edge = Edge(make_settings(params))
        backends = make_backends(params)
        edge.ready()
        change = edge.preview_all(backends)
        written = change.before != change.after
        if (written or change.reload) and not module.check_mode:
            edge.apply(backends, params["certificates"])
        actions = [f"write {change.path}"] * written + ["reload HAProxy"] * change.reload
        result = {"changed": bool(actions), "actions": actions, "drained": edge.drained()}
        if module._diff and written:
            headers = {"before_header": change.path, "after_header": change.path}
            result["diff"] = {**headers, "before": change.before, "after": change.after}
        return result

    run(module, call)


if __name__ == "__main__":
    main()
