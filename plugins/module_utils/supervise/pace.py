# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""When the replicas of a service may be repaired again: at once, but never twice within 5 s, and
each ever more slowly while it does not help. Pure.

Replicas that were well until now are repaired together: after a boot a service is whole at once.
Those whose repair did not last take turns, one at a time, so that a service in a crash loop is not
started as a whole again and again, and one replica that never comes up keeps no other one waiting.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

# At most one repair of a service in this time.
SHORTEST = 5.0

# While repairs do not last, each wait is twice the one before, up to this one: a crash loop costs
# little, and what made it crash is noticed within a minute of its end.
LONGEST = 60.0

# A replica that needed no repair for this long, beyond its wait, is taken for well.
WELL_AFTER = 60.0

# From so many repairs on, none of which lasted, it is called a crash loop.
CRASH_LOOP = 3

# In place of a slot: what concerns the service as a whole, its routes and timers.
WHOLE = 0


@dataclass(frozen=True)
class Turn:
    """The repairs of one replica.

    :param row: how many there were without the replica being well in between.
    :param last: when the last one began, on the monotonic clock.
    """

    row: int
    last: float

    @property
    def wait(self) -> float:
        """Seconds from the last repair to the next at the earliest."""
        return min(LONGEST, SHORTEST * 2.0 ** min(max(0, self.row - 1), 10))

    @property
    def due(self) -> float:
        """The time of the next repair at the earliest, on the monotonic clock."""
        return self.last + self.wait

    def is_well(self, now: float) -> bool:
        """Whether the last repair has lasted."""
        return now - self.due > WELL_AFTER


@dataclass(frozen=True)
class Pace:
    """The repairs of one service so far.

    :param total: how many there were since the host first knew the service, whatever came of them.
    :param last: when the last one began, on the monotonic clock; None: there was none.
    :param turns: by slot, for the replicas that were repaired lately.
    """

    total: int = 0
    last: float | None = None
    turns: Mapping[int, Turn] = field(default_factory=dict)

    @property
    def row(self) -> int:
        """How many repairs of the worst replica did not last; 0 when the service is well."""
        return max((turn.row for turn in self.turns.values()), default=0)

    @property
    def crash_loop(self) -> bool:
        """Whether repairs do not help."""
        return self.row >= CRASH_LOOP

    def choose(self, slots: Collection[int]) -> frozenset[int]:
        """Which of these slots are repaired next, together."""
        fresh = frozenset(slots) - frozenset(self.turns)
        return fresh or frozenset(sorted(slots, key=lambda slot: (self.turns[slot].due, slot))[:1])

    def not_before(self, chosen: Collection[int]) -> float:
        """The time of the repair of these slots at the earliest, on the monotonic clock."""
        earliest = float("-inf") if self.last is None else self.last + SHORTEST
        return max([earliest, *(self.turns[slot].due for slot in chosen if slot in self.turns)])

    def repaired(self, now: float, slots: Collection[int]) -> Pace:
        """The pace after a repair of these slots that began at ``now``."""
        rested = self.rested(now).turns
        taken = {slot: Turn(rested[slot].row + 1 if slot in rested else 1, now) for slot in slots}
        return Pace(self.total + 1, now, {**rested, **taken})

    def gave_way(self, before: Pace) -> Pace:
        """The pace after a repair that gave way to somebody who waits for the lock: it has begun
        all the same, but says nothing of whether it would have lasted.
        """
        return replace(self, turns=before.turns)

    def rested(self, now: float) -> Pace:
        """The same, without the replicas that are well again."""
        turns = {slot: turn for slot, turn in self.turns.items() if not turn.is_well(now)}
        return replace(self, turns=turns) if len(turns) < len(self.turns) else self
