# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The shapes that values of a definition have: numbers, strings, lists, mappings, sections.

A check is called with the place of a value and the value. It returns the value as the core uses it,
or records why not at the place and returns ``REFUSED``.
"""

from __future__ import annotations

import math
import re
import shlex
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Callable

from .problems import REFUSED, Place, nearest
from .shell import ADVICE, shell_syntax

Check = Callable[[Place, Any], Any]

# Linux gives up on starting a program with a longer argument or variable (MAX_ARG_STRLEN).
LONGEST_ARGUMENT = 131072

_INTEGER = re.compile(r"[+-]?\d{1,18}", re.ASCII)
_FRACTION = re.compile(r"\d{1,18}(?:\.\d{1,18})?", re.ASCII)
# Controls, line and paragraph ends, what turns the direction of text, and halves of characters.
UNPRINTABLE = r"\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff"
_CONTROL = re.compile(f"[{UNPRINTABLE}]")


def apply(check: Check, place: Place, value: Any) -> Any:
    """Check ``value``, unless it is a template that nobody resolved: then refuse it."""
    return REFUSED if place.leftover(value) else check(place, value)


class Whole:
    """A whole number within limits; a string of digits is one too (templates may make strings)."""

    def __init__(self, least: int, most: int) -> None:
        self.least = least
        self.most = most

    def __call__(self, place: Place, value: Any) -> Any:
        """Check one value."""
        must = f"must be a whole number from {self.least} to {self.most}"
        number = value
        if isinstance(value, str) and _INTEGER.fullmatch(value.strip()):
            number = int(value)
        if isinstance(number, bool) or not isinstance(number, int):
            return place.refuse(must, value)
        if not self.least <= number <= self.most:
            return place.refuse(must, value)
        return int(number)


class Number:
    """A number within limits, fractions allowed."""

    def __init__(self, least: float, most: float) -> None:
        self.least = least
        self.most = most

    def __call__(self, place: Place, value: Any) -> Any:
        """Check one value."""
        must = f"must be a number from {self.least:g} to {self.most:g}"
        number = value
        if isinstance(value, str) and _FRACTION.fullmatch(value.strip()):
            number = float(value)
        if isinstance(number, bool) or not isinstance(number, (int, float)):
            return place.refuse(must, value)
        # A NaN is refused here as well: it is within no limits.
        if not self.least <= number <= self.most:
            return place.refuse(must, value)
        return float(number)


def flag(place: Place, value: Any) -> Any:
    """A boolean."""
    if isinstance(value, bool):
        return value
    return place.refuse("must be true or false", value)


class Parsed:
    """What a function makes of a value; a ``ValueError`` of it refuses the value.

    :param must: what the value must be, for the message.
    :param words: values that are taken as they are.
    """

    def __init__(self, parse: Callable[[Any], Any], must: str, words: Sequence[str] = ()) -> None:
        self.parse = parse
        self.must = must
        self.words = words

    def __call__(self, place: Place, value: Any) -> Any:
        """Check one value."""
        if isinstance(value, str) and value in self.words:
            return value
        try:
            return self.parse(value)
        except ValueError:
            return place.refuse(self.must, value)


class OneOf:
    """One of a few words."""

    def __init__(self, *words: str) -> None:
        self.words = words

    def __call__(self, place: Place, value: Any) -> Any:
        """Check one value."""
        if isinstance(value, str) and value in self.words:
            return str(value)
        must = "must be {} or {}".format(", ".join(self.words[:-1]), self.words[-1])
        return place.refuse(must, value, nearest(value, self.words))


class Word:
    """A string on one line that matches a pattern.

    :param must: what is wanted, for the message.
    :param pattern: the whole string must match it.
    :param longest: the number of characters allowed.
    """

    def __init__(self, must: str, pattern: str, longest: int = 255) -> None:
        self.must = must
        self.pattern = re.compile(pattern, re.ASCII)
        self.longest = longest

    def __call__(self, place: Place, value: Any) -> Any:
        """Check one value."""
        if not isinstance(value, str) or not self.pattern.fullmatch(value):
            return place.refuse(self.must, value)
        if len(value) > self.longest:
            return place.refuse(f"{self.must}, at most {self.longest} characters", value)
        return str(value)


def line(place: Place, value: Any) -> Any:
    """A string on one line with something in it."""
    if not isinstance(value, str) or not value.strip() or _CONTROL.search(value):
        return place.refuse("must be a string on one line, not empty", value)
    return str(value)


def argument(place: Place, value: Any) -> Any:
    """A string or a number as an argument or a variable of a program; it may be empty.

    Numbers become the strings that Compose makes of them.
    """
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return place.refuse("must be a string or a number", value)
    if isinstance(value, float):
        if not math.isfinite(value):
            return place.refuse("must be a string or a number", value, "put it in quotes")
        return compose_float(value)
    if isinstance(value, int):
        if value.bit_length() > 64:
            return place.refuse("must be a string or a number of at most 64 bits", value)
        return str(int(value))
    if "\0" in value:
        return place.refuse("must not contain a NUL character", value)
    if not encodable(value):
        return place.refuse(NOT_TEXT, value)
    if size(value) >= LONGEST_ARGUMENT:
        return place.refuse(f"must be shorter than {LONGEST_ARGUMENT} bytes", value)
    return str(value)


NOT_TEXT = "must be text: it has bytes that are not UTF-8"


def encodable(text: str) -> bool:
    """Whether it can be written down; Ansible's lookups let bytes through that cannot."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def size(text: str) -> int:
    """The bytes of a text as a program gets it."""
    return len(text.encode("utf-8", "surrogatepass"))


