# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A command in a running container that must end in time, in images that have nothing to help."""

from __future__ import annotations

import os
import re
import signal
import threading
from collections.abc import Sequence
from typing import Any

from ..errors import EngineError
from .client import engine_errors
from .containers import Engine

# What ``timeout`` exits with when it had to end the command.
_ENDED = 124

# The runtime's words (runc's, crun's) for a program that the image does not have.
_NO_TIMEOUT = re.compile(r"""exec: "timeout"|executable file [`'"]timeout[`'"] not found""")


def lacks_timeout(code: int, output: str) -> bool:
    """Whether a command that begins with ``timeout`` failed because there is no such program."""
    return code in (126, 127) and _NO_TIMEOUT.search(output) is not None


def execute_in_time(
    engine: Engine, container: str, argv: Sequence[str], seconds: float
) -> tuple[int, str] | None:
    """Run a command in a running container.

    It is ended from inside, by ``timeout`` of coreutils or busybox. Where the image has neither, it
    is ended from here.

    :param container: its full id.
    :param seconds: after this long it is ended.
    :returns: its exit code and its output; None when it had to be ended.
    :raises EngineError: it cannot be run.
    """
    code, output = engine.execute(container, ["timeout", f"{seconds:g}", *argv])
    if lacks_timeout(code, output):
        return _execute_bare(engine, container, argv, seconds)
    return None if code == _ENDED else (code, output)


def _execute_bare(
    engine: Engine, container: str, argv: Sequence[str], seconds: float
) -> tuple[int, str] | None:
    doing = f"run a command in {container}"
    client: Any = engine.client
    told: list[bytes | EngineError] = []
    with engine_errors(doing):
        identity = client.exec_create(container, list(argv))["Id"]

    def run() -> None:
        try:
            with engine_errors(doing):
                told.append(engine.client.exec_start(identity))
        except EngineError as error:
            told.append(error)

    # The SDK waits for output without a limit.
    thread = threading.Thread(target=run, name="exec-" + identity[:12], daemon=True)
    thread.start()
    thread.join(seconds)
    with engine_errors(doing):
        facts = client.exec_inspect(identity)
    if thread.is_alive():
        _end(facts.get("Pid") or 0, container)
        return None
    output = told[0]
    if isinstance(output, EngineError):
        raise output
    return int(facts["ExitCode"]), output.decode("utf-8", "replace")


def _end(pid: int, container: str) -> None:
    """SIGKILL for a process on this host, if it belongs to that container. Where the engine is not
    on this host, it does not, and goes on until it ends.
    """
    try:
        handle = os.pidfd_open(pid)
    except (OSError, ValueError):
        return
    try:
        # The handle is of one process, whatever happens to its number meanwhile.
        with open(f"/proc/{pid}/cgroup", encoding="ascii", errors="replace") as stream:
            if container in stream.read():
                signal.pidfd_send_signal(handle, signal.SIGKILL)
    except OSError:
        return  # it has ended
    finally:
        os.close(handle)
