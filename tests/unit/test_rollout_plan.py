# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan of a rollout and the journal behind it: pure decisions."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.hundred.containers.plugins.module_utils.engine.containers import (
    Container,
    container_name,
)
from ansible_collections.hundred.containers.plugins.module_utils.proxy.protocol import (
    Backend,
    Member,
    Observed,
)
from ansible_collections.hundred.containers.plugins.module_utils.rollout.plan import (
    Observation,
    Plan,
    choose_generation,
    make_plan,
    recover,
)
from ansible_collections.hundred.containers.plugins.module_utils.state.journal import (
    IDLE,
    STARTING,
    SWITCHED,
    Journal,
    Release,
)


def release(generation: int, name: str = "") -> Release:
    name = name or f"r{generation}"
    return Release(generation, name, "registry/app", f"sha256:{name}", f"rev-{name}", {})


def replica(generation: int, slot: int, state: str = "running", name: str = "") -> Container:
    return Container(
        id=f"id-{generation}-{slot}",
        name=container_name("shop", generation, slot),
        service="shop",
        release=name or f"r{generation}",
        generation=generation,
        slot=slot,
        revision="",
        address=f"10.213.0.{generation * 10 + slot}",
        image="",
        state=state,
    )


def routed(*containers: Container, serving: dict[str, str] | None = None) -> Observed:
    members = tuple(Member(item.name, item.address, 8000) for item in containers)
    states = {item.name: "ready" for item in containers} if serving is None else serving
    return Observed(Backend("shop", members=members), states, {}, True)


IDLE_AT_1 = Journal("shop", last_generation=1, committed=release(1))


def names(containers: tuple[Container, ...]) -> list[str]:
    return [item.name for item in containers]


def test_a_first_rollout_creates_every_slot():
    plan = make_plan(Observation(Journal("shop"), ()), "r1", 3)
    assert plan == Plan(generation=1, create=(1, 2, 3))


def test_i5_an_unchanged_release_touches_no_container():
    old = (replica(1, 1), replica(1, 2))
    plan = make_plan(Observation(IDLE_AT_1, old, routed(*old)), "r1", 2)
    assert plan.keep == old
    assert not plan.touches_containers


def test_a_new_release_gets_a_new_generation_and_retires_what_serves():
    old = (replica(1, 1), replica(1, 2))
    plan = make_plan(Observation(IDLE_AT_1, old, routed(*old)), "new", 2)
    assert (plan.generation, plan.create, plan.retire) == (2, (1, 2), old)
    assert not plan.discard


def test_scaling_up_creates_only_what_is_missing_and_down_retires_only_the_surplus():
    old = (replica(1, 1), replica(1, 2))
    seen = Observation(IDLE_AT_1, old, routed(*old))
    up = make_plan(seen, "r1", 4)
    down = make_plan(seen, "r1", 1)
    assert (up.keep, up.create, up.retire) == (old, (3, 4), ())
    assert (down.keep, down.create, down.retire) == (old[:1], (), old[1:])


def test_a_generation_number_is_never_given_twice():
    journal = Journal("shop", last_generation=7, committed=release(4))
    assert choose_generation(journal, (), "new") == 8
    assert choose_generation(Journal("shop"), (replica(9, 1),), "new") == 10


def test_a_lost_journal_adopts_the_replicas_of_the_wanted_release():
    running = (replica(3, 1), replica(3, 2))
    plan = make_plan(Observation(Journal("shop"), running, routed(*running)), "r3", 2)
    assert plan.generation == 3
    assert plan.settle == running  # adopted, and made to prove themselves
    assert not plan.create


@pytest.mark.parametrize("state", ["created", "paused", "restarting", "removing", "dead"])
def test_a_member_beyond_repair_is_replaced_in_its_slot(state):
    old = (replica(1, 1), replica(1, 2, state))
    plan = make_plan(Observation(IDLE_AT_1, old, routed(*old)), "r1", 2)
    assert (plan.keep, plan.replace, plan.create) == (old[:1], old[1:], (2,))


def test_an_exited_member_is_started_again_at_its_address():
    old = (replica(1, 1), replica(1, 2, "exited"))
    plan = make_plan(Observation(IDLE_AT_1, old, routed(*old)), "r1", 2)
    assert (plan.keep, plan.revive, plan.create) == (old[:1], old[1:], ())


def test_a_member_that_fails_its_probe_is_replaced():
    old = (replica(1, 1), replica(1, 2))
    seen = Observation(IDLE_AT_1, old, routed(*old), frozenset({"shop-g1-2"}))
    assert make_plan(seen, "r1", 2).replace == old[1:]


