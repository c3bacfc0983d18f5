# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The end of a playbook as a table over its hosts: what a rollout did, or what runs where."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ansible.plugins.action import ActionBase

from ..module_utils.text_table import printable, render
from ..plugin_utils.rollout_rows import (
    brief,
    brief_serving,
    cause_of,
    failure_beside,
    may_be_skipped,
    rollout_row,
    short,
    together,
    unbuilt_rows,
    with_failure,
)
from ..plugin_utils.service_rows import (
    history_reason,
    history_rows,
    mark_behind,
    prune_rows,
    status_rows,
)

ARGUMENTS: Mapping[str, Any] = {
    "of": {"type": "str", "choices": ["rollout", "status", "history", "prune"], "required": True},
    "format": {"type": "str", "choices": ["table", "json"], "default": "table"},
    "service": {"type": "str"},
    "hosts": {"type": "list", "elements": "str", "required": True},
    "placement": {"type": "dict", "default": {}},
    "unreachable_limit": {"type": "int", "default": 0},
    "services": {"type": "list", "elements": "str", "default": []},
    "earlier": {"type": "list", "elements": "dict", "default": []},
    "unbuilt": {"type": "dict"},
}

COLUMNS: Mapping[str, Sequence[str]] = {
    "rollout": ("host", "before", "now", "seconds", "result", "why"),
    "status": (
        "service",
        "host",
        "revision",
        "generation",
        "replicas",
        "since",
        "state",
    ),
    "history": (
        "at",
        "service",
        "host",
        "by",
        "action",
        "from",
        "to",
        "seconds",
        "result",
        "reason",
    ),
    "prune": ("host", "service", "removed", "kept", "freed", "result"),
}

# Where the role service and the playbook status leave what the modules returned.
RESULTS = {
    "rollout": "__hundred_service_rollout",
    "status": "__hundred_status",
    "history": "__hundred_status",
    "prune": "__hundred_pruned",
}

# The row of a service of which a limit leaves no host.
NO_HOST = "no host"

# Columns that are there only if a row has a value in them.
OPTIONAL = ("why", "reason")

# What came of undoing the deploy, on hosts where that was tried.
RETURNED = "__hundred_service_return"

# What came of the tasks around the deploy, on the host where they were run, and of anything else
# that failed beside a rollout, such as a hook.
TASKS = "__hundred_service_tasks"
FAILURE = "__hundred_service_failure"


