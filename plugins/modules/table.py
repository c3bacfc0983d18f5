# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin of the same name; it runs on the controller only."""

from __future__ import annotations

DOCUMENTATION = r"""
module: table
short_description: Prints rows of data as a plain text table
version_added: 0.1.0
author: hundred.containers authors (@hundred-containers)
extends_documentation_fragment:
  - hundred.containers.attributes.controller
description:
  - Prints a table to the screen, as text and not as the result of a task.
  - Columns are as wide as their widest cell and nothing is cut. Cells with several lines keep them.
  - It runs on the controller and contacts no host.
options:
  columns:
    description: The keys of the rows to show, in this order. They are the headings too.
    type: list
    elements: str
    required: true
  rows:
    description:
      - The rows, as mappings. Keys that are no column are not shown.
      - A missing or empty value is shown as a dash, a boolean as yes or no.
    type: list
    elements: dict
    required: true
  title:
    description: A line above the table.
    type: str
seealso:
  - module: hundred.containers.service_definition
"""

EXAMPLES = r"""
- name: Show what was deployed
  hundred.containers.table:
    title: Deployed shop
    columns: [host, before, now, seconds]
    rows:
      - {host: web1, before: 1a2b3c4, now: 5d6e7f8, seconds: 2.1}
      - {host: web2, before: 1a2b3c4, now: 5d6e7f8, seconds: 2.3}
  run_once: true
"""

RETURN = r"""
title:
  description: The option O(title).
  returned: success
  type: str
columns:
  description: The option O(columns).
  returned: success
  type: list
  elements: str
rows:
  description: The option O(rows).
  returned: success
  type: list
  elements: dict
"""
