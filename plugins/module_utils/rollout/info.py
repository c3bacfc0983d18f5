# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What runs of the services on a host: observed, not remembered."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from typing import Any

from ..clock import utc_iso
from ..definition.model import Definition
from ..definition.release import definition_hash
from ..definition.stored import from_mapping
from ..engine.containers import Container, Engine
from ..errors import HundredError, ProxyError, RolloutError, StateError
from ..probe import Outcome, probe
from ..proxy.protocol import Observed
from ..state.freeze import Freeze
from ..state.history import History
from ..state.journal import IDLE, Journal, Release
from ..state.lock import holder_of
from ..state.repairs import RepairsFile
from .condition import find_problems
from .host import ServiceHost, Settings, rollout_history
from .jobs import describe_entries
from .plan import recover


def known_services(settings: Settings) -> list[str]:
    """The names of the services that this host remembers.

    :raises StateError: they are not for this user to know.
    """
    return _services_with(settings, "journal.json")


def require_service(settings: Settings, name: str) -> None:
    """Refuse a service that this host does not have.

    :raises RolloutError: it does not; names those that it has.
    """
    names = known_services(settings)
    if name not in names:
        raise RolloutError(
            "{} is not on this host; it has {}".format(name, ", ".join(names) or "no service"),
            step="observe",
        )


def services_with_history(settings: Settings) -> list[str]:
    """The names of the services of which something was done on this host; some may be gone.

    :raises StateError: they are not for this user to know.
    """
    return _services_with(settings, "history.jsonl")


def _services_with(settings: Settings, file: str) -> list[str]:
    folder = os.path.join(settings.state_dir, "services")
    try:
        found = []
        for name in os.listdir(folder):
            with suppress(FileNotFoundError, NotADirectoryError):
                os.stat(os.path.join(folder, name, file))
                found.append(name)
        return sorted(found)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise StateError(
            f"cannot read {folder}: {error.strerror}", next_step="run it as root"
        ) from error


def describe_services(settings: Settings, name: str | None, history: int) -> list[dict[str, Any]]:
    """An account of one service or of all, in the order of their names.

    Of all, a service that cannot be described (its journal is damaged, say) has the state
    ``unknown``, a ``reason`` and, if that can be read, its history, so that it hides none of the
    others.

    :param history: how many entries of the history to include.
    :raises RolloutError: this host does not have the service.
    :raises HundredError: the one service asked for cannot be described.
    """
    if name is not None:
        require_service(settings, name)
        return [_describe(ServiceHost(settings, name), history)]
    names = known_services(settings)
    if names and history <= 0:
        Engine(settings.docker_host)  # without it there is nothing to tell of any service
    return [_describe_or_tell(settings, item, history) for item in names]


def former_services(settings: Settings, history: int) -> list[dict[str, Any]]:
    """The history of services that are not on this host any more, by their names: they were
    removed, or their first deploy came to nothing.

    :param history: how many entries of each to include, the newest.
    """
    gone = set(services_with_history(settings)) - set(known_services(settings))
    told = {name: _newest(rollout_history(settings, name), history) for name in sorted(gone)}
    return [{"service": name, "history": entries} for name, entries in told.items() if entries]


def _describe_or_tell(settings: Settings, service: str, history: int) -> dict[str, Any]:
    try:
        return _describe(ServiceHost(settings, service), history)
    except HundredError as error:
        told = _unknown(service, error)
    # What was done is known without the engine.
    try:
        return {**told, "history": _newest(rollout_history(settings, service), history)}
    except HundredError:
        return told


def _unknown(service: str, error: HundredError) -> dict[str, Any]:
    advice = f" Next: {error.next_step}" if error.next_step else ""
    return {"service": service, "state": "unknown", "reason": f"{error.message}{advice}"}


def _newest(history: History, count: int) -> list[dict[str, Any]]:
    return history.entries()[-count:] if count > 0 else []


def _describe(host: ServiceHost, history: int) -> dict[str, Any]:
    stored = host.journal_file.read()
    newest = stored.desired or stored.committed
    observed: Observed | None = None
    silence = ""
    if newest is not None and newest.definition.get("routes"):
        try:
            observed = host.open_proxy(newest.proxy).observe(host.service)
        except ProxyError as error:  # what is committed is known without it
            silence = error.message
    journal = recover(stored, observed)
    release = journal.committed
    definition = from_mapping(release.definition) if release is not None else None
    containers = host.engine.containers(host.service)
    replicas = [_replica(host, definition, item, observed) for item in containers]
    current = release.generation if release is not None else 0
    repairs = RepairsFile(host.repairs_path).read()
    entries = []
    if release is not None and definition is not None and definition.cron is not None:
        entries = describe_entries(host, definition, release.reference)
    wanted = definition.replicas if definition and not journal.stopped else 0
    problems = find_problems(journal, wanted, replicas, repairs, entries, time.time(), silence)
    return {
        "service": host.service,
        "state": _state(journal),
        "revision": release.revision if release is not None else None,
        "image": release.reference if release is not None else None,
        "digest": release.digest if release is not None else None,
        "definition_hash": definition_hash(definition) if definition is not None else None,
        "generation": current,
        "since": _since(release),
        "replicas_wanted": wanted,
        "replicas_healthy": sum(
            1 for item in replicas if item["generation"] == current and item["healthy"]
        ),
        "replicas": replicas,
        "routes": list(release.definition.get("routes") or ()) if release is not None else [],
        "releases": [
            {"generation": item.generation, "revision": item.revision, "image": item.reference}
            for item in journal.kept
        ],
        "deploy": str(host.lease_file.read() or ""),
        "freeze": _freeze_text(host.freeze_file.read()),
        "lock": holder_of(host.lock_path) or "",
        "repairs": repairs.total,
        "cron": entries,
        "problems": [item.text for item in problems],
        "problem_kinds": [item.kind for item in problems],
        "history": _newest(host.history, history),
    }


def _since(release: Release | None) -> str | None:
    """When a release was committed; None when it was not, or before that was written down."""
    committed = release is not None and release.committed_at
    return utc_iso(committed) if committed else None


def _state(journal: Journal) -> str:
    if journal.desired is not None or journal.phase != IDLE:
        return "interrupted"
    return "stopped" if journal.stopped else "present"


def _freeze_text(freeze: Freeze | None) -> str:
    return str(freeze) if freeze is not None and freeze.lasts(time.time()) else ""


def _replica(
    host: ServiceHost,
    definition: Definition | None,
    container: Container,
    observed: Observed | None,
) -> dict[str, Any]:
    outcome = Outcome(False, f"the container is {container.state}")
    if container.running and definition is not None:
        outcome = probe(host.engine, definition, container)
    return {
        "name": container.name,
        "slot": container.slot,
        "generation": container.generation,
        "revision": container.revision,
        "address": container.address,
        "image": container.image,
        "state": container.state,
        "healthy": outcome.passed,
        "seen": outcome.seen,
        "routed": (observed.serving.get(container.name, "") if observed is not None else ""),
    }
