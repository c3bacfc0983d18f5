# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A plan and its outcome in words: what people read under ``--check --diff`` and after a deploy.
Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..definition.changes import spec_changes
from ..definition.model import Definition
from ..engine.containers import Container, container_name
from ..proxy.protocol import FileChange
from ..state.journal import Release
from .plan import Plan


def _names(containers: Sequence[Container]) -> str:
    return ", ".join(item.name for item in containers)


def _with_addresses(containers: Sequence[Container], port: int | None) -> str:
    return ", ".join(f"{item.name} ({_endpoint(item.address, port)})" for item in containers)


def _endpoint(address: str, port: int | None) -> str:
    return "%s:%d" % (address, port) if port else address


def describe_health(definition: Definition) -> str:
    """What a replica must do to be settled, in words."""
    health = definition.health
    if health.command is not None:
        test = "its health command"
    elif health.path is not None:
        test = f"GET {health.path}"
    elif definition.port is not None:
        test = "a connection to port %d" % definition.port
    else:
        test = "being up"
    return "%s %d times in a row within %gs" % (test, health.successes, health.healthy_deadline)


def describe_plan(
    plan: Plan,
    definition: Definition,
    addresses: Sequence[str],
    proxy_name: str | None,
    file_change: FileChange | None,
    former: Definition | None,
    watched: bool = True,
) -> list[str]:
    """The steps of a rollout, one sentence each, in the order in which they happen.

    :param addresses: the addresses that the new containers get, in the order of their slots.
    :param watched: whether new replicas are watched for the ``monitor`` window.
    """
    service = definition.name
    lines: list[str] = []
    if plan.discard:
        lines.append(f"remove {_names(plan.discard)}, left behind by an interrupted rollout")
    if plan.replace:
        lines.append(f"remove {_names(plan.replace)}, which is not healthy")
    if definition.update.order == "stop-first" and plan.retire:
        lines.append(
            "stop %s first, %d at a time" % (_names(plan.retire), definition.update.parallelism)
        )
    for container in plan.revive:
        lines.append(
            f"start {container.name} again on {_endpoint(container.address, definition.port)}"
        )
    for slot, address in zip(plan.create, addresses):
        name = container_name(service, plan.generation, slot)
        lines.append(f"start {name} on {_endpoint(address, definition.port)}")
    fresh = len(plan.revive) + len(plan.create) + len(plan.settle)
    if fresh:
        lines.append("wait until %d pass %s" % (fresh, describe_health(definition)))
    if proxy_name is not None and file_change is not None:
        lines.extend(_routing_lines(plan, definition, proxy_name, file_change, former))
    if fresh and watched and definition.update.monitor:
        lines.append(f"watch the new replicas for {definition.update.monitor:g}s")
    if plan.retire:
        lines.append(f"stop and remove {_names(plan.retire)}")
    return lines


def _routing_lines(
    plan: Plan,
    definition: Definition,
    proxy_name: str,
    file_change: FileChange,
    former: Definition | None,
) -> list[str]:
    lines = []
    if file_change.changed:
        how = "with a reload" if file_change.reload else "without a reload"
        where = f"{proxy_name} ({file_change.path}, {how})"
        if not definition.routes:
            lines.append(f"remove the routes of {definition.name} from {where}")
        elif plan.touches_containers:
            lines.append(f"route {definition.name} to them in {where}")
        else:
            lines.append(f"change {where}")
    port = (former or definition).port
    if plan.retire:
        lines.append(
            f"drain {_with_addresses(plan.retire, port)} (at most {definition.drain_timeout:g}s)"
        )
    return lines


def describe_changes(
    former_release: Release | None,
    former: Definition | None,
    release: Release,
    definition: Definition,
) -> list[str]:
    """What differs between two releases: revision, digest, and keys of the definition without
    secret values.
    """
    if former_release is None or former is None:
        return [f"first release of {definition.name} on this host: revision {release.revision}"]
    lines = []
    if former_release.revision != release.revision:
        lines.append(f"revision: {former_release.revision} -> {release.revision}")
    if former_release.reference != release.reference:
        lines.append(f"image: {former_release.reference} -> {release.reference}")
    lines.extend(spec_changes(former, definition))
    if not lines and former_release.release != release.release:
        lines.append("secrets: a value changes")
    return lines


def state_text(
    release: Release | None,
    definition: Definition | None,
    containers: Sequence[tuple[str, str]],
    stopped: bool = False,
) -> str:
    """The state of a service as text, for a diff: no values of environment or secrets.

    :param containers: names and addresses of its replicas.
    """
    if release is None or definition is None:
        return ""
    lines = [
        f"service: {definition.name}",
        "state: %s" % ("stopped" if stopped else "present"),
        f"revision: {release.revision}",
        f"image: {release.reference}",
        f"release: {release.release}",
        "generation: %d" % release.generation,
        "environment: {}".format(", ".join(sorted(definition.environment))),
        "secrets: {}".format(", ".join(sorted(definition.secrets))),
        "replicas:",
    ]
    lines += [f"  {name} {_endpoint(address, definition.port)}" for name, address in containers]
    return "\n".join(lines) + "\n"


def make_diff(
    service: str, before: str, after: str, plan: Sequence[str], file_change: FileChange | None
) -> list[dict[str, Any]]:
    """The ``diff`` of a module's result: the service's state, the proxy's file, and the plan in
    words.
    """
    diff: list[dict[str, Any]] = []
    if before != after:
        diff.append(
            {
                "before": before,
                "after": after,
                "before_header": f"{service}, as it is",
                "after_header": f"{service}, as it will be",
            }
        )
    if file_change is not None and file_change.changed:
        diff.append(
            {
                "before": file_change.before,
                "after": file_change.after,
                "before_header": file_change.path,
                "after_header": file_change.path,
            }
        )
    if plan:
        diff.append({"prepared": "\n".join(f"{service}: {line}" for line in plan) + "\n"})
    return diff