def compose_float(number: float) -> str:
    """A finite number as Compose writes it into a variable: ``1.0`` is ``1``, ``1e6`` is ``1e+06``.

    These are Go's rules for a float64: the shortest digits that give the number back, in the
    exponent form when the exponent is below -4 or above 5.
    """
    sign, digits, power = Decimal(repr(float(number))).as_tuple()
    text = "".join(map(str, digits)).rstrip("0") or "0"
    exponent = len(digits) + int(power) - 1 if text != "0" else 0
    minus = "-" if sign else ""
    if exponent < -4 or exponent > 5:
        fraction = "." + text[1:] if text[1:] else ""
        return f"{minus}{text[0]}{fraction}e{exponent:+03d}"
    if exponent < 0:
        return "{}0.{}{}".format(minus, "0" * (-exponent - 1), text)
    whole, fraction = text[: exponent + 1].ljust(exponent + 1, "0"), text[exponent + 1 :]
    return minus + whole + ("." + fraction if fraction else "")


def command(place: Place, value: Any) -> Any:
    """A command: a list of arguments, or one string that is split as a shell splits words."""
    place = place.hidden()
    must = "must be a list of strings or one string, not empty"
    if isinstance(value, str):
        return _split(place, value)
    if not isinstance(value, (list, tuple)) or not value:
        return place.refuse(must, value)
    arguments = [apply(argument, place.item(index), item) for index, item in enumerate(value)]
    if REFUSED in arguments:
        return REFUSED
    if not arguments[0].strip():
        return place.item(0).refuse("must be the program to run", value[0])
    return tuple(arguments)


def program(place: Place, value: Any, advice: str | None = None) -> Any:
    """A command whose first word is a program: no entry point of an image stands in front of it."""
    checked = command(place, value)
    if checked is not REFUSED and checked[0].startswith("-"):
        must = "must start with the program to run, not with an option"
        return place.hidden().refuse(must, value, advice)
    return checked


def _split(place: Place, value: str) -> Any:
    if "\0" in value:
        return place.refuse("must not contain a NUL character", value)
    try:
        words = shlex.split(value)
    except ValueError:
        return place.refuse("must have a closing quote for each opening one", value)
    if not words or not words[0].strip():
        return place.refuse("must be a list of strings or one string, not empty", value)
    # The first one that is refused tells enough.
    if any(argument(place, word) is REFUSED for word in words):
        return REFUSED
    syntax = shell_syntax(value)
    if syntax is not None:
        return place.refuse(f"must not have {syntax}: no shell runs it", value, ADVICE)
    return tuple(words)


class ListOf:
    """A list whose items all pass a check; it becomes a tuple."""

    def __init__(self, check: Check, of: str) -> None:
        self.check = check
        self.of = of

    def __call__(self, place: Place, value: Any) -> Any:
        """Check one value."""
        if not isinstance(value, (list, tuple)):
            return place.refuse(f"must be a list of {self.of}", value)
        items = [apply(self.check, place.item(index), item) for index, item in enumerate(value)]
        return REFUSED if REFUSED in items else tuple(items)


class MapOf:
    """A mapping of names to values.

    :param name: checks each key.
    :param check: checks each value.
    :param of: what it maps, for the message.
    :param private: whether values must not be shown.
    :param literal: whether ``{{`` may stand in values.
    """

    def __init__(
        self, name: Check, check: Check, of: str, private: bool = True, literal: bool = False
    ) -> None:
        self.name = name
        self.check = check
        self.of = of
        self.private = private
        self.literal = literal

    def __call__(self, place: Place, value: Any) -> Any:
        """Check one value."""
        inner = place.hidden(self.literal) if self.private else place
        if not isinstance(value, Mapping):
            return inner.refuse(f"must be a mapping of {self.of}", value)
        result: dict[str, Any] = {}
        for key, item in value.items():
            name = self.name(place.at(key), key)
            checked = apply(self.check, inner.at(key), item)
            if name is not REFUSED and checked is not REFUSED:
                result[name] = checked
        return result


class Section:
    """A mapping with known keys; it becomes a mapping of those that were given and accepted.

    :param keys: the known keys and their checks.
    :param of: what stands in it, for the message.
    :param hints: advice for words that are not keys here but are elsewhere.
    """

    def __init__(
        self, keys: Mapping[str, Check], of: str, hints: Mapping[str, str] | None = None
    ) -> None:
        self.keys = keys
        self.of = of
        self.hints = dict(hints or {})

    def __call__(self, place: Place, value: Any) -> Any:
        """Check one value."""
        if not isinstance(value, Mapping):
            # What is given may be a secret in the wrong place.
            return place.hidden().refuse(f"must be a mapping of {self.of}", value)
        result: dict[str, Any] = {}
        for key, item in value.items():
            check = self.keys.get(key) if isinstance(key, str) else None
            if check is None:
                self._unknown(place, key)
                continue
            checked = apply(check, place.at(key), item)
            if checked is not REFUSED:
                result[str(key)] = checked
        return result

    def _unknown(self, place: Place, key: Any) -> None:
        if not isinstance(key, str):
            advice: str | None = "a key must be a string"
        else:
            advice = self.hints.get(key) or nearest(key, self.keys)
        place.at(key).note("is not a known key", None, advice)


def each_once(place: Place, values: tuple[str, ...], what: str) -> bool:
    """Whether no value stands twice in the list at ``place``; records those that do."""
    for index, value in enumerate(values):
        if value in values[:index]:
            place.item(index).refuse(f"must not name the same {what} twice", value)
            return False
    return True
