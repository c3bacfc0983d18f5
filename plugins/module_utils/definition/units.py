# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Durations and sizes as users write them."""

from __future__ import annotations

import math
import re
from typing import Any

from ..errors import HundredError
from .problems import Place

# No wait of a rollout may hold a host's lock for longer than a day; it also keeps numbers finite.
LONGEST = 24 * 3600.0

# The proxies' resolution; what is less would become none.
_SHORTEST = 0.001

# The engine counts bytes in a signed 64-bit number.
LARGEST = 2**63 - 1

_SECONDS: dict[str, float] = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_DURATION = re.compile(
    r"(?=\d)(?:(?P<h>\d+(?:\.\d+)?)h)?(?:(?P<m>\d+(?:\.\d+)?)m(?!s))?"
    r"(?:(?P<s>\d+(?:\.\d+)?)s)?(?:(?P<ms>\d+(?:\.\d+)?)ms)?",
    re.ASCII,
)
_NUMBER = re.compile(r"\d+(?:\.\d+)?", re.ASCII)
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([bkmgt]?)(?:i?b)?", re.ASCII | re.IGNORECASE)
_POWER = {"": 0, "b": 0, "k": 1, "m": 2, "g": 3, "t": 4}


def parse_duration(value: Any, longest: float = LONGEST) -> float:
    """Seconds of ``500ms``, ``10s``, ``1m30s``, ``1h`` or of a bare number of seconds.

    :param longest: the most that it may be, in seconds.
    :raises ValueError: it is none of these, negative or not finite.
    """
    if isinstance(value, bool):
        raise ValueError("a boolean is not a duration")
    if isinstance(value, (int, float)):
        if not 0 <= value <= longest or 0 < value < _SHORTEST:
            raise ValueError("out of range")
        return float(value)
    if not isinstance(value, str):
        raise ValueError("not a duration")
    text = value.strip()
    if _NUMBER.fullmatch(text):
        seconds = float(text)
    else:
        match = _DURATION.fullmatch(text)
        if match is None:
            raise ValueError("not a duration")
        seconds = sum(
            float(number) * _SECONDS[unit] for unit, number in match.groupdict().items() if number
        )
    if seconds > longest or 0 < seconds < _SHORTEST:
        raise ValueError("out of range")
    # A thousandth of a second is the proxies' resolution; this also removes 0.1 + 0.2.
    return round(seconds, 3)


def parse_size(value: Any) -> int:
    """Bytes of ``512M``, ``1.5G`` (powers of 1024, as the engine has them) or of a bare number.

    :raises ValueError: it is none of these, negative or beyond what the engine can count.
    """
    if isinstance(value, bool):
        raise ValueError("a boolean is not a size")
    if (
        isinstance(value, int)
        or isinstance(value, float)
        and math.isfinite(value)
        and value.is_integer()
    ):
        size = int(value)
    elif isinstance(value, str):
        match = _SIZE.fullmatch(value.strip())
        if match is None or len(match[1]) > 20:
            raise ValueError("not a size")
        number, factor = match[1], 1024 ** _POWER[match[2].lower()]
        size = int(float(number) * factor) if "." in number else int(number) * factor
    else:
        raise ValueError("not a size")
    if not 0 <= size <= LARGEST:
        raise ValueError("out of range")
    return size


def format_duration(seconds: float) -> str:
    """Seconds as a person writes them: ``500ms``, ``10s``, ``1m30s``."""
    milliseconds = round(seconds * 1000)
    if milliseconds % 1000:
        if milliseconds < 1000:
            return f"{milliseconds}ms"
        return "%gs" % (milliseconds / 1000)
    rest = milliseconds // 1000
    parts = []
    for unit, length in (("h", 3600), ("m", 60), ("s", 1)):
        count, rest = divmod(rest, length)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def format_size(size: int) -> str:
    """Bytes as a person writes them: ``512M``, ``1G``; bytes where no unit divides them."""
    for unit in ("t", "g", "m", "k"):
        factor = 1024 ** _POWER[unit]
        if size and size % factor == 0:
            return f"{size // factor}{unit.upper()}"
    return str(size)


def read_duration(name: str, text: Any) -> float:
    """Seconds of an option that is no key of a definition.

    :param name: the option's, for the message.
    :raises HundredError: it is no duration.
    """
    try:
        return parse_duration(text)
    except ValueError as error:
        raise HundredError(f"{name} must be a duration such as 30s: {error}") from error


class Duration:
    """Checks a duration and makes seconds of it.

    :param shortest: the shortest duration allowed, in seconds.
    """

    def __init__(self, shortest: float = 0.0) -> None:
        self.shortest = shortest

    def __call__(self, place: Place, value: Any) -> Any:
        """Check one value."""
        try:
            seconds = parse_duration(value)
        except ValueError:
            return place.refuse(
                "must be a duration such as 500ms, 10s, 1m30s or a number of seconds, at most 24h",
                value,
            )
        if seconds < self.shortest:
            return place.refuse(f"must be at least {format_duration(self.shortest)}", value)
        return seconds


class Size:
    """Checks a size and makes bytes of it.

    :param smallest: the smallest size allowed, in bytes.
    """

    def __init__(self, smallest: int) -> None:
        self.smallest = smallest

    def __call__(self, place: Place, value: Any) -> Any:
        """Check one value."""
        least = format_size(self.smallest)
        must = f"must be a size such as 512M or 1G, or a number of bytes, at least {least}"
        try:
            size = parse_size(value)
        except ValueError:
            return place.refuse(must, value)
        return size if size >= self.smallest else place.refuse(must, value)
