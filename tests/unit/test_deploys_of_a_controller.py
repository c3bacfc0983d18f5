# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which deploys of this controller have ended."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.hundred.containers.plugins.plugin_utils.deploys import (
    FORGET_SECONDS,
    begin,
    complete,
    completes,
    find_ended,
    has_stopped,
    runs,
    started,
    stop,
    where,
)


def write(path: Path, **facts: Any) -> None:
    """Write a deploy of this process down, or one that differs in these facts."""
    mine = {"pid": os.getpid(), "started": started(os.getpid()), "where": where()}
    path.write_text(json.dumps({**mine, **facts}))


def test_a_deploy_has_ended_when_its_process_is_gone(tmp_path: Path) -> None:
    folder = tmp_path / "home" / "deploys"
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        assert find_ended(folder) == []
        first = begin(folder, process.pid, 1000.0)
        second = begin(folder, os.getpid(), 1000.0)
        assert first != second
        assert find_ended(folder) == []
        process.communicate(b"\n")
    assert find_ended(folder) == [first]
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_number_that_another_process_has_now_is_not_the_deploy(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    write(path, started="1")
    assert not runs(path)
    write(path)
    assert runs(path)


@pytest.mark.parametrize("key", ["boot", "host", "pid_namespace"])
def test_what_was_begun_out_of_sight_counts_as_there_until_it_is_forgotten(
    tmp_path: Path, key: str
) -> None:
    assert where()[key]
    path = tmp_path / "x.json"
    write(path, started="1", where={**where(), key: "another"})
    assert runs(path)
    assert find_ended(tmp_path) == []
    begin(tmp_path, os.getpid(), path.stat().st_mtime + FORGET_SECONDS + 1)
    assert not path.exists()


def test_what_is_just_being_written_counts_as_there(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text("")
    assert runs(path)


def test_what_ended_long_ago_is_forgotten(tmp_path: Path) -> None:
    write(tmp_path / "old.json", started="1")
    now = (tmp_path / "old.json").stat().st_mtime
    begin(tmp_path, os.getpid(), now + FORGET_SECONDS - 1)
    assert find_ended(tmp_path) == ["old"]
    begin(tmp_path, os.getpid(), now + FORGET_SECONDS + 1)
    assert find_ended(tmp_path) == []


def test_hosts_that_wait_learn_that_another_one_failed(tmp_path: Path) -> None:
    name, other = (begin(tmp_path, os.getpid(), 1000.0) for dummy in range(2))
    assert not has_stopped(tmp_path, name)
    stop(tmp_path, name)
    assert has_stopped(tmp_path, name) and not has_stopped(tmp_path, other)
    # On a controller that cannot write there nobody is told.
    stop(tmp_path / "gone", name)
    assert not has_stopped(tmp_path / "gone", name)


def test_what_a_deploy_took_over_on_some_hosts_is_told_to_the_others(tmp_path: Path) -> None:
    assert completes(tmp_path, "new") == []
    complete(tmp_path, "new", ["older", "old"])
    complete(tmp_path, "new", ["old"])
    assert completes(tmp_path, "new") == ["older", "old"]
    complete(tmp_path / "missing", "new", ["old"])
    assert completes(tmp_path / "missing", "new") == []


def test_what_is_known_of_a_deploy_is_forgotten_with_it(tmp_path: Path) -> None:
    write(tmp_path / "old.json", started="1")
    complete(tmp_path, "old", ["older"])
    stop(tmp_path, "old")
    begin(tmp_path, os.getpid(), time.time() + FORGET_SECONDS + 60)
    assert [path for path in tmp_path.iterdir() if path.stem == "old"] == []
