# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The order of a swap, in one place.

Start-first (the default): the new replicas are started and settled beside the old ones; then the
proxy takes them in, proves that it serves them, and its file is renamed: the commit point. Only
then are the old ones drained, and only when nothing is in flight and the ``monitor`` window has
passed are they stopped. Whatever fails before the commit point leaves the old ones as they were;
whatever fails in the window finds them still running.

Stop-first: batch by batch an old replica is drained and stopped, kept, and a new one started in its
place. Slots that are vacant already, after a killed run or because the service grows, are filled
before any further old replica is stopped, and none is while a new one fails.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from ..clock import Deadline
from ..engine.containers import Container
from ..errors import HundredError, RolloutError
from ..state.journal import STARTING, SWITCHED, Journal
from .attempt import Attempt, by_slot
from .boundaries import boundary
from .watched import Watched
from .wayback import after_window, before_commit, unfinished


def run(attempt: Attempt, prepare: Callable[[], None]) -> Journal:
    """Perform the plan.

    :param prepare: makes network, image and secrets ready; called before any container is touched.
    :returns: the journal as it was written last.
    :raises HundredError: the rollout failed; ``serving`` says what serves now.
    """
    if attempt.journal.desired is not None and attempt.definition.update.order == "stop-first":
        attempt.parked.extend(_parked_before(attempt))
    phase = SWITCHED if attempt.resumes_a_switch else STARTING
    # A run that is killed after the commit point has no other moment to go by.
    _date(attempt)
    attempt.record(replace(attempt.journal, desired=attempt.release, phase=phase))
    boundary("recorded")
    try:
        prepare()
        boundary("prepared")
        _clear_the_way(attempt)
        boundary("discarded")
        if attempt.definition.update.order == "stop-first" and attempt.plan.retire:
            _replace_in_batches(attempt)
        else:
            _start_beside(attempt)
            _switch(attempt)
    except HundredError as error:
        raise before_commit(attempt, error) from error
    waited = False
    try:
        _date(attempt)
        attempt.record(replace(attempt.journal, desired=attempt.release, phase=SWITCHED))
        boundary("switched")
        _drain_and_monitor(attempt)
        waited = True
    except RolloutError as error:
        after_window(attempt, error)
    except HundredError as error:
        raise unfinished(attempt, error) from error
    try:
        if not waited:
            _drain(attempt)  # failure_action: continue; the failure ended the wait
        _let_go(attempt)
        return _finish(attempt)
    except HundredError as error:
        raise unfinished(attempt, error) from error


def _clear_the_way(attempt: Attempt) -> None:
    plan = attempt.plan
    if not attempt.definition.routes:
        attempt.replicas.stop(plan.discard)  # workers may have a job in hand
    attempt.replicas.remove(plan.discard)
    attempt.routing.forget(plan.discard, former=False)
    # What has died has to prove itself as well before it gets requests again (I2).
    down = [*plan.replace, *plan.revive]
    if down:
        attempt.take_out(down, attempt.replicas.may_go_on)
    if plan.replace:
        attempt.replicas.stop(plan.replace)
        attempt.replicas.remove(plan.replace)
        attempt.routing.forget(plan.replace, former=False)


def _start_beside(attempt: Attempt) -> None:
    attempt.settle(attempt.plan.settle)
    fresh: list[Container | int] = [*attempt.plan.revive, *attempt.plan.create]
    update = attempt.definition.update
    # Without a delay between batches there is no reason to wait for the slowest of each.
    size = update.parallelism if update.delay else len(fresh)
    for first in range(0, len(fresh), size or 1):
        if first:
            attempt.replicas.pause(update.delay)
        _start_and_settle(attempt, fresh[first : first + size])


def _start_and_settle(attempt: Attempt, batch: Sequence[Container | int]) -> None:
    """Fill slots: exited containers are started again, the others created."""
    revived = [item for item in batch if isinstance(item, Container)]
    slots = [item for item in batch if isinstance(item, int)]
    created = attempt.replicas.create(slots) if slots else []
    attempt.made.extend([*created, *revived])
    boundary("created")
    attempt.replicas.bring_up(
        [*created, *revived], lambda: boundary("started"), attempt.settled.append
    )
    boundary("settled")


def _switch(attempt: Attempt) -> None:
    members = attempt.members()
    # A last look: those that settled first may have had long to wait for the others.
    attempt.replicas.settled.raise_if_exited("settle")
    attempt.admitted = True
    attempt.routing.admit(members)
    boundary("admitted")
    # What served before has proved itself; if it is ill by now, it must not stop what helps.
    attempt.routing.verify(attempt.new(), look=attempt.look)
    boundary("verified")
    attempt.replicas.arm(attempt.new())
    boundary("armed")
    attempt.routing.commit(members, look=attempt.look)
    boundary("committed")


