# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What ``hundred`` shows: status and history, as a table or for machines."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from ..clock import utc_iso
from ..errors import RolloutError
from ..rollout.host import Settings, checked_name, jobs_history, rollout_history
from ..rollout.info import describe_services, services_with_history
from ..text_table import render

STATUS_COLUMNS = ("service", "state", "revision", "generation", "healthy", "since", "note")
CRON_COLUMNS = ("service", "entry", "schedule", "timezone", "last", "seconds", "result")
HISTORY_COLUMNS = ("at", "service", "action", "from", "to", "seconds", "result", "by", "reason")


def status(settings: Settings, service: str | None) -> list[dict[str, Any]]:
    """An account of one service or of all."""
    if service is not None:
        checked_name(service)
    return describe_services(settings, service, 0)


def is_well(row: Mapping[str, Any]) -> bool:
    """Whether a service is as it should be."""
    return (
        row.get("state") in ("present", "stopped")
        and row["replicas_healthy"] >= row["replicas_wanted"]
        and not row["problems"]
    )


def status_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """The status as a table."""
    shown = []
    for row in rows:
        known = row.get("state") != "unknown"
        shown.append(
            {
                **row,
                "revision": (row.get("revision") or "")[:12],
                "generation": row.get("generation") or None,
                "healthy": "%d/%d" % (row["replicas_healthy"], row["replicas_wanted"])
                if known
                else "?",
                "note": "\n".join(row["problems"]) if known else row.get("reason"),
            }
        )
    text = render(STATUS_COLUMNS, shown)
    entries = [{"service": row["service"], **item} for row in rows for item in row.get("cron", ())]
    for item in entries:
        item["last"] = utc_iso(float(item["last"])) if item["last"] else None
    return f"{text}\n\n{render(CRON_COLUMNS, entries)}" if entries else text


def history(settings: Settings, service: str | None, entries: int) -> list[dict[str, Any]]:
    """What was done to a service or to all, cron jobs included, the newest last.

    :param entries: how many at most.
    :raises RolloutError: this host does not know the service.
    """
    names = services_with_history(settings)
    if service is not None:
        checked_name(service)
        if service not in names and not rollout_history(settings, service).entries():
            raise RolloutError(f"this host knows no service {service}", step="observe")
        names = [service]
    found: list[dict[str, Any]] = []
    for name in names:
        # The engine need not run for that.
        for told in (rollout_history(settings, name), jobs_history(settings, name)):
            found += [{"service": name, **entry} for entry in told.entries()]
    found.sort(key=lambda entry: float(entry.get("at") or 0))
    return found[-entries:] if entries else []


def history_table(entries: Sequence[Mapping[str, Any]], output: bool) -> str:
    """The history as a table.

    :param output: with what cron jobs wrote, below it.
    """
    rows = [
        {
            **entry,
            "at": utc_iso(float(entry.get("at") or 0)),
            "from": (entry.get("from") or "")[:12],
            "to": (entry.get("to") or "")[:12],
        }
        for entry in entries
    ]
    text = render(HISTORY_COLUMNS, rows)
    for entry in entries if output else ():
        if entry.get("output"):
            at = utc_iso(float(entry.get("at") or time.time()))
            lines = "".join(f"  {line}\n" for line in entry["output"])
            text += f"\n\n{at} {entry['service']} {entry['action']}\n{lines}".rstrip()
    return text
