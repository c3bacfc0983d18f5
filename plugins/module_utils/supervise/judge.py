# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Is a service as it should be, and if not, what is to be done? Pure.

It only decides whether and why the reconcile of ``rollout`` is to run; what that does, step by
step, is planned there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..engine.containers import Container
from ..proxy.protocol import Observed
from ..state.journal import IDLE, Journal, Release

# What is found must be found for as long, in seconds, before something is done about it. A rollout
# that has just released its lock may be followed by another step of the same deploy.
UNFINISHED_FOR = 10.0
OUT_OF_STEP_FOR = 2.0

NOTHING, REPAIR, STOP = "nothing", "repair", "stop"


@dataclass(frozen=True)
class Seen:
    """What was found of a service.

    :param journal: brought up to the commit point that the last run reached.
    :param replicas: how many of the committed release are wanted.
    :param routed: whether the committed release has routes.
    :param containers: all of the service, but no one-off commands.
    :param ill: names of running replicas that failed their probe often enough.
    :param well: names of running replicas that passed their last probe.
    :param proxy: None when no proxy is concerned.
    :param scheduled: whether the timers of its crontab are as they should be.
    """

    journal: Journal
    replicas: int
    routed: bool
    containers: tuple[Container, ...]
    ill: frozenset[str] = frozenset()
    well: frozenset[str] = frozenset()
    proxy: Observed | None = None
    scheduled: bool = True


@dataclass(frozen=True)
class Verdict:
    """What is to be done.

    :param act: ``nothing``, ``repair`` or ``stop``.
    :param reason: why, in words; with ``nothing``, why nothing is done although something could be.
    :param ill: the one replica to replace although it runs.
    :param slots: those of the replicas that are concerned; none: the service as a whole is.
    :param starts: whether replicas have to be started, which has a pace for each of them.
    :param fence: members of the proxy to which no request may go: no container of theirs runs, so
        their address is nobody's, or somebody else's.
    :param after: seconds that the reason must hold before it is acted on.
    """

    act: str = NOTHING
    reason: str = ""
    ill: frozenset[str] = frozenset()
    slots: frozenset[int] = frozenset()
    starts: bool = False
    fence: frozenset[str] = frozenset()
    after: float = 0.0


def judge(seen: Seen) -> Verdict:
    """What is to be done about a service whose lock is free."""
    journal = seen.journal
    if journal.committed is None:
        return Verdict(reason="nothing is committed")
    if journal.paused:
        # The engine starts again what dies, and nobody would give it requests again.
        fence = _unbacked(seen.proxy, seen.containers)
        return Verdict(reason="a rollout is paused (failure_action: pause)", fence=fence)
    if journal.desired is not None or journal.phase != IDLE:
        # Replicas of two releases may serve now.
        fence = _unbacked(seen.proxy, [item for item in seen.containers if item.running])
        return Verdict(REPAIR, "a rollout did not end", fence=fence, after=UNFINISHED_FOR)
    if journal.stopped:
        running = [item.name for item in seen.containers if item.running]
        if running:
            reason = f"{', '.join(running)} runs although the service was stopped"
            return Verdict(STOP, reason, after=UNFINISHED_FOR)
        if seen.proxy is not None and seen.proxy.committed and seen.proxy.committed.members:
            # Its proxy did not answer when it was stopped.
            reason = "the proxy knows its replicas although it was stopped"
            return Verdict(STOP, reason, after=UNFINISHED_FOR)
        return Verdict(reason="stopped")
    return _judge_committed(seen, journal.committed)


def _judge_committed(seen: Seen, committed: Release) -> Verdict:
    members, others = _sort(seen, committed)
    running = [item for item in members if item.running]
    fence = _unbacked(seen.proxy, running)
    down = [item for item in members if not item.running]
    missing = set(range(1, seen.replicas + 1)) - {item.slot for item in members}
    dead = [f"{item.name} is {item.state}" for item in down]
    if missing:
        dead.append("%d of %d replicas are missing" % (len(missing), seen.replicas))
    ill = _one(running, seen.ill)
    idle = [item for item in _without_requests(seen, running) if item.name in seen.well]
    if idle:
        # A repair was ended by the failure of another. What works must not wait for what does not.
        slots = frozenset(item.slot for item in idle)
        reason = f"{', '.join(item.name for item in idle)} gets no requests"
        after = 0.0 if dead or ill else OUT_OF_STEP_FOR
        return Verdict(REPAIR, reason, slots=slots, fence=fence, after=after)
    if dead:
        # One that is ill waits for its turn: the fewer run, the more is each of them needed.
        slots = frozenset(missing | {item.slot for item in down})
        return Verdict(REPAIR, ", ".join(dead), slots=slots, starts=True, fence=fence)
    if ill:
        slots = frozenset(item.slot for item in running if item.name in ill)
        reason = f"{', '.join(ill)} fails its probe"
        return Verdict(REPAIR, reason, ill=ill, slots=slots, starts=True, fence=fence)
    if others:
        names = ", ".join(item.name for item in others)
        return Verdict(REPAIR, f"{names} is left over", fence=fence, after=UNFINISHED_FOR)
    if not seen.scheduled:
        return Verdict(REPAIR, "the timers of its crontab are not there", fence=fence)
    waiting = _without_requests(seen, running)
    if waiting:
        names = ", ".join(item.name for item in waiting)
        return Verdict(reason=f"{names} is not well yet", fence=fence)
    return _judge_routing(seen, members, fence)


def _judge_routing(seen: Seen, members: Sequence[Container], fence: frozenset[str]) -> Verdict:
    """Whether the proxy routes to exactly the members."""
    if not seen.routed or seen.proxy is None:
        return Verdict(fence=fence)
    committed = seen.proxy.committed
    names = {item.name for item in committed.members} if committed is not None else set()
    if names != {item.name for item in members} or not seen.proxy.in_step:
        reason = "the proxy does not route to the committed release"
        return Verdict(REPAIR, reason, fence=fence, after=OUT_OF_STEP_FOR)
    return Verdict(fence=fence)


def _sort(seen: Seen, committed: Release) -> tuple[list[Container], list[Container]]:
    """The replicas of the committed release, and what is none of them."""
    members: list[Container] = []
    others: list[Container] = []
    for item in seen.containers:
        wanted = item.is_of(committed.generation, committed.release)
        (members if wanted and item.slot <= seen.replicas else others).append(item)
    return members, others


def _unbacked(proxy: Observed | None, backing: Sequence[Container]) -> frozenset[str]:
    """The members that take requests and are none of these containers."""
    if proxy is None:
        return frozenset()
    backed = {item.name for item in backing}
    return frozenset(
        name for name, state in proxy.serving.items() if state == "ready" and name not in backed
    )


def _without_requests(seen: Seen, running: Sequence[Container]) -> list[Container]:
    """The replicas that the proxy sends no request to."""
    if not seen.routed or seen.proxy is None:
        return []
    serving = seen.proxy.serving
    return [item for item in running if serving.get(item.name) != "ready"]


def _one(running: Sequence[Container], ill: frozenset[str]) -> frozenset[str]:
    """One ill replica, that of the lowest slot: its peers go on, be they well or not."""
    names = [item.name for item in running if item.name in ill]
    return frozenset(names[:1])
