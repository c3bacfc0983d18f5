# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The end of a playbook as a table over its hosts: what a rollout did, or what runs where."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.hundred.containers.plugins.module_utils.clock import utc_iso
from ansible_collections.hundred.containers.plugins.module_utils.text_table import printable, render

ARGUMENTS: Mapping[str, Any] = {
    "of": {"type": "str", "choices": ["rollout", "status", "history", "prune"], "required": True},
    "format": {"type": "str", "choices": ["table", "json"], "default": "table"},
    "service": {"type": "str"},
    "hosts": {"type": "list", "elements": "str", "required": True},
    "unreachable_limit": {"type": "int", "default": 0},
    "services": {"type": "list", "elements": "str", "default": []},
    "earlier": {"type": "list", "elements": "dict", "default": []},
    "unbuilt": {"type": "dict"},
}

COLUMNS: Mapping[str, Sequence[str]] = {
    "rollout": ("host", "before", "now", "seconds", "result"),
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
    ),
    "prune": ("host", "service", "removed", "kept", "freed", "result"),
}

# Where the role service and the playbook status leave what the modules returned.
RESULTS = {
    "rollout": "__service_rollout",
    "status": "__hundred_status",
    "history": "__hundred_status",
    "prune": "__hundred_pruned",
}

# As long as git shows a commit where it must be told from all others.
SHORT = 12

# What came of undoing the deploy, on hosts where that was tried.
RETURNED = "__service_return"

# What came of the tasks around the deploy, on the host where they were run, and of anything else
# that failed beside a rollout, such as a hook.
TASKS = "__service_tasks"
FAILURE = "__service_failure"


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
        if not arguments["hosts"]:
            result.update(
                failed=True, changed=False, msg="no host is left to report on: see --limit"
            )
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
        several = len(services) > 1
        if several:
            rows = together(arguments["earlier"], service, rows, services, bool(failures))
        if arguments["format"] == "json":
            self._display.display(json.dumps(rows, sort_keys=True))
        else:
            if not several or failures or service == services[-1]:
                title = service if kind == "rollout" and not several else None
                columns = ("service", *COLUMNS[kind]) if several else COLUMNS[kind]
                self._display.display(render(columns, rows, title) + "\n")
            self._tell(found, told)
            for row in rows:
                for problem in row.get("problems") or ():
                    text = printable(f"{row['host']}: {row['service']}: {problem}")
                    self._display.display(f"{text}\n")
        result.update(changed=False, rows=rows)
        if failures:
            # Why is on the screen already, in lines; the failed task would print it once more.
            result["rows"] = [{k: v for k, v in row.items() if k != "why"} for row in rows]
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
        service = arguments["service"] or None
        if kind == "rollout" and arguments["unbuilt"]:
            # What the hosts remember is of the service before.
            return unbuilt_rows(arguments["unbuilt"], list(found))
        if kind == "rollout":
            check = bool(self._task.check_mode)
            rows = []
            for host, values in found.items():
                row = rollout_row(host, values, check, _result(hostvars, host, RETURNED))
                tasks, failure = (_result(hostvars, host, name) for name in (TASKS, FAILURE))
                rows.append(with_failure(row, tasks, failure))
            return rows
        if kind == "prune":
            check = bool(self._task.check_mode)
            return [
                row for host, values in found.items() for row in prune_rows(host, values, check)
            ]
        of_host = status_rows if kind == "status" else history_rows
        rows = [row for host, values in found.items() for row in of_host(host, values)]
        # A host that did not answer has a row without a service: it may run any of them.
        rows = [row for row in rows if service in (None, row["service"]) or not row["service"]]
        if kind == "status":
            rows.sort(key=lambda row: (row["service"], row["host"]))
            mark_behind(rows)
        else:
            rows.sort(key=lambda row: str(row.get("at", "")))
        return rows

    def _tell(
        self, found: Mapping[str, Mapping[str, Any]], rows: Sequence[Mapping[str, Any]]
    ) -> None:
        """Print below the table what does not fit into it."""
        for host, values in found.items():
            for note in values.get("notes") or ():
                self._display.display(f"{host}: note: {printable(str(note))}\n")
        for row in rows:
            # The log lines of an application are in it.
            why = "\n".join(map(printable, row["why"].splitlines()))
            self._display.display(f"{row['host']}: {why}\n")


