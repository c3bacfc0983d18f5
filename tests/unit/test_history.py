# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the histories of a service keep, whoever adds to them at the same moment."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

from ansible_collections.hundred.containers.plugins.module_utils.state.history import History

# Processes of their own, as cron jobs are.
PROCESSES = multiprocessing.get_context("fork")


def add_some(path: str, process: int, count: int) -> None:
    for number in range(count):
        History(path, 1000).add({"process": process, "number": number})


def test_what_processes_add_at_the_same_moment_is_all_kept(tmp_path: Path) -> None:
    path = str(tmp_path / "shop" / "jobs.jsonl")
    running = [PROCESSES.Process(target=add_some, args=(path, n, 10)) for n in range(4)]
    for process in running:
        process.start()
    for process in running:
        process.join(60)
    assert [process.exitcode for process in running] == [0, 0, 0, 0]
    kept = [(item["process"], item["number"]) for item in History(path).entries()]
    assert sorted(kept) == [(process, number) for process in range(4) for number in range(10)]
    # Each in the order in which it was added.
    assert [number for process, number in kept if process == 2] == list(range(10))
