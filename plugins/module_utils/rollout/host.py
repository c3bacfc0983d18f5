# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a rollout works with on one host: engine, network, proxy and the files of one service."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from ..arguments import STATE_DIR
from ..clock import wait_until
from ..cron.crontab import MOST_ENTRIES
from ..definition import names
from ..definition.model import Definition
from ..definition.problems import DefinitionError, Place, Problem
from ..engine.containers import Engine
from ..engine.images import Credentials
from ..engine.networks import Network, Networks
from ..errors import HundredError, LockedError
from ..proxy.protocol import Proxy
from ..state.freeze import FreezeFile
from ..state.history import History
from ..state.journal import IDLE, JournalFile, Release
from ..state.lease import PATIENCE, Lease, LeaseFile, loss, may_give_up
from ..state.lock import is_wanted
from ..state.pulled import PulledImages
from ..state.secret_files import SecretFiles, host_key
from .replicas import Replicas

# How many runs of each cron entry of a service are remembered, and of how many entries: twice those
# that a crontab may have, since an entry that was changed is another one.
RUNS = 20
RUN_ENTRIES = 2 * MOST_ENTRIES


@dataclass(frozen=True)
class Deploy:
    """The deploy over many hosts that a call is part of.

    :param id: its name, the same on all hosts and of no other deploy.
    :param lease: seconds after which its claim on the service ends when nothing is heard of it.
    :param ended: deploys that are known to have ended, whatever their lease says.
    :param ancestors: the revision and commits before it, abbreviated; empty: the source is not
        known.
    :param descendants: commits that have the revision in their history, abbreviated.
    :param keep: hold the claim when this host is complete: something of the deploy comes after it.
    :param force: bring a revision that is older than the serving one all the same.
    :param claimed: a call before this one claimed the service. If another deploy holds it since, or
        held it, this one has lost it and must not go on as if it had not.
    :param completes: deploys that it took over on other hosts. They may be complete on this one,
        which holds no claim of theirs then, and are undone with it all the same.
    """

    id: str
    lease: float = 1800.0
    ended: tuple[str, ...] = ()
    ancestors: tuple[str, ...] = ()
    descendants: tuple[str, ...] = ()
    keep: bool = False
    force: bool = False
    claimed: bool = False
    completes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Settings:
    """What does not belong to a service: where things are on this host, and who asks.

    :param proxy: settings of the proxy driver, as ``proxy.settings.open_proxy`` takes them.
    :param lock_timeout: seconds to wait for another rollout of the same service.
    :param by: who started the rollout, for the lock and the history.
    :param credentials: the account for pulling; None: the engine's own configuration.
    :param deploy: None for a call that stands for itself.
    :param override: why to roll out all the same while the service is frozen.
    :param gives_way: for the supervisor, which brings back what dies itself: whether it is to stop
        what it does; None for everybody else.
    :param retries: how often a transient failure of the registry is tried again.
    """

    state_dir: str = STATE_DIR
    docker_host: str | None = None
    proxy: Mapping[str, Any] = field(default_factory=dict)
    network: Network = field(default_factory=Network)
    lock_timeout: float = 0.0
    by: str = "somebody"
    credentials: Credentials | None = None
    retries: int = 5
    deploy: Deploy | None = None
    override: str | None = None
    gives_way: Callable[[], bool] | None = None


def checked_name(name: str) -> str:
    """The name of a service, which becomes a part of paths on this host.

    :raises DefinitionError: it is none.
    """
    problems: list[Problem] = []
    names.service(Place("name", problems), name)
    if problems:
        raise DefinitionError(problems)
    return name


def rollout_history(settings: Settings, service: str) -> History:
    """What was done to a service; read without the engine."""
    return History(os.path.join(settings.state_dir, "services", service, "history.jsonl"))


def jobs_history(settings: Settings, service: str) -> History:
    """What came of the cron entries of a service. Of their own: what runs every minute would push
    the deploys out of the history.
    """
    path = os.path.join(settings.state_dir, "services", service, "jobs.jsonl")
    return History(path, RUNS, "entry", RUN_ENTRIES)


