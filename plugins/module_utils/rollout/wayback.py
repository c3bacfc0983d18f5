# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The ways back from a rollout that fails: before its commit point, and in its window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..engine.containers import Container
from ..errors import HundredError, RolloutError
from ..state.journal import IDLE, SWITCHED
from .attempt import Attempt


def before_commit(attempt: Attempt, error: HundredError) -> RolloutError:
    """Before the commit point: what is new is removed, what served goes on. :returns: the error."""
    error = attempt.explained(error)  # while its container is there
    if attempt.resumes_a_switch:
        return _return_to_former(attempt, error)
    step = error.step or "prepare"
    try:
        if attempt.parked:
            staying = [item for item in attempt.plan.retire if attempt.runs(item)]
            attempt.routing.commit(_unchanged(attempt), staying, back=True)
        attempt.withdraw(_to_be_undone(attempt))
        if attempt.parked:
            _bring_back(attempt, attempt.parked, _unchanged(attempt))
        attempt.record(replace(attempt.journal, desired=None, phase=IDLE))
    except HundredError as second:
        return _failed(error, step, f"not certain: undoing failed too: {second.message}")
    committed = attempt.journal.committed
    if committed is None or attempt.journal.stopped:
        return _failed(error, step, "nothing")
    return _failed(error, step, f"{committed}, as before")


def after_window(attempt: Attempt, error: RolloutError) -> None:
    """In the window: do as ``failure_action`` says.

    :raises RolloutError: unless the rollout is to go on.
    """
    action = attempt.definition.update.failure_action
    if not attempt.purpose.returns:
        action = "continue" if action == "continue" else "pause"  # never rolled back itself
    if action == "continue":
        attempt.notes.append(f"went on although {error.message}")
        return
    if action == "pause":
        beside = " and, drained but running, the release before it" if attempt.former else ""
        serving = f"{attempt.release}{beside} (failure_action: pause)"
        attempt.record(
            replace(attempt.journal, desired=attempt.release, phase=SWITCHED, paused=True)
        )
        raise _failed(error, "monitor", serving) from error
    raise _return_to_former(attempt, error) from error


def unfinished(attempt: Attempt, error: HundredError) -> RolloutError:
    """After the switch: the new release serves, but what it replaces is not gone."""
    serving = f"{attempt.release}; what it replaces may still be there, and the next run removes it"
    return _failed(error, error.step or "clean up", serving)


def _to_be_undone(attempt: Attempt) -> list[Container]:
    """This run's containers, and an interrupted run's of the same release.

    A committed release's own replicas are not removed, whatever this run did to them.
    """
    if attempt.keeps_the_release:
        return [item for item in attempt.made if item not in attempt.plan.revive]
    return attempt.new()


def _unchanged(attempt: Attempt) -> list[Container]:
    """The replicas of the committed release that go on, when it is the wanted one as well."""
    if not attempt.keeps_the_release:
        return []
    return [*attempt.plan.keep, *(item for item in attempt.plan.settle if attempt.runs(item))]


def _return_to_former(attempt: Attempt, error: HundredError) -> RolloutError:
    """The old replicas, still there, take the requests back; the new ones are removed."""
    step = error.step or "monitor"
    former = attempt.former
    old = [
        item
        for item in attempt.plan.retire
        if former is not None and item.generation == former.release.generation
    ]
    if former is None or not old:
        attempt.record(replace(attempt.journal, desired=attempt.release, phase=SWITCHED))
        serving = f"{attempt.release}, as far as it works: no former replica is left"
        return _failed(error, step, serving)
    new = attempt.members()
    attempt.admitted = True
    try:
        if attempt.definition.update.order == "stop-first":
            # Never two at once: the new ones go before the old ones come back.
            running = [item for item in old if attempt.runs(item)]
            attempt.routing.commit((), running, back=True)
            attempt.withdraw(new)
            _bring_back(attempt, old)
        else:
            _bring_back(attempt, old)
            attempt.withdraw(new)
        former.replicas.arm(old)
        attempt.record(attempt.journal.returned_to(former.release))
    except HundredError as second:
        return _failed(error, step, f"not certain: the return failed too: {second.message}")
    return _failed(error, step, f"{former.release} again")


def _bring_back(
    attempt: Attempt, old: Sequence[Container], beside: Sequence[Container] = ()
) -> None:
    """Route to the old replicas again, starting those that were stopped.

    :param beside: replicas of the wanted release that go on.
    """
    for container in old:
        if not attempt.runs(container):
            attempt.engine.start(container.id)
    attempt.leaving.settle(old)
    serving = [item for item in attempt.plan.retire if attempt.runs(item)]
    attempt.routing.admit(serving, former=True)
    attempt.routing.verify(serving, former=True)
    attempt.routing.commit(beside, serving, back=True)


def _failed(error: HundredError, step: str, serving: str) -> RolloutError:
    return RolloutError(
        error.message,
        step=step,
        replica=error.replica,
        serving=serving,
        next_step=error.next_step or "mend the cause and deploy again",
        details=error.details,
    )
