# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The end of the playbook maintenance as a table: the edges and the host."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.hundred.containers.plugins.module_utils.rollout.problem_kinds import PROXY
from ansible_collections.hundred.containers.plugins.module_utils.text_table import printable, render

ARGUMENTS: Mapping[str, Any] = {
    "host": {"type": "str", "required": True},
    "edges": {"type": "list", "elements": "str", "required": True},
    "half": {"type": "str", "choices": ["drain", "put_back"]},
    "in_flight": {"type": "str", "choices": ["fail", "cut"], "default": "fail"},
}

# What may be left of a drain, in words.
LEFT: Mapping[str, str] = {
    "still_drained_at": "IS STILL DRAINED",
    "perhaps_drained_at": "MAY STILL BE DRAINED",
}

COLUMNS = ("host", "drained", "work", "services", "put back")

# Something was in flight when the time to drain was over: nothing is done to the host.
IN_TIME = "not in time"
ADVICE = (
    "give it longer with hundred_maintenance_drain_timeout, or cut what is left with "
    "-e hundred_maintenance_in_flight=cut"
)


class ActionModule(ActionBase):
    """The action plugin of ``hundred.containers.maintenance_table``."""

    TRANSFERS_FILES = False
    _requires_connection = False

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Print the table and return its rows; fail if anything is not as wanted."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        arguments = self.validate_argument_spec(argument_spec=dict(ARGUMENTS))[1]
        hostvars = (task_vars or {})["hostvars"]
        host, half = arguments["host"], arguments["half"]
        check = bool(self._task.check_mode)
        cut = arguments["in_flight"] == "cut"
        rows = [edge_row(name, hostvars[name], half, check, cut) for name in arguments["edges"]]
        unsafe = any(row["drained"] in ("failed", IN_TIME) for row in rows)
        rows.append(host_row(host, hostvars[host], half, unsafe, check))
        self._display.display(render(COLUMNS, rows, f"maintenance of {host}") + "\n")
        for row in rows:
            for why in row["why"]:
                self._display.display(f"{row['host']}: {printable(why)}\n")
        result.update(changed=False, rows=rows)
        left = {} if half == "drain" or check else _left(rows)
        for key, words in LEFT.items():
            away = left.get(key)
            if away:
                result[key] = away
                self._display.display(
                    f"{host} {words} at {', '.join(away)}. When it is well again, run this "
                    "playbook with -e only=put_back\n"
                )
        if any(row["why"] for row in rows):
            bad = ", ".join(row["host"] for row in rows if row["why"])
            result.update(failed=True, msg=f"not as wanted: {bad}")
        return result


def _left(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    """The edges that send the host no requests, or of which that is not known, as in ``LEFT``."""
    found: dict[str, list[str]] = {}
    for row in rows:
        if row.get("left"):
            found.setdefault(row["left"], []).append(row["host"])
    return found


def edge_row(
    edge: str, values: Mapping[str, Any], half: str | None, check: bool = False, cut: bool = False
) -> dict[str, Any]:
    """The row of one edge. Pure.

    :param values: its variables.
    :param half: ``drain`` or ``put_back`` when only that was asked for.
    :param check: nothing was done, only looked at.
    :param cut: requests that do not end in time may be cut.
    """
    drain, back = (_mapping(values.get(f"__hundred_maint_{name}")) for name in ("drain", "back"))
    row: dict[str, Any] = {"host": edge, "work": "", "services": "", "why": []}
    row["drained"] = _outcome(drain, row["why"], check) if half != "put_back" else ""
    row["put back"] = _outcome(back, row["why"], check) if half != "drain" else ""
    if row["drained"] == "would be" and row["put back"] == "yes":
        # It is not drained yet, so that there is nothing to be put back.
        row["put back"] = "would be"
    row["left"] = _left_at(row, back)
    left = drain.get("in_flight")
    if row["drained"] == "yes" and left and not check:
        row["drained"] = f"yes, {left} cut" if cut else IN_TIME
        if not cut:
            told = "in flight when the time to drain was over"
            row["why"] += [f"{left} requests or connections were {told}", f"next: {ADVICE}"]
    return row


def _left_at(row: Mapping[str, Any], back: Mapping[str, Any]) -> str:
    """The key of ``LEFT`` for an edge; empty when it sends the host requests, or does as soon as
    the host passes its checks.
    """
    if row["put back"] == "yes" or (back.get("failed") and back.get("step") == "put back"):
        return ""
    if row["drained"] == "yes":
        return "still_drained_at"
    # An order whose answer was lost may have been obeyed.
    unsure = row["drained"] == "failed" or row["put back"] == "failed"
    return "perhaps_drained_at" if unsure else ""


def host_row(
    host: str, values: Mapping[str, Any], half: str | None, unsafe: bool, check: bool = False
) -> dict[str, Any]:
    """The row of the host itself. Pure.

    :param unsafe: an edge could not drain it, so nothing was done to it.
    :param check: nothing was done, only looked at.
    """
    row: dict[str, Any] = {"host": host, "drained": "", "put back": "", "why": []}
    failure = values.get("__hundred_maint_failure")
    done = "would be done" if check else "done"
    row["work"] = "" if half else "not done" if unsafe else "failed" if failure else done
    if failure:
        row["why"].append(str(failure))
    row["services"] = ""
    if half != "drain" and not unsafe and not check:
        found = _mapping(values.get("__hundred_maint_services"))
        reached = _mapping(values.get("__hundred_maint_reached"))
        row["services"] = "healthy"
        if not values.get("__hundred_maint_healthy"):
            lost = [item for item in (reached, found) if item.get("unreachable")]
            if lost or reached.get("failed") or not found:
                row["services"] = "not known"
                why = (lost or [reached])[0].get("msg", "it was not asked")
                row["why"].append(f"cannot be reached: {why}")
            else:
                row["services"] = "not healthy"
                row["why"] += _unhealthy(found.get("services") or ()) or [str(found.get("msg"))]
    return row


def _unhealthy(services: Sequence[Mapping[str, Any]]) -> list[str]:
    lines = []
    for item in services:
        healthy, wanted = item.get("replicas_healthy"), item.get("replicas_wanted")
        if item["state"] != "stopped" and (item["state"] != "present" or healthy != wanted):
            lines.append(f"{item['service']} is {item['state']}, {healthy}/{wanted} healthy")
        # Healthy replicas serve nobody while their proxy does not answer.
        told = zip(item.get("problem_kinds") or (), item.get("problems") or ())
        lines += [f"{item['service']}: {text}" for kind, text in told if kind == PROXY]
    return lines


def _outcome(values: Mapping[str, Any], whys: list[str], check: bool) -> str:
    if values.get("failed") or values.get("unreachable"):
        whys.append(str(values.get("msg") or "failed"))
        if values.get("next_step"):
            whys.append(f"next: {values['next_step']}")
        return "failed"
    if "actions" not in values:
        return "no"
    if not values.get("services", True):
        return "not behind it"
    return "would be" if check and values["actions"] else "yes"


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