class ServiceHost:
    """One service on this host.

    :param engine: one that several services share; None: one of its own.
    """

    def __init__(self, settings: Settings, service: str, engine: Engine | None = None) -> None:
        self.settings = settings
        self.service = service
        folder = os.path.join(settings.state_dir, "services", service)
        self.lock_path = os.path.join(folder, "lock")
        self.journal_file = JournalFile(os.path.join(folder, "journal.json"), service)
        self.lease_file = LeaseFile(os.path.join(folder, "deploy.json"))
        self.freeze_file = FreezeFile(os.path.join(folder, "freeze.json"))
        self.pulled = PulledImages(os.path.join(folder, "pulled.json"))
        self.history = rollout_history(settings, service)
        self.jobs = jobs_history(settings, service)
        self.secrets = SecretFiles(os.path.join(folder, "secrets"))
        self.repairs_path = os.path.join(folder, "repairs.json")
        self.engine = engine or Engine(settings.docker_host)
        self.use_network(settings.network)

    @contextmanager
    def untouched(self, began: float) -> Iterator[None]:
        """Errors in here tell what serves: what served before; nothing is touched yet (I3)."""
        try:
            yield
        except HundredError as error:
            error.serving = error.serving or self._serving_before()
            error.details.setdefault("previous_revision", self._revision_before())
            error.details.setdefault("seconds", round(time.monotonic() - began, 3))
            raise

    def claim(self, what: str, keep: bool) -> tuple[str, ...]:
        """Claim the service for the deploy that this call is part of.

        A call that stands for itself claims nothing, and is refused while a deploy does.

        :param keep: hold the claim; otherwise only find out whether it could be had.
        :returns: the deploy's id and those of the deploys that it completes; none for a call that
            stands for itself.
        :raises LockedError: another deploy is under way.
        """
        deploy, now = self.settings.deploy, time.time()
        if deploy is None:
            self.lease_file.claim(Lease("", self.settings.by, what, now, now), keep=False)
            return ()
        wanted = Lease(deploy.id, self.settings.by, what, now, now + deploy.lease)
        try:
            lease = self.lease_file.claim(wanted, deploy.ended, keep)
        except LockedError as error:
            if deploy.claimed:
                error.details["taken_over"] = True
            # One that had claimed the service already did not begin at the same moment.
            if deploy.claimed or not self._given_up(deploy.id, now):
                raise
            lease = self.lease_file.claim(wanted, deploy.ended, keep)
        return tuple(dict.fromkeys((lease.deploy, *lease.adopted, *deploy.completes)))

    def lost_claim(self) -> LockedError | None:
        """Why the deploy that this call is part of must not change anything here: it had claimed
        the service, and does not hold it any more. None: it does, or had not.
        """
        deploy = self.settings.deploy
        if deploy is None or not deploy.claimed:
            return None
        return loss(self.lease_file.read(), deploy.id)

    def owed(self) -> bool:
        """Whether a deploy swapped this host and died before, or in, what was to come after all
        swaps. To be asked once another deploy may claim the service, or has.
        """
        held = self.lease_file.read() if self.settings.deploy is not None else None
        return held is not None and held.owed

    def _given_up(self, deploy: str, now: float) -> bool:
        """Whether the deploy that holds the claim gives up within a moment, since it is refused on
        another host; one that has begun to swap does not.
        """
        held = self.lease_file.read()
        if held is None or not may_give_up(held, deploy, now):
            return held is None

        def gone() -> bool:
            found = self.lease_file.read()
            return found is None or found.deploy != held.deploy

        if not wait_until(gone, PATIENCE, 0.2):
            return False
        before = self.journal_file.read().before
        return before is None or before.deploy != held.deploy

    def _serving_before(self) -> str:
        try:
            journal = self.journal_file.read()
        except HundredError:
            return "not known: the journal cannot be read"
        if journal.phase != IDLE or journal.desired is not None:
            return "not certain: a rollout before did not end"
        if journal.committed is None:
            return "nothing"
        return f"{journal.committed}, {'stopped' if journal.stopped else 'as before'}"

    def _revision_before(self) -> str | None:
        try:
            committed = self.journal_file.read().committed
        except HundredError:
            return None
        return committed.revision if committed is not None else None

    def use_network(self, network: Network) -> None:
        """Attach replicas to this network from now on: a rollback keeps to that of its release."""
        self.networks = Networks(self.engine, network, self.settings.state_dir)

    def key(self, make: bool) -> bytes:
        """The host's key for secrets.

        :param make: make one where there is none; otherwise (check mode) an empty one stands in,
            which no release was ever named with.
        """
        if not make and not os.path.exists(os.path.join(self.settings.state_dir, "key")):
            return b"\0"
        return host_key(self.settings.state_dir)

    def open_proxy(self, settings: Mapping[str, Any]) -> Proxy:
        """The proxy driver, sharing the lock of this host's proxy file."""
        # Imported where it is needed: most calls on a worker's host need no proxy.
        from ..proxy.settings import open_proxy

        lock = os.path.join(self.settings.state_dir, "proxy.lock")
        return open_proxy({"lock_file": lock, **settings})

    def replicas(self, definition: Definition, release: Release) -> Replicas:
        """The operations on the replicas of a release."""
        gives_way = self.gives_way if self.settings.gives_way is not None else None
        return Replicas(self.engine, self.networks, self.secrets, definition, release, gives_way)

    def gives_way(self) -> bool:
        """Whether the supervisor, for which this is done, is to stop what it does."""
        asked = self.settings.gives_way
        return (asked is not None and asked()) or is_wanted(self.lock_path)
