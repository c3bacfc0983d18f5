# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Crontabs as in cron(5), read for systemd timers that run each entry in a container.

An ordinary crontab of a user: comments, environment lines, ``CRON_TZ``, five fields or a word such
as ``@daily``, then the command. What cron would silently skip or read otherwise than it looks is
refused, with its line and the reason.
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..errors import HundredError
from .percent import is_cut, split_command
from .schedule import WEEKDAYS, BadTimes, Schedule, parse_fields, parse_word
from .timezones import is_timezone, similar_timezone

# In bytes. A file beyond it is hardly a crontab.
LARGEST_CRONTAB = 64 * 1024

# Every entry becomes a timer and a service of systemd.
MOST_ENTRIES = 100

# In characters; a name becomes a part of the names of units and containers.
LONGEST_NAME = 40

DEFAULT_SHELL = "/bin/sh"

_WITH_INPUT = 'exec "$0" -c "$1" <<END\n$2\nEND\n'

_HASH_DIGITS = 8
# Leaves room for the hash and for the number of the last of so many identical lines.
_LONGEST_SLUG = LONGEST_NAME - _HASH_DIGITS - len(f"--{MOST_ENTRIES}")
_SLUG_WORDS = 3

# Cron's blanks; Python's own idea of white space is wider.
_BLANKS = " \t"
# The first "=" of an entry cannot come this early, so any such line is an environment line.
_ASSIGNMENT = re.compile(r"""("[^"]*"|'[^']*'|[^ \t="']+)[ \t]*=[ \t]*(.*)""")
_SHELL = re.compile(r"(?:/[A-Za-z0-9._+-]+)+")

# How times begin, those of other crons included, so that the field can be named in the message.
_TIMES = re.compile(r"[0-9*?~,-]|[HL](?=[ \t/(])")
# No program has such a name; other schedulers have six fields, with seconds before or years behind.
_SIXTH_FIELD = re.compile(
    r"(?:[0-9*?,/-]+|(?i:{day}(?:[-,]{day})+))(?:[ \t].*)?".format(day=f"(?:{'|'.join(WEEKDAYS)})")
)
_SLUG_WORD = re.compile(r"[A-Za-z0-9_./][A-Za-z0-9_./-]*")
_LEADING_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=\S*")


@dataclass(frozen=True)
class Entry:
    """A line of a crontab that runs a command.

    :param line: its number in the file, from 1.
    :param name: identifies it among the entries of its file: at most ``LONGEST_NAME`` of a-z, 0-9
        and dashes. It changes with the entry's times, time zone and command only.
    :param schedule: when it runs.
    :param text: the schedule as written.
    :param timezone: where the schedule's times are meant, ``UTC`` or as in ``Europe/Berlin``; None
        for the host's own. Its form is checked, not that the host knows it.
    :param command: for ``shell -c``, up to the first unescaped ``%``, with ``\\%`` turned into
        ``%``.
    :param standard_input: what is behind that ``%``, as the command reads it; empty for nothing.
    :param shell: the absolute path that ``SHELL`` names.
    :param environment: the variables set above the line, but ``SHELL``, ``CRON_TZ`` and ``MAILTO``.
    """

    line: int
    name: str
    schedule: Schedule
    text: str
    timezone: str | None
    command: str
    shell: str = DEFAULT_SHELL
    environment: Mapping[str, str] = field(default_factory=dict, hash=False)
    standard_input: str = ""

    @property
    def arguments(self) -> tuple[str, ...]:
        """The command line that runs it in a container."""
        if not self.standard_input:
            return (self.shell, "-c", self.command)
        # The here-document has a line end of its own, and does not expand what $2 stands for. exec,
        # so that signals reach the command.
        text = self.standard_input[:-1]
        return (DEFAULT_SHELL, "-c", _WITH_INPUT, self.shell, self.command, text)

    @property
    def reboot(self) -> bool:
        """Whether it runs at every start of the host (``@reboot``) instead of at times."""
        return self.schedule.reboot


