# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The deploys that were begun on this controller, and which of them have ended.

A host cannot know whether the controller that claimed a service still lives; its claim ends when it
was not heard of for long. The controller itself knows at once, so the next deploy that begins on it
need not wait.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

# No claim on a host lasts that long.
FORGET_SECONDS = 7 * 24 * 3600.0


def find_ended(folder: Path) -> list[str]:
    """The names of the deploys that were written down and have ended.

    :param folder: where this controller's deploys are written down.
    """
    return [path.stem for path in sorted(folder.glob("*.json")) if not runs(path)]


def begin(folder: Path, pid: int, now: float) -> str:
    """Name a deploy and write down that process ``pid`` performs it; forget what ended long ago.

    :raises OSError: the folder cannot be used.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for path in folder.glob("*.json"):
        # What another machine began may live on, but is not known to have ended without its file.
        if now - path.stat().st_mtime > FORGET_SECONDS and not (runs(path) and is_here(path)):
            path.unlink(missing_ok=True)
            for kind in (".stopped", ".completes"):
                path.with_suffix(kind).unlink(missing_ok=True)
    name = new_name(now)
    facts = {"pid": pid, "started": started(pid), "where": where()}
    (folder / f"{name}.json").write_text(json.dumps(facts), encoding="utf-8")
    return name


def stop(folder: Path, name: str) -> None:
    """Write down that a host of a deploy failed, for those of its hosts that have not begun.

    Where that cannot be written they begin; the play stops after them.
    """
    try:
        (folder / f"{name}.stopped").touch(mode=0o600)
    except OSError:
        return


def has_stopped(folder: Path, name: str) -> bool:
    """Whether a host of a deploy failed."""
    return (folder / f"{name}.stopped").exists()


def complete(folder: Path, name: str, others: Iterable[str]) -> None:
    """Write down which deploys that ended before a deploy took over on a host, for its other hosts.

    Where that cannot be written, a host on which one of them was complete already returns to what
    that one had brought when the deploy fails.
    """
    text = "".join(f"{other}\n" for other in others)
    try:
        # One short write at the end of the file: the processes of several hosts do not mix.
        with open(folder / f"{name}.completes", "a", encoding="ascii") as stream:
            stream.write(text)
    except OSError:
        return


def completes(folder: Path, name: str) -> list[str]:
    """The deploys that a deploy has taken over, on any of its hosts."""
    try:
        text = (folder / f"{name}.completes").read_text(encoding="ascii")
    except OSError:
        return []
    return list(dict.fromkeys(text.split()))


def new_name(now: float) -> str:
    """A name of no other deploy; names are in the order of time."""
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now)) + "-" + secrets.token_hex(4)


def runs(path: Path) -> bool:
    """Whether the process of a deploy that was written down may still be there.

    What is just being written counts as there, and so does what was begun where this process cannot
    see: on another machine that shares the folder, in another container, before a reboot.
    """
    facts = _read(path)
    try:
        pid, then = int(facts["pid"]), str(facts["started"])
    except (ValueError, KeyError, TypeError):
        return True
    if facts.get("where") != where():
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return started(pid) == then


def is_here(path: Path) -> bool:
    """Whether a deploy was begun where this process could see it."""
    return _read(path).get("where") == where()


def where() -> dict[str, str]:
    """What tells the processes that this one can see by their numbers from all others.

    The machine since its last start, its name, and the namespace of process numbers
    (pid_namespaces(7)); what the system does not tell is empty.
    """
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        boot = ""
    try:
        namespace = str(os.stat("/proc/self/ns/pid").st_ino)
    except OSError:
        namespace = ""
    return {"boot": boot, "host": socket.gethostname(), "pid_namespace": namespace}


def _read(path: Path) -> Mapping[str, Any]:
    """What was written down; nothing where that cannot be read yet, or any more."""
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return facts if isinstance(facts, dict) else {}


def can_be_asked(pid: int) -> bool:
    """Whether somebody sits at the input of a process; assumed where there is no ``/proc``."""
    try:
        source = os.readlink(f"/proc/{pid}/fd/0")
    except OSError:
        return not os.path.isdir("/proc/self")
    return source.startswith(("/dev/pts/", "/dev/tty", "/dev/console"))


def started(pid: int) -> str:
    """When a process started, in the kernel's ticks since boot: a number may be given again.

    Field 22 of ``/proc/PID/stat`` (proc(5)); empty where there is no such file.
    """
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return text.rpartition(")")[2].split()[19]
