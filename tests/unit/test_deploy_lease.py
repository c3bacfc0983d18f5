# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose deploy it is on a host, and what it found there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.hundred.containers.plugins.module_utils.errors import (
    LockedError,
    StateError,
)
from ansible_collections.hundred.containers.plugins.module_utils.state.journal import (
    Before,
    Journal,
    JournalFile,
    Release,
)
from ansible_collections.hundred.containers.plugins.module_utils.state.lease import (
    SAME_MOMENT,
    Lease,
    LeaseFile,
    claim,
    loss,
    may_give_up,
)

MINE = Lease("mine", "anna", "revision aaa", 1000.0, 2000.0)
OTHERS = Lease("other", "boris", "revision bbb", 900.0, 1900.0)


def release(generation: int) -> Release:
    return Release(generation, f"r{generation}", "shop", "sha256:0", f"v{generation}", {})


def test_a_free_service_is_claimed() -> None:
    assert claim(None, MINE) == MINE


def test_another_deploys_live_lease_is_refused_by_name_with_its_end() -> None:
    with pytest.raises(LockedError) as refused:
        claim(OTHERS, MINE)
    assert "boris" in refused.value.message
    assert "1970-01-01 00:15:00 UTC" in refused.value.message
    assert "1970-01-01 00:31:40 UTC" in str(refused.value.next_step)


def test_ones_own_lease_is_extended_and_keeps_its_beginning() -> None:
    later = replace(MINE, since=1500.0, until=2500.0)
    assert claim(MINE, later) == replace(later, since=1000.0)


@pytest.mark.parametrize(
    ("held", "ended"), [(replace(OTHERS, until=1000.0), ()), (OTHERS, ("other",))]
)
def test_what_ended_before_it_was_complete_is_completed(
    held: Lease, ended: tuple[str, ...]
) -> None:
    assert claim(replace(held, adopted=("first",)), MINE, ended).adopted == ("first", "other")


def test_a_lease_is_given_up_by_its_holder_only(tmp_path: Path) -> None:
    file = LeaseFile(str(tmp_path / "shop" / "deploy.json"))
    assert file.read() is None
    assert not file.release(["mine"])
    file.claim(MINE, keep=False)
    assert file.read() is None
    assert file.claim(MINE) == MINE
    assert Path(file.path).stat().st_mode & 0o777 == 0o600
    assert not file.release(["other"])
    assert file.read() == MINE
    assert file.release(["other", "mine"])
    assert file.read() is None


def test_a_deploy_that_stops_as_it_is_is_completed_by_the_next_which_need_not_wait(
    tmp_path: Path,
) -> None:
    file = LeaseFile(str(tmp_path / "deploy.json"))
    file.leave(["other"], 950.0, forget=False)
    file.claim(OTHERS)
    file.leave(["mine"], 950.0, forget=True)
    assert file.read() == OTHERS
    file.leave(["other"], 950.0, forget=False)
    left = replace(OTHERS, until=950.0)
    assert file.read() == left
    file.leave(["other"], 960.0, forget=False)
    assert file.read() == left
    assert file.claim(MINE).adopted == ("other",)


@pytest.mark.parametrize("adopted", [(), ("first",)])
def test_one_that_swapped_nothing_is_forgotten_unless_it_was_to_complete_another(
    tmp_path: Path, adopted: tuple[str, ...]
) -> None:
    file = LeaseFile(str(tmp_path / "deploy.json"))
    held = replace(OTHERS, adopted=adopted)
    file.claim(held)
    file.leave(["other"], 950.0, forget=True)
    assert file.read() == (replace(held, until=950.0) if adopted else None)


def test_a_deploy_whose_claim_is_gone_or_anothers_is_told_so_whatever_came_of_the_other() -> None:
    assert loss(MINE, "mine") is None
    assert loss(replace(MINE, until=MINE.since), "mine") is None
    complete, died = loss(None, "mine"), loss(replace(OTHERS, adopted=("mine",)), "mine")
    assert complete is not None and complete.details == {"taken_over": True}
    assert "nothing was changed here" in complete.message and complete.next_step
    assert died is not None and died.details == {}
    assert "revision bbb by boris" in died.message


@pytest.mark.parametrize(
    ("deploy", "now", "waits"),
    [
        ("a", OTHERS.since + 1, True),
        ("z", OTHERS.since + 1, False),
        ("other", OTHERS.since + 1, False),
        ("a", OTHERS.since + SAME_MOMENT, False),
    ],
)
def test_of_two_deploys_that_began_at_once_the_older_one_waits_for_the_other_to_give_up(
    deploy: str, now: float, waits: bool
) -> None:
    assert may_give_up(OTHERS, deploy, now) is waits


def test_a_lease_is_extended_by_its_holder_only_and_never_shortened(tmp_path: Path) -> None:
    file = LeaseFile(str(tmp_path / "deploy.json"))
    file.extend("mine", 3000.0)
    assert file.read() is None
    file.claim(MINE)
    file.extend("other", 3000.0)
    file.extend("mine", 1500.0)
    assert file.read() == MINE
    file.extend("mine", 3000.0)
    assert file.read() == replace(MINE, until=3000.0)


def test_what_a_deploy_owes_is_taken_over_with_its_lease_until_that_is_given_up(
    tmp_path: Path,
) -> None:
    file = LeaseFile(str(tmp_path / "deploy.json"))
    file.claim(OTHERS)
    file.owe("mine")
    assert file.read() == OTHERS
    file.owe("other")
    assert file.read() == replace(OTHERS, owed=True)
    assert file.claim(replace(OTHERS, since=950.0)).owed  # a call that is repeated
    file.leave(["other"], 950.0, forget=False)
    taken = file.claim(MINE)
    assert taken.owed and taken.adopted == ("other",)
    assert file.release(["mine"])
    assert not file.claim(MINE).owed


def test_a_damaged_lease_is_told_by_its_path(tmp_path: Path) -> None:
    path = tmp_path / "deploy.json"
    path.write_text('{"deploy": "x"}')
    with pytest.raises(StateError, match="deploy.json"):
        LeaseFile(str(path)).read()


def test_the_journal_remembers_what_a_deploy_found_and_keeps_it_through_its_run(
    tmp_path: Path,
) -> None:
    found = Journal("shop", last_generation=1, committed=release(1)).noting(["mine"])
    assert found.before == Before("mine", release(1), False)
    switched = found.commit(release(2), 5.0, retain=0)
    assert switched.before == found.before
    assert release(1) in switched.releases()
    assert switched.noting(["mine"]).before == found.before
    # What is completed by another is undone by that one only: the first may live and fail later.
    assert switched.noting(["next", "mine"]).before == Before("next", release(1), False)
    other = switched.noting(["next"]).before
    assert other is not None and other.release is not None and other.release.revision == "v2"
    assert switched.noting([]).before is None
    file = JournalFile(str(tmp_path / "journal.json"), "shop")
    for journal in (switched, Journal("shop").noting(["mine"]), Journal("shop")):
        file.write(journal)
        assert file.read() == journal
