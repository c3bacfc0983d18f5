# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A file is the old one or the new one, never something between."""

from __future__ import annotations

import os
import resource
from pathlib import Path

import pytest
from ansible_collections.hundred.containers.plugins.module_utils.errors import StateError
from ansible_collections.hundred.containers.plugins.module_utils.state.files import (
    prepare_file,
    put_in_place,
    replace_file,
)
from ansible_collections.hundred.containers.plugins.module_utils.state.lock import (
    deploys_of,
    describe_holder,
    is_held,
    service_lock,
)


def test_a_file_is_replaced_with_its_mode_whatever_the_umask(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    path.write_text("old")
    former = os.umask(0o077)
    try:
        replace_file(str(path), "new\n", 0o644)
    finally:
        os.umask(former)
    assert path.read_text() == "new\n"
    assert path.stat().st_mode & 0o777 == 0o644
    assert [item.name for item in tmp_path.iterdir()] == ["state.json"]


def test_a_prepared_file_changes_nothing_until_it_is_put_in_place(tmp_path: Path) -> None:
    path = tmp_path / "sites.conf"
    path.write_text("old")
    prepared = prepare_file(str(path), "new")
    assert path.read_text() == "old"
    assert list(tmp_path.glob("*.conf")) == [path]
    put_in_place(prepared, str(path))
    assert path.read_text() == "new"


def test_what_a_killed_process_left_is_written_over(tmp_path: Path) -> None:
    path = tmp_path / "x.cfg"
    prepare_file(str(path), "half of a long text that was never put in place", 0o600)
    replace_file(str(path), "whole", 0o600)
    assert path.read_text() == "whole"
    assert [item.name for item in tmp_path.iterdir()] == ["x.cfg"]


def test_a_link_in_the_place_of_the_temporary_file_is_not_followed(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_text("untouched")
    (tmp_path / ".x.cfg.new").symlink_to(other)
    with pytest.raises(StateError):
        replace_file(str(tmp_path / "x.cfg"), "text")
    assert other.read_text() == "untouched"


def test_a_file_that_cannot_be_written_is_told_by_its_path(tmp_path: Path) -> None:
    path = tmp_path / "missing" / "x.cfg"
    with pytest.raises(StateError, match=f"cannot write {path}: No such file") as caught:
        replace_file(str(path), "text")
    assert caught.value.next_step


def test_a_lock_tells_which_deploys_its_holder_is_a_part_of(tmp_path: Path) -> None:
    path = str(tmp_path / "lock")
    assert deploys_of(path) == frozenset()
    with service_lock(path, "shop", "anna", 0.0, ("first", "second")):
        assert deploys_of(path) == {"first", "second"}
    with service_lock(path, "shop", "the supervisor", 0.0):
        assert deploys_of(path) == frozenset()


def test_a_lock_is_held_although_a_full_disk_takes_no_name(tmp_path: Path) -> None:
    path = str(tmp_path / "lock")
    former = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, former[1]))
    try:
        with service_lock(path, "shop", "anna", 0.0):
            assert is_held(path)
            assert describe_holder(path) == "a process that left no name"
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, former)
