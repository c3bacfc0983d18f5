# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting on a monotonic clock, since a clock jump must not end or prolong a deadline; and how a
moment of the other clock is written, in UTC everywhere."""

from __future__ import annotations

import time
from typing import Callable


def utc_text(seconds: float) -> str:
    """A moment, seconds since the epoch, in a sentence: ``2026-11-23 15:40:48 UTC``."""
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(seconds))


def utc_iso(seconds: float) -> str:
    """A moment, seconds since the epoch, in a table or for a machine: ``2026-11-23T15:40:48Z``."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


class Deadline:
    """A point in time ``seconds`` from now, measured on the monotonic clock."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._start = time.monotonic()

    @property
    def moment(self) -> float:
        """The point itself, as ``time.monotonic`` tells it."""
        return self._start + self.seconds

    def elapsed(self) -> float:
        """Seconds since the deadline was set."""
        return time.monotonic() - self._start

    def remaining(self) -> float:
        """Seconds left, never negative."""
        return max(0.0, self.seconds - self.elapsed())

    def passed(self) -> bool:
        """Whether no time is left."""
        return self.elapsed() >= self.seconds


def wait_until(predicate: Callable[[], bool], seconds: float, every: float = 0.05) -> bool:
    """Call ``predicate`` every ``every`` seconds until it is true or ``seconds`` have passed.

    The predicate is asked at least once, and once more at the end.

    :returns: whether the predicate became true in time.
    """
    deadline = Deadline(seconds)
    while True:
        if predicate():
            return True
        if deadline.passed():
            return False
        time.sleep(min(every, max(0.001, deadline.remaining())))
