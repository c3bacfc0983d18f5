# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rows of a table over the hosts of a rollout or a rollback. Pure."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

# As long as git shows a commit where it must be told from all others.
SHORT = 12

# The characters that a table has for a reason.
BRIEF = 64

ANOTHER = "another host failed"

WHEN_UNREACHABLE = (
    "when it can be reached, run this again; a deploy goes on without it with "
    "-e hundred_unreachable=skip -e hundred_unreachable_limit=1"
)

# So much of what came in the place of a result is shown.
PRINTED_LINES = 3


def short(revision: Any) -> str:
    """A revision as tables show it."""
    return str(revision)[:SHORT] if revision else ""


def brief(why: str) -> str:
    """The reason as tables show it: its first line, without what other columns say, and cut."""
    lines = why.splitlines() or [""]
    first = re.sub(r" \(revision [^)]*\)", "", lines[0].partition(". Serving now: ")[0])
    return textwrap.shorten(first, BRIEF, placeholder=" ...")


def brief_serving(text: str) -> str:
    """What serves, as a module tells it, in as few words as a table has room for."""
    return re.sub(r"revision (\S+) \(generation \d+\)", r"\1", text)


def cause_of(found: Mapping[str, Mapping[str, Any]], beside: Mapping[str, str | None]) -> str:
    """Which hosts have stopped the fleet, in words.

    :param found: what the module returned last on each host.
    :param beside: of each host, what failed there beside the rollout.
    """
    failed = [host for host, values in found.items() if values.get("failed") or beside.get(host)]
    lost = [host for host, values in found.items() if values.get("unreachable")]
    hosts, verb = (failed, "failed") if failed else (lost, "could not be reached")
    if not hosts:
        return ANOTHER
    more = f" and {len(hosts) - 1} more" if len(hosts) > 1 else ""
    return f"{hosts[0]}{more} {verb}"


def rollout_row(
    host: str,
    values: Mapping[str, Any],
    check: bool,
    returned: Mapping[str, Any] | None = None,
    cause: str = ANOTHER,
) -> dict[str, Any]:
    """The row of one host after a rollout or a rollback.

    :param values: what the module returned last there; empty when it was never asked.
    :param check: the play ran in check mode.
    :param returned: what came of undoing it, since it failed here or on another host.
    :param cause: which hosts have stopped the fleet, in words.
    """
    returned = returned or {}
    row: dict[str, Any] = {"host": host, "before": _before(values, returned)}
    unreachable = bool(values.get("unreachable"))
    if returned and _stays(values, returned):
        whys = [told_why(values)] if values.get("failed") else []
        row.update(
            now=returned.get("serving") or "not known",
            seconds=returned.get("seconds"),
            result="not returned",
            why="\n".join([*whys, f"returning failed: {told_why(returned)}"]),
        )
    elif returned.get("changed") and not values.get("failed"):
        lost = f"could not be reached in its swap: {values.get('msg') or 'no reason is known'}"
        row.update(
            now=short(returned.get("revision")) or "nothing",
            seconds=returned.get("seconds"),
            result="returned",
            why=lost if unreachable else f"returned to what it had before, since {cause}",
        )
    elif values.get("failed"):
        row.update(
            result="failed",
            now=_now(values, returned),
            seconds=values.get("seconds"),
            why=told_why(values),
        )
    elif "actions" not in values:
        row["result"] = "unreachable" if unreachable else "not reached"
        row["why"] = str(values.get("msg") or "nothing was done there")
        if unreachable:
            row["why"] += f"\n  next: {WHEN_UNREACHABLE}"
        if _answers(returned):
            row["now"] = short(returned.get("revision")) or "nothing"
    else:
        row["now"] = short(values.get("revision"))
        row["seconds"] = values.get("seconds")
        row["result"] = _outcome(values, check)
        if row["result"] == "not swapped":
            row["why"] = f"left as it was, since {cause}"
    return row


