# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether the disks of this host have room for images, logs and what is remembered."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ..definition.units import format_size
from ..errors import EngineError
from .client import engine_errors

if TYPE_CHECKING:
    from docker import APIClient

# Less room than this, and images, logs or the state may not fit any more.
LEAST_ROOM = 512 * 1024**2
LEAST_FILES = 1000

# How the SDK names an engine behind a socket of this machine, in its versions 5 and 7.
_LOCAL = ("http+docker://localhost", "http+docker://localunixsocket")


def data_folder(client: APIClient) -> str | None:
    """Where the engine keeps its images; None for an engine of another machine.

    :raises EngineError: it does not answer.
    """
    if client.base_url not in _LOCAL:
        return None
    with engine_errors("ask the engine where its data are"):
        info: Any = client.info()
    return str(info.get("DockerRootDir") or "/")


def lack_of_room(folder: str) -> tuple[str, str] | None:
    """What a folder's disk has too little of, in words, and what to do about it; None if nothing,
    or if there is no such folder yet.
    """
    if not os.path.isdir(folder):
        return None
    free = shutil.disk_usage(folder).free
    files = os.statvfs(folder)
    return judge(folder, free, files.f_favail if files.f_files else None)


def judge(folder: str, free: int, files: int | None) -> tuple[str, str] | None:
    """The same of what is known of it. Pure.

    :param free: bytes.
    :param files: how many can be made; None where the file system does not count them.
    """
    if free < LEAST_ROOM:
        left = format_size(free // 1024**2 * 1024**2)
        return (
            f"{folder} has {left} left, less than {format_size(LEAST_ROOM)}",
            "make room: hundred.containers.prune removes images, docker system df shows what else "
            "is large",
        )
    if files is not None and files < LEAST_FILES:
        return f"{folder} has no inodes left", "remove files there"
    return None


def refuse_full(client: APIClient, folders: Iterable[str] = ()) -> None:
    """Refuse to pull an image where it would fill a disk.

    :param folders: others than the engine's own whose disk must have room as well.
    :raises EngineError: there is too little room; names where, and how much is left.
    """
    own = data_folder(client)
    for folder in dict.fromkeys([*([own] if own is not None else []), *folders]):
        lack = lack_of_room(folder)
        if lack is not None:
            raise EngineError(f"no room for an image: {lack[0]}", step="pull", next_step=lack[1])