@dataclass(frozen=True)
class BadLine:
    """A reason to refuse a crontab; commands and values of variables are never in it.

    :param line: the number of the line, from 1; None for the file as a whole.
    :param reason: what is wrong, as in "minute must be 0 to 59, not 61".
    :param hint: what to write instead, where that can be told.
    """

    line: int | None
    reason: str
    hint: str | None = None

    def __str__(self) -> str:
        text = self.reason if self.line is None else f"line {self.line}: {self.reason}"
        return text if self.hint is None else f"{text} ({self.hint})"

    def as_result(self) -> dict[str, Any]:
        """The reason as a mapping for a module's result; keys without a value are left out."""
        facts = {"line": self.line, "reason": self.reason, "hint": self.hint}
        return {key: value for key, value in facts.items() if value is not None}


class CrontabError(HundredError):
    """A crontab is refused; ``problems`` has every reason, in the order of the lines."""

    def __init__(self, problems: Sequence[BadLine]) -> None:
        self.problems = tuple(problems)
        count = len(self.problems)
        title = "1 problem" if count == 1 else f"{count} problems"
        lines = [f"{title} in the crontab:", *(f"  - {problem}" for problem in self.problems)]
        super().__init__(
            "\n".join(lines),
            step="validate",
            next_step="correct the crontab",
            details={"problems": [problem.as_result() for problem in self.problems]},
        )


def parse_crontab(text: str) -> tuple[Entry, ...]:
    """The entries of a crontab, in the order of their lines; none if it has only comments.

    Line ends may be those of Windows, and the last one may be missing.

    :raises CrontabError: with every line that is refused and why.
    """
    size = len(text.encode("utf-8", "surrogatepass"))
    if size > LARGEST_CRONTAB:
        raise CrontabError([BadLine(None, f"has {size} bytes; at most {LARGEST_CRONTAB} are read")])
    reader = _Reader()
    for number, line in enumerate(text.split("\n"), 1):
        reader.read(number, line[:-1] if line.endswith("\r") else line)
    if reader.problems:
        raise CrontabError(reader.problems)
    return tuple(reader.entries)


class _Reader:
    """Reads line by line, as each environment line holds for the lines below it."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.problems: list[BadLine] = []
        self._line = 0
        self._seen = 0
        self._names: Counter[str] = Counter()
        self._shell = DEFAULT_SHELL
        self._timezone: str | None = None
        self._environment: Mapping[str, str] = {}

    def read(self, number: int, line: str) -> None:
        """Take the line with this number, without its end."""
        self._line = number
        body = line.lstrip(_BLANKS)
        bad = _unprintable(line)
        if bad is not None:
            self._refuse(bad)
        elif body and not body.startswith("#"):
            assignment = _ASSIGNMENT.fullmatch(body)
            if assignment:
                self._assign(assignment[1], assignment[2].rstrip(_BLANKS))
            else:
                self._add(body)

    def _refuse(self, reason: str, hint: str | None = None) -> None:
        self.problems.append(BadLine(self._line, reason, hint))

    def _assign(self, name: str, value: str) -> None:
        """An environment line; quotes around the name or the value are not a part of it."""
        name = name.strip("\"'")
        if not name or "=" in name:
            self._refuse("the name before = must have at least one character, and no = itself")
            return
        if value[:1] in ('"', "'"):
            quote = value[0]
            if len(value) < 2 or value.find(quote, 1) != len(value) - 1:
                self._refuse(f"the value of {name} must end with the quote that it starts with")
                return
            value = value[1:-1]
        if name == "CRON_TZ":
            self._set_timezone(value)
        elif name == "SHELL":
            self._set_shell(value)
        elif name != "MAILTO":
            # A new mapping: the entries above keep theirs.
            self._environment = {**self._environment, name: value}

    def _set_timezone(self, value: str) -> None:
        """Empty means the host's time zone again."""
        if value and not is_timezone(value):
            known = similar_timezone(value)
            hint = f"write {known}" if known else None
            self._refuse("CRON_TZ must be UTC or a name such as Europe/Berlin", hint)
        else:
            self._timezone = value or None

    def _set_shell(self, value: str) -> None:
        if _SHELL.fullmatch(value):
            self._shell = value
        else:
            self._refuse("SHELL must be the absolute path of a shell, such as /bin/bash")

    def _add(self, body: str) -> None:
        """An entry: times and a command."""
        self._seen += 1
        if self._seen > MOST_ENTRIES:
            problem = f"is entry {self._seen}; a crontab may have at most {MOST_ENTRIES}"
            raise CrontabError([BadLine(self._line, problem)])
        try:
            times, rest, schedule = _split(body)
        except BadTimes as error:
            self._refuse(error.reason, error.hint)
            return
        command, standard_input = split_command(rest)
        if not command.strip():
            self._refuse("has no command after its times")
            return
        if not times.startswith("@") and _SIXTH_FIELD.fullmatch(command):
            # cron would run the field as a program, at other times than are meant.
            self._refuse("has a sixth field instead of its command; cron has five, from the minute")
            return
        if standard_input is not None and is_cut(command):
            self._refuse("has a % in the midst of its command, which cron ends there", r"write \%")
            return
        name = _name(schedule, self._timezone, command, standard_input)
        self._names[name] += 1
        if self._names[name] > 1:
            name = f"{name}-{self._names[name]}"
        self.entries.append(
            Entry(
                line=self._line,
                name=name,
                schedule=schedule,
                text=times,
                timezone=self._timezone,
                command=command,
                shell=self._shell,
                environment=self._environment,
                standard_input=standard_input or "",
            )
        )