class ActionModule(ActionBase):
    """The action plugin of ``hundred.containers.fleet_table``."""

    TRANSFERS_FILES = False
    _requires_connection = False

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Print the table and return its rows; fail if a host failed."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        arguments = self.validate_argument_spec(argument_spec=dict(ARGUMENTS))[1]
        several = len(arguments["services"]) > 1
        if not arguments["hosts"] and not (several and _others_have_hosts(arguments)):
            # Also of an inventory that is not the one that was meant.
            reason = "no service of hundred_services has one, or --limit leaves all of them out"
            result.update(failed=True, changed=False, msg=f"no host is left to report on: {reason}")
            return result
        hostvars = (task_vars or {})["hostvars"]
        kind = arguments["of"]
        found = {host: _result(hostvars, host, RESULTS[kind]) for host in arguments["hosts"]}
        rows = self._rows(kind, found, hostvars, arguments)
        failures = [row for row in rows if row.get("why")]
        told = list(failures)
        if kind == "rollout" and may_be_skipped(rows, arguments["unreachable_limit"]):
            for row in failures:
                row["result"] = "skipped"
            failures = []
        service, services = arguments["service"], arguments["services"]
        if several:
            rows = rows or [{"host": NO_HOST, "result": "left out by --limit"}]
            rows = together(arguments["earlier"], service, rows, services, bool(failures))
        if arguments["format"] == "json":
            self._display.display(json.dumps(rows, sort_keys=True))
        else:
            if not several or failures or service == services[-1]:
                title = service if kind == "rollout" and not several else None
                columns = ("service", *COLUMNS[kind]) if several else COLUMNS[kind]
                self._display.display(table(columns, rows, title) + "\n")
            if "why" in COLUMNS[kind]:
                told = [row for row in told if brief(row["why"]) != row["why"]]
            self._tell(found, told, rows)
        result.update(changed=False, rows=rows)
        if failures:
            # The long text is on the screen already; the failed task would print it once more.
            result["rows"] = [in_short(row) for row in rows]
            names = ", ".join(dict.fromkeys(row["host"] for row in failures))
            result.update(failed=True, msg=f"not as wanted on {names}")
        return result

    def _rows(
        self,
        kind: str,
        found: Mapping[str, Mapping[str, Any]],
        hostvars: Mapping[str, Any],
        arguments: Mapping[str, Any],
    ) -> list[dict[str, Any]]:
        """The rows of the table, in its order."""
        check = bool(self._task.check_mode)
        if kind == "rollout" and arguments["unbuilt"]:
            # What the hosts remember is of the service before.
            return unbuilt_rows(arguments["unbuilt"], list(found))
        if kind == "rollout":
            return _rollout_rows(found, hostvars, check)
        if kind == "prune":
            return [
                row for host, values in found.items() for row in prune_rows(host, values, check)
            ]
        service, placement = arguments["service"] or None, arguments["placement"]
        rows = []
        for host, values in found.items():
            if kind == "history":
                rows += history_rows(host, values)
            else:
                wanted = [name for name, hosts in placement.items() if host in hosts]
                rows += status_rows(host, values, wanted)
        # A host that did not answer has a row without a service: it may run any of them.
        rows = [row for row in rows if service in (None, row["service"]) or not row["service"]]
        if kind == "status":
            rows.sort(key=lambda row: (row["service"], row["host"]))
            mark_behind(rows)
        else:
            rows.sort(key=lambda row: str(row.get("at", "")))
        return rows

    def _tell(
        self,
        found: Mapping[str, Mapping[str, Any]],
        told: Sequence[Mapping[str, Any]],
        rows: Sequence[Mapping[str, Any]],
    ) -> None:
        """Print below the table what does not fit into it."""
        for host, values in found.items():
            for note in values.get("notes") or ():
                self._display.display(f"{host}: note: {printable(str(note))}\n")
        for row in told:
            # The log lines of an application are in it.
            why = "\n".join(map(printable, row["why"].splitlines()))
            self._display.display(f"{row['host']}: {why}\n")
        for row in rows:
            for problem in row.get("problems") or ():
                text = printable(f"{row['host']}: {row['service']}: {problem}")
                self._display.display(f"{text}\n")


def _others_have_hosts(arguments: Mapping[str, Any]) -> bool:
    """Whether a limit that leaves out every host of one service may be meant so: those of another
    one that was begun are not, or there are some to come.
    """
    last = arguments["service"] == arguments["services"][-1]
    return not last or any(row.get("host") != NO_HOST for row in arguments["earlier"])


def _result(hostvars: Mapping[str, Any], host: str, variable: str) -> Mapping[str, Any]:
    values = hostvars[host].get(variable) if host in hostvars else None
    return values if isinstance(values, Mapping) else {}


def _rollout_rows(
    found: Mapping[str, Mapping[str, Any]], hostvars: Mapping[str, Any], check: bool
) -> list[dict[str, Any]]:
    tasks, failures = (
        {host: _result(hostvars, host, name) for host in found} for name in (TASKS, FAILURE)
    )
    beside = {host: failure_beside(tasks[host], failures[host]) for host in found}
    cause = cause_of(found, beside)
    rows = []
    for host, values in found.items():
        row = rollout_row(host, values, check, _result(hostvars, host, RETURNED), cause)
        rows.append(with_failure(row, beside[host]))
    return rows


def in_short(row: Mapping[str, Any]) -> dict[str, Any]:
    """The row as a table shows it. Pure."""
    shown = dict(row)
    for key in ("from", "to", "revision"):
        if key in shown:
            shown[key] = short(shown[key])
    if "now" in shown:
        shown["now"] = brief_serving(shown["now"] or "")
    if "why" in shown:
        shown["why"] = brief(shown["why"])
    return shown


def table(columns: Sequence[str], rows: Sequence[Mapping[str, Any]], title: str | None) -> str:
    """The rows as text, without columns that none of them needs. Pure."""
    shown = [in_short(row) for row in rows]
    for row in shown:
        if "action" in row:
            row["reason"] = history_reason(row)
    kept = [key for key in columns if key not in OPTIONAL or any(row.get(key) for row in shown)]
    return render(kept, shown, title)
