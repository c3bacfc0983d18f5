# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The percent sign in a crontab's line: where the command ends and its standard input begins."""

from __future__ import annotations

import re
import shlex

_PERCENT = re.compile(r"\\(.)|%")
_OPEN_FORMAT = re.compile(r"""\+["']?$""")


def split_command(rest: str) -> tuple[str, str | None]:
    r"""The command and its standard input, as cron divides the rest of a line at the first ``%``;
    None if there is no such ``%``.

    In the command ``\%`` stands for ``%``. As in cron, a backslash before anything else stays, and
    takes its meaning from what follows: in ``\\%`` the second backslash belongs to the first.
    """
    for match in _PERCENT.finditer(rest):
        if match[0] == "%":
            return _unescaped(rest[: match.start()]), _standard_input(rest[match.end() :])
    return _unescaped(rest), None


def _unescaped(command: str) -> str:
    return _PERCENT.sub(lambda m: "%" if m[1] == "%" else m[0], command)


def _standard_input(text: str) -> str:
    r"""What is behind the first ``%`` as the command reads it: ``%`` is a line end, ``\%`` a ``%``,
    and the last line ends if it has anything.
    """
    # Here a backslash never belongs to a backslash before it: cron reads this part by other rules.
    lines = re.sub(r"(\\?)%", lambda m: "%" if m[1] else "\n", text)
    return lines if not lines or lines.endswith("\n") else lines + "\n"


def is_cut(command: str) -> bool:
    """Whether a command that ends before a ``%`` cannot be meant to end there: in a quotation, a
    substitution, or the format of ``date``.
    """
    try:
        shlex.split(command)
    except ValueError:
        return True
    return bool(_OPEN_FORMAT.search(command)) or command.count("$(") > command.count(")")
