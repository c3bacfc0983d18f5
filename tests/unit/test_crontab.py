# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Crontabs: what is read from them, what is refused, and that systemd's times are cron's."""

from __future__ import annotations

import os
import random
import re
import shutil
import subprocess
from collections.abc import Iterator
from datetime import date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pytest
from ansible_collections.hundred.containers.plugins.module_utils.cron.calendar import calendars
from ansible_collections.hundred.containers.plugins.module_utils.cron.crontab import (
    LARGEST_CRONTAB,
    MOST_ENTRIES,
    CrontabError,
    Entry,
    parse_crontab,
)
from ansible_collections.hundred.containers.plugins.module_utils.cron.timezones import STANDINS
from ansible_collections.hundred.containers.plugins.module_utils.cron.units import not_in_force

MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()
WEEKDAYS = "sun mon tue wed thu fri sat".split()
SYSTEMD_WEEKDAYS = "Mon Tue Wed Thu Fri Sat Sun".split()


def one(text: str) -> Entry:
    (entry,) = parse_crontab(text)
    return entry


def expressions(times: str) -> tuple[str, ...]:
    return calendars(one(f"{times} run\n"))


def refusals(text: str) -> list[str]:
    with pytest.raises(CrontabError) as caught:
        parse_crontab(text)
    for problem in caught.value.problems:
        assert str(problem) in caught.value.message
    return [str(problem) for problem in caught.value.problems]


# Cron's own matching, told as simply as cron's sources tell it, apart from the code under test.

LIMITS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))


def cron_values(position: int, text: str) -> set[int]:
    least, most = LIMITS[position]
    names = {3: MONTHS, 4: WEEKDAYS}.get(position, [])
    values: set[int] = set()
    for part in text.lower().split(","):
        span, stepped, step = part.partition("/")
        bounds = [str(least), str(most)] if span == "*" else span.split("-")
        numbers = [names.index(item) + least if item in names else int(item) for item in bounds]
        if position == 4 and bounds[1:] == ["sun"] and numbers[0] > 0:
            numbers[1] = 7
        first = numbers[0]
        last = numbers[1] if len(numbers) > 1 else most if stepped else first
        values.update(
            number
            for number in range(first, last + 1)
            if stepped == "" or (number - first) % int(step) == 0
        )
    if position == 4 and 7 in values:
        values.add(0)
    return values


class Cron:
    def __init__(self, times: str) -> None:
        fields = times.split()
        self.minutes, self.hours, self.days, self.months, self.weekdays = (
            cron_values(position, text) for position, text in enumerate(fields)
        )
        self.star = fields[2][0] == "*" or fields[4][0] == "*"

    def runs_on(self, day: date) -> bool:
        by_day = day.day in self.days
        by_weekday = day.isoweekday() % 7 in self.weekdays
        matches = by_day and by_weekday if self.star else by_day or by_weekday
        return day.month in self.months and matches

    def runs_at(self, moment: datetime) -> bool:
        in_day = moment.minute in self.minutes and moment.hour in self.hours
        return in_day and self.runs_on(moment.date())

    def between(self, after: datetime, until: datetime) -> Iterator[datetime]:
        day = after.date()
        while day <= until.date():
            if self.runs_on(day):
                for hour in sorted(self.hours):
                    for minute in sorted(self.minutes):
                        moment = datetime(day.year, day.month, day.day, hour, minute)
                        if after < moment <= until:
                            yield moment
            day += timedelta(days=1)


# Of systemd's expressions, only the form that is emitted here.

EXPRESSION = re.compile(
    r"(?:(?P<weekday>\S+) )?\*-(?P<month>[^- ]+)-(?P<day>[^- ]+) "
    r"(?P<hour>[^: ]+):(?P<minute>[^: ]+):00(?: (?P<zone>[A-Za-z0-9_+/-]+))?"
)


def in_component(text: str, value: int) -> bool:
    for part in text.split(","):
        if part == "*" or (part.isdigit() and value == int(part)):
            return True
        if "/" in part:
            first, step = (int(item) for item in part.split("/"))
            if value >= first and (value - first) % step == 0:
                return True
        elif ".." in part:
            first, last = (int(item) for item in part.split(".."))
            if first <= value <= last:
                return True
    return False


