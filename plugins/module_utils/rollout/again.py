# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The release that is committed already, again: repaired, started or restarted, from what this host
remembers and without the controller, the registry or a store of secrets.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace

from ..engine.containers import Container
from ..errors import RolloutError
from ..proxy.protocol import Member, Observed, Proxy, endpoint
from ..state.journal import Journal
from ..state.lock import service_lock
from .examine import Wanted
from .goal import goal_of
from .host import ServiceHost
from .outcome import Outcome
from .plan import recover
from .present import bring, outcome_in_check_mode
from .purpose import REPAIR, RESTART, START, Purpose


def repair(
    host: ServiceHost,
    ill: Collection[str] = (),
    slots: Collection[int] | None = None,
    begins: Callable[[], None] | None = None,
) -> Outcome:
    """Have the committed release serve with all its replicas, in good health; a rollout that was
    killed is brought to the end that its commit point says.

    :param ill: running replicas that are to be replaced.
    :param slots: the replicas to care for now, others are left as they are; None: all.
    :param begins: called once the lock is held, before anything is done.
    :raises HundredError: it failed; nothing is undone that works.
    """
    only = None if slots is None else frozenset(slots)
    return _again(host, REPAIR, check=False, ill=ill, slots=only, begins=begins)


def start(host: ServiceHost, check: bool = False) -> Outcome:
    """Start a service that was stopped by name. One that runs is repaired where it needs it.

    :raises HundredError: it failed, or the service is not deployed on this host.
    """
    return _again(host, START, check)


def restart(host: ServiceHost, check: bool = False) -> Outcome:
    """Replace every replica by a new one of the same release, without losing a request: as a
    rollout does.

    :raises HundredError: it failed, or the service is not deployed on this host; the former
        replicas serve.
    """
    return _again(host, RESTART, check)


def _again(
    host: ServiceHost,
    purpose: Purpose,
    check: bool,
    ill: Collection[str] = (),
    slots: frozenset[int] | None = None,
    begins: Callable[[], None] | None = None,
) -> Outcome:
    began = time.monotonic()
    settings = host.settings
    if check:
        with host.untouched(began):
            wanted = _goal(host, purpose)
        return outcome_in_check_mode(host, wanted, began)
    # What is committed must be read under the lock: a rollout may have just ended.
    with service_lock(host.lock_path, host.service, settings.by, settings.lock_timeout):
        if begins is not None:
            begins()
        with host.untouched(began):
            wanted = replace(_goal(host, purpose), ill=frozenset(ill), slots=slots)
        return bring(host, wanted, began)


def _goal(host: ServiceHost, purpose: Purpose) -> Wanted:
    journal, _proxy, _observed = look(host)
    if journal.committed is None:
        raise RolloutError(
            f"{host.service} is not deployed on this host",
            step="observe",
            serving="nothing",
            next_step="deploy it",
        )
    return goal_of(host, journal.committed, purpose)


def look(host: ServiceHost) -> tuple[Journal, Proxy | None, Observed | None]:
    """The journal as the commit point says, the proxy that routes the service, and what that has;
    none for a worker.

    :raises HundredError: the journal cannot be read, or the proxy does not answer.
    """
    stored = host.journal_file.read()
    for release in (stored.committed, stored.desired):
        if release is not None and release.definition.get("routes"):
            proxy = host.open_proxy(release.proxy)
            observed = proxy.observe(host.service)
            return recover(stored, observed), proxy, observed
    return recover(stored, None), None, None


def fence(host: ServiceHost, names: Collection[str], dead: Collection[str] = ()) -> list[str]:
    """Let no request go to members of the proxy whose container does not run.

    :param dead: ids of containers of which an event has told that they died: the engine may list
        them as running for some milliseconds yet.
    :returns: the names of those that were fenced: others may have changed things meanwhile.
    :raises HundredError: a rollout is at work, or the proxy does not answer.
    """
    with service_lock(host.lock_path, host.service, host.settings.by, 0.0):
        journal, proxy, observed = look(host)
        if proxy is None or observed is None or observed.committed is None:
            return []
        backing = {
            item.name: item.address
            for item in host.engine.containers(host.service)
            # In a rollout that is paused the engine starts again what dies.
            if journal.paused or (item.running and item.id not in dead)
        }
        unbacked = [item for item in observed.committed.members if not _is_backed(item, backing)]
        found = [item.name for item in unbacked if item.name in names]
        # With all that gets no requests already, be it for not having settled: the last that leaves
        # has HAProxy send requests to what stays in its file.
        members = [
            item
            for item in observed.committed.members
            if item in unbacked or observed.serving.get(item.name) != "ready"
        ]
        if found:
            proxy.drain(observed.committed, members)
            proxy.retire(observed.committed, members)
        return found


def _is_backed(member: Member, backing: Mapping[str, str]) -> bool:
    address = backing.get(member.name)
    return bool(address) and endpoint(str(address), member.port) == member.endpoint


def start_unrouted(host: ServiceHost, slots: Collection[int]) -> list[Container]:
    """While the proxy does not answer, start at least the replicas that are there: it finds them at
    the addresses that it knows when it is back.

    :param slots: those of the replicas to start.
    :returns: what was started.
    """
    with service_lock(host.lock_path, host.service, host.settings.by, 0.0):
        journal = host.journal_file.read()
        committed = journal.committed
        if committed is None or journal.stopped or journal.desired is not None:
            return []
        started = []
        for item in host.engine.containers(host.service):
            member = item.is_of(committed.generation, committed.release)
            if member and item.state == "exited" and item.slot in slots:
                host.engine.start(item.id)
                started.append(item)
        return started
