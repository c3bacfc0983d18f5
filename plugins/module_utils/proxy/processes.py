# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the kernel tells of processes, read from /proc."""

from __future__ import annotations

import os
from contextlib import suppress


def children(parent: int) -> list[int]:
    """The processes that ``parent`` has started and that have not ended."""
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            status = _status(int(entry))
            if status is not None and status[0] not in "ZX" and int(status[1]) == parent:
                found.append(int(entry))
    return found


def started(process: int) -> float | None:
    """When a process was started, in seconds since the machine was; None when there is none."""
    status = _status(process)
    return None if status is None else int(status[19]) / os.sysconf("SC_CLK_TCK")


def title(process: int) -> str:
    """The command line of a process, or the title that it gave itself; empty when it has ended."""
    return " ".join(arguments(process)).strip()


def arguments(process: int) -> list[str]:
    """The command line of a process, word by word; empty when it has ended."""
    raw = _read(f"/proc/{process}/cmdline").rstrip(b"\0")
    return [os.fsdecode(word) for word in raw.split(b"\0")] if raw else []


def environment(process: int) -> dict[str, str]:
    """The environment that a process was started with."""
    pairs = (word.partition(b"=") for word in _read(f"/proc/{process}/environ").split(b"\0"))
    return {os.fsdecode(name): os.fsdecode(value) for name, sign, value in pairs if sign}


def working_folder(process: int) -> str | None:
    """The current folder of a process, None when it has ended."""
    with suppress(OSError):
        return os.readlink(f"/proc/{process}/cwd")
    return None


def socket_inodes(process: int) -> set[int]:
    """The inodes of the sockets that a process has open; none when it has ended."""
    inodes = set()
    folder = f"/proc/{process}/fd"
    with suppress(FileNotFoundError, ProcessLookupError):
        for entry in os.listdir(folder):
            with suppress(FileNotFoundError, ProcessLookupError):
                target = os.readlink(os.path.join(folder, entry))
                if target.startswith("socket:["):
                    inodes.add(int(target[8:-1]))
    return inodes


def _status(process: int) -> list[str] | None:
    """The words of /proc/PID/stat behind the name: state, parent and so on."""
    raw = _read(f"/proc/{process}/stat").decode("ascii", "replace")
    return raw.rpartition(")")[2].split() or None


def _read(path: str) -> bytes:
    """A file of /proc; empty when the process it tells of has ended."""
    with suppress(FileNotFoundError, ProcessLookupError), open(path, "rb") as stream:
        return stream.read()
    return b""
