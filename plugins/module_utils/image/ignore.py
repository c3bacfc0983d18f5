# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``.dockerignore`` for the classic builder, whose client has to leave the files out. Pure.

The rules are those of Docker's documentation: one pattern a line, ``#`` comments, ``*`` and ``?``
within a path segment, ``**`` across segments, ``!`` for exceptions, and the last match wins. A
pattern that matches a folder matches what is below it.
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass

from ..errors import BuildError


@dataclass(frozen=True)
class _Rule:
    pattern: re.Pattern[str]
    excepts: bool


class IgnoreRules:
    """The rules of one ``.dockerignore``.

    :param text: the file's content; "" for none.
    :raises BuildError: a line is not a pattern; the message names it.
    """

    def __init__(self, text: str = "") -> None:
        self._rules = [
            _rule(line.strip(), number)
            for number, line in enumerate(text.removeprefix("\ufeff").splitlines(), start=1)
            if line.strip() and not line.startswith("#")
        ]

    def ignored(self, path: str) -> bool:
        """Whether a path, relative to the context and without a leading slash, is left out."""
        segments = path.split("/")
        candidates = ["/".join(segments[:depth]) for depth in range(1, len(segments) + 1)]
        ignored = False
        for rule in self._rules:
            if rule.excepts == ignored and any(map(rule.pattern.fullmatch, candidates)):
                ignored = not rule.excepts
        return ignored


def _rule(line: str, number: int) -> _Rule:
    excepts = line.startswith("!")
    text = line[1:].strip() if excepts else line
    if not text:
        raise BuildError(f".dockerignore, line {number}: nothing follows the !", step="export")
    clean = posixpath.normpath(text).lstrip("/")
    try:
        return _Rule(re.compile(_expression(clean), re.DOTALL), excepts)
    except (re.error, IndexError) as error:
        raise BuildError(
            f".dockerignore, line {number}: {line!r} is not a pattern", step="export"
        ) from error


def _expression(pattern: str) -> str:
    """The regular expression for a cleaned pattern."""
    parts: list[str] = []
    at = 0
    while at < len(pattern):
        char = pattern[at]
        at += 1
        if pattern.startswith("*", at) and char == "*":
            at += 1
            if pattern.startswith("/", at):
                at += 1
            parts.append(".*" if at == len(pattern) else "(?:.*/)?")
        elif char == "*":
            parts.append("[^/]*")
        elif char == "?":
            parts.append("[^/]")
        elif char == "\\":
            parts.append(re.escape(pattern[at]))
            at += 1
        elif char == "[":
            end = pattern.index("]", at) if "]" in pattern[at:] else len(pattern)
            parts.append(_character_class(pattern[at:end], end < len(pattern)))
            at = end + 1
        else:
            parts.append(re.escape(char))
    return "".join(parts)


def _character_class(inside: str, closed: bool) -> str:
    if not closed or not inside.removeprefix("^"):
        raise re.error("a [ without its ]")
    return "[" + inside.replace("[", r"\[") + "]"
