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
from typing import Any, Optional

from ..errors import StateError
from ..state.files import replace_file
from .service import Supervised

# Prometheus asks every 15 s or more rarely; a file that is older than a minute tells that the
# supervisor is away.
PERIOD = 15.0

# What brings a service to a release.
ROLLOUTS = ("rollout", "rollback", "undo")

# What a history tells of a service itself, and not of commands run beside it: everybody on
# the host may read the file of the metrics, and what somebody typed in a console is not for all.
CHANGES = ("rollout", "rollback", "undo", "restart", "start", "stop", "absent")


# The newest change of a service, and its newest rollout.
_Newest = tuple[Optional[Mapping[str, Any]], Optional[Mapping[str, Any]]]


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


def newest(
    entries: Sequence[Mapping[str, Any]], actions: Collection[str]
) -> Mapping[str, Any] | None:
    """The newest entry of a history that is one of these actions. Pure."""
    return next((item for item in reversed(entries) if item.get("action") in actions), None)


class Metrics:
    """The file of the metrics.

    :param path: empty for no file.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._began = time.monotonic()
        self._written = float("-inf")
        self._services: list[Supervised] = []
        self._last: dict[str, tuple[int, _Newest]] = {}

    def write(self, services: Collection[Supervised]) -> None:
        """Write it, if it is time to. A folder that is missing or a full disk hinders nobody."""
        now = time.monotonic()
        if not self._is_due(now):
            return
        unknown = any(item.condition is None for item in services)
        if unknown and now - max(self._written, self._began) < 2 * PERIOD:
            return  # most likely they will be looked at in a moment
        self._services = list(services)
        self._replace(now, True)

    def write_without_engine(self) -> None:
        """The same while the engine does not answer: nothing is known to be healthy."""
        now = time.monotonic()
        if self._is_due(now):
            self._replace(now, False)

    def _is_due(self, now: float) -> bool:
        return bool(self._path) and now - self._written >= PERIOD

    def _replace(self, now: float, engine: bool) -> None:
        self._written = now
        if os.path.isdir(os.path.dirname(self._path)):
            with suppress(StateError):
                replace_file(self._path, render(self.families(engine)), 0o644)

    def families(self, engine: bool) -> list[Family]:
        """The numbers of the services that were there last.

        :param engine: whether the engine answers.
        """
        services = self._services
        known = [({"service": item.name}, item.condition) for item in services if item.condition]
        paces = [({"service": item.name}, item.pace) for item in services]
        return [
            Family(
                "hundred_supervisor_last_look_timestamp_seconds",
                "gauge",
                "When the supervisor wrote this file.",
                [({}, time.time())],
            ),
            Family(
                "hundred_engine_up",
                "gauge",
                "1 when the engine answers.",
                [({}, float(engine))],
            ),
            Family(
                "hundred_replicas_wanted",
                "gauge",
                "Replicas that should run.",
                [(labels, condition.wanted) for labels, condition in known],
            ),
            Family(
                "hundred_replicas_healthy",
                "gauge",
                "Replicas that passed their last probe.",
                [(labels, condition.healthy if engine else 0) for labels, condition in known],
            ),
            Family(
                "hundred_repairs_total",
                "counter",
                "Repairs by the supervisor.",
                [(labels, pace.total) for labels, pace in paces],
            ),
            Family(
                "hundred_repairs_in_a_row",
                "gauge",
                "Repairs that did not last, of the worst replica; 0 when the service is well.",
                [(labels, pace.row) for labels, pace in paces],
            ),
            *self._changes(services),
            *self._jobs(services),
        ]

    def _changes(self, services: Collection[Supervised]) -> list[Family]:
        changes: list[tuple[dict[str, str], Mapping[str, Any]]] = []
        rollouts: list[tuple[dict[str, str], Mapping[str, Any]]] = []
        for item in services:
            change, rollout = self._newest(item)
            if change is not None:
                changes.append(({"service": item.name, "action": str(change["action"])}, change))
            if rollout is not None:
                rollouts.append(({"service": item.name}, rollout))
        return [
            *_ended("hundred_last_change", "newest change", changes),
            *_ended("hundred_last_rollout", "last rollout or rollback", rollouts),
            Family(
                "hundred_last_rollout_seconds",
                "gauge",
                "How long the service's last rollout or rollback took.",
                [(labels, float(entry.get("seconds") or 0)) for labels, entry in rollouts],
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

    def _newest(self, service: Supervised) -> _Newest:
        """The newest change of a service, and its newest rollout; read again only when the file is
        another.
        """
        history = service.history
        with suppress(OSError):
            changed = os.stat(history.path).st_mtime_ns
            known = self._last.get(history.path)
            if known is None or known[0] != changed:
                entries = history.entries()
                found = (newest(entries, CHANGES), newest(entries, ROLLOUTS))
                self._last[history.path] = (changed, found)
            return self._last[history.path][1]
        return (None, None)


def _ended(
    name: str, what: str, found: Sequence[tuple[Mapping[str, str], Mapping[str, Any]]]
) -> list[Family]:
    """When something ended, and whether well."""
    return [
        Family(
            f"{name}_timestamp_seconds",
            "gauge",
            f"When the {what} of the service ended.",
            [(labels, float(entry.get("at") or 0)) for labels, entry in found],
        ),
        Family(
            f"{name}_success",
            "gauge",
            f"1 when the {what} of the service succeeded.",
            [(labels, float(entry.get("result") == "ok")) for labels, entry in found],
        ),
    ]
