# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The entries of a service's crontab at work: each in the image of the release that serves."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

from ..cron.crontab import Entry
from ..definition.model import Cron, Definition, Task
from ..engine.one_off import Ended, one_offs
from ..errors import HundredError, LockedError, RolloutError, StateError
from ..state.folders import make_private_folder
from ..state.history import SKIPPED, make_entry
from ..state.lock import file_lock
from .host import ServiceHost
from .one_off import Image, perform, remembered
from .schedule import read_entries

# What is kept of the output of a run: its last lines, and of these the last characters.
OUTPUT_LINES = 40
OUTPUT_CHARACTERS = 4000

# What stands for an entry's exit code when it was not run.
_NOT_RUN = 0


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


def run_entry(host: ServiceHost, name: str, tell: Callable[[str], None]) -> int:
    """Run an entry of the serving release's crontab, and remember what came of it.

    :param tell: takes the reason why it was not run.
    :returns: its exit code; 0 as well when it was not run, since its last run is still at work or
        the service was stopped.
    :raises HundredError: it could not be run.
    """
    journal = host.journal_file.read()
    if journal.stopped:
        reason = "the service is stopped"
        _remember(host, name, None, 0.0, SKIPPED, reason)
        tell(reason)
        return _NOT_RUN
    image = remembered(host, None)
    cron = image.definition.cron
    entries = {entry.name: entry for entry in read_entries(host, image.definition, image.reference)}
    if cron is None or name not in entries:
        raise RolloutError(
            f"the release that serves has no cron entry {name}",
            step="cron",
            next_step=f"its entries: {', '.join(entries) or 'none'}",
        )
    if cron.overlap == "allow":
        return _run(host, image, cron, entries[name])
    path = os.path.join(os.path.dirname(host.history.path), "jobs", f"{name}.lock")
    make_private_folder(os.path.dirname(path))
    patience = cron.timeout if cron.overlap == "wait" else 0.0
    try:
        with file_lock(path, patience):
            if cron.overlap == "skip" and _at_work(host, name):
                raise LockedError("its last run is still at work")
            return _run(host, image, cron, entries[name])
    except LockedError:
        reason = "its last run is still at work"
        _remember(host, name, image, 0.0, SKIPPED, reason)
        tell(reason)
        return _NOT_RUN


def _at_work(host: ServiceHost, name: str) -> bool:
    """Whether a run that nobody attends any more is still at work."""
    now = time.time()
    return any(
        item.title == _title(name) and item.until > now
        for item in one_offs(host.engine, host.service)
    )


def _title(name: str) -> str:
    return f"cron-{name}"


def _run(host: ServiceHost, image: Image, cron: Cron, entry: Entry) -> int:
    began = time.monotonic()
    definition = image.definition
    environment = {**definition.environment, **entry.environment}
    image = replace(image, definition=replace(definition, environment=environment))
    task = Task(entry.name, entry.arguments, cron.timeout)
    try:
        ended = perform(host, image, task, _title(entry.name))
    except HundredError as error:
        seconds = round(time.monotonic() - began, 3)
        _remember(host, entry.name, image, seconds, "failed", error.message)
        raise
    result, reason = "ok", None
    if ended.exit_code is None:
        result, reason = "failed", f"did not end within {cron.timeout:g} s, and was stopped"
    elif ended.exit_code:
        result, reason = "failed", f"ended with exit code {ended.exit_code}"
    _remember(host, entry.name, image, ended.seconds, result, reason, ended)
    return 124 if ended.exit_code is None else ended.exit_code


def _remember(
    host: ServiceHost,
    name: str,
    image: Image | None,
    seconds: float,
    result: str,
    reason: str | None,
    ended: Ended | None = None,
) -> None:
    entry = make_entry(
        "cron",
        f"cron {name}",
        seconds,
        reason,
        revision=image.revision if image is not None else None,
        entry=name,
        result=result,
        exit_code=ended.exit_code if ended is not None else None,
        output=_tail(ended.output) if ended is not None else [],
    )
    with suppress(StateError):
        # A full disk: what the run did is done.
        host.jobs.add(entry)


def _tail(lines: tuple[str, ...]) -> list[str]:
    kept: list[str] = []
    left = OUTPUT_CHARACTERS
    for line in reversed(lines[-OUTPUT_LINES:]):
        if left <= 0:
            break
        kept.append(line[-left:])
        left -= len(line)
    return kept[::-1]
