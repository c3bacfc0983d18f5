# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Numbers for Prometheus: a file for the textfile collector of its node exporter."""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from ..errors import StateError
from ..state.files import replace_file
from ..state.history import History
from .service import Condition, Supervised

# Prometheus asks every 15 s or more rarely; a file that is older than a minute tells that the
# supervisor is away.
PERIOD = 15.0


@dataclass(frozen=True)
class Family:
    """One metric with its samples, as the exposition format has it."""

    name: str
    kind: str
    help: str
    samples: Sequence[tuple[Mapping[str, str], float]]


def render(families: Sequence[Family]) -> str:
    """The text of the metrics in Prometheus' exposition format. Pure."""
    lines = []
    for family in families:
        lines.append(f"# HELP {family.name} {family.help}")
        lines.append(f"# TYPE {family.name} {family.kind}")
        for labels, value in family.samples:
            pairs = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels.items())
            lines.append(f"{family.name}{{{pairs}}} {value:.15g}")
    return "\n".join(lines) + "\n"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


class Metrics:
    """The file of the metrics.

    :param path: empty for no file.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._written = float("-inf")
        self._last: dict[str, tuple[int, dict[str, Any] | None]] = {}

    def write(self, services: Collection[Supervised]) -> None:
        """Write it, if it is time to. A folder that is missing or a full disk hinders nobody."""
        now = time.monotonic()
        if not self._path or now - self._written < PERIOD:
            return
        if any(item.condition is None for item in services):
            return  # not all have been looked at since this process began
        self._written = now
        if os.path.isdir(os.path.dirname(self._path)):
            with suppress(StateError):
                replace_file(self._path, render(self._families(services)), 0o644)

    def _families(self, services: Collection[Supervised]) -> list[Family]:
        conditions = [
            ({"service": item.name}, item.condition or Condition(), item.pace) for item in services
        ]
        return [
            Family(
                "hundred_supervisor_last_look_timestamp_seconds",
                "gauge",
                "When the supervisor wrote this file.",
                [({}, time.time())],
            ),
            Family(
                "hundred_replicas_wanted",
                "gauge",
                "Replicas that should run.",
                [(labels, condition.wanted) for labels, condition, _pace in conditions],
            ),
            Family(
                "hundred_replicas_healthy",
                "gauge",
                "Replicas that passed their last probe.",
                [(labels, condition.healthy) for labels, condition, _pace in conditions],
            ),
            Family(
                "hundred_repairs_total",
                "counter",
                "Repairs by the supervisor.",
                [(labels, pace.total) for labels, _condition, pace in conditions],
            ),
            Family(
                "hundred_repairs_in_a_row",
                "gauge",
                "Repairs that did not last; 0 when the service is well.",
                [(labels, pace.row) for labels, _condition, pace in conditions],
            ),
            *self._rollouts(services),
            *self._jobs(services),
        ]

    def _rollouts(self, services: Collection[Supervised]) -> list[Family]:
        last = []
        for item in services:
            entry = self._newest(item.history)
            if entry is not None:
                last.append(({"service": item.name, "action": str(entry.get("action"))}, entry))
        return [
            Family(
                "hundred_last_change_timestamp_seconds",
                "gauge",
                "When the newest entry of the history was written.",
                [(labels, float(entry.get("at") or 0)) for labels, entry in last],
            ),
            Family(
                "hundred_last_change_success",
                "gauge",
                "1 when what the newest entry of the history tells of succeeded.",
                [(labels, float(entry.get("result") == "ok")) for labels, entry in last],
            ),
        ]

    def _jobs(self, services: Collection[Supervised]) -> list[Family]:
        last: dict[tuple[str, str], dict[str, Any]] = {}
        for item in services:
            for entry in item.jobs.entries():
                # An entry that the crontab has no more would be alarming for ever.
                if entry.get("entry") in item.entries and entry.get("result") != "skipped":
                    last[(item.name, str(entry.get("entry")))] = entry
        samples = [({"service": key[0], "entry": key[1]}, entry) for key, entry in last.items()]
        return [
            Family(
                "hundred_cron_last_run_timestamp_seconds",
                "gauge",
                "When a cron entry's last run ended.",
                [(labels, float(entry.get("at") or 0)) for labels, entry in samples],
            ),
            Family(
                "hundred_cron_last_run_success",
                "gauge",
                "1 when a cron entry's last run exited with 0 in its time.",
                [(labels, float(entry.get("result") == "ok")) for labels, entry in samples],
            ),
            Family(
                "hundred_cron_last_run_seconds",
                "gauge",
                "How long a cron entry's last run took.",
                [(labels, float(entry.get("seconds") or 0)) for labels, entry in samples],
            ),
        ]

    def _newest(self, history: History) -> dict[str, Any] | None:
        """The newest entry, read again only when the file is another."""
        with suppress(OSError):
            changed = os.stat(history.path).st_mtime_ns
            known = self._last.get(history.path)
            if known is None or known[0] != changed:
                entries = history.entries()
                self._last[history.path] = (changed, entries[-1] if entries else None)
            return self._last[history.path][1]
        return None