def _result(hostvars: Mapping[str, Any], host: str, variable: str) -> Mapping[str, Any]:
    values = hostvars[host].get(variable) if host in hostvars else None
    return values if isinstance(values, Mapping) else {}


def short(revision: Any) -> str:
    """A revision as tables show it. Pure."""
    return str(revision)[:SHORT] if revision else ""


def rollout_row(
    host: str, values: Mapping[str, Any], check: bool, returned: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The row of one host after a rollout or a rollback. Pure.

    :param values: what the module returned last there; empty when it was never asked.
    :param check: the play ran in check mode.
    :param returned: what came of undoing it, since it failed here or on another host.
    """
    row: dict[str, Any] = {"host": host}
    if returned and _stays(values, returned):
        whys = [_why(values)] if values.get("failed") else []
        row.update(
            before=short(values.get("previous_revision")),
            now=returned.get("serving") or "not known",
            seconds=returned.get("seconds"),
            result="not returned",
            why="\n".join([*whys, f"returning failed: {_why(returned)}"]),
        )
        return row
    if returned and returned.get("changed") and not values.get("failed"):
        row.update(
            before=short(values.get("previous_revision")),
            now=short(returned.get("revision")) or "nothing",
            seconds=returned.get("seconds"),
            result="returned",
            why="returned to what it had before, since another host failed",
        )
        return row
    if not values or "actions" not in values and not values.get("failed"):
        unreachable = bool(values.get("unreachable"))
        row["result"] = "unreachable" if unreachable else "not reached"
        row["why"] = str(values.get("msg") or "nothing was done there")
    elif values.get("failed"):
        row.update(
            result="failed",
            now=_now(values, returned or {}),
            seconds=values.get("seconds"),
            why=_why(values),
        )
    else:
        row["before"] = short(values.get("previous_revision"))
        row["now"] = short(values.get("revision"))
        row["seconds"] = values.get("seconds")
        row["result"] = _outcome(values, check)
        if row["result"] == "not swapped":
            row["why"] = "left as it was, since another host failed"
    return row


def with_failure(
    row: Mapping[str, Any], tasks: Mapping[str, Any], failure: Mapping[str, Any]
) -> dict[str, Any]:
    """The row of a host on which something failed beside the rollout: a task of the deploy, a hook.
    Pure.

    :param tasks: what the role service left of the last tasks that it ran there.
    :param failure: the name and the message of what failed; empty when nothing did.
    """
    if row["result"] in ("failed", "not returned"):
        return dict(row)
    results = tasks.get("results") or ()
    whys = [_why(item) for item in results if item.get("failed") or item.get("unreachable")]
    if not whys and failure:
        whys = [f"{failure['task']}: {failure['msg']}"]
    if not whys:
        return dict(row)
    swapped = row["result"] == "swapped"
    return {**row, "result": "swapped, failed after it" if swapped else "failed", "why": whys[0]}


def unbuilt_rows(unbuilt: Mapping[str, Any], hosts: Sequence[str]) -> list[dict[str, Any]]:
    """The rows of a deploy that ended before any of its hosts was asked. Pure.

    :param unbuilt: the host that should have built the image, as ``host``, and what it said.
    """
    failed = {"host": unbuilt["host"], "result": "build failed", "why": _why(unbuilt)}
    return [failed, *({"host": host, "result": "not begun"} for host in hosts)]


def together(
    earlier: Sequence[Mapping[str, Any]],
    service: str,
    rows: Sequence[Mapping[str, Any]],
    services: Sequence[str],
    failed: bool,
) -> list[dict[str, Any]]:
    """The rows of a run over several services so far. Pure.

    :param earlier: those of the services before.
    :param rows: those of this one.
    :param services: all of the run, in order.
    :param failed: this one did, so those after it are not begun.
    """
    after = services[list(services).index(service) + 1 :] if failed else ()
    return [
        *map(dict, earlier),
        *({"service": service, **row} for row in rows),
        *({"service": name, "host": "all hosts", "result": "not begun"} for name in after),
    ]


def may_be_skipped(rows: Sequence[Mapping[str, Any]], limit: int) -> bool:
    """Whether what is not as wanted is so many hosts out of reach that it may be. Pure.

    :param limit: how many hosts the user is willing to leave behind.
    """
    bad = [row["result"] for row in rows if row.get("why")]
    return set(bad) == {"unreachable"} and len(bad) <= limit and len(bad) < len(rows)


def _stays(values: Mapping[str, Any], returned: Mapping[str, Any]) -> bool:
    """Whether a host that had been touched could not be returned."""
    failed = returned.get("failed") or returned.get("unreachable")
    touched = (values.get("changed") or values.get("failed")) and not values.get("prefetched")
    return bool(failed and touched)


def _now(values: Mapping[str, Any], returned: Mapping[str, Any]) -> Any:
    """What serves on a host that failed: more than it said itself when it was returned since."""
    return short(returned["revision"]) if returned.get("changed") else values.get("serving")


def _outcome(values: Mapping[str, Any], check: bool) -> str:
    if not values.get("needed", values.get("changed")):
        return "unchanged"
    if values.get("prefetched"):
        return "would be swapped" if check else "not swapped"
    return "would be swapped" if check else "swapped"


def _why(values: Mapping[str, Any]) -> str:
    lines = [str(values.get("msg") or "failed")]
    lines += [f"  log: {line}" for line in values.get("logs") or ()]
    lines += [f"  probe at {line}" for line in values.get("health") or ()]
    if values.get("next_step"):
        lines.append(f"  next: {values['next_step']}")
    return "\n".join(lines)


def history_rows(host: str, values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The rows of what was done on one host. Pure."""
    if "services" not in values:
        reason = str(values.get("msg") or "not asked")
        return [{"service": "", "host": host, "result": "not known", "why": reason}]
    rows = []
    for item in values["services"]:
        for entry in item.get("history") or ():
            row = {key: entry.get(key) for key in ("by", "action", "seconds", "result", "reason")}
            row.update(service=item["service"], host=host, at=utc_iso(float(entry.get("at") or 0)))
            row.update({key: short(entry.get(key)) for key in ("from", "to")})
            if entry.get("override"):
                row["override"] = entry["override"]
            rows.append(row)
    return rows


def prune_rows(host: str, values: Mapping[str, Any], check: bool) -> list[dict[str, Any]]:
    """The rows of the services whose images were pruned on one host. Pure.

    :param values: what the loop over the services registered; empty when it was never begun.
    """
    rows = []
    for item in values.get("results") or ():
        if item.get("skipped"):
            continue
        row: dict[str, Any] = {"host": host, "service": item["item"]["key"]}
        if item.get("failed") or item.get("unreachable"):
            unreachable = bool(item.get("unreachable"))
            row.update(result="unreachable" if unreachable else "failed", why=_why(item))
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


def mark_behind(rows: Sequence[dict[str, Any]]) -> None:
    """Say of each host whose revision is not the one that its service was brought to last.

    That is the one that was committed last on any host: a host that was out of reach meanwhile
    has an older one, and after a deploy that was killed some have.
    """
    last: dict[str, dict[str, Any]] = {}
    for row in rows:
        if row.get("since") and row["since"] > last.get(row["service"], {"since": ""})["since"]:
            last[row["service"]] = row
    for row in rows:
        if row.get("since") and row["revision"] != last[row["service"]]["revision"]:
            row["state"] += f", behind {last[row['service']]['revision']}"


def status_rows(host: str, values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The rows of one host's services. Pure."""
    if "services" not in values:
        reason = str(values.get("msg") or "not asked")
        return [{"service": "", "host": host, "state": "unknown", "why": reason}]
    rows = []
    for item in values["services"]:
        if "reason" in item:
            row = {"service": item["service"], "host": host, "state": item["state"]}
            rows.append({**row, "why": f"{item['service']}: {item['reason']}"})
            continue
        row = {
            "service": item["service"],
            "host": host,
            "revision": short(item["revision"]),
            "generation": item["generation"],
            "replicas": f"{item['replicas_healthy']}/{item['replicas_wanted']}",
            "since": item["since"],
            "state": item["state"],
        }
        if item.get("freeze"):
            row["state"] += ", frozen"
        row["problems"] = list(item.get("problems") or ())
        rows.append(row)
    return rows
