# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What only a shell understands in a command that is one string: no shell runs it. Pure."""

from __future__ import annotations

import re

_OPERATORS = ";&|<>()"
_ASSIGNMENT = re.compile(r"\s*[A-Za-z_][A-Za-z0-9_]*\+?=", re.ASCII)

ADVICE = 'write [sh, -c, "..."] to have one'


def shell_syntax(text: str) -> str | None:
    """What a shell would do with the text beyond splitting it into words; None when that is all.

    What is quoted or behind a backslash is an argument, such as the ``\\;`` of find. Within double
    quotes a shell would still substitute commands, but there it is as often the text for a shell
    that the command itself starts: ``sh -c "echo $(hostname)"``.

    :returns: as in "must not have ...".
    """
    if _ASSIGNMENT.match(text):
        return "a variable's assignment in front"
    quote = ""
    position = 0
    while position < len(text):
        character = text[position]
        if quote:
            if character == quote:
                quote = ""
            elif character == "\\" and quote == '"':
                position += 1
        elif character == "\\":
            position += 1
        elif character in "'\"":
            quote = character
        elif character == "`" or text.startswith("$(", position):
            return "the substitution of a command"
        elif character in _OPERATORS:
            return "shell operators"
        position += 1
    return None
