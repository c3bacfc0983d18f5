# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the supervisor did for a service: for people and machines that look, and for its own next
life.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass

from ..errors import StateError
from .files import replace_file


@dataclass(frozen=True)
class Repairs:
    """The repairs of one service so far.

    :param generation: of the release that they were for.
    :param total: how many there were since the host first knew the service.
    :param row: how many there were without the service being well in between.
    :param last_at: when the last one began, seconds since the epoch.
    :param next_at: when the next one may begin, seconds since the epoch.
    :param reason: of the last one.
    :param failure: why that did not help; empty when it did.
    :param turns: of each slot that was repaired lately: the slot, how many repairs of it there were
        in a row, and when the last one began, seconds since the epoch.
    """

    generation: int = 0
    total: int = 0
    row: int = 0
    last_at: float = 0.0
    next_at: float = 0.0
    reason: str = ""
    failure: str = ""
    turns: Sequence[Sequence[float]] = ()


class RepairsFile:
    """The file of the repairs. It is no truth that anything depends on: a damaged one counts as
    none, and one that cannot be written hinders nobody.
    """

    def __init__(self, path: str) -> None:
        self.path = path

    def read(self) -> Repairs:
        """The repairs so far; none when there is no readable file."""
        try:
            with open(self.path, encoding="utf-8") as stream:
                return Repairs(**json.load(stream))
        except (OSError, ValueError, TypeError):
            return Repairs()

    def write(self, repairs: Repairs) -> None:
        """Remember them, if that is possible: a full disk must not keep a service down."""
        if os.path.isdir(os.path.dirname(self.path)):
            with suppress(StateError):
                replace_file(self.path, json.dumps(asdict(repairs), sort_keys=True) + "\n", 0o600)