def on_weekday(text: str | None, day: date) -> bool:
    if text is None:
        return True
    for part in text.split(","):
        bounds = [SYSTEMD_WEEKDAYS.index(item) for item in part.split("..")]
        if bounds[0] <= day.weekday() <= bounds[-1]:
            return True
    return False


def elapses(expression: str, moment: datetime) -> bool:
    match = EXPRESSION.fullmatch(expression)
    assert match, expression
    return on_weekday(match["weekday"], moment) and all(
        in_component(match[part], getattr(moment, part))
        for part in ("month", "day", "hour", "minute")
    )


def elapsing(found: tuple[str, ...], moment: datetime) -> bool:
    return any(elapses(expression, moment) for expression in found)


def systemd_elapses(expression: str, base: datetime, count: int) -> list[datetime]:
    """The next times in UTC that systemd itself finds, ``count`` of them if there are as many."""
    done = subprocess.run(
        [
            "systemd-analyze",
            "calendar",
            f"--iterations={count}",
            f"--base-time={base:%Y-%m-%d %H:%M:%S} UTC",
            expression,
        ],
        env={**os.environ, "TZ": "UTC", "LC_ALL": "C"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "never" not in done.stdout, expression
    # "Iter." until systemd 252, "Iteration" later.
    found = re.findall(r"(?:Next elapse|Iter\S+ #\d+): \w+ (\S+ \S+) UTC", done.stdout)
    return [datetime.strptime(text, "%Y-%m-%d %H:%M:%S") for text in found]


def random_part(chance: random.Random, position: int) -> str:
    least, most = LIMITS[position]
    names = {3: MONTHS, 4: WEEKDAYS}.get(position, [])

    def written(value: int) -> str:
        index = value - least
        if index < len(names) and chance.random() < 0.4:
            return chance.choice([names[index], names[index].upper(), names[index].title()])
        return chance.choice(["%d", "%02d"]) % value

    first = chance.randint(least, most)
    last = chance.randint(first, most)
    step = chance.choice((chance.randint(1, min(most, 20)), chance.randint(1, 70)))
    forms = [
        "*",
        f"*/{step}",
        written(first),
        f"{written(first)}-{written(last)}",
        f"{written(first)}-{written(last)}/{step}",
        f"{written(first)}/{step}",
    ]
    if position == 4 and first > 0:
        forms.append(f"{written(first)}-sun")
    return chance.choice(forms)


def random_times(chance: random.Random) -> str:
    fields = []
    for position in range(5):
        star = chance.random() < 0.3
        parts = [random_part(chance, position) for step in range(chance.choice((1, 1, 1, 2, 3)))]
        fields.append("*" if star else ",".join(parts))
    return chance.choice((" ", "\t", "  ")).join(fields)


def accepted_times(seed: int) -> str:
    """Random times that happen at some time."""
    chance = random.Random(seed)
    while True:
        times = random_times(chance)
        cron = Cron(times)
        if any(cron.runs_on(date(2000, 1, 1) + timedelta(days=day)) for day in range(366)):
            return times
        # 29 February on a given weekday comes only within 28 years.
        if not cron.star or any(cron.runs_on(date(year, 2, 29)) for year in range(2000, 2028, 4)):
            return times


@pytest.mark.parametrize("seed", range(200))
def test_the_expressions_match_the_minutes_that_cron_matches(seed: int) -> None:
    times = accepted_times(seed)
    cron, found = Cron(times), expressions(times)
    chance = random.Random(seed)
    hour, minute = min(cron.hours), max(cron.minutes)
    first_day = datetime(2023, 1, 1, hour, minute)
    for offset in range(4 * 366):
        moment = first_day + timedelta(days=offset)
        assert elapsing(found, moment) == cron.runs_at(moment), (times, found, moment)
    days = [first_day + timedelta(days=offset) for offset in range(28 * 366)]
    day = next(moment for moment in days if cron.runs_on(moment)).replace(hour=0, minute=0)
    for offset in range(1440):
        moment = day + timedelta(minutes=offset)
        assert elapsing(found, moment) == cron.runs_at(moment), (times, found, moment)
    for moment in (first_day + timedelta(minutes=chance.randrange(2**22)) for turn in range(500)):
        assert elapsing(found, moment) == cron.runs_at(moment), (times, found, moment)


FIXED_TIMES = [
    "* * * * *",
    "*/5 * * * *",
    "0 0 29 2 *",
    "0 0 29 2 */2",
    "0 0 13 * fri",
    "0 0 13 * 5-7",
    "0 0 */2 * mon",
    "0 0 1-7 * *",
    "0 0 31 2 1",
    "59 23 31 12 *",
    "0 12 1-31 * 0",
    "0 12 1 * 0-6",
]


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="needs systemd-analyze")
@pytest.mark.parametrize(
    "times", FIXED_TIMES + [accepted_times(seed) for seed in range(1000, 1060)]
)
def test_systemd_finds_the_times_that_cron_finds(times: str) -> None:
    base = datetime(2026, 11, 11, 11, 11, 11)
    until = base + timedelta(days=1000)
    found: set[datetime] = set()
    for expression in expressions(times):
        elapsed = systemd_elapses(expression, base, 30)
        assert elapsed, expression
        # Beyond the last one that was asked for, nothing is known of this expression.
        until = min(until, elapsed[-1]) if len(elapsed) == 30 else until
        found.update(elapsed)
    assert sorted(moment for moment in found if moment <= until) == list(
        Cron(times).between(base, until)
    )


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="needs systemd-analyze")
@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/Argentina/Ushuaia", "Etc/GMT+5"])
def test_systemd_takes_the_times_in_the_time_zone(zone: str) -> None:
    times = "15 3,22 1 * mon"
    found = calendars(one(f"CRON_TZ={zone}\n{times} run\n"))
    # Before clocks change there.
    base, until = datetime(2026, 6, 1, 12, 0, 30), datetime(2026, 7, 10)
    elapsed = {moment for text in found for moment in systemd_elapses(text, base, 40)}
    local = Cron(times).between(base - timedelta(days=2), until + timedelta(days=2))
    wanted = [
        moment.replace(tzinfo=ZoneInfo(zone)).astimezone(timezone.utc).replace(tzinfo=None)
        for moment in local
    ]
    assert len(found) == 2
    assert sorted(moment for moment in elapsed if moment <= until) == [
        moment for moment in wanted if base < moment <= until
    ]


