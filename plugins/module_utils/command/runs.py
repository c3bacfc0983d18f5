# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""``hundred run`` and ``hundred console``: commands in the image of a service."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from types import FrameType
from typing import Any

from ..definition.model import Task
from ..errors import HundredError, OutputError
from ..rollout.host import ServiceHost
from ..rollout.one_off import UNTITLED, perform, remembered, remembered_run, run_once
from .audit import audited
from .terminal import attend_terminal, is_terminal

TIMED_OUT = 124
# As a shell tells of a program that wrote to a pipe which nobody reads any more.
NOT_READ = 128 + signal.SIGPIPE

# What most people want when they ask for a shell and name none. It stands in the place of the
# image's entrypoint, which need not run what it is given.
SHELL = ("sh", "-c", "if command -v bash >/dev/null; then exec bash; else exec sh; fi")


@dataclass(frozen=True)
class Asked:
    """What is asked for on the command line.

    :param argv: the command; empty: none.
    :param revision: the beginning of that of a kept release; None: of the one that serves.
    :param generation: the number of a kept release; None: any.
    :param timeout: seconds.
    """

    argv: Sequence[str]
    revision: str | None
    generation: int | None
    timeout: float


def run_command(host: ServiceHost, asked: Asked) -> int:
    """Run a command to its end, showing what it writes: each stream on that of its kind.

    :returns: its exit code, 124 when its time was up, or 141 when it was stopped since nobody reads
        what it writes, as behind ``| head``.
    :raises HundredError: it could not be run, or what it writes cannot be written here.
    """
    image = remembered(host, asked.revision, asked.generation)

    def written(data: bytes, is_error: bool) -> None:
        # Nothing stays in a buffer, to be written again at this process's end where that failed.
        stream = sys.stderr if is_error else sys.stdout
        while data:
            data = data[os.write(stream.fileno(), data) :]

    with audited(host.settings.by, "run", host.service, asked.argv) as ending:
        try:
            with ended_by_signals():
                task = Task(UNTITLED, tuple(asked.argv), asked.timeout)
                run_once(host, image, task, None, written)
        except OutputError as error:
            if not isinstance(error.__cause__, BrokenPipeError):
                raise
            ending.exited(NOT_READ)
            return NOT_READ
        except HundredError as error:
            if "exit_code" not in error.details:
                raise
            code = error.details["exit_code"]
            ending.exited(code)
            sys.stderr.write(f"hundred: {error.message}\n")
            return TIMED_OUT if code is None else int(code)
        ending.exited(0)
        return 0


def open_console(host: ServiceHost, asked: Asked) -> int:
    """Join this terminal to a command in a container of its own.

    :returns: its exit code, or 124 when its time was up.
    :raises HundredError: it could not be run, or there is no terminal.
    """
    if not is_terminal():
        raise HundredError(
            "a console needs a terminal",
            next_step="use ssh -t, or hundred run for a command that talks to nobody",
        )
    image = remembered(host, asked.revision, asked.generation)
    if not asked.argv:
        image = replace(image, definition=replace(image.definition, entrypoint=SHELL))
    task = Task("console", tuple(asked.argv), asked.timeout)
    shown = " ".join(asked.argv) if asked.argv else "a shell"
    log = audited(host.settings.by, "console", host.service, asked.argv)
    history = remembered_run(host, image, f"console {shown}")
    with ended_by_signals(), log as ending, history as facts:
        ended = perform(host, image, task, None, attend_terminal, interactive=True)
        ending.exited(ended.exit_code)
        facts.update(_facts(ended.exit_code, asked.timeout))
    if ended.exit_code is None:
        sys.stderr.write(f"hundred: the console was ended after {asked.timeout:g} s\n")
        return TIMED_OUT
    return ended.exit_code


def _facts(code: int | None, timeout: float) -> dict[str, Any]:
    """What the history has of the end of a console."""
    if code == 0:
        return {"exit_code": 0}
    how = f"did not end within {timeout:g} s" if code is None else f"ended with exit code {code}"
    return {"exit_code": code, "result": "failed", "reason": how}


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Have a lost terminal or a kill end what is done in here, so that the container goes too."""

    def end(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        raise SystemExit(128 + number)

    former = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
