# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin of the same name; it runs on the controller only."""

from __future__ import annotations

DOCUMENTATION = r"""
module: task_file
short_description: Reads a file with tasks before anything depends on it
version_added: 0.1.0
author: hundred.containers authors (@hundred-containers)
extends_documentation_fragment:
  - hundred.containers.attributes.controller
description:
  - Reads a file with tasks as M(ansible.builtin.include_tasks) would, and the files that it imports
    or includes by a plain name. Nothing of them is run.
  - A file that cannot be read when it is included ends a playbook past every C(rescue). This fails
    before.
  - It runs on the controller and contacts no host.
options:
  path:
    description: The absolute path of the file.
    type: str
    required: true
  variable:
    description: The variable that named it, for the message.
    type: str
    required: true
seealso:
  - module: hundred.containers.service_definition
"""

EXAMPLES = r"""
- name: Refuse work that could not be included
  hundred.containers.task_file:
    path: "{{ playbook_dir }}/upgrade.yml"
    variable: maintenance_tasks
  delegate_to: localhost
  run_once: true
"""

RETURN = r"""
registered:
  description: The variables in which its tasks leave their results.
  returned: success
  type: list
  elements: str
  sample: [upgraded]
"""
