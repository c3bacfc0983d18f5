# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Decisions around the engine: addresses, users, exits and stops."""

from __future__ import annotations

import pytest
from ansible_collections.hundred.containers.plugins.module_utils.engine.bounded_command import (
    lacks_timeout,
)
from ansible_collections.hundred.containers.plugins.module_utils.engine.containers import (
    ContainerState,
    may_be_adopted,
)
from ansible_collections.hundred.containers.plugins.module_utils.engine.networks import (
    Network,
    free_addresses,
    static_addresses,
)
from ansible_collections.hundred.containers.plugins.module_utils.engine.users import parse_user
from ansible_collections.hundred.containers.plugins.module_utils.errors import EngineError
from ansible_collections.hundred.containers.plugins.module_utils.probe import (
    judge_exit,
    pause_after,
    undecided,
)
from ansible_collections.hundred.containers.plugins.module_utils.rollout.replicas import stops_after

SMALL = Network("small", "10.1.0.0/28", "10.1.0.8/29")


def state(**facts) -> ContainerState:
    values = {
        "running": True,
        "exit_code": 0,
        "oom_killed": False,
        "started_at": "t0",
        "restarts": 0,
        "error": "",
        "healthcheck": None,
    }
    return ContainerState(**{**values, **facts})


def test_static_addresses_are_neither_the_gateway_nor_in_the_engines_own_range():
    assert list(static_addresses(SMALL)) == [f"10.1.0.{number}" for number in range(2, 8)]


def test_the_lowest_free_addresses_are_given():
    assert free_addresses(SMALL, {"10.1.0.2", "10.1.0.4"}, 2) == ["10.1.0.3", "10.1.0.5"]


def test_a_network_that_is_used_up_is_told_with_its_name():
    with pytest.raises(EngineError, match="small"):
        free_addresses(SMALL, (), 7)


@pytest.mark.parametrize(
    ("subnet", "ip_range"),
    [("10.1.0.0/28", "10.1.0.0/28"), ("10.1.0.0/28", "10.2.0.0/29"), ("10.1.0.1/28", "x")],
)
def test_a_range_that_leaves_no_address_for_replicas_is_refused(subnet, ip_range):
    with pytest.raises(EngineError):
        Network("bad", subnet, ip_range).check()


@pytest.mark.parametrize(
    ("user", "numbers"),
    [
        ("", (0, 0)),
        ("shop", (10001, 10002)),
        ("10001", (10001, 10002)),
        ("shop:7", (10001, 7)),
        ("4711", (4711, 0)),
        ("4711:12", (4711, 12)),
        ("nobody-there", None),
    ],
)
def test_the_owner_of_secrets_is_the_user_that_the_container_runs_as(user, numbers):
    passwd = "root:x:0:0::/root:/bin/sh\nshop:x:10001:10002::/:/bin/false\n"
    assert parse_user(user, passwd) == numbers


@pytest.mark.parametrize(
    ("found", "fragment"),
    [
        (None, "removed by somebody"),
        (state(running=False, exit_code=3), "exited with code 3"),
        (state(running=False, oom_killed=True), "out of memory"),
        (state(started_at="t1"), "started again by the engine"),
    ],
)
def test_a_replica_that_does_not_run_as_it_was_started_is_told_with_the_reason(found, fragment):
    reason = judge_exit(found, "t0")
    assert reason is not None and fragment in reason


def test_a_replica_that_runs_as_it_was_started_is_well():
    assert judge_exit(state(), "t0") is None


def test_after_a_failure_the_next_probe_comes_soon():
    assert [pause_after(0, 5.0), pause_after(1, 5.0), pause_after(2, 0.2)] == [5.0, 0.5, 0.2]


@pytest.mark.parametrize(
    ("failures", "probing_since", "open_"),
    [(0, None, False), (0, 9.9, True), (0, 10.1, False), (1, None, True), (1, 10.1, True)],
)
def test_a_window_that_ends_at_ten_leaves_no_replica_in_doubt(failures, probing_since, open_):
    assert undecided(failures, probing_since, 10.0) is open_


@pytest.mark.parametrize(
    ("code", "output", "lacks"),
    [
        (126, 'OCI runtime exec failed: exec: "timeout": executable file not found in $PATH', True),
        (127, "crun: executable file `timeout` not found in $PATH: No such file", True),
        (127, "timeout: failed to run command 'ask': No such file or directory", False),
        (1, 'exec: "timeout"', False),
    ],
)
def test_an_image_without_timeout_is_known_by_the_runtimes_words(code, output, lacks):
    assert lacks_timeout(code, output) is lacks


@pytest.mark.parametrize(
    ("status", "labels", "ours"),
    [
        ("created", {"hundred.slot": "1", "hundred.image": "1"}, True),
        ("running", {"hundred.slot": "1"}, False),
        ("created", {"hundred.slot": "2"}, False),
        ("created", None, False),
    ],
)
def test_what_a_failed_call_left_is_adopted_and_nothing_else(status, labels, ours):
    row = {"State": {"Status": status}, "Config": {"Labels": labels}}
    assert may_be_adopted(row, {"hundred.slot": "1"}) is ours


@pytest.mark.parametrize(
    ("parallelism", "expected"),
    [(1, [0.0, 0.5, 1.0, 1.5]), (2, [0.0, 0.0, 0.5, 0.5]), (100, [0.0] * 4)],
)
def test_parallelism_stops_begin_every_half_second_at_the_latest(parallelism, expected):
    assert [stops_after(number, parallelism) for number in range(4)] == pytest.approx(expected)
