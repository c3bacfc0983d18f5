# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rows of data as a plain text table, for people at the end of a play or on a host. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

# What stands in a cell without a value.
NO_VALUE = "-"
GAP = "  "


def render(
    columns: Sequence[str], rows: Sequence[Mapping[str, Any]], title: str | None = None
) -> str:
    """The table as text: aligned, nothing cut, numbers to the right.

    :param columns: the keys of the rows to show, in order; they are the headings as well.
    :param title: a line above the table.
    """
    cells = [[_lines(row.get(column)) for column in columns] for row in rows]
    widths = [
        max(width_of(line) for line in [column, *(ln for row in cells for ln in row[index])])
        for index, column in enumerate(columns)
    ]
    right = [_numbers(row.get(column) for row in rows) for column in columns]
    lines = [] if title is None else [printable(title), ""]
    lines.append(_line(columns, widths, right))
    lines.append(_line(["-" * width for width in widths], widths, right))
    for row in cells:
        for number in range(max((len(cell) for cell in row), default=1)):
            parts = [cell[number] if number < len(cell) else "" for cell in row]
            lines.append(_line(parts, widths, right))
    if not rows:
        lines.append("(none)")
    return "\n".join(lines)


def _line(parts: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> str:
    padded = []
    for part, width, at_right in zip(parts, widths, right):
        space = " " * (width - width_of(part))
        padded.append(space + part if at_right else part + space)
    return GAP.join(padded).rstrip()


def _numbers(values: Any) -> bool:
    """Whether a column has numbers and nothing else, apart from cells without a value."""
    given = [value for value in values if value is not None]
    return bool(given) and all(
        isinstance(value, (int, float)) and not isinstance(value, bool) for value in given
    )


def _lines(value: Any) -> list[str]:
    """A cell's text: what has several lines keeps them, below each other."""
    if value is None or value == "":
        return [NO_VALUE]
    if isinstance(value, bool):
        return ["yes" if value else "no"]
    if isinstance(value, (list, tuple)):
        value = ", ".join(str(item) for item in value) or NO_VALUE
    return [printable(line) for line in str(value).splitlines()] or [NO_VALUE]


def printable(text: str) -> str:
    """The text without characters that a terminal obeys instead of showing them."""
    return "".join(char if char.isprintable() else "?" for char in text.expandtabs(4)).rstrip()


def width_of(text: str) -> int:
    """The columns of a terminal that printable text takes: two for the wide characters of East
    Asia, none for those that combine with the one before.
    """
    return sum(
        0 if unicodedata.combining(char) else 1 + (unicodedata.east_asian_width(char) in "WF")
        for char in text
    )
