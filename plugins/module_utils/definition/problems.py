# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Problems of a definition: where they are, what is wanted and what was given, never a secret."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import HundredError

# A quoted value longer than this says no more and makes the message hard to read.
SHOWN_CHARACTERS = 80

# Stands in raw data for a value that could not be had; why is among the problems already.
UNRESOLVED = object()

# What a check returns in the place of a value that it has refused.
REFUSED = object()

_PLAIN_KEY = re.compile(r"[A-Za-z0-9_-]+")
_USERINFO = re.compile(r"//[^/@\s]*@|[^/@\s:]+:[^/@\s]+@(?!sha256:)")
# Go templates ({{.Name}}) are the business of programs in the container, so they are left alone.
_LEFTOVER = re.compile(r"\{\{(?!-?\s*\.)|\{%")


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong in a definition.

    :param path: the key's path, as in ``hundred_services.shop.update.order``.
    :param must: what is wanted, as in "must be start-first or stop-first".
    :param given: what was given, already fit to be shown; None where it is not to be shown.
    :param advice: what to write instead, or the nearest known word.
    """

    path: str
    must: str
    given: str | None = None
    advice: str | None = None

    def __str__(self) -> str:
        text = f"{self.path}: {self.must}"
        if self.given is not None:
            text += f"; given: {self.given}"
        if self.advice is not None:
            text += f" ({self.advice})"
        return text

    def as_result(self) -> Mapping[str, str]:
        """The problem as a mapping for a module's result."""
        facts = {"path": self.path, "must": self.must, "given": self.given, "advice": self.advice}
        return {key: value for key, value in facts.items() if value is not None}


class DefinitionError(HundredError):
    """Definitions of services are refused; ``problems`` has every reason, not only the first."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        count = len(self.problems)
        title = "1 problem" if count == 1 else f"{count} problems"
        lines = [f"{title} in the definition of services:"]
        lines += [f"  - {problem}" for problem in self.problems]
        super().__init__(
            "\n".join(lines),
            step="validate",
            next_step="correct the definition; no host was touched",
            details={"problems": [dict(problem.as_result()) for problem in self.problems]},
        )


class Place:
    """A spot in a definition while it is being checked: its path, and the list that takes problems.

    :param path: the path of the spot; empty for the definition itself.
    :param problems: takes what is refused here and below.
    :param private: values here and below are never shown (secrets, commands, environment).
    :param literal: ``{{`` may stand in values here and below (secrets, log options).
    """

    def __init__(
        self,
        path: str,
        problems: list[Problem],
        private: bool = False,
        literal: bool = False,
    ) -> None:
        self.path = path
        self.problems = problems
        self.private = private
        self.literal = literal

    def at(self, key: Any) -> Place:
        """The spot of a key of the mapping that stands here."""
        if isinstance(key, str) and _PLAIN_KEY.fullmatch(key):
            path = f"{self.path}.{key}" if self.path else str(key)
        else:
            path = f"{self.path}[{shown(key)}]"
        return Place(path, self.problems, self.private, self.literal)

    def item(self, index: int) -> Place:
        """The spot of an item of the list that stands here."""
        return Place(f"{self.path}[{index}]", self.problems, self.private, self.literal)

    def hidden(self, literal: bool = False) -> Place:
        """The same spot, with values that are never shown; ``literal`` as in the class."""
        return Place(self.path, self.problems, True, self.literal or literal)

    def refuse(self, must: str, value: Any, advice: str | None = None) -> Any:
        """Record that ``value`` is not what this spot must have.

        :returns: ``REFUSED``, for the check to return.
        """
        if value is None and advice is None:
            advice = "give it a value or remove the key"
        if isinstance(value, bool) and advice is None:
            advice = "YAML reads yes, no, on and off as booleans; put a string in quotes"
        self.note(must, shown_type(value) if self.private else shown(value), advice)
        return REFUSED

    def note(self, must: str, given: str | None = None, advice: str | None = None) -> None:
        """Record a problem that is not about one value."""
        self.problems.append(Problem(self.path, must, given, advice))

    def leftover(self, value: Any) -> bool:
        """Whether ``value`` is a template that nobody resolved; then it is refused here."""
        if value is UNRESOLVED:
            return True
        if self.literal or not isinstance(value, str) or not _LEFTOVER.search(value):
            return False
        # Not shown: what surrounds the template may be a secret in the wrong place.
        self.note("has a template that was left unresolved", None, "is a variable undefined?")
        return True

    def sound(self, *keys: str) -> bool:
        """Whether nothing was refused at or below any of these keys of the mapping here."""
        paths = [self.at(key).path for key in keys]
        return not any(
            problem.path == path or problem.path.startswith((path + ".", path + "["))
            for problem in self.problems
            for path in paths
        )


def nearest(word: Any, known: Iterable[str]) -> str | None:
    """Advice that names the known word that ``word`` may have been meant to be, or None."""
    if not isinstance(word, str):
        return None
    from difflib import get_close_matches  # here, since most definitions are without a mistake

    by_lower = {candidate.lower(): candidate for candidate in known}
    matches = get_close_matches(word.lower().replace("-", "_"), list(by_lower), n=1, cutoff=0.6)
    matches = matches or get_close_matches(word.lower(), list(by_lower), n=1, cutoff=0.6)
    return f"did you mean {by_lower[matches[0]]}?" if matches else None


def shown(value: Any) -> str:
    """A value for a message: short, on one line, without passwords of URLs."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        # A number of this size cannot even be written out (Python limits the conversion).
        return str(int(value)) if value.bit_length() < 200 else "a huge number"
    if isinstance(value, float):
        return repr(float(value))
    if isinstance(value, str):
        # Far more than is shown, and bounded: the search is quadratic in the worst case.
        start = value[: 20 * SHOWN_CHARACTERS]
        text = _USERINFO.sub(lambda match: "//***@" if match[0][0] == "/" else "***@", start)
        if len(text) > SHOWN_CHARACTERS:
            text = text[:SHOWN_CHARACTERS] + "..."
        # JSON escapes control characters and whatever a terminal might obey.
        return json.dumps(text)
    return shown_type(value)


def shown_type(value: Any) -> str:
    """The kind of a value, for places where the value itself must not be shown."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "the boolean %s" % ("true" if value else "false")
    if isinstance(value, (int, float)):
        return "a number"
    if isinstance(value, str):
        return "a string" if value else "an empty string"
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, Sequence):
        return "a list"
    # Dates are the one further type that YAML makes of unquoted words.
    return f"a {type(value).__name__}"
