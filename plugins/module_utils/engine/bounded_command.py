# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A command in a running container that must end in time, in images that have nothing to help."""

from __future__ import annotations

import os
import re
import signal
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from ..errors import EngineError
from .client import engine_errors
from .containers import Engine

# What ``timeout`` exits with when it had to end the command: its own code, or that of the SIGKILL
# which it sends itself as well (coreutils), or which ends the program in its place (busybox).
_ENDED = (124, 137)

# The engine may take so long to begin a command, and again to tell of its end, in seconds; then the
# command counts as one that did not end. It may take so long again until that has been ended.
GRACE = 1.0

# How often a command is asked for that has closed its output and goes on, in seconds.
_POLL_SECONDS = 0.05

# The runtime's words (runc's, crun's) for a program that the image does not have.
_NO_TIMEOUT = re.compile(r"""exec: "timeout"|executable file [`'"]timeout[`'"] not found""")


def lacks_timeout(code: int, output: str) -> bool:
    """Whether a command that begins with ``timeout`` failed because there is no such program."""
    return code in (126, 127) and _NO_TIMEOUT.search(output) is not None


def execute_in_time(
    engine: Engine, container: str, argv: Sequence[str], seconds: float
) -> tuple[int, str] | None:
    """Run a command in a running container.

    It is ended from inside, by ``timeout`` of coreutils or busybox. Where the image has neither,
    and where that does not end it, it is ended from here. Either way by SIGKILL, as the engine ends
    a HEALTHCHECK: a command need not listen to any other signal, and ``-k`` is unknown to the
    busybox of many images.

    :param container: its full id.
    :param seconds: after this long it is ended; the call takes ``3 * GRACE`` longer at most,
        and in an image without ``timeout`` as long as the engine needs to say that, too.
    :returns: its exit code and its output; None when it had to be ended.
    :raises EngineError: it cannot be run.
    """
    limited = ["timeout", "-s", "KILL", f"{seconds:g}", *argv]
    began = time.monotonic()
    ended = _execute(engine, container, limited, seconds + GRACE)
    if ended is None:
        return None
    taken = time.monotonic() - began
    if lacks_timeout(*ended):
        return _execute(engine, container, argv, seconds)
    return None if ended[0] in _ENDED and taken >= seconds else ended


def _execute(
    engine: Engine, container: str, argv: Sequence[str], seconds: float
) -> tuple[int, str] | None:
    """Run a command, and end it from here ``seconds`` after it began."""
    execution = _Execution(engine, container, argv)
    execution.start()
    execution.created.wait(GRACE)
    execution.join(seconds)
    if execution.is_alive():
        execution.given_up.set()
        # Waited for, as this process may be at its end, and with it all its threads; but not for
        # ever, as the engine may be why it takes so long.
        end = threading.Thread(target=execution.end, name=execution.name + "-end", daemon=True)
        end.start()
        end.join(GRACE)
        return None
    if isinstance(execution.told, EngineError):
        raise execution.told
    return execution.told


class _Execution(threading.Thread):
    """A command at work. The SDK waits for its output without a limit; so does this thread, and
    nobody has to wait for that.

    :ivar created: set when the engine knows the command, or has refused it.
    :ivar given_up: to be set when nobody waits for its end any more.
    :ivar told: when the thread has ended: the exit code and the output, or why there is none.
    """

    def __init__(self, engine: Engine, container: str, argv: Sequence[str]) -> None:
        super().__init__(name="exec-" + container[:12], daemon=True)
        self.created = threading.Event()
        self.given_up = threading.Event()
        self._container = container
        self._doing = f"run a command in {container}"
        self._client: Any = engine.client
        self._argv = list(argv)
        self._identity = ""
        self.told: tuple[int, str] | EngineError = EngineError(f"cannot {self._doing}")

    def run(self) -> None:
        """Run the command to its end."""
        try:
            with engine_errors(self._doing):
                self._identity = self._client.exec_create(self._container, self._argv)["Id"]
                self.created.set()
                if self.given_up.is_set():
                    return
                output: bytes = self._client.exec_start(self._identity)
                self.told = self._code(), output.decode("utf-8", "replace")
        except EngineError as error:
            self.told = error
        finally:
            self.created.set()

    def _code(self) -> int:
        while True:
            code = self._client.exec_inspect(self._identity)["ExitCode"]
            if code is not None:
                return int(code)
            if self.given_up.wait(_POLL_SECONDS):
                return _ENDED[0]

    def end(self) -> None:
        """SIGKILL for the command, if it has begun."""
        with suppress(EngineError), engine_errors(self._doing):
            if self._identity:
                _end(self._client.exec_inspect(self._identity).get("Pid") or 0, self._container)


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
