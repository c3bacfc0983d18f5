# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""``hundred run`` and ``hundred console``: commands in the image of a service."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

from ..definition.model import Task
from ..errors import HundredError
from ..rollout.host import ServiceHost
from ..rollout.one_off import UNTITLED, perform, remembered, remembered_run, run_once
from .terminal import attend_terminal, is_terminal

TIMED_OUT = 124

# What most people want when they ask for a shell and name none.
SHELL = ("sh", "-c", "if command -v bash >/dev/null; then exec bash; else exec sh; fi")


def run_command(
    host: ServiceHost, argv: Sequence[str], revision: str | None, timeout: float
) -> int:
    """Run a command to its end, showing what it writes.

    :param timeout: seconds.
    :returns: its exit code, or 124 when its time was up.
    :raises HundredError: it could not be run.
    """
    if not argv:
        raise HundredError(
            "there is no command to run", next_step="write it behind --, as in: -- flask db upgrade"
        )
    image = remembered(host, revision)

    def written(data: bytes) -> None:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()

    try:
        with _ended_by_signals():
            run_once(host, image, Task(UNTITLED, tuple(argv), timeout), None, written)
    except HundredError as error:
        if "exit_code" not in error.details:
            raise
        code = error.details["exit_code"]
        sys.stderr.write(f"hundred: {error.message}\n")
        return TIMED_OUT if code is None else int(code)
    return 0


def open_console(
    host: ServiceHost, argv: Sequence[str], revision: str | None, timeout: float
) -> int:
    """Join this terminal to a command in a container of its own.

    :param timeout: seconds.
    :returns: its exit code, or 124 when its time was up.
    :raises HundredError: it could not be run, or there is no terminal.
    """
    if not is_terminal():
        raise HundredError(
            "a console needs a terminal",
            next_step="use ssh -t, or hundred run for a command that talks to nobody",
        )
    image = remembered(host, revision)
    words = tuple(argv) or SHELL
    task = Task("console", words, timeout)
    shown = " ".join(argv) if argv else "a shell"
    with _ended_by_signals(), remembered_run(host, image, f"console {shown}"):
        ended = perform(host, image, task, None, attend_terminal, interactive=True)
    if ended.exit_code is None:
        sys.stderr.write(f"hundred: the console was ended after {timeout:g} s\n")
        return TIMED_OUT
    return ended.exit_code


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Have a lost terminal or a kill end what is done in here, so that the container goes too."""

    def end(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        raise SystemExit(128 + number)

    former = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
