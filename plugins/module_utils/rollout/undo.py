# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One host's part in undoing a deploy over many hosts: back to what the deploy found here."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ..errors import HundredError
from ..state.journal import IDLE, Journal
from ..state.lease import Lease, refuse_living
from .goal import goal_of, name_of, recovered, rollback_goal
from .host import ServiceHost
from .outcome import Outcome
from .present import present
from .stop import remove, stop


def look(host: ServiceHost, ended: Sequence[str]) -> dict[str, Any]:
    """What this host may return to, for those who choose for all hosts; nothing is changed.

    :param ended: deploys that are known to have ended, whatever their lease says.
    :returns: the result of the module ``service_rollback`` with ``look``.
    :raises LockedError: a deploy is under way.
    """
    began = time.monotonic()
    with host.untouched(began):
        lease = _ended_lease(host, ended)
        journal = recovered(host)
        committed = [journal.committed] if journal.committed is not None else []
        releases = [
            {"id": name_of(item), "revision": item.revision, "committed_at": item.committed_at}
            for item in (*(journal.kept if committed else ()), *committed)
        ]
    return {
        "changed": False,
        "releases": releases,
        "unfinished": journal.desired is not None or journal.phase != IDLE,
        "deploys": [lease.deploy, *lease.adopted] if lease is not None else [],
        "before": journal.before.deploy if journal.before is not None else None,
        "seconds": round(time.monotonic() - began, 3),
    }


def _ended_lease(host: ServiceHost, ended: Sequence[str]) -> Lease | None:
    lease = host.lease_file.read()
    if lease is not None:
        refuse_living(lease, time.time(), ended)
    return lease


def go_back(
    host: ServiceHost, ended: Sequence[str], to: str | None = None, check: bool = False
) -> Outcome:
    """Return to the last good release before the one that serves, or, where a deploy over many
    hosts ended before it was complete, to what that found: a host that it had not reached yet stays
    as it is.

    :param ended: deploys that are known to have ended, whatever their lease says.
    :param to: the release to return to, by its name on all hosts; None: the one before.
    :raises LockedError: a deploy is under way.
    """
    began = time.monotonic()
    with host.untouched(began):
        lease = _ended_lease(host, ended)
    if lease is None:
        return present(host, rollback_goal(host, to), check)
    outcome = undo(host, (lease.deploy, *lease.adopted), check)
    if outcome.changed:
        return outcome
    note = f"a deploy ended before it reached this host: {lease}"
    return replace(outcome, notes=(*outcome.notes, note))


def undo(host: ServiceHost, deploys: Sequence[str], check: bool = False) -> Outcome:
    """Have serve what served before one of ``deploys`` touched this host, from local state alone,
    and end the deploy's claim.

    A host that none of them touched last is left alone: what serves there is somebody else's.

    :raises HundredError: it failed; ``serving`` says what serves. It is not tried in another way,
        and the claim is left for the next deploy or rollback, which need not wait.
    """
    try:
        outcome = _undo(host, deploys, check)
    except HundredError:
        if not check:
            host.lease_file.leave(deploys, time.time(), forget=False)
        raise
    if not check:
        host.lease_file.release(deploys)
    return outcome


def leave(host: ServiceHost, deploys: Sequence[str], claims: str, check: bool = False) -> Outcome:
    """Have a deploy end that stops as it is: nothing returns, and the next deploy or rollback, from
    whichever controller, need not wait for its claim to end by itself.

    :param claims: ``end``: it is to be completed or undone by others; ``release``: it has swapped
        nothing on any host, so that nothing of it is left; ``complete``: it has done all.
    """
    began = time.monotonic()
    with host.untouched(began):
        if claims == "complete" and not check:
            host.lease_file.release(deploys)
        elif not check:
            host.lease_file.leave(deploys, time.time(), forget=claims == "release")
        return _unchanged(host.journal_file.read(), began)


def renew(host: ServiceHost, deploys: Sequence[str], lease: float, check: bool = False) -> Outcome:
    """Have the claim of one of these deploys, if it holds it, last from now on once more.

    :param lease: seconds.
    """
    began = time.monotonic()
    with host.untouched(began):
        for deploy in () if check else deploys:
            host.lease_file.extend(deploy, time.time() + lease)
        return _unchanged(host.journal_file.read(), began)


def _undo(host: ServiceHost, deploys: Sequence[str], check: bool) -> Outcome:
    began = time.monotonic()
    with host.untouched(began):
        journal = host.journal_file.read()
    before = journal.before
    if before is None or before.deploy not in deploys or _stays_stopped(journal):
        return _unchanged(journal, began)
    if before.release is None:
        return remove(host, check, undoes=deploys)
    outcome = present(host, goal_of(host, before.release), check, deploys)
    if before.stopped and not (check and outcome.changed):
        stopped = stop(host, check)
        outcome = replace(
            outcome,
            changed=outcome.changed or stopped.changed,
            actions=(*outcome.actions, *stopped.actions),
            diff=(*outcome.diff, *stopped.diff),
        )
    return outcome


def _unchanged(journal: Journal, began: float) -> Outcome:
    seconds = round(time.monotonic() - began, 3)
    return Outcome(False, (), (), journal, journal.committed, (), seconds)


def _stays_stopped(journal: Journal) -> bool:
    """Whether it was stopped and is: then there is nothing to start, only to stop it again."""
    found = journal.before
    return found is not None and found.stopped and journal.stopped and journal.desired is None
