# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the tables over the hosts say of each."""

from __future__ import annotations

import pytest
from ansible_collections.hundred.containers.plugins.action.fleet_table import table
from ansible_collections.hundred.containers.plugins.module_utils.definition.release import (
    definition_hash,
)
from ansible_collections.hundred.containers.plugins.module_utils.definition.stored import (
    from_mapping,
)
from ansible_collections.hundred.containers.plugins.plugin_utils.rollout_rows import (
    brief,
    cause_of,
    may_be_skipped,
    rollout_row,
    unbuilt_rows,
)
from ansible_collections.hundred.containers.plugins.plugin_utils.service_rows import (
    history_rows,
    mark_behind,
    status_rows,
)

DONE = {"actions": [], "revision": "b" * 40, "previous_revision": "a" * 40, "seconds": 1.5}
SWAPPED = {**DONE, "needed": True, "changed": True}


@pytest.mark.parametrize(
    ("values", "check", "result"),
    [
        ({**DONE, "needed": True}, False, "swapped"),
        ({**DONE, "needed": False, "prefetched": True}, False, "unchanged"),
        ({**DONE, "needed": True, "prefetched": True}, False, "not swapped"),
        ({**DONE, "needed": True}, True, "would be swapped"),
        ({**DONE, "needed": True, "owed": True}, False, "unchanged"),
        ({**DONE, "needed": True, "owed": True, "prefetched": True}, False, "unchanged"),
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


def seen(service: str = "shop", **more):
    found = {"service": service, "revision": "v2", "digest": "d2", "definition_hash": "h2"}
    found |= {"generation": 2, "since": "2026-01-02", "state": "present"}
    return {**found, "replicas_healthy": 1, "replicas_wanted": 1, **more}


def states(*hosts, wanted=("shop",)) -> list[str]:
    """What the status says of each host's services."""
    rows = [row for host in hosts for row in status_rows("web1", {"services": host}, wanted)]
    mark_behind(rows)
    return [row["state"] for row in rows]


def test_a_host_whose_proxy_does_not_answer_shows_what_is_committed_and_is_not_well():
    silent = seen(problems=["a cron failed", "no answer"], problem_kinds=["cron", "proxy"])
    old = {**silent, "revision": "v1", "since": "2026-01-01"}
    rows = status_rows("web1", {"services": [silent]}) + status_rows("web2", {"services": [old]})
    mark_behind(rows)
    assert [row["state"] for row in rows] == ["present", "present, behind v2"]
    assert [row["why"] for row in rows] == ["shop: no answer"] * 2
    assert rows[0]["revision"] == "v2" and rows[0]["problems"] == ["a cron failed"]


def test_a_host_that_missed_the_first_deploy_is_behind():
    assert states([seen()], []) == ["present", "not deployed, behind v2"]
    # A first deploy that failed there has left what is remembered of it, but no release.
    failed = seen(revision=None, digest=None, definition_hash=None, since=None)
    assert states([seen()], [failed]) == ["present", "not deployed, behind v2"]
    assert states([], []) == ["not deployed", "not deployed"]
    assert states([], wanted=()) == []


@pytest.mark.parametrize(
    ("older", "state"),
    [
        ({"revision": "v1", "digest": "d1"}, "present, behind v2"),
        ({"digest": "d1"}, "present, behind v2 (digest)"),
        ({"definition_hash": "h1"}, "present, behind v2 (definition)"),
        ({}, "present"),
    ],
)
def test_whatever_a_host_missed_it_is_behind(older, state):
    assert states([seen()], [seen(since="2026-01-01", **older)]) == ["present", state]


def test_a_host_that_does_not_know_since_when_is_not_behind():
    assert states([seen(since=None)], [seen(revision="v1")]) == ["present", "present"]


DEFINITION = {"name": "shop", "image": "registry/shop", "hosts": "web", "port": 8000}


def test_definitions_are_told_apart_and_where_a_crontab_runs_is_not():
    plain = definition_hash(from_mapping(DEFINITION))
    assert definition_hash(from_mapping({**DEFINITION, "hosts": "all"})) == plain
    cron = {"file": "crontab", "timezone": "UTC", "host": "web1"}
    assert definition_hash(from_mapping({**DEFINITION, "cron": cron})) == plain
    secrets = {**DEFINITION, "secrets": ["TOKEN"]}
    hashes = {definition_hash(from_mapping(secrets, {"TOKEN": value})) for value in ("a", "b")}
    assert len(hashes) == 1 and plain not in hashes
    for more in ({"replicas": 2}, {"environment": {"A": "b"}}, {"drain_timeout": 1.0}):
        assert definition_hash(from_mapping({**DEFINITION, **more})) != plain


def test_a_failed_host_tells_what_it_had_before():
    failed = {"failed": True, "msg": "no", "previous_revision": "a" * 40}
    assert rollout_row("web1", failed, False)["before"] == "a" * 12
    assert rollout_row("web1", {**failed, "previous_revision": None}, False)["before"] == ""


def test_a_host_that_was_lost_in_its_swap_tells_that_and_what_it_had_before():
    lost = {"unreachable": True, "msg": "Connection timed out"}
    row = rollout_row("web2", lost, False, {"changed": True, "revision": "a" * 40}, "web2 is lost")
    assert (row["before"], row["now"], row["result"]) == ("a" * 12, "a" * 12, "returned")
    assert row["why"] == "could not be reached in its swap: Connection timed out"
    # The connection broke, but nothing was swapped: what serves is known again.
    row = rollout_row("web2", lost, False, {"changed": False, "revision": "a" * 40})
    assert (row["before"], row["now"], row["result"]) == ("a" * 12, "a" * 12, "unreachable")


def test_a_host_out_of_reach_is_told_with_the_ways_on():
    why = rollout_row("web2", {"unreachable": True, "msg": "gone"}, False)["why"].splitlines()
    assert why[0] == "gone" and "hundred_unreachable=skip" in why[1]


def test_what_came_in_the_place_of_a_result_is_told_and_so_is_a_builds_output():
    odd = {"failed": True, "msg": "no JSON", "module_stdout": "", "module_stderr": "a\n\nb\nc\nd\n"}
    told = [f"  it printed: {line}" for line in "bcd"]
    assert rollout_row("web1", odd, False)["why"].splitlines() == ["no JSON", *told]
    unbuilt = {"host": "build1", "msg": "cannot build", "output": ["step 2", "exits 3"]}
    why = unbuilt_rows(unbuilt, ["web1"])[0]["why"]
    assert why.splitlines() == ["cannot build", "  output: step 2", "  output: exits 3"]


@pytest.mark.parametrize(
    ("found", "beside", "cause"),
    [
        ({"a": SWAPPED, "b": {"failed": True}}, {}, "b failed"),
        ({"a": {"unreachable": True}, "b": {"failed": True}}, {}, "b failed"),
        ({"a": SWAPPED, "b": {"unreachable": True}}, {}, "b could not be reached"),
        ({name: {"failed": True} for name in "abc"}, {}, "a and 2 more failed"),
        ({"a": SWAPPED, "b": DONE}, {"b": "hook: no"}, "b failed"),
        ({"a": SWAPPED}, {}, "another host failed"),
    ],
)
def test_the_hosts_that_stopped_the_fleet_are_named(found, beside, cause):
    assert cause_of(found, beside) == cause
    row = rollout_row("x", {**DONE, "needed": True, "prefetched": True}, False, None, cause)
    assert row["why"].endswith(f"since {cause}")


def test_a_table_has_a_short_reason_when_one_is_needed():
    long = "shop-g3-1 (revision abc): not healthy: GET /up answers 503. Serving now: old.\n  log: x"
    assert brief(long) == "shop-g3-1: not healthy: GET /up answers 503"
    assert len(brief("word " * 50)) <= 64 and brief("word " * 50).endswith(" ...")
    columns = ("host", "now", "why")
    good = {"host": "web1", "now": "abc"}
    assert "why" not in table(columns, [good], None)
    bad = {"host": "web2", "now": "revision abc (generation 2), as before", "why": long}
    shown = table(columns, [good, bad], None).splitlines()
    assert shown[0].split() == ["host", "now", "why"]
    assert shown[3].split(maxsplit=4)[1:4] == ["abc,", "as", "before"]
    assert shown[3].endswith("answers 503")


ENTRY = {"at": 0, "by": "anna", "action": "rollout", "from": "a" * 40, "to": "b" * 40}


def test_a_history_has_whole_commits_for_machines_and_reasons_for_people():
    reason = "shop-g2-1 was not healthy in time, and this is a long sentence about why that was so"
    entries = [{**ENTRY, "result": "failed", "reason": reason, "override": "hotfix 7"}]
    rows = history_rows("web1", {"services": [{"service": "shop", "history": entries}]})
    assert (rows[0]["from"], rows[0]["to"]) == ("a" * 40, "b" * 40)
    shown = table(("host", "from", "to", "reason"), rows, None)
    assert "a" * 12 in shown and "a" * 13 not in shown
    words = " ".join(line[32:].strip() for line in shown.splitlines()[2:])
    assert words == f"{reason} override: hotfix 7"
