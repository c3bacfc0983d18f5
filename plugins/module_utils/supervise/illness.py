# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which replicas are ill: running, but failing their probe ``health.failures`` times in a row."""

from __future__ import annotations

import calendar
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from ..definition.model import Health
from ..engine.containers import Container, ContainerState
from ..probe import Outcome


@dataclass
class _Record:
    """What is known of one replica since it was started.

    :ivar started_at: the engine's time stamp of that start; empty until it was asked for.
    :ivar since: when that start was, as far as it is known, on the monotonic clock.
    """

    started_at: str
    since: float
    passed: bool = False
    failures: int = 0
    seen: str = ""


class Illness:
    """Counts the probes of the replicas of one service.

    A replica that has not passed since it was started has until ``healthy_deadline`` to do so, as
    in a rollout: what is slow to start is not ill.

    :param inspect: asks the engine for the state of a container.
    """

    def __init__(self, inspect: Callable[[str], ContainerState | None]) -> None:
        self._inspect = inspect
        self._records: dict[str, _Record] = {}
        self._looks = (float("-inf"), float("-inf"))

    def keep_only(self, containers: Iterable[Container]) -> None:
        """A look at the replicas begins: forget those that do not run any more."""
        self._looks = (self._looks[1], time.monotonic())
        running = {item.id for item in containers if item.running}
        self._records = {key: record for key, record in self._records.items() if key in running}

    def tell(self, container: Container, outcome: Outcome, health: Health) -> None:
        """Take in what a probe saw."""
        record = self._records.get(container.id)
        if record is None or not outcome.passed:
            record = self._after_start(container, record)
        record.seen = outcome.seen
        if outcome.passed:
            record.passed, record.failures = True, 0
        elif record.passed or not self._is_young(record, health):
            record.failures += 1

    def ill(self, containers: Sequence[Container], health: Health) -> dict[str, str]:
        """The names of the replicas that are ill, and what their last probe saw."""
        found = {}
        for item in containers:
            record = self._records.get(item.id)
            if record is not None and record.failures >= health.failures:
                found[item.name] = record.seen
        return found

    def suspected(self) -> bool:
        """Whether a probe has failed that no later one made good: it is to be looked again soon."""
        return any(record.failures for record in self._records.values())

    def well(self, containers: Sequence[Container]) -> frozenset[str]:
        """The names of those that passed their last probe."""
        found = set()
        for item in containers:
            record = self._records.get(item.id)
            if record is not None and record.passed and not record.failures:
                found.add(item.name)
        return frozenset(found)

    def _after_start(self, container: Container, record: _Record | None) -> _Record:
        state = self._inspect(container.id)
        started_at = state.started_at if state is not None else ""
        if record is None or record.started_at != started_at:
            record = _Record(started_at, self._start(started_at))
            self._records[container.id] = record
        return record

    def _start(self, started_at: str) -> float:
        """When a start was of which nothing was known, on the monotonic clock.

        The engine's time stamp is compared with the clock once, now: that may jump later. What it
        says is believed only as far back as the look before this one, which did not see that start;
        and after a jump it may lie in the future.
        """
        now = time.monotonic()
        age = max(0.0, time.time() - _epoch(started_at))
        return max(now - age, self._looks[0])

    @staticmethod
    def _is_young(record: _Record, health: Health) -> bool:
        return time.monotonic() - record.since < health.healthy_deadline


def _epoch(stamp: str) -> float:
    """Seconds since the epoch of ``2026-11-23T15:40:48.123456789Z``; infinity if it is none."""
    try:
        return float(calendar.timegm(time.strptime(stamp[:19], "%Y-%m-%dT%H:%M:%S")))
    except ValueError:
        return float("inf")
