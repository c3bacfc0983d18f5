# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Brings the core of the collection to a host, when the host does not have this version of it."""

from __future__ import annotations

import tempfile
from typing import Any

from ansible.plugins.action import ActionBase

from ..plugin_utils.library import pack, version_of


class ActionModule(ActionBase):
    """The action plugin of ``hundred.containers.host_command``."""

    TRANSFERS_FILES = True

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Ask the host what it has, and bring what it lacks."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        arguments = {**self._task.args, "version": version_of()}
        done = self._execute_module(module_args=arguments, task_vars=task_vars)
        if done.pop("needs_archive", False):
            arguments["archive"] = self._bring(pack())
            done = self._execute_module(module_args=arguments, task_vars=task_vars)
        result.update(done)
        self._remove_tmp_path(self._connection._shell.tmpdir)
        return result

    def _bring(self, archive: bytes) -> str:
        with tempfile.NamedTemporaryFile(suffix=".zip") as local:
            local.write(archive)
            local.flush()
            remote = self._connection._shell.join_path(
                self._connection._shell.tmpdir or self._make_tmp_path(), "library.zip"
            )
            path: str = self._transfer_file(local.name, remote)
            self._fixup_perms2((self._connection._shell.tmpdir, path))
        return path
