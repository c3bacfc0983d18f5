# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rows of tables over the services of hosts: what runs, was done, or was removed. Pure."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from ..module_utils.clock import utc_iso
from ..module_utils.rollout.problem_kinds import PROXY
from .rollout_rows import short, told_why

NOT_DEPLOYED = "not deployed"
UNKNOWN = "unknown"

# What one deploy brings to every host, with the words for a host that has another.
COMPARED = {"revision": "", "digest": " (digest)", "definition_hash": " (definition)"}

# A history's reasons are read there, so they are shown whole.
WIDTH = 60


def status_rows(
    host: str, values: Mapping[str, Any], wanted: Sequence[str] = ()
) -> list[dict[str, Any]]:
    """The rows of one host's services.

    :param wanted: the services that the inventory has on this host; one that is missing there has
        a row as well.
    """
    if "services" not in values:
        reason = str(values.get("msg") or "not asked")
        return [{"service": "", "host": host, "state": UNKNOWN, "why": reason}]
    rows = []
    for item in values["services"]:
        row = {"service": item["service"], "host": host, "state": item["state"]}
        if "reason" in item:
            rows.append({**row, "why": f"{item['service']}: {item['reason']}"})
            continue
        row.update({key: item.get(key) for key in ("generation", "since", *COMPARED)})
        row["replicas"] = f"{item['replicas_healthy']}/{item['replicas_wanted']}"
        if item["revision"] is None and item["state"] == "present":
            row = {"service": item["service"], "host": host, "state": NOT_DEPLOYED}
        if item.get("freeze"):
            row["state"] += ", frozen"
        row["problems"] = list(item.get("problems") or ())
        if PROXY in (item.get("problem_kinds") or ()):
            # Told as what could not be read is: nobody knows what is served.
            why = row["problems"].pop(item["problem_kinds"].index(PROXY))
            row["why"] = f"{item['service']}: {why}"
        rows.append(row)
    known = {item["service"] for item in values["services"]}
    missing = [name for name in wanted if name not in known]
    rows += [{"service": name, "host": host, "state": NOT_DEPLOYED} for name in missing]
    return rows


def mark_behind(rows: Sequence[dict[str, Any]]) -> None:
    """Say of each host that has not what its service was brought to last.

    That is what was committed last on any host: a host that was out of reach meanwhile has
    something older, and after a deploy that was killed some have. A host that does not know when
    it committed what it has cannot be told to be behind.
    """
    last: dict[str, dict[str, Any]] = {}
    for row in rows:
        if row.get("since") and row["since"] > last.get(row["service"], {"since": ""})["since"]:
            last[row["service"]] = row
    for row in rows:
        newest = last.get(row["service"])
        if newest is None or row["state"] == UNKNOWN:
            continue
        if row.get("revision") and not row.get("since"):
            continue
        differs = [word for key, word in COMPARED.items() if row.get(key) != newest.get(key)]
        if differs:
            row["state"] += f", behind {short(newest['revision'])}{differs[0]}"


def history_rows(host: str, values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The rows of what was done on one host."""
    if "services" not in values:
        reason = str(values.get("msg") or "not asked")
        return [{"service": "", "host": host, "result": "not known", "why": reason}]
    rows = []
    for item in (*values["services"], *(values.get("former") or ())):
        if "history" not in item:
            why = f"{item['service']}: {item.get('reason') or 'its history was not told'}"
            row = {"service": item["service"], "host": host, "result": "not known"}
            rows.append({**row, "why": why})
        for entry in item.get("history") or ():
            keys = ("by", "action", "from", "to", "seconds", "result", "reason")
            row = {key: entry.get(key) for key in keys}
            row.update(service=item["service"], host=host, at=utc_iso(float(entry.get("at") or 0)))
            if entry.get("override"):
                row["override"] = entry["override"]
            rows.append(row)
    return rows


def history_reason(row: Mapping[str, Any]) -> str:
    """Why an entry failed, or why a freeze was overridden, in lines for a table."""
    override = f"override: {row['override']}" if row.get("override") else ""
    texts = [text for text in (str(row.get("reason") or ""), override) if text]
    return "\n".join(line for text in texts for line in textwrap.wrap(text, WIDTH))


def prune_rows(host: str, values: Mapping[str, Any], check: bool) -> list[dict[str, Any]]:
    """The rows of the services whose images were pruned on one host.

    :param values: what the loop over the services registered; empty when it was never begun.
    """
    rows = []
    for item in values.get("results") or ():
        if item.get("skipped"):
            continue
        row: dict[str, Any] = {"host": host, "service": item["item"]["key"]}
        if item.get("failed") or item.get("unreachable"):
            unreachable = bool(item.get("unreachable"))
            row.update(result="unreachable" if unreachable else "failed", why=told_why(item))
        else:
            row.update(removed=len(item["removed"]), kept=len(item["kept"]))
            row.update(freed=_megabytes(item["freed"]), result=_pruned(item, check))
        rows.append(row)
    if not rows and not values.get("skipped"):
        unreachable = bool(values.get("unreachable"))
        row = {"host": host, "result": "unreachable" if unreachable else "failed"}
        rows.append({**row, "why": str(values.get("msg") or "nothing was done there")})
    return rows


def _pruned(item: Mapping[str, Any], check: bool) -> str:
    if not item["changed"]:
        return "unchanged"
    return "would be pruned" if check else "pruned"


def _megabytes(count: int | None) -> str:
    return "" if count is None else f"{count / 1e6:.1f} MB"
