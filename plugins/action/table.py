# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prints rows of data as a plain text table, for people who read the end of a play."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.hundred.containers.plugins.module_utils.text_table import render

ARGUMENTS: Mapping[str, Any] = {
    "columns": {"type": "list", "elements": "str", "required": True},
    "rows": {"type": "list", "elements": "dict", "required": True},
    "title": {"type": "str"},
}


class ActionModule(ActionBase):
    """The action plugin of ``hundred.containers.table``."""

    TRANSFERS_FILES = False
    _requires_connection = False

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Print the table and return its data."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        arguments = self.validate_argument_spec(argument_spec=dict(ARGUMENTS))[1]
        title, columns, rows = (arguments[key] for key in ("title", "columns", "rows"))
        # As long as there is text: a task's result would show it as one escaped line.
        self._display.display(render(columns, rows, title))
        result.update(changed=False, title=title, columns=columns, rows=rows)
        return result