@pytest.mark.parametrize(
    ("times", "wanted"),
    [
        ("*/5 * * * *", ("*-*-* *:00/5:00",)),
        ("30 7 * * mon-fri", ("Mon..Fri *-*-* 07:30:00",)),
        ("0 0 1,15 * 0", ("*-*-01,15 00:00:00", "Sun *-*-* 00:00:00")),
        ("0 0 1,15 * 7", ("*-*-01,15 00:00:00", "Sun *-*-* 00:00:00")),
        ("0 0 */2 * 1", ("Mon *-*-01/2 00:00:00",)),
        ("0 0 1 * */2", ("Tue,Thu,Sat,Sun *-*-01 00:00:00",)),
        ("0 0 * * sat-sun", ("Sat,Sun *-*-* 00:00:00",)),
        ("0 0 * * FRI-Sun", ("Fri..Sun *-*-* 00:00:00",)),
        ("0 0 * * sun-sun", ("Sun *-*-* 00:00:00",)),
        ("0 0 * * sun-tue", ("Mon,Tue,Sun *-*-* 00:00:00",)),
        ("0 9-17/2 * Jan,MAR *", ("*-01,03-* 09,11,13,15,17:00:00",)),
        ("50/3 * * * *", ("*-*-* *:50/3:00",)),
        ("0 0 31 2 1", ("Mon *-02-* 00:00:00",)),
        ("0 0 1-31 * 1", ("*-*-* 00:00:00",)),
        # Cron looks at the first character of a field only.
        ("0 0 31 2 0-6,*", ("*-02-* 00:00:00",)),
        ("0 0 1 * *,1", ("*-*-01 00:00:00",)),
        ("@yearly", ("*-01-01 00:00:00",)),
        ("@annually", ("*-01-01 00:00:00",)),
        ("@monthly", ("*-*-01 00:00:00",)),
        ("@weekly", ("Sun *-*-* 00:00:00",)),
        ("@daily", ("*-*-* 00:00:00",)),
        ("@midnight", ("*-*-* 00:00:00",)),
        ("@hourly", ("*-*-* *:00:00",)),
    ],
)
def test_times_are_written_as_people_read_them(times: str, wanted: tuple[str, ...]) -> None:
    assert expressions(times) == wanted


