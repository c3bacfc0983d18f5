# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Putting the command ``hundred`` and the supervisor on a host."""

from __future__ import annotations

import compileall
import json
import os
import shutil
import sys
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from .. import systemd
from ..errors import StateError
from ..state.files import replace_file
from .completion import BASH
from .configuration import PATH as CONFIGURATION_PATH

UNIT = "hundred-supervisor.service"

LAUNCHER = """\
#!{python} -Es
# Written by hundred.containers.
import os
import sys

# The folder itself and not its link: an upgrade must not mix two versions in one process.
sys.path.insert(0, os.path.realpath("{library}"))
from hundred.command.main import main

sys.exit(main())
"""

# In the library's own folder: who calls it means this version, and finds no file otherwise. All is
# written and flushed when ``main`` returns; to take the SDK apart then, object by object, takes a
# fifth of the processor time of such a call (20 of 110 ms, measured).
CALL = """\
#!{python} -Es
# Written by hundred.containers.
import os
import sys

sys.path.insert(0, "{folder}")
from hundred.command.call import main

os._exit(main())
"""

# It is not bound to the engine: it waits for one that is away. Stopped before the engine at a
# shutdown, it leaves the replicas to it.
UNIT_TEXT = """\
# Written by hundred.containers.
[Unit]
Description=Supervisor of the services of hundred.containers
Documentation=https://github.com/hundred-containers/hundred.containers
Wants=docker.service
After=docker.service haproxy.service nginx.service
StartLimitIntervalSec=0

[Service]
Type=notify
NotifyAccess=main
ExecStart={command} supervise
Restart=always
RestartSec=1
WatchdogSec=120
TimeoutStopSec=90
SyslogIdentifier=hundred
UMask=0077

[Install]
WantedBy=multi-user.target
"""


@dataclass(frozen=True)
class Places:
    """Where things go on a host."""

    library: str = "/usr/local/lib/hundred"
    command: str = "/usr/local/bin/hundred"
    configuration: str = CONFIGURATION_PATH
    unit: str = "/etc/systemd/system/" + UNIT
    completion: str = "/etc/bash_completion.d/hundred"


@dataclass(frozen=True)
class Request:
    """What is wanted on this host.

    :param version: the name of the library's content.
    :param archive: a zip file of the library; None: only find out whether one is needed.
    :param configuration: what the command is told of this host.
    :param supervise: whether the supervisor is to run.
    """

    version: str
    archive: str | None
    configuration: Mapping[str, Any]
    supervise: bool


class Installation:
    """The command and the supervisor on this host.

    :ivar actions: what was done, or in check mode would be, one sentence for each step.
    """

    def __init__(self, places: Places, check: bool) -> None:
        self._places = places
        self._check = check
        self.actions: list[str] = []

    def has(self, version: str) -> bool:
        """Whether a version of the library is there, whole."""
        return os.path.isfile(os.path.join(self._folder(version), "call"))

    def apply(self, request: Request) -> None:
        """Have everything as wanted.

        :raises StateError: a file cannot be written, or systemd refuses.
        """
        before = len(self.actions)
        if not self.has(request.version):
            self._do("install the library %s" % request.version, lambda: self._unpack(request))
        link = os.path.join(self._places.library, "current")
        if _target(link) != request.version:
            self._do(f"use the library {request.version}", lambda: _point(link, request.version))
        text = LAUNCHER.format(python=sys.executable, library=link)
        self._write(self._places.command, text, 0o755)
        content = json.dumps(dict(request.configuration), indent=2, sort_keys=True) + "\n"
        self._write(self._places.configuration, content, 0o644)
        self._write(self._places.completion, BASH, 0o644)
        if request.supervise and systemd.runs():
            unit = UNIT_TEXT.format(command=self._places.command)
            if self._write(self._places.unit, unit, 0o644):
                self._do("reload systemd's units", lambda: systemd.systemctl("daemon-reload"))
            self._run_supervisor(len(self.actions) > before)
        elif systemd.runs():
            self._without_supervisor()
        self._forget_old(request.version)

    def _run_supervisor(self, changed: bool) -> None:
        if not _is("enabled"):
            self._do("start the supervisor at boot", lambda: systemd.systemctl("enable", UNIT))
        if not _is("active"):
            self._do("start the supervisor", lambda: systemd.systemctl("restart", UNIT))
        elif changed:
            self._do("restart the supervisor", lambda: systemd.systemctl("restart", UNIT))

    def _without_supervisor(self) -> None:
        if not os.path.exists(self._places.unit):
            return

        def remove() -> None:
            systemd.systemctl("disable", "--now", UNIT)
            os.unlink(self._places.unit)
            systemd.systemctl("daemon-reload")

        self._do("stop and remove the supervisor", remove)

    def _folder(self, version: str) -> str:
        return os.path.join(self._places.library, version)

    def _do(self, line: str, act: Any) -> None:
        self.actions.append(line)
        if self._check:
            return
        try:
            act()
        except OSError as error:
            raise StateError(
                f"cannot {line}: {error.strerror or error}",
                next_step="make room or make it writable, then run again",
            ) from error

    def _write(self, path: str, text: str, mode: int) -> bool:
        if _read(path) == text and (os.stat(path).st_mode & 0o777) == mode:
            return False

        def write() -> None:
            os.makedirs(os.path.dirname(path), 0o755, exist_ok=True)
            replace_file(path, text, mode)

        self._do(f"write {path}", write)
        return True

    def _unpack(self, request: Request) -> None:
        if request.archive is None:
            raise StateError("the library is not on this host, and none was brought")
        folder = self._folder(request.version)
        shutil.rmtree(folder, ignore_errors=True)
        package = os.path.join(folder, "hundred")
        os.makedirs(package, 0o755)
        with zipfile.ZipFile(request.archive) as archive:
            archive.extractall(package)
        # So that the first call is as quick as all others, and root writes nothing later.
        compileall.compile_dir(package, quiet=2)
        # The last file: with it the library is whole.
        text = CALL.format(python=sys.executable, folder=folder)
        replace_file(os.path.join(folder, "call"), text, 0o755)

    def _forget_old(self, version: str) -> None:
        """Remove former libraries but the last one: a process of it may still be at work."""
        try:
            names = os.listdir(self._places.library)
        except FileNotFoundError:
            return  # check mode, before the first installation
        folders = [self._folder(name) for name in names if name not in ("current", version)]
        old = sorted((path for path in folders if os.path.isdir(path)), key=os.path.getmtime)
        for path in old[:-1]:
            self._do(f"remove {path}", partial(shutil.rmtree, path))


def _target(link: str) -> str | None:
    with suppress(OSError):
        return os.readlink(link)
    return None


def _point(link: str, target: str) -> None:
    prepared = link + ".new"
    with suppress(FileNotFoundError):
        os.unlink(prepared)
    os.symlink(target, prepared)
    os.rename(prepared, link)


def _read(path: str) -> str | None:
    with suppress(OSError), open(path, encoding="utf-8") as stream:
        return stream.read()
    return None


def _is(state: str) -> bool:
    return systemd.capture(["systemctl", "is-" + state, "--quiet", UNIT]).returncode == 0
