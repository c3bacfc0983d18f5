# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What of a service on a host is not as it should be. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..clock import utc_iso
from ..state.journal import IDLE, Journal
from ..state.repairs import Repairs
from ..supervise.pace import CRASH_LOOP, WELL_AFTER
from .problem_kinds import CRASHES, CRON, MISSING, PAUSED, PROXY, REPLICA, RUNS_ON, UNFINISHED


@dataclass(frozen=True)
class Problem:
    """One thing that is not as it should be.

    :param kind: one of the words in problem_kinds.py.
    :param text: what is wrong, in words.
    """

    kind: str
    text: str


def find_problems(
    journal: Journal,
    wanted: int,
    replicas: Sequence[Mapping[str, Any]],
    repairs: Repairs,
    entries: Sequence[Mapping[str, Any]],
    now: float,
    silence: str = "",
) -> list[Problem]:
    """Everything that is wrong with a service, in the order in which a person would ask.

    :param wanted: how many replicas are to run, 0 for a service that was stopped.
    :param replicas: those that are there, of any release, as ``describe_services`` tells them.
    :param entries: of its crontab, with what came of their last runs.
    :param now: seconds since the epoch.
    :param silence: why the proxy does not tell what it serves; empty when it does, or has no part.
    """
    current = journal.committed.generation if journal.committed is not None else 0
    return [
        *_of_rollout(journal),
        *([Problem(PROXY, silence)] if silence else []),
        *_of_replicas(journal, wanted, current, replicas),
        *_of_repairs(repairs, current, now),
        *_of_entries(entries),
    ]


def _of_rollout(journal: Journal) -> list[Problem]:
    if journal.paused:
        text = "a rollout is paused (failure_action: pause): deploy or roll back"
        return [Problem(PAUSED, text)]
    if journal.desired is not None or journal.phase != IDLE:
        return [Problem(UNFINISHED, "a rollout did not end")]
    return []


def _of_replicas(
    journal: Journal, wanted: int, current: int, replicas: Sequence[Mapping[str, Any]]
) -> list[Problem]:
    if journal.stopped:
        running = [str(item["name"]) for item in replicas if item["state"] == "running"]
        text = f"{', '.join(running)} runs although the service was stopped"
        return [Problem(RUNS_ON, text)] if running else []
    own = [item for item in replicas if item["generation"] == current]
    found = [
        Problem(REPLICA, "{}: {}".format(item["name"], item["seen"]))
        for item in own
        if not item["healthy"]
    ]
    missing = wanted - sum(1 for item in own if item["slot"] <= wanted)
    if missing > 0:
        text = "%d of %d replicas are missing" % (missing, wanted)
        found.append(Problem(MISSING, text))
    return found


def _of_repairs(repairs: Repairs, current: int, now: float) -> list[Problem]:
    if repairs.generation != current or repairs.row < CRASH_LOOP:
        return []
    if repairs.next_at + WELL_AFTER <= now:
        return []
    text = (
        f"{repairs.row} repairs in a row did not last; the last one at "
        f"{utc_iso(repairs.last_at)}: {repairs.reason}"
    )
    return [Problem(CRASHES, text)]


def _of_entries(entries: Sequence[Mapping[str, Any]]) -> list[Problem]:
    return [
        Problem(
            CRON,
            "cron {} failed at {}{}".format(
                item["entry"],
                utc_iso(float(item["last"] or 0)),
                "" if item["exit_code"] is None else f" with exit code {item['exit_code']}",
            ),
        )
        for item in entries
        if item["result"] == "failed"
    ]
