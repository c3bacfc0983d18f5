# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The pace of a service's repairs over the lives of the supervisor: a restart of it is no reason to
hurry. Pure.

A pace is on the monotonic clock, which begins anew with each boot; a file has seconds since the
epoch.
"""

from __future__ import annotations

from ..state.repairs import Repairs
from .pace import Pace, Turn


def to_repairs(
    pace: Pace, passed: float, generation: int, reason: str, failure: str = ""
) -> Repairs:
    """The repairs so far, for the file.

    :param passed: the time since the epoch less that of the monotonic clock.
    :param generation: of the release that they were for.
    :param reason: of the last one.
    :param failure: why that did not help; empty when it did.
    """
    due = [turn.due for turn in pace.turns.values()]
    return Repairs(
        generation=generation,
        total=pace.total,
        row=pace.row,
        last_at=passed + (pace.last or 0.0),
        next_at=passed + max(due, default=0.0),
        reason=reason,
        failure=failure,
        turns=[(slot, turn.row, passed + turn.last) for slot, turn in pace.turns.items()],
    )


def to_pace(known: Repairs, now: float, passed: float) -> Pace:
    """The pace as an earlier life of the supervisor left it.

    :param now: on the monotonic clock.
    :param passed: the time since the epoch less that of the monotonic clock.
    """
    last = known.last_at - passed
    if not known.total or last > now:
        return Pace(known.total)  # the clock was set back
    turns = {int(slot): Turn(int(row), at - passed) for slot, row, at in known.turns}
    return Pace(known.total, last, turns)