def test_reboot_has_no_times_and_says_so() -> None:
    entry = one("@reboot warm-up\n")
    assert entry.reboot
    assert entry.text == "@reboot"
    assert calendars(entry) == ()
    assert not one("@daily clean\n").reboot


def test_an_ordinary_crontab_is_read() -> None:
    entries = parse_crontab(
        "# nightly work\n"
        "MAILTO=ops@example.com\n"
        "\n"
        "  \t0 3 * * *\tbin/report --all  # not a comment\n"
        "SHELL=/bin/bash\n"
        "CRON_TZ=Europe/Berlin\n"
        "   # indented\n"
        '"LEVEL" = "  two words "\n'
        "@daily php artisan prune\n"
        "CRON_TZ=\n"
        "TZ=Asia/Tokyo\n"
        'LEVEL = it\'s # "three"  \n'
        "EMPTY=\n"
        "*/2 * * * * date +\\%F"
    )
    assert [entry.line for entry in entries] == [4, 9, 14]
    assert [entry.text for entry in entries] == ["0 3 * * *", "@daily", "*/2 * * * *"]
    assert [entry.command for entry in entries] == [
        "bin/report --all  # not a comment",
        "php artisan prune",
        "date +%F",
    ]
    assert [entry.shell for entry in entries] == ["/bin/sh", "/bin/bash", "/bin/bash"]
    assert [entry.timezone for entry in entries] == [None, "Europe/Berlin", None]
    assert [dict(entry.environment) for entry in entries] == [
        {},
        {"LEVEL": "  two words "},
        {"LEVEL": 'it\'s # "three"', "TZ": "Asia/Tokyo", "EMPTY": ""},
    ]
    assert calendars(entries[1]) == ("*-*-* 00:00:00 Europe/Berlin",)
    assert len(set(entries)) == 3


def test_an_assignment_in_a_command_is_no_environment_line() -> None:
    entry = one("@daily A=1 run\n")
    assert (entry.command, dict(entry.environment)) == ("A=1 run", {})
    entry = one("* * * * * A=1 run\n")
    assert (entry.command, dict(entry.environment)) == ("A=1 run", {})


@pytest.mark.parametrize(
    ("written", "command"),
    [
        (r"date +\%F\%T", "date +%F%T"),
        (r"printf 'a\\b\n'", r"printf 'a\\b\n'"),
        (r"grep \\\%", r"grep \\%"),
        ("echo a\\", "echo a\\"),
        ("echo  two  blanks", "echo  two  blanks"),
        ("echo äöü", "echo äöü"),
        ("7z x /data.7z", "7z x /data.7z"),
        ("mon --once", "mon --once"),
    ],
)
def test_the_command_is_kept_but_for_escaped_percent_signs(written: str, command: str) -> None:
    assert one(f"0 0 * * * {written}\n").command == command


@pytest.mark.parametrize(
    "text", ["", "\n", "# nothing\n\n  # here\n", "A=1\n", "# windows\r\n\r\n"]
)
def test_a_crontab_may_have_no_entries(text: str) -> None:
    assert parse_crontab(text) == ()


def test_line_ends_of_windows_are_taken() -> None:
    entry = one("A=1\r\nSHELL=/bin/bash\r\n@daily run\r\n")
    assert (entry.line, entry.command, dict(entry.environment)) == (3, "run", {"A": "1"})
    assert entry == one("A=1\nSHELL=/bin/bash\n@daily run")


