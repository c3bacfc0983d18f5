# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The entries of a service's crontab at work: each in the image of the release that serves."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any

from ..clock import wait_until
from ..cron.crontab import Entry
from ..definition.model import Cron, Definition, Task
from ..engine.one_off import Ended, one_offs
from ..errors import HundredError, LockedError, RolloutError, StateError
from ..state.folders import make_private_folder
from ..state.history import SKIPPED, History, make_entry
from ..state.lock import file_lock
from .host import ServiceHost, Settings, checked_name, jobs_history
from .one_off import ENDED, Image, perform, remembered
from .schedule import read_entries

# What is kept of the output of a run: its last lines, and of these the last characters.
OUTPUT_LINES = 40
OUTPUT_CHARACTERS = 4000

# What stands for an entry's exit code when it was not run, and when it was stopped at its limit.
_NOT_RUN = 0
_TIMED_OUT = 124

# How often it is looked whether the last run has ended.
_POLL_SECONDS = 0.5


def describe_entries(
    host: ServiceHost, definition: Definition, reference: str
) -> list[dict[str, Any]]:
    """The entries of the serving release with what came of their last runs."""
    last: dict[str, dict[str, Any]] = {}
    for run in host.jobs.entries():
        if run.get("result") != SKIPPED:
            last[str(run.get("entry"))] = run
    return [
        {
            "entry": entry.name,
            "schedule": entry.text,
            "timezone": entry.timezone,
            "last": last.get(entry.name, {}).get("at"),
            "result": last.get(entry.name, {}).get("result"),
            "exit_code": last.get(entry.name, {}).get("exit_code"),
            "seconds": last.get(entry.name, {}).get("seconds"),
        }
        for entry in read_entries(host, definition, reference)
    ]


def run_entry(
    settings: Settings, service: str, name: str, tell: Callable[[str], None] = lambda reason: None
) -> int:
    """Run an entry of the serving release's crontab, and remember what came of it, whatever failed.

    :param tell: takes the reason why it was not run.
    :returns: its exit code; 0 as well when it was not run, since its last run is still at work or
        the service was stopped.
    :raises HundredError: it could not be run.
    :raises SystemExit: somebody ended this process; the entry's container is gone.
    """
    report = _Report(jobs_history(settings, checked_name(service)), name, tell)
    try:
        return _run_if_due(ServiceHost(settings, service), name, report)
    except HundredError as error:
        report.add("failed", error.message)
        raise
    except SystemExit:
        report.add("failed", ENDED)
        raise


class _Report:
    """What is remembered of a call: one entry of the history."""

    def __init__(self, history: History, name: str, tell: Callable[[str], None]) -> None:
        self.revision: str | None = None
        self._history = history
        self._name = name
        self._tell = tell
        self._began = time.monotonic()
        self._told = False

    def add(self, result: str, reason: str | None, ended: Ended | None = None) -> None:
        """Remember how it ended, once; nothing of a service that was never here."""
        if self._told or not os.path.isdir(os.path.dirname(self._history.path)):
            return
        self._told = True
        if result == SKIPPED and reason is not None:
            self._tell(reason)
        seconds = ended.seconds if ended is not None else round(time.monotonic() - self._began, 3)
        entry = make_entry(
            "cron",
            f"cron {self._name}",
            seconds,
            reason,
            revision=self.revision,
            entry=self._name,
            result=result,
            exit_code=ended.exit_code if ended is not None else None,
            output=_tail(ended.output) if ended is not None else [],
        )
        with suppress(StateError):
            # A full disk: what the run did is done.
            self._history.add(entry)


def _run_if_due(host: ServiceHost, name: str, report: _Report) -> int:
    found = _find(host, name, report)
    if found is None:
        return _NOT_RUN
    cron = found[1]
    if cron.overlap == "allow":
        return _run(host, *found, report)
    with _turn(host, name, cron.timeout if cron.overlap == "wait" else 0.0) as turn:
        if turn.hindrance:
            report.add(SKIPPED, turn.hindrance)
            return _NOT_RUN
        if turn.waited:
            # Another release may serve by now, or none.
            found = _find(host, name, report)
        return _run(host, *found, report) if found is not None else _NOT_RUN


def _find(host: ServiceHost, name: str, report: _Report) -> tuple[Image, Cron, Entry] | None:
    """The entry in the release that serves now; None when that was stopped.

    :raises HundredError: there is no such release or entry, or what it needs is not here.
    """
    if host.journal_file.read().stopped:
        report.add(SKIPPED, "the service is stopped")
        return None
    image = remembered(host, None)
    report.revision = image.revision
    cron = image.definition.cron
    entries = {entry.name: entry for entry in read_entries(host, image.definition, image.reference)}
    if cron is None or name not in entries:
        raise RolloutError(
            f"the release that serves has no cron entry {name}",
            step="cron",
            next_step=f"its entries: {', '.join(entries) or 'none'}",
        )
    return image, cron, entries[name]


@dataclass(frozen=True)
class _Turn:
    """Whether an entry may run now.

    :param hindrance: why it may not; empty when it may.
    """

    hindrance: str
    waited: bool


@contextmanager
def _turn(host: ServiceHost, name: str, patience: float) -> Iterator[_Turn]:
    """Be the only run of an entry in here. At most one waits for that, and others are passed over:
    an entry of every minute that takes an hour would have sixty waiting.

    :param patience: seconds to wait for the end of the last run.
    """
    path = os.path.join(os.path.dirname(host.history.path), "jobs", name)
    make_private_folder(os.path.dirname(path))
    with ExitStack() as held:
        locks: list[str] = []

        def is_mine() -> bool:
            if not locks:
                try:
                    held.enter_context(file_lock(f"{path}.lock", 0.0))
                except LockedError:
                    return False
                locks.append(path)
            return not _at_work(host, name)

        if is_mine():
            yield _Turn("", waited=False)
            return
        hindrance = "its last run is still at work"
        if patience:
            try:
                with file_lock(f"{path}.next", 0.0):
                    if wait_until(is_mine, patience, _POLL_SECONDS):
                        hindrance = ""
                    else:
                        hindrance += f" after {patience:g} s"
            except LockedError:
                hindrance += ", and the next one waits"
        yield _Turn(hindrance, waited=True)


def _at_work(host: ServiceHost, name: str) -> bool:
    """Whether a run that nobody attends any more is still at work."""
    now = time.time()
    return any(
        item.title == _title(name) and item.until > now
        for item in one_offs(host.engine, host.service)
    )


def _title(name: str) -> str:
    return f"cron-{name}"


def _run(host: ServiceHost, image: Image, cron: Cron, entry: Entry, report: _Report) -> int:
    definition = image.definition
    environment = {**definition.environment, **entry.environment}
    image = replace(image, definition=replace(definition, environment=environment))
    task = Task(entry.name, entry.arguments, cron.timeout)
    ended = perform(host, image, task, _title(entry.name))
    if ended.exit_code is None:
        report.add("failed", f"did not end within {cron.timeout:g} s, and was stopped", ended)
        return _TIMED_OUT
    if ended.exit_code:
        report.add("failed", f"ended with exit code {ended.exit_code}", ended)
    else:
        report.add("ok", None, ended)
    return ended.exit_code


def _tail(lines: tuple[str, ...]) -> list[str]:
    kept: list[str] = []
    left = OUTPUT_CHARACTERS
    for line in reversed(lines[-OUTPUT_LINES:]):
        if left <= 0:
            break
        kept.append(line[-left:])
        left -= len(line)
    return kept[::-1]
