# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What happened to a service on this host: one JSON line for each rollout, the newest last."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from typing import Any

from ..errors import LockedError, StateError
from .files import replace_file
from .folders import make_private_folder
from .lock import file_lock

# Some years of deploys for most; 100 KiB at most.
LIMIT = 500


def make_entry(
    by: str,
    action: str,
    seconds: float,
    reason: str | None = None,
    former: str | None = None,
    revision: str | None = None,
    **facts: Any,
) -> dict[str, Any]:
    """An entry for what has just ended.

    :param by: who did it.
    :param seconds: how long it took.
    :param reason: why it failed; None when it did not.
    :param former: the revision before.
    :param revision: the revision that it was about.
    :param facts: further keys, or others' values.
    """
    return {
        "at": time.time(),
        "by": by,
        "action": action,
        "from": former,
        "to": revision,
        "seconds": seconds,
        "result": "failed" if reason else "ok",
        "reason": reason,
        **facts,
    }


class History:
    """The history file of one service.

    :param limit: how many entries it keeps.
    """

    def __init__(self, path: str, limit: int = LIMIT) -> None:
        self.path = path
        self._limit = limit

    def entries(self) -> list[dict[str, Any]]:
        """All entries, oldest first; a line cut off by a power loss is passed over."""
        found: list[dict[str, Any]] = []
        try:
            with open(self.path, encoding="utf-8") as stream:
                lines = stream.read().splitlines()
        except FileNotFoundError:
            return found
        for line in lines:
            try:
                found.append(json.loads(line))
            except ValueError:
                continue
        return found

    def add(self, entry: Mapping[str, Any]) -> None:
        """Append an entry, and forget the oldest ones beyond the limit.

        Others may add theirs at the same moment, as cron jobs of the same minute do.

        :raises StateError: the disk is full or not writable, or somebody else has been writing for
            a minute.
        """
        make_private_folder(os.path.dirname(self.path))
        try:
            with file_lock(self.path + ".lock"):
                entries = [*self.entries(), dict(entry)][-self._limit :]
                text = "".join(json.dumps(item, sort_keys=True) + "\n" for item in entries)
                replace_file(self.path, text, 0o600)
        except LockedError as error:
            raise StateError(error.message, next_step="see what the disk is doing") from error