REFUSED = [
    ("60 * * * * run", "minute must be 0 to 59, not 60"),
    ("61 * * * * run", "minute must be 0 to 59, not 61"),
    ("-1 * * * * run", "minute must be 0 to 59"),
    ("1- * * * * run", "minute must be 0 to 59"),
    ("1-2-3 * * * * run", "minute must be 0 to 59, not 2-3"),
    ("5x * * * * run", "minute must be 0 to 59, not 5x"),
    ("99999999999999999999 * * * * run", "minute must be 0 to 59"),
    ("1,,2 * * * * run", "minute has a comma with nothing beside it"),
    ("1, * * * * run", "minute has a comma with nothing beside it"),
    (",1 * * * * run", "minute has a comma with nothing beside it"),
    ("** * * * * run", "minute must be 0 to 59, not **"),
    ("*-5 * * * * run", "minute must be 0 to 59, not * (* stands alone or before a slash)"),
    ("*5 * * * * run", "minute must be 0 to 59, not *5"),
    ("*/0 * * * * run", "minute must have a step of 1 or more, not 0"),
    ("*/ * * * * run", "minute must have a step of 1 or more"),
    ("*/x * * * * run", "minute must have a step of 1 or more, not x"),
    ("*/5/2 * * * * run", "minute must have a step of 1 or more, not 5/2"),
    ("1-10/-2 * * * * run", "minute must have a step of 1 or more, not -2"),
    ("50-10 * * * * run", "ends before it starts (write 50-59,0-10)"),
    ("\u0661 * * * * run", "is none of five fields"),
    ("1\u0661 * * * * run", "minute must be 0 to 59"),
    ("* 24 * * * run", "hour must be 0 to 23, not 24 (midnight is hour 0)"),
    ("* 22-2 * * * run", "hour has a range that ends before it starts (write 22-23,0-2)"),
    ("* * 0 * * run", "day of the month must be 1 to 31, not 0"),
    ("* * 32 * * run", "day of the month must be 1 to 31, not 32"),
    ("* * 25-3 * * run", "ends before it starts (write 25-31,1-3)"),
    ("* * L * * run", "day of the month must be 1 to 31, not L (cron has no ?, L, W, # and H)"),
    ("* * ? * * run", "day of the month must be 1 to 31, not ? (cron has no"),
    ("* * 15W * * run", "cron has no ?, L, W"),
    ("* * * 0 * run", "month must be 1 to 12 or jan to dec, not 0"),
    ("* * * 13 * run", "month must be 1 to 12 or jan to dec, not 13"),
    ("* * * march * run", "not march (write mar)"),
    ("* * * jnu * run", "month must be 1 to 12 or jan to dec, not jnu (did you mean jun?)"),
    ("* * * mon * run", "month must be 1 to 12 or jan to dec, not mon"),
    ("* * * nov-feb * run", "ends before it starts (write 11-12,1-2)"),
    ("* * * * 8 run", "weekday must be 0 to 7 or sun to sat, not 8"),
    ("* * * * Monday run", "not Monday (write mon)"),
    ("* * * * fri-1 run", "ends before it starts (write 5-7,1)"),
    ("* * * * sat-tue run", "ends before it starts (write 6-7,1-2)"),
    ("* * * * 5-0 run", "ends before it starts (write 5-7)"),
    ("* * * * 5#2 run", "cron has no ?, L, W, #"),
    ("* * * * run now", "weekday must be 0 to 7 or sun to sat, not run (did you mean sun?)"),
    ("* * * backup now", "not backup (are there five fields before the command?)"),
    ("0~59 * * * * run", "not 0~59 (random times with ~ are not supported)"),
    ("H * * * * run", "minute must be 0 to 59, not H (cron has no"),
    ("0 0 31 2 * run", "never runs: none of its months has a day 31"),
    ("0 0 30 feb * run", "never runs: none of its months has a day 30"),
    ("0 0 31 2,4,6,9,11 */2 run", "never runs: none of its months has a day 31"),
    ("* * * *", "has too few fields"),
    ("*", "has too few fields"),
    ("* * * * *", "has no command after its times"),
    ("* * * * * \t ", "has no command after its times"),
    ("* * * * ", "has too few fields"),
    ("0 */5 * * * * run", "has a sixth field instead of its command; cron has five"),
    ("0 0 12 * * ? run", "has a sixth field"),
    ("0 0 12 1 1 1-5 run", "has a sixth field"),
    ("0 15 7 * * MON-FRI run", "has a sixth field"),
    ("0 0 1 1 * 2026 run", "has a sixth field"),
    ("0 0 8 1 1 *", "has a sixth field"),
    ("@daily", "has no command after its times"),
    ("@reboot  ", "has no command after its times"),
    ("@ run", "must be one of @yearly, @annually"),
    ("@Daily run", "not @Daily (did you mean @daily?)"),
    ("@dayly run", "not @dayly (did you mean @daily?)"),
    ("@every_minute run", "not @every_minute (write * * * * *)"),
    ("@every 5m run", "not @every (write a step"),
    ("@weekly; run", "must be one of"),
    ("run --now", "is none of five fields"),
    ("/usr/bin/run", "is none of five fields"),
    ("export A=1", "is none of five fields"),
    ("* * * * * date +%F", r"a % in the midst of its command, which cron ends there (write \%)"),
    ('@daily date "+%F"', "a % in the midst of its command"),
    ("@daily tar -f $(date +a-%F) /data", "a % in the midst of its command"),
    ("@daily echo 'ten %'", "a % in the midst of its command"),
    ("@daily %hello", "has no command after its times"),
    ('"A=B"=1', "the name before = must have at least one character, and no = itself"),
    ("CRON_TZ=japan", "CRON_TZ must be UTC or a name such as Europe/Berlin (write Japan)"),
    ("CRON_TZ=gmt", "(write GMT)"),
    ('""=1', "the name before = must have"),
    ('A="open', "the value of A must end with the quote that it starts with"),
    ("A='open\"", "the value of A must end with the quote"),
    ('A="', "the value of A must end with the quote"),
    ('A="one" two', "the value of A must end with the quote"),
    ('A="one" "two"', "the value of A must end with the quote"),
    ("CRON_TZ=Berlin", "CRON_TZ must be UTC or a name such as Europe/Berlin"),
    ("CRON_TZ=CET-1CEST", "CRON_TZ must be UTC"),
    ("CRON_TZ=:Europe/Berlin", "CRON_TZ must be UTC"),
    ("CRON_TZ=../../etc/passwd", "CRON_TZ must be UTC"),
    ("CRON_TZ=/etc/localtime", "CRON_TZ must be UTC"),
    ("CRON_TZ=Europe/Berlin OnCalendar=*:*", "CRON_TZ must be UTC"),
    ("CRON_TZ=Europe/%n", "CRON_TZ must be UTC"),
    ("CRON_TZ=Europe/" + "B" * 60, "CRON_TZ must be UTC"),
    ("SHELL=bash", "SHELL must be the absolute path of a shell"),
    ("SHELL=", "SHELL must be the absolute path of a shell"),
    ("SHELL=/bin/bash -e", "SHELL must be the absolute path of a shell"),
    ("@daily run\0", "has a control character (code 0)"),
    ("@daily ru\x1bn", "has a control character (code 27)"),
    ("@daily run\r@daily run", "has a control character (code 13)"),
    ("@daily run\x85", "has a control character (code 133)"),
    ("A=1\x7f", "has a control character (code 127)"),
    ("# bell \a", "has a control character (code 7)"),
    ("@daily run \udc80", "has a control character (code 56448)"),
]


