# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Replicas under watch: how a failure of one is found and told."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ..clock import Deadline
from ..definition.model import Definition
from ..engine.containers import Container, Engine
from ..errors import HundredError, RolloutError
from ..probe import Verdict, Watch, judge_exit, undecided

# What of a failed replica's log goes into the result.
LOG_LINES = 20

# How often the engine is asked whether a replica still runs, while something is waited for. What
# it costs the engine to answer is taken from the requests that are served meanwhile; an exit is to
# be told within a second.
LOOK_SECONDS = 0.25


class Watched:
    """Replicas under watch: probed in threads, and asked of the engine whether they still run.

    :param interval: seconds between two probes of one.
    :param started_at: the starts that are known, by container; the others are found out here.
    """

    def __init__(
        self,
        engine: Engine,
        definition: Definition,
        containers: Iterable[Container],
        interval: float,
        started_at: Mapping[str, str] | None = None,
    ) -> None:
        self._engine = engine
        self._health = definition.health
        self.started_at = dict(started_at or {})
        self.watches = [Watch(engine, definition, item, interval) for item in containers]
        self._undecided = self.watches
        self._looked = float("-inf")

    def look(self, step: str) -> None:
        """``raise_if_exited``, for those who wait: called as often as they like, it asks the engine
        at once and then four times a second.
        """
        if time.monotonic() - self._looked >= LOOK_SECONDS:
            self.raise_if_exited(step)

    def raise_if_exited(self, step: str) -> None:
        """Raise ``RolloutError`` for the first replica that does not run as it was started."""
        self._looked = time.monotonic()
        for watch in self.watches:
            state = self._engine.state(watch.container.id)
            if state is not None:
                watch.tell_healthcheck(state.healthcheck)
                self.started_at.setdefault(watch.container.id, state.started_at)
            reason = judge_exit(state, self.started_at.get(watch.container.id, ""))
            if reason is not None:
                verdict = Verdict(watch.container, reason, tuple(watch.log))
                raise failure(self._engine, verdict, step)

    def raise_if_unhealthy(self, step: str) -> None:
        """Raise ``RolloutError`` for the first replica that failed ``failures`` probes in a row."""
        for watch in self.watches:
            if watch.failures >= self._health.failures:
                raise self._unhealthy(watch, step)

    def quiet(self, window: Deadline, step: str) -> bool:
        """Whether ``window`` has passed and left no replica in doubt.

        One that fails at its end, or has not answered yet, is waited for: until a probe passes, or
        ``failures`` in a row have failed, or the time is over that so many may take.

        :raises RolloutError: a replica has exited or is unhealthy.
        """
        passed = window.passed()
        # What has exited since the last look must not be committed when the window ends.
        if passed:
            self.raise_if_exited(step)
        else:
            self.look(step)
        self.raise_if_unhealthy(step)
        if not passed:
            return False
        # The moment first: when a probe has ended, its result is in the counts.
        seen = [(watch, watch.probing_since) for watch in self._undecided]
        self._undecided = [
            watch for watch, since in seen if undecided(watch.failures, since, window.moment)
        ]
        if not self._undecided:
            return True
        health = self._health
        patience = health.failures * max(health.interval, health.timeout)
        if window.elapsed() > window.seconds + patience:
            raise self._unhealthy(self._undecided[0], step)
        return False

    def _unhealthy(self, watch: Watch, step: str) -> RolloutError:
        seen = watch.last.seen if watch.last is not None and watch.failures else "no probe ends"
        reason = "unhealthy, %d probes failed in a row: %s" % (watch.failures, seen)
        verdict = Verdict(watch.container, reason, tuple(watch.log))
        return failure(self._engine, verdict, step)

    def close(self) -> None:
        """End all watches."""
        for watch in self.watches:
            watch.close()


@dataclass(frozen=True)
class _Proof:
    """What is known of a replica that has settled."""

    container: Container
    started_at: str
    probes: tuple[str, ...]


class Settled:
    """Replicas that have settled and are to go on running as they were started."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._proofs: dict[str, _Proof] = {}
        self._looking = threading.Lock()
        self._looked = time.monotonic()

    def add(self, watched: Watched) -> None:
        """Take over replicas that have settled under that watch."""
        for watch in watched.watches:
            container = watch.container
            started_at = watched.started_at.get(container.id, "")
            self._proofs[container.id] = _Proof(container, started_at, tuple(watch.log))

    def forget(self, containers: Iterable[Container]) -> None:
        """Expect nothing of these any more: they are to stop."""
        for container in containers:
            self._proofs.pop(container.id, None)

    def containers(self) -> list[Container]:
        """The replicas."""
        return [proof.container for proof in list(self._proofs.values())]

    def started_at(self) -> dict[str, str]:
        """When each was started, in the engine's words, by container."""
        return {key: proof.started_at for key, proof in list(self._proofs.items())}

    def raise_if_exited(self, step: str) -> None:
        """Raise ``RolloutError`` for the first that does not run as it was started."""
        for proof in list(self._proofs.values()):
            reason = judge_exit(self._engine.state(proof.container.id), proof.started_at)
            if reason is not None and proof.container.id in self._proofs:
                raise failure(self._engine, Verdict(proof.container, reason, proof.probes), step)

    def explain(self, container: Container, error: HundredError) -> HundredError:
        """An error that somebody else has found with a replica, with the replica's own account.

        A proxy only sees that nobody answers; the engine knows that the process has exited.
        """
        proof = self._proofs.get(container.id) or _Proof(container, "", ())
        try:
            reason = judge_exit(self._engine.state(container.id), proof.started_at)
            told = failure(self._engine, Verdict(container, reason or "", proof.probes), "")
        except HundredError:
            return error
        health = [*proof.probes, error.message] if reason else list(proof.probes)
        return RolloutError(
            told.message if reason else error.message,
            step=error.step,
            replica=container.name,
            serving=error.serving,
            next_step=None if reason else error.next_step,
            details={**error.details, **told.details, "health": health},
        )

    def look(self, step: str) -> None:
        """``raise_if_exited``, for those who wait for something else: called as often as they like,
        by several threads, it asks the engine four times a second.
        """
        if not self._looking.acquire(blocking=False):
            return  # another thread looks
        try:
            if time.monotonic() - self._looked >= LOOK_SECONDS:
                self.raise_if_exited(step)
                self._looked = time.monotonic()
        finally:
            self._looking.release()


def failure(engine: Engine, verdict: Verdict, step: str) -> RolloutError:
    """The error of a failed replica, with its last log lines and health results."""
    container = verdict.container
    return RolloutError(
        f"{container.name} (revision {container.revision[:12]}): {verdict.reason}",
        step=step,
        replica=container.name,
        details={
            "logs": engine.logs(container.id, LOG_LINES),
            "health": list(verdict.probes),
        },
    )
