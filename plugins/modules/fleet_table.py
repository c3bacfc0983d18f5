# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation of the action plugin of the same name; it runs on the controller only."""

from __future__ import annotations

DOCUMENTATION = r"""
module: fleet_table
short_description: Prints what came of a play as a table over its hosts
version_added: 0.1.0
author: hundred.containers authors (@hundred-containers)
extends_documentation_fragment:
  - hundred.containers.attributes.controller
description:
  - Collects what the modules of this collection returned on each host, and prints one row a host.
  - Fails if a host failed or was not reached, so that a play which went on to its end for the table
    still ends as failed.
  - It runs on the controller and contacts no host.
options:
  of:
    description:
      - V(rollout) shows what the role C(service) or the playbook C(rollback) did.
      - V(status) shows what the playbook C(status) found.
      - V(history) shows what the playbook C(history) found, the newest last.
      - V(prune) shows how many images the playbook C(prune) removed and kept.
    type: str
    choices: [rollout, status, history, prune]
    required: true
  service:
    description: The service; with O(of=status) only its rows are shown.
    type: str
  hosts:
    description: The hosts to show, in this order.
    type: list
    elements: str
    required: true
  placement:
    description:
      - With O(of=status), the hosts of each service. One that does not have it gets a row as well.
    type: dict
    default: {}
  format:
    description: V(json) prints the rows as one line of JSON that begins with C([).
    type: str
    choices: [table, json]
    default: table
  unreachable_limit:
    description:
      - With O(of=rollout), how many hosts may be out of reach, if all others are as wanted. They
        are shown as skipped.
    type: int
    default: 0
  services:
    description:
      - With O(of=rollout), all services of this run in order. The table is printed after the last
        one or after one that failed, with the rows of all.
    type: list
    elements: str
    default: []
  earlier:
    description: With O(services), the rows of the services before.
    type: list
    elements: dict
    default: []
  unbuilt:
    description:
      - With O(of=rollout), that there is no image and so no host was asked; C(host) is the one
        that should have built it, C(msg) and C(next_step) are what it said.
    type: dict
seealso:
  - module: hundred.containers.table
"""

EXAMPLES = r"""
- name: Show what the rollout did
  hundred.containers.fleet_table:
    of: rollout
    service: shop
    hosts: "{{ groups.web }}"
  delegate_to: localhost
  run_once: true
"""

RETURN = r"""
rows:
  description: The rows of the table; C(why) says in short why a host is not as wanted.
  returned: always
  type: list
  elements: dict
  sample:
    - host: web1
      before: 1a79a4d60de6
      now: 5d41402abc4b
      seconds: 2.1
      result: swapped
"""