def failure_beside(tasks: Mapping[str, Any], failure: Mapping[str, Any]) -> str | None:
    """What failed on a host beside the rollout: a task of the deploy, a hook.

    :param tasks: what the role service left of the last tasks that it ran there.
    :param failure: the name and the message of what failed; empty when nothing did.
    """
    results = tasks.get("results") or ()
    whys = [told_why(item) for item in results if item.get("failed") or item.get("unreachable")]
    if not whys and failure:
        whys = [f"{failure['task']}: {failure['msg']}"]
    return whys[0] if whys else None


def with_failure(row: Mapping[str, Any], why: str | None) -> dict[str, Any]:
    """The row of a host on which something failed beside the rollout.

    :param why: as ``failure_beside`` has it.
    """
    if why is None or row["result"] in ("failed", "not returned"):
        return dict(row)
    swapped = row["result"] == "swapped"
    return {**row, "result": "swapped, failed after it" if swapped else "failed", "why": why}


def unbuilt_rows(unbuilt: Mapping[str, Any], hosts: Sequence[str]) -> list[dict[str, Any]]:
    """The rows of a deploy that ended before any of its hosts was asked.

    :param unbuilt: the host that should have built the image, as ``host``, and what it said.
    """
    failed = {"host": unbuilt["host"], "result": "build failed", "why": told_why(unbuilt)}
    return [failed, *({"host": host, "result": "not begun"} for host in hosts)]


def together(
    earlier: Sequence[Mapping[str, Any]],
    service: str,
    rows: Sequence[Mapping[str, Any]],
    services: Sequence[str],
    failed: bool,
) -> list[dict[str, Any]]:
    """The rows of a run over several services so far.

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
    """Whether what is not as wanted is so many hosts out of reach that it may be.

    :param limit: how many hosts the user is willing to leave behind.
    """
    bad = [row["result"] for row in rows if row.get("why")]
    return set(bad) == {"unreachable"} and len(bad) <= limit and len(bad) < len(rows)


def _stays(values: Mapping[str, Any], returned: Mapping[str, Any]) -> bool:
    """Whether a host that had been touched could not be returned."""
    failed = returned.get("failed") or returned.get("unreachable")
    touched = (values.get("changed") or values.get("failed")) and not values.get("prefetched")
    return bool(failed and touched)


def _answers(returned: Mapping[str, Any]) -> bool:
    """Whether a host told what serves there when the deploy was undone."""
    return "revision" in returned and not returned.get("failed")


def _before(values: Mapping[str, Any], returned: Mapping[str, Any]) -> str:
    """What served before. A host whose connection broke tells by what it was returned to."""
    if "previous_revision" in values:
        return short(values["previous_revision"])
    return short(returned["revision"]) if _answers(returned) else ""


def _now(values: Mapping[str, Any], returned: Mapping[str, Any]) -> Any:
    """What serves on a host that failed: more than it said itself when it was returned since."""
    return short(returned["revision"]) if returned.get("changed") else values.get("serving")


def _outcome(values: Mapping[str, Any], check: bool) -> str:
    # What is owed was swapped by an earlier deploy.
    if not values.get("needed", values.get("changed")) or values.get("owed"):
        return "unchanged"
    if values.get("prefetched"):
        return "would be swapped" if check else "not swapped"
    return "would be swapped" if check else "swapped"


def told_why(values: Mapping[str, Any]) -> str:
    """Why a module failed, with what helps to find out more, in lines."""
    lines = [str(values.get("msg") or "failed")]
    # What a module could not put into a result, such as "sudo: not found".
    lines += [f"  it printed: {line}" for line in _printed(values)[-PRINTED_LINES:]]
    lines += [f"  output: {line}" for line in values.get("output") or ()]
    lines += [f"  log: {line}" for line in values.get("logs") or ()]
    lines += [f"  probe at {line}" for line in values.get("health") or ()]
    if values.get("next_step"):
        lines.append(f"  next: {values['next_step']}")
    return "\n".join(lines)


def _printed(values: Mapping[str, Any]) -> list[str]:
    """What came from a host in the place of a result."""
    texts = (values.get("module_stdout"), values.get("module_stderr"))
    return [line for text in texts for line in str(text or "").splitlines() if line.strip()]
