# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What happened to a service on this host: one JSON line for each rollout, the newest last."""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import LockedError, StateError
from .files import replace_file
from .folders import make_private_folder
from .lock import file_lock

# Some years of deploys for most; 100 KiB at most.
LIMIT = 500

# The result of what was not done, as it was due too early.
SKIPPED = "skipped"


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


def newest(
    entries: Sequence[Mapping[str, Any]], limit: int, key: str | None = None, keys: int = 0
) -> list[Mapping[str, Any]]:
    """What a history keeps of its entries, oldest first. Pure.

    :param limit: how many, or with ``key`` how many of each of its values. Of each value the newest
        entry that tells of more than ``skipped`` is kept beyond that: what runs often must not hide
        what came of that which runs once a night, or of a run that took hours.
    :param keys: how many values of ``key``, those that were heard of last.
    """
    if key is None:
        return list(entries[-limit:])
    kept: list[Mapping[str, Any]] = []
    counts: Counter[str] = Counter()
    told: set[str] = set()
    for entry in reversed(entries):
        name = str(entry.get(key))
        if name not in counts and len(counts) == keys:
            continue
        tells = entry.get("result") != SKIPPED
        if counts[name] < limit or (tells and name not in told):
            kept.append(entry)
        counts[name] += 1
        if tells:
            told.add(name)
    return kept[::-1]


class History:
    """The history file of one service.

    :param limit: how many entries it keeps.
    :param key: a key of the entries; then so many are kept of each of its values, see ``newest``.
    :param keys: of how many values.
    """

    def __init__(
        self, path: str, limit: int = LIMIT, key: str | None = None, keys: int = 0
    ) -> None:
        self.path = path
        self._limit = limit
        self._key = key
        self._keys = keys

    def entries(self) -> list[dict[str, Any]]:
        """All entries, oldest first; a line cut off by a power loss is passed over.

        :raises StateError: the file is there and cannot be read.
        """
        found: list[dict[str, Any]] = []
        try:
            with open(self.path, encoding="utf-8", errors="replace") as stream:
                lines = stream.read().splitlines()
        except FileNotFoundError:
            return found
        except OSError as error:
            raise StateError(f"cannot read the history {self.path}: {error.strerror}") from error
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
                entries = newest([*self.entries(), dict(entry)], self._limit, self._key, self._keys)
                text = "".join(json.dumps(item, sort_keys=True) + "\n" for item in entries)
                replace_file(self.path, text, 0o600)
        except LockedError as error:
            raise StateError(error.message, next_step="see what the disk is doing") from error
