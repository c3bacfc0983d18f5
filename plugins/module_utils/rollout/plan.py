# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan of a rollout: from what is observed and what is wanted to what is to be done. Pure.

A rollout is level-triggered: the same function plans a first deploy, a new release, a change of
scale, the repair of a dead replica and the continuation of a run that was killed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

from ..engine.containers import Container, container_name
from ..proxy.protocol import Observed
from ..state.journal import IDLE, SWITCHED, Journal


@dataclass(frozen=True)
class Observation:
    """What was found on the host.

    :param proxy: what the proxy has about the service; None when no proxy is concerned.
    :param unhealthy: names of running replicas that fail their probe ``health.failures`` times in
        a row.
    """

    journal: Journal
    containers: tuple[Container, ...]
    proxy: Observed | None = None
    unhealthy: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Plan:
    """What a rollout does with each container. Every container of the service is in exactly one
    list.

    :param generation: the number that the wanted release has on this host.
    :param keep: members that serve and go on.
    :param settle: running members left by an interrupted run: they must prove themselves first.
    :param revive: members that have exited: started again at the same address.
    :param create: the slots that get a new container.
    :param replace: members that are beyond repair; removed before their slot is filled again.
    :param discard: left behind by an interrupted or failed run; nothing is routed to them.
    :param retire: what serves now and is to go, after the switch.
    :param rest: members that do not serve and are left to a later run.
    """

    generation: int
    keep: tuple[Container, ...] = ()
    settle: tuple[Container, ...] = ()
    revive: tuple[Container, ...] = ()
    create: tuple[int, ...] = ()
    replace: tuple[Container, ...] = ()
    discard: tuple[Container, ...] = ()
    retire: tuple[Container, ...] = ()
    rest: tuple[Container, ...] = ()

    @property
    def touches_containers(self) -> bool:
        """Whether any container is started, created, stopped or removed, or has still to prove
        itself.
        """
        return bool(
            self.settle or self.revive or self.create or self.replace or self.discard or self.retire
        )


def recover(journal: Journal, proxy: Observed | None) -> Journal:
    """The journal brought up to the commit point that the last run reached. Pure.

    The rename of the proxy's file is the commit point: when the file already routes to the release
    that was wanted, that release is the committed one, whatever the journal had time to say. A
    rollout that is paused there stays so: only who rolls out next goes on with it.
    """
    desired = journal.desired
    if desired is None:
        return journal
    switched = journal.phase == SWITCHED
    committed = journal.committed
    if committed is not None and committed.generation == desired.generation:
        pass  # a change of scale or of routes: the file names the same release before and after
    elif proxy is not None and proxy.committed is not None and proxy.committed.members:
        prefix = container_name(journal.service, desired.generation, 0)[:-1]
        switched = all(member.name.startswith(prefix) for member in proxy.committed.members)
    elif proxy is not None and proxy.committed is None and committed is not None:
        # The file has the service no more: the switch of a routed one to a worker.
        was, is_ = committed.definition.get("routes"), desired.definition.get("routes")
        switched = switched or bool(was and not is_)
    if not switched:
        return journal
    recovered = journal.commit(desired, desired.committed_at, len(journal.kept) + 1)
    return replace(recovered, phase=SWITCHED, paused=journal.paused)


def choose_generation(
    journal: Journal, containers: Iterable[Container], release: str, renew: bool = False
) -> int:
    """The number of the wanted release: the one it has already, or the next. Pure.

    The containers' labels count as well, so that a lost journal costs no service: its replicas are
    adopted, or replaced by those of a higher number.

    :param renew: a new number in any case, so that all replicas are replaced.
    """
    if renew:
        return _next_generation(journal, containers)
    for known in (journal.committed, journal.desired):
        if known is not None and known.release == release:
            return known.generation
    seen = list(containers)
    if journal.committed is None:
        for container in seen:
            if container.release == release:
                return container.generation
    return _next_generation(journal, seen)


def _next_generation(journal: Journal, containers: Iterable[Container]) -> int:
    return max([journal.last_generation, *(item.generation for item in containers)]) + 1


def routed_names(proxy: Observed | None) -> frozenset[str]:
    """The containers that requests can reach or are leaving, by the file and by the running proxy.
    Pure.
    """
    if proxy is None:
        return frozenset()
    names = {name for name, state in proxy.serving.items() if state in ("ready", "drain")}
    if proxy.committed is not None:
        names.update(member.name for member in proxy.committed.members)
    return frozenset(names)


def make_plan(
    seen: Observation,
    release: str,
    replicas: int,
    generation: int | None = None,
    only: Collection[int] | None = None,
) -> Plan:
    """What to do so that ``replicas`` containers of ``release`` run and nothing else does. Pure.

    ``seen.journal`` must have gone through ``recover``.

    :param generation: the number of the wanted release; None: ``choose_generation`` says.
    :param only: for a repair, the slots that are filled or have to prove themselves; None: all.
    """
    journal = seen.journal
    if generation is None:
        generation = choose_generation(journal, seen.containers, release)
    committed = journal.committed.generation if journal.committed else 0
    wayback = {committed}
    if journal.phase == SWITCHED and journal.previous is not None:
        # The last run died in the monitor window: the replicas to return to stay until it passed.
        wayback.add(journal.previous.generation)
    proven = journal.phase == IDLE and generation == committed and not journal.stopped
    routed = routed_names(seen.proxy)
    groups: dict[str, list[Container]] = {
        name: [] for name in ("keep", "settle", "revive", "replace", "discard", "retire", "rest")
    }
    for container in seen.containers:
        member = container.is_of(generation, release) and container.slot <= replicas
        if member:
            group = _member_group(container, seen, proven)
            if group != "keep" and only is not None and container.slot not in only:
                group = "rest"
            groups[group].append(container)
        elif container.name in routed or container.generation in wayback:
            groups["retire"].append(container)
        else:
            groups["discard"].append(container)
    present = {item.slot for name in ("keep", "settle", "revive") for item in groups[name]}
    wanted = [slot for slot in range(1, replicas + 1) if only is None or slot in only]
    create = tuple(slot for slot in wanted if slot not in present)
    return Plan(generation=generation, create=create, **{k: tuple(v) for k, v in groups.items()})


# A container that was created and never started may lack what comes between the two.
_BEYOND_REPAIR = ("created", "paused", "restarting", "removing", "dead")


def _member_group(container: Container, seen: Observation, proven: bool) -> str:
    if container.name in seen.unhealthy or container.state in _BEYOND_REPAIR:
        return "replace"
    if container.state == "exited":
        return "revive"
    proxy = seen.proxy
    if proxy is not None and proxy.committed is not None:
        # What gets no request was started by a run that failed, and may never have been well.
        proven = proven and proxy.serving.get(container.name) == "ready"
    return "keep" if proven else "settle"
