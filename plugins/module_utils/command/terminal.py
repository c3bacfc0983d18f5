# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Joining the terminal of whoever uses ``hundred console`` to that of a container."""

from __future__ import annotations

import fcntl
import os
import select
import signal
import struct
import termios
import time
import tty
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

from ..clock import Deadline
from ..engine.client import engine_errors
from ..engine.containers import Engine
from ..engine.one_off import Ended, Removal, begin_wait, discard
from ..errors import EngineError

_CHUNK = 65536

# How long the engine may take to remove a container whose process has ended.
_REMOVAL_SECONDS = 60.0

INPUT, OUTPUT = 0, 1


def is_terminal() -> bool:
    """Whether there is somebody to talk to."""
    return os.isatty(INPUT) and os.isatty(OUTPUT)


def attend_terminal(engine: Engine, container: str, limit: float, grace: float) -> Ended:
    """Start a created interactive container and join it to this terminal until it has ended.

    :param limit: seconds after which it is stopped.
    :param grace: seconds from SIGTERM to SIGKILL then.
    :raises EngineError: it cannot be started, or the engine went away meanwhile.
    """
    began = time.monotonic()
    client: Any = engine.client
    try:
        with engine_errors(f"attend the container {container}"):
            wanted = {"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1}
            stream = client.attach_socket(container, params=wanted)
            removal = Removal(begin_wait(engine, container))
        channel = getattr(stream, "_sock", stream)
        engine.start(container)
        with _raw(), _resizing(engine, container):
            in_time = _join(channel, Deadline(limit))
        if not in_time:
            engine.stop(container, grace)
        if not removal.comes_within(_REMOVAL_SECONDS) and in_time:
            # The terminal is gone, and what ran in it is not.
            engine.stop(container, grace)
            removal.comes_within(_REMOVAL_SECONDS)
        code = removal.exit_code() if in_time else None
    finally:
        discard(engine, container)
    return Ended(code, (), round(time.monotonic() - began, 3))


def _join(channel: Any, deadline: Deadline) -> bool:
    """Carry bytes to and fro until the container's side ends.

    :returns: whether that was in time.
    """
    watched = [channel, INPUT]
    while not deadline.passed():
        ready = select.select(watched, [], [], min(1.0, deadline.remaining()))[0]
        if channel in ready:
            with suppress(ConnectionError):
                data = channel.recv(_CHUNK)
                if data:
                    _write(data)
                    continue
            return True
        if INPUT in ready:
            data = os.read(INPUT, _CHUNK)
            if data:
                with suppress(OSError):
                    channel.sendall(data)
            else:
                watched.remove(INPUT)
    return False


def _write(data: bytes) -> None:
    while data:
        data = data[os.write(OUTPUT, data) :]


@contextmanager
def _raw() -> Iterator[None]:
    """Let the container's terminal see every key, Ctrl-C among them."""
    former = termios.tcgetattr(INPUT)
    try:
        tty.setraw(INPUT)
        yield
    finally:
        with suppress(termios.error):  # the terminal is gone
            termios.tcsetattr(INPUT, termios.TCSADRAIN, former)


@contextmanager
def _resizing(engine: Engine, container: str) -> Iterator[None]:
    """Give the container's terminal the size of this one, also when that changes."""

    def resize(number: int = 0, frame: FrameType | None = None) -> None:  # noqa: ARG001
        size = fcntl.ioctl(OUTPUT, termios.TIOCGWINSZ, bytes(8))
        rows, columns = struct.unpack("HHHH", size)[:2]
        # One that has just ended has no size any more.
        with suppress(EngineError), engine_errors("resize the terminal"):
            if rows and columns:
                engine.client.resize(container, height=rows, width=columns)

    former = signal.signal(signal.SIGWINCH, resize)
    try:
        resize()
        yield
    finally:
        signal.signal(signal.SIGWINCH, former)
