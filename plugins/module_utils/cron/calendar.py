# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The times of a crontab's entry as systemd writes them (OnCalendar, see systemd.time(7))."""

from __future__ import annotations

from collections.abc import Sequence

from .crontab import Entry
from .schedule import Schedule
from .timezones import for_systemd

# Monday first, as in systemd, where a range of weekdays may end but not start with Sunday.
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def calendars(entry: Entry) -> tuple[str, ...]:
    """The expressions for OnCalendar that together elapse when cron would run the entry.

    There are two when cron takes a date that matches by its day of the month *or* its weekday.
    There is none for ``@reboot``: see ``Entry.reboot``.

    They may differ from cron only where clocks change. A time that does not exist in spring never
    elapses, and one that comes twice in autumn elapses once; Debian's cron makes up for the former,
    and runs entries with ``*`` as their hour at both of the latter.

    :returns: such as ``Mon..Fri *-*-* 07:00:00 Europe/Berlin``; without a time zone in it, that of
        the host holds.
    """
    if entry.reboot:
        return ()
    schedule = entry.schedule
    zone = f" {for_systemd(entry.timezone)}" if entry.timezone else ""
    month = _component(schedule.months, 1, 12)
    hour = _component(schedule.hours, 0, 23)
    minute = _component(schedule.minutes, 0, 59)
    return tuple(
        f"{weekday}*-{month}-{day} {hour}:{minute}:00{zone}" for weekday, day in _dates(schedule)
    )


def _dates(schedule: Schedule) -> list[tuple[str, str]]:
    """Weekdays and days of the month; a date matches if it matches both of any of the pairs."""
    weekday = _weekdays(schedule.weekdays)
    day = _component(schedule.days, 1, 31)
    if not schedule.either_day:
        return [(weekday, day)]
    if not weekday or day == "*":
        return [("", "*")]
    # systemd says of a day that never comes that it is "never"; nobody needs to read that.
    return ([("", day)] if schedule.has_day() else []) + [(weekday, "*")]


def _weekdays(weekdays: Sequence[int]) -> str:
    """Weekdays with the space behind them, or nothing for all seven."""
    if len(weekdays) == 7:
        return ""
    # cron counts from Sunday, systemd's order starts with Monday.
    days = sorted((day - 1) % 7 for day in weekdays)
    return ",".join(_runs(days, _WEEKDAYS)) + " "


def _component(values: Sequence[int], least: int, most: int) -> str:
    """Values of a part of a date or time that goes from ``least`` to ``most``."""
    if len(values) == most - least + 1:
        return "*"
    # From a start to the end in equal steps: short, and as people write it.
    step = values[1] - values[0] if len(values) > 2 else 1
    if step > 1 and list(values) == list(range(values[0], most + 1, step)):
        return f"{values[0]:02}/{step}"
    return ",".join(_runs(values, ["%02d" % number for number in range(most + 1)]))


def _runs(values: Sequence[int], names: Sequence[str]) -> list[str]:
    """Sorted values by their names, three and more that follow each other as a range."""
    runs: list[list[int]] = []
    for value in values:
        if runs and value == runs[-1][-1] + 1:
            runs[-1].append(value)
        else:
            runs.append([value])
    texts = []
    for run in runs:
        if len(run) > 2:
            texts.append(f"{names[run[0]]}..{names[run[-1]]}")
        else:
            texts += [names[value] for value in run]
    return texts
