# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Brings the core of the collection to a host, when the host does not have this version of it."""

from __future__ import annotations

import hashlib
import io
import tempfile
import zipfile
from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase

CORE = Path(__file__).resolve().parent.parent / "module_utils"

# What only modules need: it knows Ansible, which hosts do not have.
LEFT_OUT = ("ansible_module.py",)

# Zip files know no earlier time.
EPOCH = (1980, 1, 1, 0, 0, 0)


class ActionModule(ActionBase):
    """The action plugin of ``hundred.containers.host_command``."""

    TRANSFERS_FILES = True

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Ask the host what it has, and bring what it lacks."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        version, archive = pack(CORE)
        arguments = {**self._task.args, "version": version}
        done = self._execute_module(module_args=arguments, task_vars=task_vars)
        if done.pop("needs_archive", False):
            arguments["archive"] = self._bring(archive)
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


def pack(folder: Path) -> tuple[str, bytes]:
    """The Python files below a folder, as a name of their content and as a zip file.

    The name is not made from the file: another zlib compresses in another way.
    """
    buffer = io.BytesIO()
    content = hashlib.sha256()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*.py")):
            name, text = path.relative_to(folder).as_posix(), path.read_bytes()
            if name not in LEFT_OUT:
                content.update(b"%d %d " % (len(name), len(text)) + name.encode() + text)
                archive.writestr(zipfile.ZipInfo(name, EPOCH), text, zipfile.ZIP_DEFLATED)
    return content.hexdigest()[:12], buffer.getvalue()
