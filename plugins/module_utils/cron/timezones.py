# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of time zones in a crontab, and what systemd is told for them."""

from __future__ import annotations

import re

_LONGEST = 64
_PATH = re.compile(r"[A-Z][A-Za-z_]*(?:/[A-Za-z0-9_+-]+){1,2}")

# The names of the time zone database without a slash. systemd takes "CET" or "GMT" for the winter
# time of a host that has it, and the timer then never elapses in summer; and Debian has left most
# of them out since 13 (tzdata-legacy). Each is the same zone by its present name, or one with the
# same times for decades.
STANDINS = {
    "CET": "Europe/Brussels",
    "CST6CDT": "America/Chicago",
    "Cuba": "America/Havana",
    "EET": "Europe/Athens",
    "EST": "America/Panama",
    "EST5EDT": "America/New_York",
    "Egypt": "Africa/Cairo",
    "Eire": "Europe/Dublin",
    "GB": "Europe/London",
    "GB-Eire": "Europe/London",
    "GMT": "Etc/GMT",
    "GMT+0": "Etc/GMT",
    "GMT-0": "Etc/GMT",
    "GMT0": "Etc/GMT",
    "Greenwich": "Etc/GMT",
    "HST": "Pacific/Honolulu",
    "Hongkong": "Asia/Hong_Kong",
    "Iceland": "Atlantic/Reykjavik",
    "Iran": "Asia/Tehran",
    "Israel": "Asia/Jerusalem",
    "Jamaica": "America/Jamaica",
    "Japan": "Asia/Tokyo",
    "Kwajalein": "Pacific/Kwajalein",
    "Libya": "Africa/Tripoli",
    "MET": "Europe/Brussels",
    "MST": "America/Phoenix",
    "MST7MDT": "America/Denver",
    "NZ": "Pacific/Auckland",
    "NZ-CHAT": "Pacific/Chatham",
    "Navajo": "America/Denver",
    "PRC": "Asia/Shanghai",
    "PST8PDT": "America/Los_Angeles",
    "Poland": "Europe/Warsaw",
    "Portugal": "Europe/Lisbon",
    "ROC": "Asia/Taipei",
    "ROK": "Asia/Seoul",
    "Singapore": "Asia/Singapore",
    "Turkey": "Europe/Istanbul",
    "UCT": "UTC",
    "UTC": "UTC",
    "Universal": "UTC",
    "W-SU": "Europe/Moscow",
    "WET": "Europe/Lisbon",
    "Zulu": "UTC",
}
_BY_LOWER = {name.lower(): name for name in STANDINS}


def is_timezone(name: str) -> bool:
    """Whether it is a name without a slash of the time zone database, or has the form of one with
    slashes: whether the host knows that is not known here.
    """
    return name in STANDINS or (len(name) <= _LONGEST and bool(_PATH.fullmatch(name)))


def similar_timezone(name: str) -> str | None:
    """A name that differs in its case only."""
    return _BY_LOWER.get(name.lower())


def for_systemd(name: str) -> str:
    """The zone as systemd's calendar expressions are to have it."""
    return STANDINS.get(name, name)
