# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that are either the old ones or the new ones, whatever happens in between.

The text is written to a temporary file in the same folder, forced to the disk, renamed, and the
folder is forced to the disk too: after a power cut the path has one complete text or the other.
"""

from __future__ import annotations

import os
from contextlib import suppress

from ..errors import StateError


def replace_file(path: str, text: str, mode: int = 0o600) -> None:
    """Make ``text`` the content of ``path``; its folder must exist.

    Two writers of one path must exclude each other by a lock: the temporary file has a fixed name,
    so that one left by a killed process is used again and none piles up.

    :param mode: the permissions of the file, whatever the umask.
    :raises StateError: the file cannot be written; ``path`` is what it was.
    """
    put_in_place(prepare_file(path, text, mode), path)


def prepare_file(path: str, text: str, mode: int = 0o600) -> str:
    """Write ``text`` next to ``path`` and force it to the disk; then comes ``put_in_place``.

    The name starts with a dot, so that programs which load ``*.conf`` do not see it.

    :returns: the path of the prepared file.
    :raises StateError: it cannot be written; nothing of it is left.
    """
    prepared = os.path.join(os.path.dirname(path), f".{os.path.basename(path)}.new")
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        with open(os.open(prepared, flags, mode), "w", encoding="utf-8") as stream:
            os.fchmod(stream.fileno(), mode)
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as error:
        discard(prepared)
        raise _not_written(path, error) from error
    return prepared


def put_in_place(prepared: str, path: str) -> None:
    """Rename what ``prepare_file`` wrote to ``path`` and force the folder to the disk.

    :raises StateError: the rename failed, and ``path`` is what it was; or the folder cannot be
        forced.
    """
    try:
        os.rename(prepared, path)
        folder = os.open(os.path.dirname(path) or ".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        discard(prepared)
        raise _not_written(path, error) from error


def discard(prepared: str) -> None:
    """Remove a prepared file that is not wanted any more.

    One that cannot be removed is in nobody's way: the next ``prepare_file`` writes over it.
    """
    with suppress(OSError):
        os.unlink(prepared)


def _not_written(path: str, error: OSError) -> StateError:
    return StateError(
        f"cannot write {path}: {error.strerror or error}",
        next_step="make room or make it writable, then run again",
    )
