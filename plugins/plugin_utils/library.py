# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The core of the collection as the library that hosts have of it."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

CORE = Path(__file__).resolve().parent.parent / "module_utils"

# Where hosts have it, in a folder for each version; as module_utils/command/install.py has it.
PLACE = "/usr/local/lib/hundred"

# What only modules need: it knows Ansible, which hosts do not have.
LEFT_OUT = ("ansible_module.py",)

# Zip files know no earlier time.
EPOCH = (1980, 1, 1, 0, 0, 0)


def version_of(folder: Path = CORE) -> str:
    """The name of the content of the Python files below a folder.

    It is not made from the zip file: another zlib compresses in another way.
    """
    content = hashlib.sha256()
    for name, text in _files(folder):
        content.update(b"%d %d " % (len(name), len(text)) + name.encode() + text)
    return content.hexdigest()[:12]


def pack(folder: Path = CORE) -> bytes:
    """The Python files below a folder as a zip file."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in _files(folder):
            archive.writestr(zipfile.ZipInfo(name, EPOCH), text, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def _files(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.rglob("*.py")):
        name = path.relative_to(folder).as_posix()
        if name not in LEFT_OUT:
            yield name, path.read_bytes()
