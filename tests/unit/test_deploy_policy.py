# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a deploy goes over the hosts: what may be asked for."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader
from ansible.playbook.play import Play
from ansible.plugins.loader import init_plugin_loader
from ansible.utils.collection_loader._collection_finder import _AnsibleCollectionFinder
from ansible.vars.manager import VariableManager
from ansible_collections.hundred.containers.plugins.module_utils.definition.problems import Problem
from ansible_collections.hundred.containers.plugins.plugin_utils.policy import (
    check_hooks,
    check_policy,
)
from ansible_collections.hundred.containers.plugins.plugin_utils.task_files import (
    TaskFile,
    TaskFiles,
)


@pytest.mark.parametrize(
    ("raw", "read"),
    [
        ({"batch_pause": "30s"}, 30),
        ({"batch_pause": "2m"}, 120),
        ({"force": 1}, True),
        ({"force": "on"}, True),
        ({"force": "off"}, False),
        ({"batches": [1, " 25%"]}, [1, "25%"]),
    ],
)
def test_values_as_they_are_written(raw: dict[str, Any], read: Any) -> None:
    problems: list[Problem] = []
    policy = check_policy(raw, problems)
    assert problems == [] and policy[next(iter(raw))] == read


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
        "renew_after": 600.0,
    }


@pytest.mark.parametrize(
    ("key", "given", "kept"),
    [
        ("batches", 2, [2]),
        ("batches", "2", ["2"]),
        ("batches", ["10%", 5], ["10%", 5]),
        ("batches", "1, 25%,100%", ["1", "25%", "100%"]),
        ("batches", '[1, "25%"]', [1, "25%"]),
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


@pytest.mark.parametrize(
    ("lease", "pause", "claimed"),
    [
        ("30m", 90, "1890s"),
        ("1.5s", 0, "1.5s"),
        ("1h", "30m", "5400s"),
        ("30m", 999999, "86400s"),
        ("2h", "confirm", "2h"),
    ],
)
def test_a_pause_that_is_asked_for_makes_the_claim_longer(
    lease: str, pause: Any, claimed: str
) -> None:
    problems: list[Problem] = []
    policy = check_policy({"lease": lease, "batch_pause": pause}, problems)
    assert policy["lease"] == claimed and problems == []


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
        ({"batches": "[]"}, "hundred_batches"),
        ({"batches": "[1, 25%]"}, "hundred_batches"),
        ({"batches": "1,,5"}, "hundred_batches[1]"),
        ({"batches": [1, "0%"]}, "hundred_batches[1]"),
        ({"batches": [1, "101%"]}, "hundred_batches[1]"),
        ({"batches": [1, "a quarter"]}, "hundred_batches[1]"),
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


@pytest.fixture(scope="module")
def read() -> Iterator[Callable[[str], TaskFile]]:
    """Reads files as in a play of Ansible's own."""
    init_plugin_loader([])
    loader = DataLoader()
    variables = VariableManager(loader, InventoryManager(loader, sources=["localhost,"]))
    play = Play.load({"hosts": "all", "tasks": []}, variable_manager=variables, loader=loader)
    yield TaskFiles(play, variables, loader).read
    # What other tests import later is not to come by Ansible's own finder, which they did not ask.
    _AnsibleCollectionFinder._remove()


def test_hooks_are_files_at_known_moments(tmp_path: Path, read: Callable[[str], TaskFile]) -> None:
    (tmp_path / "tell.yml").write_text("[]")

    def beside(path: str) -> str:
        return str(tmp_path / path)

    problems: list[Problem] = []
    paths, results = check_hooks({"on_failure": "tell.yml"}, problems, beside, read)
    assert paths == {"on_failure": beside("tell.yml")} and results == {"on_failure": []}
    assert problems == []
    wrong = {"on_failur": "tell.yml", "before_host": "gone.yml", "after_host": 7}
    assert check_hooks(wrong, problems, beside, read) == ({}, {})
    assert [item.path for item in problems] == [f"hundred_hooks.{moment}" for moment in wrong]
    assert "on_failure" in str(problems[0].advice)
    assert check_hooks(["tell.yml"], problems, beside, read) == ({}, {}) and len(problems) == 4


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("name: Tell\n", "hook.yml must hold a list of tasks"),
        ("- debug: {msg: 'no end}\n", "hook.yml, line 2: YAML parsing failed"),
        ("- name: Tell\n  debug: {}\n  whn: late\n", "hook.yml, line 1: conflicting action"),
        ("- name: Tell\n  no.such.module: {}\n", "hook.yml, line 1: couldn't resolve"),
        ("- name: Tell\n  debug: {}\n  tags: {a: 1}\n", "hook.yml, line 3: tags must be"),
        ("- import_role: {name: gone}\n", "the role 'gone' was not found"),
        ("- block: [{import_tasks: inner.yml}]\n", "inner.yml, line 2: couldn't resolve"),
        ("- include_tasks: inner.yml\n", "inner.yml, line 2: couldn't resolve"),
    ],
)
def test_a_hook_that_ansible_could_not_include_is_refused_with_the_line(
    tmp_path: Path, read: Callable[[str], TaskFile], text: str, says: str
) -> None:
    (tmp_path / "inner.yml").write_text("- debug: {}\n- gone: {}\n")
    (tmp_path / "hook.yml").write_text(text)
    problems: list[Problem] = []
    check_hooks({"before_batch": "hook.yml"}, problems, lambda path: str(tmp_path / path), read)
    (problem,) = problems
    assert problem.path == "hundred_hooks.before_batch"
    assert says in str(problem), str(problem)


def test_a_hook_for_another_host_leaves_a_result(
    tmp_path: Path, read: Callable[[str], TaskFile]
) -> None:
    tasks = [
        {"name": "Here", "ping": {}, "delegate_to": "localhost"},
        {"name": "On the host", "ping": {}, "register": "one"},
        {"name": "Noticed", "ping": {}, "delegate_to": "pager", "register": "two"},
        {"name": "Not needed", "ping": {}, "delegate_to": "pager", "ignore_unreachable": True},
        {"block": [{"name": "Lost", "ping": {}}], "delegate_to": "{{ pager }}"},
    ]
    (tmp_path / "hook.yml").write_text(json.dumps(tasks))
    problems: list[Problem] = []
    hooks = {"after_host": "hook.yml", "on_failure": "hook.yml"}
    results = check_hooks(hooks, problems, lambda path: str(tmp_path / path), read)[1]
    assert results == {moment: ["one", "two"] for moment in hooks}
    # After the table nothing depends on it any more.
    (problem,) = problems
    assert problem.path == "hundred_hooks.after_host"
    assert str(problem).count("Lost") == 1 and "Not needed" not in str(problem)
