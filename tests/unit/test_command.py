# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the command ``hundred`` decides without looking at a host."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.hundred.containers.plugins.module_utils.command.doctor_services import (
    IMAGE,
    LOCK,
    PROXY,
    SECRETS,
    TIMER_OFF,
    TIMERS,
    advise,
    timer_problems,
)
from ansible_collections.hundred.containers.plugins.module_utils.errors import RolloutError
from ansible_collections.hundred.containers.plugins.module_utils.rollout.choice import (
    choose_release,
)
from ansible_collections.hundred.containers.plugins.module_utils.rollout.condition import (
    find_problems,
)
from ansible_collections.hundred.containers.plugins.module_utils.rollout.problem_kinds import (
    CRASHES,
    CRON,
    MISSING,
    PAUSED,
    REPLICA,
    RUNS_ON,
    UNFINISHED,
)
from ansible_collections.hundred.containers.plugins.module_utils.state.journal import (
    Journal,
    Release,
)
from ansible_collections.hundred.containers.plugins.module_utils.state.repairs import Repairs

RELEASE = Release(
    generation=2, release="r", image="i", digest="sha256:d", revision="abcdef", definition={}
)
JOURNAL = Journal(service="shop", last_generation=2, committed=RELEASE)


def replica(slot: int, generation: int = 2, **more: Any) -> dict[str, Any]:
    facts = {"state": "running", "healthy": True, "seen": "GET /up: 200", **more}
    return {"name": f"shop-g{generation}-{slot}", "slot": slot, "generation": generation, **facts}


def problems(journal: Journal, *replicas: dict[str, Any], wanted: int = 2) -> list[tuple[str, str]]:
    found = find_problems(journal, wanted, replicas, Repairs(), (), 0.0)
    return [(item.kind, item.text) for item in found]


def test_replicas_that_do_not_exist_are_missing():
    assert problems(JOURNAL, replica(1), replica(2)) == []
    assert problems(JOURNAL) == [(MISSING, "2 of 2 replicas are missing")]
    # Those of another release, and a third one, are none of the two.
    others = (replica(1), replica(1, generation=1), replica(3))
    assert problems(JOURNAL, *others) == [(MISSING, "1 of 2 replicas are missing")]
    ill = replica(2, healthy=False, seen="GET /up: 500")
    assert problems(JOURNAL, replica(1), ill) == [(REPLICA, "shop-g2-2: GET /up: 500")]


def test_a_stopped_service_misses_nothing_and_is_not_to_run():
    stopped = replace(JOURNAL, stopped=True)
    assert problems(stopped, replica(1, state="exited", healthy=False), wanted=0) == []
    told = problems(stopped, replica(1), wanted=0)
    assert told == [(RUNS_ON, "shop-g2-1 runs although the service was stopped")]


def test_a_rollout_that_waits_for_somebody_is_told():
    assert problems(replace(JOURNAL, paused=True), replica(1), replica(2))[0][0] == PAUSED
    assert problems(replace(JOURNAL, desired=RELEASE), replica(1), replica(2))[0][0] == UNFINISHED


def test_advice_does_not_depend_on_names():
    kinds = (PAUSED, UNFINISHED, REPLICA, MISSING, RUNS_ON, CRASHES, CRON, LOCK, PROXY)
    for kind in (*kinds, TIMERS, TIMER_OFF, IMAGE, SECRETS):
        assert advise("cron-proxy", kind)
    assert "hundred logs cron-proxy" in advise("cron-proxy", REPLICA)
    assert "hundred history shop" in advise("shop", CRON)


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        ("UnitFileState=enabled\nActiveState=active", []),
        ("UnitFileState=disabled\nActiveState=active", ["a.timer is not enabled"]),
        ("UnitFileState=enabled\nActiveState=inactive", ["a.timer does not run"]),
        ("UnitFileState=enabled\nActiveState=failed", ["a.timer has failed"]),
    ],
)
def test_timers_that_do_not_come_are_told(facts, told):
    service = "Id=a.service\nUnitFileState=static\nActiveState=inactive"
    found = timer_problems(["a.timer"], f"Id=a.timer\n{facts}\n\n{service}\n")
    assert [item.text for item in found] == told


def choose(revision: str | None = None, generation: int | None = None) -> int:
    """The generation of the chosen one, of a host that keeps three releases."""
    kept = tuple(
        replace(RELEASE, generation=number, revision=text)
        for number, text in ((1, "abc1"), (3, "abd"), (4, "abd"), (5, "abd5"))
    )
    return choose_release(replace(JOURNAL, kept=kept), revision, generation).generation


def test_a_kept_release_is_chosen_by_what_only_it_has():
    assert choose() == 2
    assert choose("abc1") == 1 and choose("abcd") == 2 and choose("abd5") == 5
    assert choose(generation=3) == 3 and choose("abd", 4) == 4


@pytest.mark.parametrize(
    ("revision", "generation", "said"),
    [
        ("abd", None, "revision abd (generation 3), revision abd (generation 4)"),
        ("abc", None, "revision abc1 (generation 1), revision abcdef (generation 2)"),
        ("xyz", None, "no release of revision xyz"),
        ("abd", 1, "no release of revision abd of generation 1"),
        (None, 9, "no release of generation 9"),
    ],
)
def test_what_fits_several_releases_or_none_is_refused(revision, generation, said):
    with pytest.raises(RolloutError) as refused:
        choose(revision, generation)
    assert said in refused.value.message and refused.value.next_step