@pytest.mark.parametrize(("line", "reason"), REFUSED)
def test_a_bad_line_is_refused_with_its_number_and_the_reason(line: str, reason: str) -> None:
    (found,) = refusals(f"# first\n\n0 0 * * * before\n{line}\n@daily after\n")
    assert found.startswith("line 4: ")
    assert reason in found


def test_every_bad_line_is_told_in_order() -> None:
    assert len(REFUSED) >= 40
    found = refusals("\n".join(line for line, reason in REFUSED))
    assert [text.split(":")[0] for text in found] == [
        f"line {number}" for number in range(1, len(REFUSED) + 1)
    ]


def test_the_error_has_its_lines_as_facts_of_a_result() -> None:
    with pytest.raises(CrontabError) as caught:
        parse_crontab("=1\n* 24 * * * run\n")
    assert caught.value.message.splitlines()[0] == "2 problems in the crontab:"
    assert caught.value.as_result()["problems"][1] == {
        "line": 2,
        "reason": "hour must be 0 to 23, not 24",
        "hint": "midnight is hour 0",
    }


@pytest.mark.parametrize(
    "line",
    [
        "hunter2",
        "export TOKEN=hunter2",
        '""=hunter2',
        'A="hunter2',
        "* * * * mysql://u:hunter2@db x",
        "* * TOKEN=hunter2 run",
        "@daily run hunter2 '%",
        "* * * * 9 run hunter2",
        "SHELL=hunter2",
        "CRON_TZ=hunter2",
    ],
)
def test_commands_and_values_are_not_repeated_in_the_reason(line: str) -> None:
    assert "hunter2" not in "".join(refusals(line))


def test_a_byte_order_mark_is_named() -> None:
    (found,) = refusals("\ufeff@daily run\n")
    assert found.startswith("line 1: starts with a byte order mark")


