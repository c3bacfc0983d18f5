# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Show what became of a host's maintenance; see the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: maintenance_table
short_description: Show what became of a host's maintenance
version_added: 0.1.0
author: hundred.containers authors (@hundred-containers)
extends_documentation_fragment:
  - hundred.containers.attributes.controller
description:
  - Prints the end of the playbook C(maintenance), one row for each edge and one for the host, and
    fails if anything is not as wanted, above all if the host is still drained.
  - It runs on the controller and contacts no host.
options:
  host:
    description: The host that was worked on.
    type: str
    required: true
  edges:
    description: The edges.
    type: list
    elements: str
    required: true
  half:
    description: Which half of a maintenance was asked for, if not all of it.
    type: str
    choices: [drain, put_back]
  in_flight:
    description:
      - Whether requests that were in flight when the time to drain was over are a failure, or were
        to be cut.
    type: str
    choices: [fail, cut]
    default: fail
seealso:
  - module: hundred.containers.edge_host
"""

EXAMPLES = r"""
- name: Show what became of it
  hundred.containers.maintenance_table:
    host: web2
    edges: "{{ groups.edge }}"
"""

RETURN = r"""
rows:
  description: The rows of the table; C(why) has lines where something is not as wanted.
  returned: always
  type: list
  elements: dict
  sample: [{"host": "edge1", "drained": "yes", "put back": "yes", "why": []}]
still_drained_at:
  description: The edges at which the host gets no requests.
  returned: when there are any that should have put it back
  type: list
  elements: str
  sample: ["edge1"]
"""
