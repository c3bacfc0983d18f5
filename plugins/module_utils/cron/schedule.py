# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The times of a crontab's line: five fields as in cron(5), or a word such as ``@daily``."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..definition.problems import nearest

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")

# The 29th of February comes in some years, and in time on every day of the week.
_LONGEST_MONTHS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)

_NUMBER = re.compile(r"[0-9]{1,4}")
# What a message may repeat: anything else may be a part of a command, with a secret in it.
_SHOWABLE = re.compile(r"[A-Za-z0-9*,/#?~_+-]{1,30}")


class BadTimes(ValueError):
    """Times that cron does not have; the message is the reason.

    :param hint: what to write instead, where that can be told.
    """

    def __init__(self, reason: str, hint: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.hint = hint


@dataclass(frozen=True)
class Schedule:
    """When an entry runs: at the start of every minute that all its fields have.

    All fields are sorted and without repetition; they are empty only if ``reboot`` is true.

    :param minutes: 0 to 59.
    :param hours: 0 to 23.
    :param days: days of the month, 1 to 31.
    :param months: 1 to 12.
    :param weekdays: 0 (Sunday) to 6.
    :param either_day: a date matches by its day of the month *or* its weekday, as cron has it when
        neither of the two fields begins with ``*``; otherwise it must match by both.
    :param reboot: it runs once at every start of the host, and at no other time.
    """

    minutes: tuple[int, ...] = ()
    hours: tuple[int, ...] = ()
    days: tuple[int, ...] = ()
    months: tuple[int, ...] = ()
    weekdays: tuple[int, ...] = ()
    either_day: bool = False
    reboot: bool = False

    def has_day(self) -> bool:
        """Whether any of the months has any of the days of the month (there is no 31 February)."""
        return any(self.days[0] <= _LONGEST_MONTHS[month - 1] for month in self.months)


@dataclass(frozen=True)
class _Field:
    """What one of the five fields may have: numbers from ``least`` to ``most``, or names."""

    title: str
    least: int
    most: int
    names: tuple[str, ...] = ()

    @property
    def wanted(self) -> str:
        """The values that are allowed, for a message."""
        names = f" or {self.names[0]} to {self.names[-1]}" if self.names else ""
        return f"{self.least} to {self.most}{names}"


_FIELDS = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of the month", 1, 31),
    _Field("month", 1, 12, MONTHS),
    # Sunday is 0 and 7.
    _Field("weekday", 0, 7, WEEKDAYS),
)

# "@reboot" has no fields.
_WORDS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
    "@reboot": "",
}

# What other programs call a crontab has these; cron would take none of them.
_FOREIGN = {
    "@every_minute": "write * * * * *",
    "@minutely": "write * * * * *",
    "@every": "write a step, such as */5 * * * * for every five minutes",
    "@quarterly": "write 0 0 1 1,4,7,10 *",
    "@noon": "write 0 12 * * *",
}


def parse_word(word: str) -> Schedule:
    """The times that a word with ``@`` stands for.

    :raises BadTimes: cron has no such word.
    """
    if word == "@reboot":
        return Schedule(reboot=True)
    if word in _WORDS:
        return parse_fields(_WORDS[word].split())
    given = f", not {word}" if _SHOWABLE.fullmatch(word[1:]) else ""
    known = ", ".join(_WORDS)
    raise BadTimes(f"must be one of {known}{given}", _FOREIGN.get(word) or nearest(word, _WORDS))


def parse_fields(fields: list[str]) -> Schedule:
    """The times of minute, hour, day of the month, month and weekday, in this order.

    :raises BadTimes: a field is not what cron takes, or they have no date in common.
    """
    minutes, hours, days, months, weekdays = (
        _values(field, text) for field, text in zip(_FIELDS, fields)
    )
    schedule = Schedule(
        minutes=minutes,
        hours=hours,
        days=days,
        months=months,
        weekdays=tuple(sorted({day % 7 for day in weekdays})),
        # cron looks at the first character only, so "*/2" counts as "*" here.
        either_day=not fields[2].startswith("*") and not fields[4].startswith("*"),
    )
    if not schedule.either_day and not schedule.has_day():
        raise BadTimes(f"never runs: none of its months has a day {days[0]}")
    return schedule


def _values(field: _Field, text: str) -> tuple[int, ...]:
    """The sorted values of a field: parts with commas between them."""
    found: set[int] = set()
    for part in text.split(","):
        if not part:
            raise BadTimes(f"{field.title} has a comma with nothing beside it")
        found.update(_part(field, part))
    return tuple(sorted(found))


def _part(field: _Field, part: str) -> range:
    """The values of ``*``, ``a``, ``a-b``, ``*/n``, ``a-b/n``, or ``a/n`` to the field's end."""
    span, slash, step_text = part.partition("/")
    step = _step(field, step_text) if slash else 1
    # A step beyond the end picks the first value alone, as in cron: "*/60" is the minute 0.
    if span == "*":
        return range(field.least, field.most + 1, step)
    first_text, dash, last_text = span.partition("-")
    first = _value(field, first_text)
    if dash:
        last = _last(field, first, last_text)
    else:
        last = field.most if slash else first
    return range(first, last + 1, step)


def _last(field: _Field, first: int, text: str) -> int:
    """The end of a range; Sunday by its name stands after Saturday there, but for ``sun-sun``."""
    last = _value(field, text)
    if text.lower() == WEEKDAYS[0] and first > 0:
        last = 7
    if last < first:
        hint = f"write {_unwrapped(field, first, last)}"
        raise BadTimes(f"{field.title} has a range that ends before it starts", hint)
    return last


def _unwrapped(field: _Field, first: int, last: int) -> str:
    """A range over the end of a field as the list of ranges that cron takes."""
    # Sunday stands at the end of the week too, so there the rest goes on with Monday.
    least = 1 if field.most == 7 else field.least
    spans = [(first, field.most), (least, last)]
    return ",".join(
        f"{start}" if start == end else f"{start}-{end}" for start, end in spans if start <= end
    )


def _step(field: _Field, text: str) -> int:
    """The number behind a slash."""
    if not _NUMBER.fullmatch(text) or int(text) < 1:
        raise BadTimes(f"{field.title} must have a step of 1 or more{_given(text)}")
    return int(text)


def _value(field: _Field, text: str) -> int:
    """A number or a name."""
    if _NUMBER.fullmatch(text):
        number = int(text)
        if field.least <= number <= field.most:
            return number
    elif text.lower() in field.names:
        # Weekdays count from 0 and months from 1, as their fields do.
        return field.names.index(text.lower()) + field.least
    raise BadTimes(f"{field.title} must be {field.wanted}{_given(text)}", _hint(field, text))


def _hint(field: _Field, text: str) -> str | None:
    """What may have been meant by a value that a field does not have."""
    if text[:3].lower() in field.names:
        return f"write {text[:3].lower()}"
    if text == "*":
        return "* stands alone or before a slash"
    if text == "24" and field.most == 23:
        return "midnight is hour 0"
    if re.fullmatch(r"[?LWH]|[0-9]*[LW#][0-9]*", text):
        return "cron has no ?, L, W, # and H"
    if "~" in text:
        return "random times with ~ are not supported"
    few = "are there five fields before the command?" if re.search("[A-Za-z]", text) else None
    return nearest(text, field.names) or few


def _given(text: str) -> str:
    """A value for the end of a message, if it is fit to be shown."""
    return f", not {text}" if _SHOWABLE.fullmatch(text) else ""
