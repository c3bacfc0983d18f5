# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Stopping a service by name, and removing it from a host."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial

from ..cron.timers import present_units
from ..definition.model import Definition
from ..definition.stored import from_mapping
from ..engine.containers import Container
from ..engine.one_off import one_offs
from ..errors import HundredError, ProxyError, RolloutError
from ..proxy.protocol import Member, Observed, Proxy
from ..state.history import make_entry
from ..state.journal import IDLE, Journal, Release
from ..state.lock import service_lock
from .boundaries import boundary
from .host import ServiceHost
from .outcome import Outcome
from .plan import recover
from .report import make_diff, state_text
from .routing import Routing, make_backend
from .schedule import unschedule
from .unattended import end_all


class _Scene:
    """What is there of the service before it is stopped or removed.

    :param proxy_needed: whether nothing can be done while the proxy does not answer.
    :ivar notes: what is otherwise than wanted, in words.
    """

    def __init__(self, host: ServiceHost, proxy_needed: bool) -> None:
        stored = host.journal_file.read()
        known = [item for item in (stored.committed, stored.desired) if item is not None]
        self.proxy: Proxy | None = None
        self.observed: Observed | None = None
        self.notes: list[str] = []
        routed = [item for item in known if item.definition.get("routes")]
        try:
            for release in routed[:1]:
                proxy = host.open_proxy(release.proxy)
                proxy.ready()
                self.observed = proxy.observe(host.service)
                self.proxy = proxy
        except ProxyError as error:
            if proxy_needed:
                raise
            # Nothing is in flight through a proxy that does not run.
            self.notes.append(
                f"its proxy does not answer, and still knows its replicas: {error.message}; the "
                "supervisor takes them out when it does, or hundred stop again"
            )
        self.journal: Journal = recover(stored, self.observed)
        self.release: Release | None = self.journal.committed or self.journal.desired
        self.containers: tuple[Container, ...] = tuple(host.engine.containers(host.service))
        self.commands = tuple(one_offs(host.engine, host.service))
        self.definition: Definition | None = (
            from_mapping(self.release.definition) if self.release is not None else None
        )

    @property
    def members(self) -> tuple[Member, ...]:
        """The replicas that the proxy's file names."""
        committed = self.observed.committed if self.observed is not None else None
        return committed.members if committed is not None else ()

    @property
    def routed(self) -> bool:
        """Whether the proxy's file has the service."""
        return self.observed is not None and self.observed.committed is not None

    def text(self) -> str:
        """The state before, for a diff."""
        addresses = [(item.name, item.address) for item in self.containers]
        return state_text(self.release, self.definition, addresses, self.journal.stopped)


def stop(
    host: ServiceHost, check: bool = False, begins: Callable[[], None] | None = None
) -> Outcome:
    """Stop all replicas and keep them: the service stays stopped, over reboots too, until it is
    deployed again.

    Its routes stay and answer 503. That it is to be stopped is remembered first: what a run that
    was killed has left, the supervisor stops.

    :param begins: called once the lock is held, before anything is done.
    :raises HundredError: it failed, or this host does not have the service.
    """
    return _locked(host, check, _stop, begins)


def remove(host: ServiceHost, check: bool = False, undoes: Sequence[str] = ()) -> Outcome:
    """Remove the service from this host: routes, replicas, commands and cron jobs at work, secrets
    and memory. Its volumes stay.

    :param undoes: the deploys over many hosts that are returned from, where a first one is. What it
        did not bring, a freeze, stays, and so does the memory of the images that it pulled: the
        next success removes them.
    :raises HundredError: it failed; what is left is removed by the next run.
    """
    return _locked(host, check, partial(_remove, undone=bool(undoes)), deploys=undoes)


Act = Callable[[ServiceHost, bool, float], Outcome]


def _locked(
    host: ServiceHost,
    check: bool,
    act: Act,
    begins: Callable[[], None] | None = None,
    deploys: Sequence[str] = (),
) -> Outcome:
    began = time.monotonic()
    if check:
        return act(host, True, began)
    by, timeout = host.settings.by, host.settings.lock_timeout
    with service_lock(host.lock_path, host.service, by, timeout, deploys):
        if begins is not None:
            begins()
        boundary("locked")
        try:
            return act(host, False, began)
        except HundredError as error:
            error.serving = error.serving or "not certain; run again"
            raise


