# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a deploy goes over the hosts: what may be asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.hundred.containers.plugins.module_utils.definition.problems import Problem
from ansible_collections.hundred.containers.plugins.plugin_utils.policy import (
    check_hooks,
    check_policy,
)


def test_what_is_not_said_has_its_default() -> None:
    problems: list[Problem] = []
    policy = check_policy({"batches": "", "on_failure": None}, problems)
    assert problems == []
    assert policy == {
        "batches": [1, "25%", "100%"],
        "batch_pause": None,
        "on_failure": "rollback",
        "unreachable": "fail",
        "unreachable_limit": 0,
        "lease": "30m",
        "force": False,
    }


@pytest.mark.parametrize(
    ("key", "given", "kept"),
    [
        ("batches", 2, [2]),
        ("batches", "2", ["2"]),
        ("batches", ["10%", 5], ["10%", 5]),
        ("batch_pause", "confirm", "confirm"),
        ("batch_pause", "30", 30),
        ("batch_pause", 0, 0),
        ("on_failure", "pause", "pause"),
        ("lease", "2h", "2h"),
        ("force", "true", True),
        ("force", False, False),
    ],
)
def test_what_is_asked_for_is_kept(key: str, given: Any, kept: Any) -> None:
    problems: list[Problem] = []
    assert check_policy({key: given}, problems)[key] == kept
    assert problems == []


def test_a_confirmation_wants_somebody_to_ask() -> None:
    problems: list[Problem] = []
    check_policy({"batch_pause": "confirm"}, problems, terminal=False)
    assert [item.path for item in problems] == ["hundred_batch_pause"]
    check_policy({"batch_pause": 5}, problems, terminal=False)
    assert len(problems) == 1


def test_hosts_out_of_reach_are_skipped_up_to_a_number() -> None:
    problems: list[Problem] = []
    policy = check_policy({"unreachable": "skip", "unreachable_limit": "3"}, problems)
    assert problems == []
    assert policy["unreachable_limit"] == 3


@pytest.mark.parametrize(
    ("raw", "path"),
    [
        ({"batches": 0}, "hundred_batches"),
        ({"batches": []}, "hundred_batches"),
        ({"batches": [1, "0%"]}, "hundred_batches"),
        ({"batches": [1, "101%"]}, "hundred_batches"),
        ({"batches": [1, "a quarter"]}, "hundred_batches"),
        ({"batches": [True]}, "hundred_batches"),
        ({"batches": [1.5]}, "hundred_batches"),
        ({"batches": {"first": 1}}, "hundred_batches"),
        ({"batch_pause": "ask"}, "hundred_batch_pause"),
        ({"batch_pause": -1}, "hundred_batch_pause"),
        ({"batch_pause": True}, "hundred_batch_pause"),
        ({"on_failure": "rolback"}, "hundred_on_failure"),
        ({"unreachable": "ignore"}, "hundred_unreachable"),
        ({"unreachable": "skip"}, "hundred_unreachable_limit"),
        ({"unreachable": "skip", "unreachable_limit": "all"}, "hundred_unreachable_limit"),
        ({"lease": "soon"}, "hundred_deploy_lease"),
        ({"lease": "500ms"}, "hundred_deploy_lease"),
        ({"batchs": 1}, "deploy"),
    ],
)
def test_what_cannot_be_is_refused_by_its_variable(raw: dict[str, Any], path: str) -> None:
    problems: list[Problem] = []
    check_policy(raw, problems)
    assert [item.path for item in problems] == [path]


def test_hooks_are_files_at_known_moments(tmp_path: Path) -> None:
    (tmp_path / "tell.yml").write_text("[]")

    def beside(path: str) -> str:
        return str(tmp_path / path)

    problems: list[Problem] = []
    assert check_hooks({"on_failure": "tell.yml"}, problems, beside) == {
        "on_failure": beside("tell.yml")
    }
    assert problems == []
    wrong = {"on_failur": "tell.yml", "before_host": "gone.yml", "after_host": 7}
    assert check_hooks(wrong, problems, beside) == {}
    assert [item.path for item in problems] == [f"hundred_hooks.{moment}" for moment in wrong]
    assert "on_failure" in str(problems[0].advice)
    assert check_hooks(["tell.yml"], problems, beside) == {} and len(problems) == 4
