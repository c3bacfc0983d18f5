# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Replicas under watch: how a failure of one is found and told."""

from __future__ import annotations

from collections.abc import Iterable

from ..clock import Deadline
from ..definition.model import Definition
from ..engine.containers import Container, Engine
from ..errors import RolloutError
from ..probe import Verdict, Watch, judge_exit, undecided

# What of a failed replica's log goes into the result.
LOG_LINES = 20


class Watched:
    """Replicas under watch: probed in threads, and asked of the engine whether they still run."""

    def __init__(
        self,
        engine: Engine,
        definition: Definition,
        containers: Iterable[Container],
        interval: float,
    ) -> None:
        self._engine = engine
        self._health = definition.health
        self._started_at: dict[str, str] = {}
        self.watches = [Watch(engine, definition, item, interval) for item in containers]
        self._undecided = self.watches

    def raise_if_exited(self, step: str) -> None:
        """Raise ``RolloutError`` for the first replica that does not run as it was started."""
        for watch in self.watches:
            state = self._engine.state(watch.container.id)
            if state is not None:
                watch.tell_healthcheck(state.healthcheck)
                self._started_at.setdefault(watch.container.id, state.started_at)
            reason = judge_exit(state, self._started_at.get(watch.container.id, ""))
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
        self.raise_if_exited(step)
        self.raise_if_unhealthy(step)
        if not window.passed():
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