def test_sizes_beyond_reason_are_refused() -> None:
    comment = "#" * (LARGEST_CRONTAB - 1)
    assert parse_crontab(comment + "\n") == ()
    (found,) = refusals(comment + "\n\n")
    assert found == "has 65537 bytes; at most 65536 are read"
    assert refusals("#" + "ä" * (LARGEST_CRONTAB // 2))
    assert len(parse_crontab("@daily run\n" * MOST_ENTRIES)) == 100
    (found,) = refusals("# first\n" + "@daily run\n" * (MOST_ENTRIES + 1))
    assert found == "line 102: is entry 101; a crontab may have at most 100"


NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")


@pytest.mark.parametrize(
    ("command", "start"),
    [
        ("/usr/local/bin/backup --full", "backup-"),
        ("php artisan queue:prune", "php-artisan-"),
        ("TOKEN=hunter2 bin/Report daily", "report-daily-"),
        ("mysqldump -phunter2 shop", "mysqldump-"),
        ("curl https://user:hunter2@example.com/", "curl-"),
        ("(cd /app; run)", "job-"),
        ("äöü", "job-"),
        ("a" * 300, "a" * 27 + "-"),
        ("../-/--", "job-"),
    ],
)
def test_names_are_plain_and_start_with_the_command(command: str, start: str) -> None:
    name = one(f"@daily {command}\n").name
    assert NAME.fullmatch(name), name
    assert re.fullmatch(re.escape(start) + "[0-9a-f]{8}", name), name


def test_a_name_is_the_same_on_every_machine_and_in_every_release() -> None:
    # A change here would replace the units of everybody's entries: the hash must not be touched.
    assert one("CRON_TZ=Europe/Berlin\n0 3 1 jan mon bin/report --all\n").name == "report-5a661eec"


def test_names_follow_times_zone_and_command_only() -> None:
    name = one("0 3 * * * run it\n").name
    assert one("# new\nA=1\nSHELL=/bin/bash\n\n00   3 * * *\trun it").name == name
    others = ["1 3 * * * run it", "0 3 * * * run that", "CRON_TZ=Europe/Berlin\n0 3 * * * run it"]
    others += ["@reboot run it", "0 3 */1 * 1 run it", "0 3 1-31 * 1 run it"]
    assert len({one(text).name for text in others} | {name}) == len(others) + 1


def test_equal_lines_have_names_of_their_own() -> None:
    names = [entry.name for entry in parse_crontab("@daily run\n" * MOST_ENTRIES)]
    assert len(set(names)) == MOST_ENTRIES
    assert names[0] == one("@daily run").name
    assert names[1] == f"{names[0]}-2"
    longest = [entry.name for entry in parse_crontab(f"@daily {'x' * 99}\n" * MOST_ENTRIES)]
    assert len(longest[-1]) == 40
    assert all(NAME.fullmatch(name) for name in longest)


@pytest.mark.parametrize("seed", range(20))
def test_no_edit_changes_the_names_of_other_entries(seed: int) -> None:
    chance = random.Random(seed)
    lines = [f"{accepted_times(seed * 100 + turn)} run {turn % 7}" for turn in range(30)]
    names = {entry.line: entry.name for entry in parse_crontab("\n".join(lines))}
    assert len(set(names.values())) == 30
    edited = chance.randrange(30)
    for replacement in ("# gone", "@reboot else", "A=1", "@daily one\n@daily two"):
        text = "\n".join(lines[:edited] + [replacement] + lines[edited + 1 :])
        kept = {entry.name for entry in parse_crontab(text)}
        assert set(names.values()) - {names[edited + 1]} <= kept


@pytest.mark.parametrize(
    ("times", "wanted"),
    [
        ("*/60 * * * *", ("*-*-* *:00:00",)),
        ("5/90 * * * *", ("*-*-* *:05:00",)),
        ("0 */24 * * *", ("*-*-* 00:00:00",)),
        ("0 0 */40 * *", ("*-*-01 00:00:00",)),
        ("0 0 * * */7", ("Sun *-*-* 00:00:00",)),
    ],
)
def test_a_step_beyond_the_end_picks_the_first_value(times: str, wanted: tuple[str, ...]) -> None:
    assert expressions(times) == wanted


@pytest.mark.parametrize(
    ("written", "command", "given"),
    [
        ("mail ops%hello", "mail ops", "hello\n"),
        ("cat%one%two%", "cat", "one\ntwo\n"),
        ("cat%% three", "cat", "\n three\n"),
        (r"cat \%%a\%b\x\\%", "cat %", "a%b\\x\\%\n"),
        (r"echo \\%", r"echo \\", ""),
        ('cat%it\'s $HOME `id` "$(id)"%END% x', "cat", 'it\'s $HOME `id` "$(id)"\nEND\n x\n'),
        ("cat; exit 3%$2", "cat; exit 3", "$2\n"),
    ],
)
def test_what_is_behind_a_percent_sign_is_read_by_the_command(
    written: str, command: str, given: str
) -> None:
    entry = one(f"0 0 * * * {written}\n")
    assert (entry.command, entry.standard_input) == (command, given)
    if command.startswith("cat"):
        done = subprocess.run(entry.arguments, capture_output=True, text=True, check=False, cwd="/")
        assert done.stdout == given or command == "cat %"
        assert done.returncode == (3 if "exit" in command else done.returncode)


def test_a_command_without_input_is_run_by_its_shell_alone() -> None:
    entry = one("SHELL=/bin/bash\n@daily run it\n")
    assert entry.arguments == ("/bin/bash", "-c", "run it")
    entry = one("SHELL=/bin/bash\n@daily echo $BASH_VERSION; cat%x\n")
    done = subprocess.run(entry.arguments, capture_output=True, text=True, check=True)
    assert re.fullmatch(r"[0-9]\S+\nx\n", done.stdout), done.stdout


def test_input_makes_an_entry_another_one() -> None:
    names = {one(f"@daily cat{end}\n").name for end in ("", "%a", "%b")}
    assert len(names) == 3


@pytest.mark.parametrize(
    ("zone", "told"),
    [
        ("UTC", "UTC"),
        ("GMT", "Etc/GMT"),
        ("Japan", "Asia/Tokyo"),
        ("EST5EDT", "America/New_York"),
        ("CET", "Europe/Brussels"),
        ("Etc/GMT+5", "Etc/GMT+5"),
        ("US/Eastern", "US/Eastern"),
    ],
)
def test_zones_without_a_slash_are_told_by_names_that_every_host_has(zone: str, told: str) -> None:
    entry = one(f"CRON_TZ={zone}\n@daily run\n")
    assert entry.timezone == zone
    assert calendars(entry) == (f"*-*-* 00:00:00 {told}",)


@pytest.mark.parametrize("zone", sorted(STANDINS))
def test_a_standin_has_the_times_of_the_zone(zone: str) -> None:
    try:
        known = ZoneInfo(zone)
    except ZoneInfoNotFoundError:
        pytest.skip("the zone is not on this machine")
    standin = ZoneInfo(STANDINS[zone])
    for hours in range(0, 5 * 366 * 24, 6):
        moment = datetime(2024, 1, 1, tzinfo=timezone.utc) + timedelta(hours=hours)
        assert moment.astimezone(known).utcoffset() == moment.astimezone(standin).utcoffset()


def test_variables_may_have_any_name_that_cron_takes() -> None:
    entry = one("A-B=1\n1A=2\n'x y'=3\nä=4\napp.name = 5\n@daily run\n")
    assert dict(entry.environment) == {"A-B": "1", "1A": "2", "x y": "3", "ä": "4", "app.name": "5"}


def test_timers_that_systemd_does_not_look_after_are_told() -> None:
    shown = (
        "Id=hundred-cron.shop.a.timer\nActiveState=active\nUnitFileState=enabled\n\n"
        "Id=hundred-cron.shop.b.timer\nActiveState=inactive\nUnitFileState=enabled\n\n"
        "Id=hundred-cron.shop.c.timer\nActiveState=active\nUnitFileState=disabled\n\n"
        "Id=hundred-cron.shop.d.service\nActiveState=inactive\nUnitFileState=enabled\n\n"
        "Id=hundred-cron.shop.e.timer\nActiveState=failed\nUnitFileState=enabled\n"
    )
    names = [f"hundred-cron.shop.{end}" for end in ("a.timer", "b.timer", "c.timer")]
    names += [f"hundred-cron.shop.{end}" for end in ("d.service", "e.timer", "f.timer")]
    idle = not_in_force(names, shown)
    assert [name.split(".")[2] for name in idle] == ["b", "c", "e", "f"]