def _drain_and_monitor(attempt: Attempt) -> None:
    definition, leaving = attempt.definition, attempt.plan.retire
    attempt.routing.drop_strangers([*attempt.members(), *leaving], definition.drain_timeout)
    attempt.routing.drain(leaving, former=True)
    boundary("draining")
    window = Deadline(attempt.window)
    watched = Watched(
        attempt.engine,
        definition,
        attempt.new() if window.seconds else (),
        definition.health.interval,
        attempt.replicas.settled.started_at(),
    )

    try:
        left = attempt.routing.wait_until_drained(
            leaving, True, definition.drain_timeout, lambda: watched.quiet(window, "monitor")
        )
    finally:
        watched.close()
    _note_left(attempt, left)
    boundary("drained")


def _drain(attempt: Attempt) -> None:
    """Let what is in flight to the old replicas end, without a watch on the new ones."""
    leaving, timeout = attempt.plan.retire, attempt.definition.drain_timeout
    attempt.routing.drain(leaving, former=True)
    _note_left(attempt, attempt.routing.wait_until_drained(leaving, True, timeout))


def _note_left(attempt: Attempt, left: int) -> None:
    if left:
        attempt.notes.append(
            "%d still in flight to the old replicas after drain_timeout (%gs)"
            % (left, attempt.definition.drain_timeout)
        )


def _let_go(attempt: Attempt) -> None:
    leaving = attempt.plan.retire
    attempt.routing.retire(leaving, former=True)
    boundary("retired")
    attempt.leaving.stop(leaving)
    boundary("stopped")
    attempt.leaving.remove(leaving)
    boundary("removed")
    attempt.routing.forget(leaving, former=True)
    boundary("forgotten")


def _finish(attempt: Attempt) -> Journal:
    release = attempt.release
    retain, forget = attempt.definition.retain, attempt.purpose.forgets
    attempt.record(attempt.journal.commit(release, release.committed_at, retain, forget))
    boundary("journalled")
    return attempt.journal


def _date(attempt: Attempt) -> None:
    """Have the wanted release committed now, or since when it is, if only replicas are mended."""
    committed, release = attempt.journal.committed, attempt.release
    at = committed.committed_at if committed is not None else 0.0
    mended = committed == replace(release, committed_at=at)
    attempt.release = replace(release, committed_at=at if mended and at else time.time())


# -- stop-first --------------------------------------------------------------------------------


def _replace_in_batches(attempt: Attempt) -> None:
    plan, update = attempt.plan, attempt.definition.update
    attempt.settle(plan.settle)
    # Whatever is not surely down: one that crashes and is started again and again is not.
    down = ("exited", "created", "dead")
    old = sorted((item for item in plan.retire if item.state not in down), key=by_slot)
    fresh: list[Container | int] = [*plan.revive, *plan.create]
    vacant = max(0, len(fresh) - len(old))
    for first in range(0, vacant, update.parallelism):
        if first:
            attempt.replicas.pause(update.delay)
        _fill(attempt, fresh[first : min(first + update.parallelism, vacant)], old)
    for first in range(0, len(old), update.parallelism):
        if first or vacant:
            attempt.replicas.pause(update.delay)
        end = first + update.parallelism
        attempt.replicas.prove_again()  # what fails must not cost another old replica
        _park(attempt, old[first:end], old[end:])
        _fill(attempt, fresh[vacant + first : vacant + end], old[end:])
    attempt.replicas.settled.raise_if_exited("settle")
    attempt.replicas.arm(attempt.new())
    boundary("armed")
    attempt.routing.commit(attempt.members())
    boundary("committed")


def _parked_before(attempt: Attempt) -> list[Container]:
    """Old replicas that a killed run had stopped for their successors: a way back starts them."""
    generation = attempt.former.release.generation if attempt.former is not None else None
    return [
        item
        for item in attempt.plan.retire
        if item.generation == generation and item.state == "exited"
    ]


def _fill(attempt: Attempt, batch: Sequence[Container | int], staying: Sequence[Container]) -> None:
    """Start a batch of new replicas and let them serve beside the old ones that stay."""
    _start_and_settle(attempt, batch)
    attempt.admitted = True
    attempt.routing.admit(attempt.members())
    attempt.routing.verify(attempt.members(), look=attempt.look)
    attempt.replicas.arm(attempt.new())
    attempt.routing.commit(attempt.members(), staying, look=attempt.look)


def _park(attempt: Attempt, leaving: Sequence[Container], staying: Sequence[Container]) -> None:
    """Drain and stop old replicas, but keep them as the way back."""
    # Remembered before anything is done to them: what fails half-way must be made good as well.
    attempt.parked.extend(leaving)
    attempt.routing.commit(attempt.members(), staying)
    attempt.routing.drain(leaving, former=True)
    attempt.routing.wait_until_drained(
        leaving, True, attempt.definition.drain_timeout, lambda: attempt.look("drain")
    )
    attempt.routing.retire(leaving, former=True)
    boundary("withdrawn")
    attempt.leaving.stop(leaving)
    boundary("parked")