def test_i4_what_a_killed_run_left_unrouted_is_discarded_and_what_serves_is_not():
    old, left = replica(1, 1), replica(2, 1)
    journal = replace(IDLE_AT_1, last_generation=2, desired=release(2), phase=STARTING)
    plan = make_plan(Observation(journal, (old, left), routed(old)), "other", 1)
    assert (plan.generation, plan.discard, plan.retire) == (3, (left,), (old,))


def test_i4_what_a_killed_run_had_admitted_serves_until_the_switch():
    old, admitted = replica(1, 1), replica(2, 1)
    journal = replace(IDLE_AT_1, last_generation=2, desired=release(2), phase=STARTING)
    observed = routed(old, serving={old.name: "ready", admitted.name: "ready"})
    plan = make_plan(Observation(journal, (old, admitted), observed), "other", 1)
    assert not plan.discard
    assert set(plan.retire) == {old, admitted}


def test_i4_the_same_release_wanted_again_continues_with_what_is_there():
    old, left = replica(1, 1), replica(2, 1)
    journal = replace(IDLE_AT_1, last_generation=2, desired=release(2), phase=STARTING)
    plan = make_plan(Observation(journal, (old, left), routed(old)), "r2", 2)
    assert plan.generation == 2
    assert (plan.settle, plan.create, plan.retire) == ((left,), (2,), (old,))


def test_i4_the_renamed_file_of_the_proxy_is_the_commit_point():
    new = replica(2, 1)
    journal = replace(IDLE_AT_1, last_generation=2, desired=release(2), phase=STARTING)
    recovered = recover(journal, routed(new))
    assert recovered.committed is not None and recovered.committed.generation == 2
    assert recovered.previous == release(1)
    assert recovered.phase == SWITCHED  # its monitor window has not passed yet
    plan = make_plan(Observation(recovered, (replica(1, 1), new), routed(new)), "r2", 1)
    assert names(plan.settle) == ["shop-g2-1"]
    assert names(plan.retire) == ["shop-g1-1"]  # the way back, until the window has passed


def test_i4_before_the_rename_nothing_is_committed():
    journal = replace(IDLE_AT_1, last_generation=2, desired=release(2), phase=STARTING)
    assert recover(journal, routed(replica(1, 1))) == journal
    assert recover(journal, None) == journal


def test_i4_generation_1_is_not_taken_for_generation_11():
    journal = Journal("shop", 11, release(11), release(1, "again"), phase=STARTING)
    assert recover(journal, routed(replica(11, 1))) == journal


def test_a_repair_of_some_slots_leaves_the_others_as_they_are():
    ill, dead, well = replica(1, 1), replica(1, 2, "exited"), replica(1, 3)
    observed = routed(ill, dead, well, serving={well.name: "ready", ill.name: "maint"})
    seen = Observation(IDLE_AT_1, (ill, dead, well), observed)
    plan = make_plan(seen, "r1", 4, only=(2,))
    assert (plan.keep, plan.revive, plan.create) == ((well,), (dead,), ())
    assert plan.rest == (ill,)
    # One that gets no requests proves itself first (I2), and nothing that serves is touched.
    plan = make_plan(seen, "r1", 4, only=(1,))
    assert (plan.keep, plan.settle, plan.rest) == ((well,), (ill,), (dead,))
    assert make_plan(seen, "r1", 4, only=(4,)).create == (4,)
    plan = make_plan(seen, "r1", 4)
    assert (plan.keep, plan.settle, plan.revive, plan.create) == ((well,), (ill,), (dead,), (4,))


def test_a_commit_remembers_the_release_it_replaces():
    journal = IDLE_AT_1.commit(release(2), 5.0, retain=3)
    assert journal.committed == replace(release(2), committed_at=5.0)
    assert journal.previous == release(1)
    assert (journal.desired, journal.phase) == (None, IDLE)


def test_a_change_of_scale_remembers_nothing_new():
    journal = IDLE_AT_1.commit(release(1), 5.0, retain=3)
    assert journal.kept == ()


def test_two_rollbacks_in_a_row_go_back_twice():
    journal = Journal("shop")
    for number in (1, 2, 3):
        journal = journal.commit(release(number), float(number), retain=3)
    back = journal.commit(release(4, "r2"), 4.0, retain=3, rollback=True)
    assert back.previous is not None and back.previous.release == "r1"
    again = back.commit(release(5, "r1"), 5.0, retain=3, rollback=True)
    assert again.previous is None


def test_a_release_deployed_again_can_be_rolled_back_to_what_it_replaced():
    journal = IDLE_AT_1.commit(release(2), 2.0, retain=3).commit(release(3, "r1"), 3.0, retain=3)
    assert [item.release for item in journal.kept] == ["r2"]


def test_only_as_many_releases_are_kept_as_the_definition_says():
    journal = Journal("shop")
    for number in range(1, 8):
        journal = journal.commit(release(number), float(number), retain=2)
    assert [item.generation for item in journal.kept] == [5, 6]