def _stop(host: ServiceHost, check: bool, began: float) -> Outcome:
    with host.untouched(began):
        scene = _Scene(host, proxy_needed=False)
    if scene.release is None or scene.definition is None:
        raise RolloutError(
            f"{host.service} is not deployed on this host, so it cannot be stopped",
            step="observe",
            serving="nothing",
            next_step="deploy it, or use state: absent",
        )
    running = [item for item in scene.containers if item.state not in ("exited", "created", "dead")]
    members = scene.members
    lines = []
    if members:
        lines.append(f"take {host.service} out of the proxy; its routes answer 503")
    if running:
        lines.append("stop {}".format(", ".join(item.name for item in running)))
    if present_units(host.service):
        lines.append("remove the timers of its cron entries")
    if not scene.journal.stopped and not lines:
        lines.append("keep it stopped")
    if not check and lines:
        journal = replace(
            scene.journal, desired=None, phase=IDLE, stopped=True, paused=False, before=None
        )
        host.journal_file.write(journal)
        boundary("recorded")
        unschedule(host)
        _take_out(scene, scene.definition)
        host.replicas(scene.definition, scene.release).stop(running)
        boundary("stopped")
        _remember(host, scene, "stop", began)
    after = state_text(
        scene.release,
        scene.definition,
        [(item.name, item.address) for item in scene.containers],
        True,
    )
    return _outcome(host, scene, lines, after, began)


def _remove(host: ServiceHost, check: bool, began: float, undone: bool) -> Outcome:
    with host.untouched(began):
        scene = _Scene(host, proxy_needed=True)
    kept = (host.freeze_file.path, host.pulled.path) if undone else ()
    memory = [path for path in _memory(host) if path not in kept]
    lines = _removal_lines(host, scene, memory)
    if not check and lines:
        unschedule(host)
        if scene.definition is not None and scene.release is not None:
            _take_out(scene, scene.definition)
            running = [item for item in scene.containers if item.running]
            host.replicas(scene.definition, scene.release).stop(running)
        for container in scene.containers:
            host.engine.remove(container.id)
        # Their secrets go too.
        end_all(host, scene.definition.stop_grace_period if scene.definition is not None else 0.0)
        boundary("removed")
        if scene.proxy is not None:
            scene.proxy.remove(host.service)
        _remember(host, scene, "absent", began)
        for path in memory:
            if os.path.isdir(path):
                shutil.rmtree(path, ignore_errors=True)
            elif os.path.lexists(path):
                os.unlink(path)
        with suppress(OSError):  # not while a command is at work
            os.rmdir(os.path.join(os.path.dirname(host.secrets.folder), "run"))
    done = _outcome(host, scene, lines, "", began)
    return replace(done, journal=replace(scene.journal, committed=None))


def _removal_lines(host: ServiceHost, scene: _Scene, memory: Sequence[str]) -> list[str]:
    lines = []
    if scene.routed:
        lines.append(f"remove the routes of {host.service} from the proxy")
    if scene.containers:
        lines.append("stop and remove {}".format(", ".join(item.name for item in scene.containers)))
    if scene.commands:
        names = ", ".join(item.name for item in scene.commands)
        lines.append(f"end and remove the commands at work {names}")
    if present_units(host.service):
        lines.append("remove the timers of its cron entries")
    if any(map(os.path.lexists, memory)):
        lines.append("forget its releases and secrets; its volumes stay")
    return lines


def _memory(host: ServiceHost) -> tuple[str, ...]:
    """Everything that is remembered of the service, but its history and its locks: a lock on a file
    that is gone excludes nobody. The journal is the last, so that a run that was killed is gone on
    with.
    """
    return (
        host.secrets.folder,
        host.lease_file.path,
        host.repairs_path,
        host.freeze_file.path,
        host.pulled.path,
        host.jobs.path,
        host.journal_file.path,
    )


def _take_out(scene: _Scene, definition: Definition) -> None:
    """Leave the service without members in the proxy, and wait until nothing is in flight to
    them.
    """
    if scene.proxy is None or not scene.routed:
        return
    routing = Routing(scene.proxy, definition, None)
    scene.proxy.commit(make_backend(definition, ()))
    boundary("committed")
    routing.drain(scene.containers, former=False)
    running = [item for item in scene.containers if item.running]
    routing.wait_until_drained(running, False, definition.drain_timeout)
    routing.retire(scene.containers, former=False)
    boundary("retired")


def _remember(host: ServiceHost, scene: _Scene, action: str, began: float) -> None:
    host.history.add(
        make_entry(
            host.settings.by,
            action,
            round(time.monotonic() - began, 3),
            former=scene.release.revision if scene.release is not None else None,
        )
    )


def _outcome(
    host: ServiceHost, scene: _Scene, lines: list[str], after: str, began: float
) -> Outcome:
    return Outcome(
        changed=bool(lines),
        actions=tuple(lines),
        diff=tuple(make_diff(host.service, scene.text(), after, lines, None)) if lines else (),
        journal=scene.journal,
        former=scene.release,
        replicas=(),
        seconds=round(time.monotonic() - began, 3),
        notes=tuple(scene.notes),
    )
