# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Before a rollout acts: what is observed, what is planned, and whether anything is to be done."""

from __future__ import annotations

import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

from ..definition.model import Definition
from ..definition.release import release_id
from ..definition.stored import from_mapping, to_mapping
from ..engine.containers import Container, container_name
from ..engine.images import find_image
from ..errors import RolloutError
from ..probe import probe
from ..proxy.protocol import FileChange, Member, Proxy
from ..state.journal import IDLE, SWITCHED, Journal, Release
from .attempt import Former
from .host import ServiceHost
from .plan import Observation, Plan, choose_generation, make_plan, recover
from .purpose import REPAIR, ROLLOUT, Purpose
from .report import describe_changes, describe_plan
from .routing import make_backend
from .schedule import planned_units


@dataclass(frozen=True)
class Wanted:
    """The goal: a definition and the image to run it with.

    :param revision: empty where only the digest was given; ``present.named`` finds it then.
    :param release: the release's id when it is known already: where the values of its secrets are
        on the host and not in the definition.
    :param ill: with the purpose to repair, the running replicas that somebody has found to fail
        their probe; for any other purpose that is found out here.
    :param slots: with the purpose to repair, those to care for now; None: all.
    """

    definition: Definition
    digest: str
    revision: str
    proxy: Mapping[str, Any] = field(default_factory=dict)
    release: str | None = None
    purpose: Purpose = ROLLOUT
    ill: frozenset[str] = frozenset()
    slots: frozenset[int] | None = None

    @property
    def timers(self) -> bool:
        """Whether the timers of the crontab are looked after too. With some replicas only, they are
        not: what is wrong with systemd must keep no replica down.
        """
        return self.slots is None


@dataclass(frozen=True)
class Examination:
    """Everything that is known before a rollout acts."""

    journal: Journal
    plan: Plan
    release: Release
    former: Former | None
    serving: tuple[Release | None, Definition | None]
    containers: tuple[Container, ...]
    proxy: Proxy | None
    members: tuple[tuple[str, str], ...]
    file_change: FileChange | None
    pull: bool
    lines: tuple[str, ...]

    @property
    def needed(self) -> bool:
        """Whether anything is to be done."""
        return bool(self.lines)


def examine(host: ServiceHost, wanted: Wanted, make_key: bool) -> Examination:
    """Observe the host and plan; changes nothing but, with ``make_key``, the host's key at first
    use.
    """
    definition = wanted.definition
    stored = host.journal_file.read()
    proxy = _proxy(host, wanted, stored)
    observed = proxy.observe(host.service) if proxy is not None else None
    if proxy is not None:
        host.networks.reserve(proxy.addresses())
    journal = recover(stored, observed)
    identity = wanted.release or release_id(definition, wanted.digest, host.key(make_key))
    containers = tuple(host.engine.containers(host.service))
    generation = choose_generation(journal, containers, identity, wanted.purpose.renews)
    unhealthy = wanted.ill
    if wanted.purpose is not REPAIR:
        unhealthy = _unhealthy(host, definition, containers, generation, identity)
    plan = make_plan(
        Observation(journal, containers, observed, unhealthy | _displaced(host, containers)),
        identity,
        definition.replicas,
        generation,
        wanted.slots,
    )
    release = Release(
        generation=plan.generation,
        release=identity,
        image=definition.image,
        digest=wanted.digest,
        revision=wanted.revision,
        definition=to_mapping(definition),
        proxy=dict(wanted.proxy),
        network={
            "name": host.networks.network.name,
            "subnet": host.networks.network.subnet,
            "ip_range": host.networks.network.ip_range,
        },
    )
    make_network = not host.networks.exists()
    fresh = host.networks.peek(len(plan.create))
    file_change, in_step = None, True
    if proxy is not None and observed is not None:
        file_change = _file_change(proxy, definition, plan, fresh, observed.committed is not None)
        in_step = observed.in_step or not definition.routes
    former = _former(host, journal, plan)
    serving = journal.committed
    serving_definition = from_mapping(serving.definition) if serving is not None else None
    # A release whose containers all go on needs none, whatever its registry is called now.
    pull = _needs_image(plan, definition if wanted.timers else None) and (
        find_image(host.engine.client, release.reference) is None
    )
    # What goes on with a rollout that was killed in its window watches as that did.
    watched = wanted.purpose.watches or journal.phase == SWITCHED
    steps = _preparation(host, pull, make_network) + describe_plan(
        plan,
        definition,
        fresh,
        proxy.name if proxy is not None else None,
        file_change,
        former.definition if former is not None else None,
        watched,
    )
    lines = [*_changes(host, serving, release, definition), *steps]
    if wanted.timers:
        lines += planned_units(host, definition, release.reference, not pull)[1]
    if not lines:
        lines = _settling_lines(journal, in_step, serving, release, proxy)
    if lines:
        host.engine.require_sdk()  # a host that lacks it is told of before it is touched
    return Examination(
        journal=journal,
        plan=plan,
        release=release,
        former=former,
        serving=(serving, serving_definition),
        containers=containers,
        proxy=proxy,
        members=_planned_members(plan, definition, fresh),
        file_change=file_change,
        pull=pull,
        lines=tuple(lines),
    )