def _unprintable(line: str) -> str | None:
    """Why the characters of a line are refused, comments included; None if they are not."""
    for character in line:
        if character != "\t" and unicodedata.category(character) in ("Cc", "Cs"):
            return f"has a control character (code {ord(character)})"
    if line.startswith("\ufeff"):
        return "starts with a byte order mark; save the file without one"
    return None


def _split(body: str) -> tuple[str, str, Schedule]:
    """The times as written, the rest of the line, and the schedule.

    :raises BadTimes: the line does not start with times, or with none that cron has.
    """
    if body.startswith("@"):
        count = 1
    elif _TIMES.match(body):
        count = 5
    else:
        raise BadTimes(
            "is none of five fields with a command, a word such as @daily with a command,"
            " and NAME=value",
            "leave out export" if body.startswith("export ") else None,
        )
    parts = re.split(r"[ \t]+", body, maxsplit=count)
    words, rest = parts[:count], "".join(parts[count:])
    if len(words) < count or not words[-1]:
        raise BadTimes(
            "has too few fields; wanted are minute, hour, day of the month, month and weekday,"
            " then the command"
        )
    schedule = parse_word(words[0]) if count == 1 else parse_fields(words)
    return body[: len(body) - len(rest)].rstrip(_BLANKS), rest, schedule


def _name(
    schedule: Schedule, timezone: str | None, command: str, standard_input: str | None
) -> str:
    """A readable start, and a hash of all that makes this entry another one than its neighbours."""
    parts = [
        schedule.minutes,
        schedule.hours,
        schedule.days,
        schedule.months,
        schedule.weekdays,
        schedule.either_day,
        schedule.reboot,
        timezone,
        command,
        *([standard_input] if standard_input else []),
    ]
    digest = hashlib.sha256(json.dumps(parts).encode("ascii")).hexdigest()[:_HASH_DIGITS]
    return f"{_slug(command)}-{digest}"


def _slug(command: str) -> str:
    """The command's first words, as far as they are plain: behind options there may be secrets."""
    words: list[str] = []
    for word in command.split():
        if not words and _LEADING_ASSIGNMENT.fullmatch(word):
            continue
        if len(words) == _SLUG_WORDS or not _SLUG_WORD.fullmatch(word):
            break
        words.append(word.rstrip("/").rpartition("/")[2])
    slug = re.sub(r"[^a-z0-9]+", "-", "-".join(words).lower())[:_LONGEST_SLUG].strip("-")
    return slug or "job"
