# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads a file with tasks as Ansible will when it is included; runs nothing of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.plugins.action import ActionBase

from ..plugin_utils.task_files import TaskFileError, TaskFiles

ARGUMENTS: Mapping[str, Any] = {
    "path": {"type": "str", "required": True},
    "variable": {"type": "str", "required": True},
}


class ActionModule(ActionBase):
    """The action plugin of ``hundred.containers.task_file``."""

    TRANSFERS_FILES = False
    _requires_connection = False

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Return the variables that its tasks register, or fail with why it cannot be included."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        arguments = self.validate_argument_spec(argument_spec=dict(ARGUMENTS))[1]
        result["changed"] = False
        try:
            found = TaskFiles.of(self._task, self._loader).read(arguments["path"])
        except TaskFileError as error:
            result.update(failed=True, msg=f"{arguments['variable']}: cannot be included: {error}")
            return result
        result["registered"] = list(found.registered)
        return result
