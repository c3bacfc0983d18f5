# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""When a service may be repaired again: at once, but never twice within 5 s, and ever more slowly
while it does not help. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

# At most one repair of a service in this time; it may start several replicas.
SHORTEST = 5.0

# While repairs do not last, each wait is twice the one before, up to this one: a crash loop costs
# little, and what made it crash is noticed within a minute of its end.
LONGEST = 60.0

# A service that needed no repair for this long, beyond its wait, is taken for well.
WELL_AFTER = 60.0

# From so many repairs on, none of which lasted, it is called a crash loop.
CRASH_LOOP = 3


@dataclass(frozen=True)
class Pace:
    """The repairs of one service so far.

    :param total: how many there were since the host first knew the service.
    :param row: how many there were without the service being well in between.
    :param last: when the last one began, on the monotonic clock; None: there was none.
    """

    total: int = 0
    row: int = 0
    last: float | None = None

    @property
    def wait(self) -> float:
        """Seconds from the last repair to the next at the earliest."""
        return min(LONGEST, SHORTEST * 2.0 ** min(max(0, self.row - 1), 10))

    def not_before(self) -> float:
        """The time of the next repair at the earliest, on the monotonic clock."""
        return float("-inf") if self.last is None else self.last + self.wait

    def repaired(self, now: float) -> Pace:
        """The pace after a repair that began at ``now``."""
        return Pace(self.total + 1, 1 if self.is_well(now) else self.row + 1, now)

    def is_well(self, now: float) -> bool:
        """Whether the last repair has lasted."""
        return self.last is None or now - self.last > self.wait + WELL_AFTER

    def rested(self, now: float) -> Pace:
        """The same, with a row that has ended forgotten."""
        return replace(self, row=0) if self.row and self.is_well(now) else self

    @property
    def crash_loop(self) -> bool:
        """Whether repairs do not help."""
        return self.row >= CRASH_LOOP
