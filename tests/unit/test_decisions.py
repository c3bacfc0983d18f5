# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Decisions around the engine: addresses, users, exits, and the rows of the tables."""

from __future__ import annotations

import pytest
from ansible_collections.hundred.containers.plugins.action.fleet_table import (
    mark_behind,
    may_be_skipped,
    rollout_row,
    status_rows,
)
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


DONE = {"actions": [], "revision": "b" * 40, "previous_revision": "a" * 40, "seconds": 1.5}
SWAPPED = {**DONE, "needed": True, "changed": True}


@pytest.mark.parametrize(
    ("values", "check", "result"),
    [
        ({**DONE, "needed": True}, False, "swapped"),
        ({**DONE, "needed": False, "prefetched": True}, False, "unchanged"),
        ({**DONE, "needed": True, "prefetched": True}, False, "not swapped"),
        ({**DONE, "needed": True}, True, "would be swapped"),
        ({"failed": True, "msg": "no", "serving": "nothing"}, False, "failed"),
        ({"unreachable": True, "msg": "gone"}, False, "unreachable"),
        ({}, False, "not reached"),
    ],
)
def test_the_table_says_of_each_host_what_came_of_it(values, check, result):
    assert rollout_row("web1", values, check)["result"] == result


@pytest.mark.parametrize(
    ("values", "returned", "result", "now"),
    [
        (SWAPPED, {"changed": True, "revision": "abc"}, "returned", "abc"),
        (SWAPPED, {"changed": True, "revision": None}, "returned", "nothing"),
        (SWAPPED, {"failed": True, "msg": "no"}, "not returned", "not known"),
        (SWAPPED, {"unreachable": True}, "not returned", "not known"),
        ({"failed": True, "msg": "no"}, {"unreachable": True}, "not returned", "not known"),
        ({"unreachable": True, "msg": "gone"}, {"unreachable": True}, "unreachable", None),
        (
            {"failed": True, "msg": "no", "serving": "half"},
            {"changed": True, "revision": "abc"},
            "failed",
            "abc",
        ),
        (
            {"failed": True, "msg": "no", "serving": "half"},
            {"changed": False, "revision": "abc"},
            "failed",
            "half",
        ),
        ({"unreachable": True}, {"changed": True, "revision": "abc"}, "returned", "abc"),
    ],
)
def test_the_table_says_what_a_host_was_returned_to(values, returned, result, now):
    row = rollout_row("web1", values, False, returned)
    assert (row["result"], row.get("now")) == (result, now)
    assert row["why"]


@pytest.mark.parametrize(
    "values",
    [
        {"failed": True, "msg": "no"},
        {"unreachable": True},
        {},
        {**DONE, "needed": True, "prefetched": True},
    ],
)
def test_a_host_that_is_not_as_wanted_has_a_reason_in_its_row(values):
    assert rollout_row("web1", values, False)["why"]


@pytest.mark.parametrize(
    ("results", "limit", "may"),
    [
        (["swapped", "unreachable"], 1, True),
        (["swapped", "unreachable"], 0, False),
        (["swapped", "unreachable", "unreachable"], 1, False),
        (["unreachable"], 1, False),
        (["swapped", "unreachable", "failed"], 3, False),
        (["swapped"], 1, False),
    ],
)
def test_so_many_hosts_out_of_reach_may_be_skipped_and_nothing_else(results, limit, may):
    rows = [{"result": item, **({} if item == "swapped" else {"why": "x"})} for item in results]
    assert may_be_skipped(rows, limit) is may


def test_the_status_says_which_hosts_are_behind_the_last_release():
    rows = [
        {
            "service": "api",
            "host": "a",
            "revision": "v9",
            "since": "2026-01-05",
            "state": "present",
        },
        {
            "service": "shop",
            "host": "a",
            "revision": "v2",
            "since": "2026-01-02",
            "state": "present",
        },
        {
            "service": "shop",
            "host": "b",
            "revision": "v1",
            "since": "2026-01-01",
            "state": "present",
        },
        {
            "service": "shop",
            "host": "c",
            "revision": "v2",
            "since": "2026-01-03",
            "state": "present",
        },
        {"service": "", "host": "d", "state": "unknown", "why": "gone"},
    ]
    mark_behind(rows)
    states = ["present", "present", "present, behind v2", "present", "unknown"]
    assert [row["state"] for row in rows] == states


def test_a_host_that_was_not_asked_is_in_the_status_as_unknown():
    assert status_rows("web1", {})[0]["state"] == "unknown"


def test_a_service_that_cannot_be_described_hides_none_of_the_others():
    good = {"service": "api", "revision": "1a79a4d60de6718e", "generation": 2, "since": "now"}
    good |= {"replicas_healthy": 1, "replicas_wanted": 1, "state": "present"}
    bad = {"service": "shop", "state": "unknown", "reason": "its journal is damaged"}
    rows = status_rows("web1", {"services": [good, bad]})
    assert [row["state"] for row in rows] == ["present", "unknown"]
    assert "why" not in rows[0] and "its journal is damaged" in rows[1]["why"]
