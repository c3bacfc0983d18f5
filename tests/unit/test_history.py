# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the histories of a service keep, whoever adds to them at the same moment."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

from ansible_collections.hundred.containers.plugins.module_utils.state.history import (
    History,
    newest,
)

# Processes of their own, as cron jobs are.
PROCESSES = multiprocessing.get_context("fork")


def add_some(path: str, process: int, count: int) -> None:
    for number in range(count):
        History(path, 1000).add({"process": process, "number": number})


def test_what_processes_add_at_the_same_moment_is_all_kept(tmp_path: Path) -> None:
    path = str(tmp_path / "shop" / "jobs.jsonl")
    running = [PROCESSES.Process(target=add_some, args=(path, n, 3)) for n in range(4)]
    for process in running:
        process.start()
    for process in running:
        process.join(60)
    assert [process.exitcode for process in running] == [0, 0, 0, 0]
    kept = [(item["process"], item["number"]) for item in History(path).entries()]
    assert sorted(kept) == [(process, number) for process in range(4) for number in range(3)]
    # Each in the order in which it was added.
    assert [number for process, number in kept if process == 2] == [0, 1, 2]


def runs(entry: str, *results: str) -> list[dict[str, str]]:
    return [{"entry": entry, "result": result} for result in results]


def test_runs_every_minute_hide_no_result_of_the_night() -> None:
    nightly = runs("report", "ok", "failed")
    minutely = runs("export", *["ok"] * 600)
    assert newest([*nightly, *minutely], 20, "entry", 200) == [*nightly, *minutely[-20:]]
    # Without a key all entries are alike.
    assert newest([*nightly, *minutely], 20) == minutely[-20:]


def test_what_was_passed_over_hides_no_result() -> None:
    long = runs("import", "ok", "failed", *["skipped"] * 59)
    assert newest(long, 20, "entry", 200) == [long[1], *long[-20:]]
    assert newest(runs("import", *["skipped"] * 59), 20, "entry", 200) == long[-20:]


def test_entries_that_are_no_more_are_forgotten() -> None:
    former = [entry for number in range(9) for entry in runs(f"export-{number}", "failed")]
    assert newest([*former, *former[:2]], 1, "entry", 4) == [*former[-2:], *former[:2]]


def test_a_history_keeps_what_it_is_told_to(tmp_path: Path) -> None:
    history = History(str(tmp_path / "jobs.jsonl"), 2, "entry", 9)
    for entry in [*runs("report", "failed"), *runs("export", "ok", "ok", "failed")]:
        history.add(entry)
    assert history.entries() == [*runs("report", "failed"), *runs("export", "ok", "failed")]