def _proxy(host: ServiceHost, wanted: Wanted, journal: Journal) -> Proxy | None:
    """The proxy when the wanted release is routed, or when one that this host remembers is."""
    settings: Mapping[str, Any] | None = wanted.proxy if wanted.definition.routes else None
    committed = journal.committed
    if settings is not None and committed is not None and committed.definition.get("routes"):
        _same_driver(host.service, str(committed), committed.proxy, settings)
    for release in (journal.committed, journal.desired):
        if settings is None and release is not None and release.definition.get("routes"):
            settings = release.proxy
    if settings is None:
        return None
    proxy = host.open_proxy(settings)
    proxy.ready()
    return proxy


def _same_driver(
    service: str, serving: str, now: Mapping[str, Any], wanted: Mapping[str, Any]
) -> None:
    """Refuse another proxy while one routes: it would go on to, with replicas that are gone."""
    drivers = [settings.get("driver", "haproxy") for settings in (now, wanted)]
    if drivers[0] != drivers[1]:
        raise RolloutError(
            "{} is routed by {} on this host, not by {}".format(service, *drivers),
            step="observe",
            serving=serving,
            next_step="remove the service first (state: absent), or keep the proxy",
        )


def _unhealthy(
    host: ServiceHost,
    definition: Definition,
    containers: tuple[Container, ...],
    generation: int,
    release: str,
) -> frozenset[str]:
    """The running replicas of the wanted release that fail their probe ``failures`` times in a
    row.
    """
    members = [item for item in containers if item.running and item.is_of(generation, release)]

    def works(container: Container) -> bool:
        for attempt in range(definition.health.failures):
            if attempt:
                time.sleep(definition.health.start_interval)
            if probe(host.engine, definition, container).passed:
                return True
        return False

    if not members:
        return frozenset()
    with ThreadPoolExecutor(max_workers=min(16, len(members))) as pool:
        results = list(pool.map(works, members))
    return frozenset(item.name for item, working in zip(members, results) if not working)


def _needs_image(plan: Plan, definition: Definition | None) -> bool:
    """Whether the image must be on this host: for new containers, or for the crontab it carries.

    :param definition: None when its crontab does not matter.
    """
    cron = definition.cron if definition is not None else None
    return bool(plan.create or plan.revive) or (cron is not None and cron.file is not None)


def _displaced(host: ServiceHost, containers: tuple[Container, ...]) -> frozenset[str]:
    """Stopped replicas that cannot be started again: another container has their address."""
    stopped = [item for item in containers if item.state == "exited"]
    if not stopped:
        return frozenset()
    taken = host.networks.occupied()
    return frozenset(item.name for item in stopped if item.address in taken)


def _changes(
    host: ServiceHost, serving: Release | None, release: Release, definition: Definition
) -> list[str]:
    """What differs from the release that serves, told by the secrets' values too: they are in files
    of their own, and in the definition only when it came with them.
    """
    if serving is None:
        return describe_changes(None, None, release, definition)
    known = host.secrets.read(release.release)
    given = {name: value or known.get(name, "") for name, value in definition.secrets.items()}
    return describe_changes(
        serving,
        from_mapping(serving.definition, host.secrets.read(serving.release)),
        release,
        replace(definition, secrets=given),
    )


def _planned_members(
    plan: Plan, definition: Definition, fresh: list[str]
) -> tuple[tuple[str, str], ...]:
    old = [
        (item.slot, item.name, item.address) for item in (*plan.keep, *plan.settle, *plan.revive)
    ]
    new = [
        (slot, container_name(definition.name, plan.generation, slot), address)
        for slot, address in zip(plan.create, fresh)
    ]
    return tuple((name, address) for _slot, name, address in sorted([*old, *new]))


def _file_change(
    proxy: Proxy, definition: Definition, plan: Plan, fresh: list[str], known: bool
) -> FileChange | None:
    if not definition.routes:
        return proxy.preview_removal(definition.name) if known else None
    port = definition.port or 0
    members = [
        Member(name, address, port) for name, address in _planned_members(plan, definition, fresh)
    ]
    return proxy.preview(make_backend(definition, members))


def _former(host: ServiceHost, journal: Journal, plan: Plan) -> Former | None:
    committed = journal.committed
    if committed is not None and committed.generation == plan.generation:
        committed = journal.previous if journal.phase == SWITCHED else None
        # After a killed change of scale nothing of the release before is there any more.
        if committed and committed.generation not in {item.generation for item in plan.retire}:
            committed = None
    if committed is None:
        return None
    definition = from_mapping(committed.definition)
    return Former(committed, definition, host.replicas(definition, committed))


def _preparation(host: ServiceHost, pull: bool, make_network: bool) -> list[str]:
    lines = []
    if make_network:
        network = host.networks.network
        lines.append(f"create the network {network.name} ({network.subnet})")
    if pull:
        lines.append("pull the image")
    return lines


def _settling_lines(
    journal: Journal,
    in_step: bool,
    serving: Release | None,
    release: Release,
    proxy: Proxy | None,
) -> list[str]:
    """What is left to do when every container is as wanted."""
    lines = []
    if journal.phase != IDLE or journal.desired is not None or journal.stopped:
        lines.append("finish the rollout that was interrupted")
    if not in_step and proxy is not None:
        lines.append(f"bring the running {proxy.name} in step with its file")
    if serving is not None and serving.definition != release.definition and not lines:
        lines.append("record the changed definition; no container is touched")
    return lines
