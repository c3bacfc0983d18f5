# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Replicas started, judged and stopped, several at a time.

Nothing here knows of proxies or of releases before and after; ``swap.py`` puts the order together.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from ..clock import Deadline
from ..definition.model import Definition
from ..engine.containers import (
    LABEL_ADDRESS,
    LABEL_GENERATION,
    LABEL_RELEASE,
    LABEL_REVISION,
    LABEL_SERVICE,
    LABEL_SLOT,
    Container,
    Engine,
    Spec,
    container_name,
)
from ..engine.networks import Networks
from ..engine.users import user_ids
from ..errors import EngineError, HundredError, LockedError, RolloutError
from ..probe import Verdict, Watch
from ..state.journal import Release
from ..state.secret_files import SecretFiles
from .watched import Settled, Watched, failure

# How often those who wait look at the counts of the probes. The engine is asked less often: see
# ``LOOK_SECONDS`` in watched.py.
POLL_SECONDS = 0.05

# Replicas that are stopped at the same time; each stop is a call that waits in the engine.
STOP_WORKERS = 16

# Seconds between stops, of which ``update.parallelism`` begin, when no earlier one ends. What an
# engine has to do for one takes 0.15 to 0.3 s (measured, by the machine); that for several at once
# takes all processors, and the requests that are served meanwhile wait for them. An application
# that takes long to stop occupies no processor, so the others do not wait for its end.
STOP_INTERVAL = 0.5

Item = TypeVar("Item")
Made = TypeVar("Made")


def in_parallel(
    function: Callable[[Item], Made], items: Sequence[Item], workers: int
) -> list[Made]:
    """Call ``function`` on each item, at most ``workers`` at a time; results in order.

    All calls end before the first error is raised, so that nothing runs on behind a failure.
    """
    if len(items) <= 1:
        return [function(item) for item in items]
    with ThreadPoolExecutor(max_workers=min(workers, len(items))) as pool:
        futures = [pool.submit(function, item) for item in items]
    return [future.result() for future in futures]


def stops_after(number: int, parallelism: int) -> float:
    """Seconds from the first stop of several to the one of that number, from 0, when no earlier one
    ends. Pure.
    """
    return number // parallelism * STOP_INTERVAL


class Replicas:
    """The replicas of one release on this host.

    :param gives_way: whether the supervisor, for which this is done, is to stop; None when somebody
        else does it, who has the engine bring back what dies.
    """

    def __init__(
        self,
        engine: Engine,
        networks: Networks,
        secrets: SecretFiles,
        definition: Definition,
        release: Release,
        gives_way: Callable[[], bool] | None = None,
    ) -> None:
        self._engine = engine
        self._networks = networks
        self._secrets = secrets
        self.definition = definition
        self.release = release
        self._gives_way = gives_way
        self.settled = Settled(engine)

    def create(self, slots: Sequence[int]) -> list[Container]:
        """Create the containers of ``slots``, not started, each with an address of its own.

        :raises ConflictError: a name is taken by a container that is not ours.
        """
        try:
            with self._networks.allocate(len(slots)) as addresses:
                return in_parallel(
                    lambda place: self._create_one(*place),
                    list(zip(slots, addresses)),
                    self.definition.update.parallelism,
                )
        except HundredError:
            self.remove([item for item in self._just_created() if item.slot in slots])
            raise

    def _just_created(self) -> list[Container]:
        """The containers of the release that were never started: what a failed call leaves."""
        release = self.release
        return [
            item
            for item in self._engine.containers(self.definition.name)
            if item.is_of(release.generation, release.release) and item.state == "created"
        ]

    def _create_one(self, slot: int, address: str) -> Container:
        release = self.release
        name = container_name(self.definition.name, release.generation, slot)
        labels = {
            LABEL_SERVICE: self.definition.name,
            LABEL_RELEASE: release.release,
            LABEL_GENERATION: str(release.generation),
            LABEL_SLOT: str(slot),
            LABEL_REVISION: release.revision,
            LABEL_ADDRESS: address,
        }
        secrets_dir = (
            self._secrets.path(release.release) if self._secrets.has(release.release) else None
        )
        identity = self._engine.create(
            Spec(
                name=name,
                image=release.reference,
                network=self._networks.network.name,
                address=address,
                labels=labels,
                definition=self.definition,
                secrets_dir=secrets_dir,
            )
        )
        return Container(
            id=identity,
            name=name,
            service=self.definition.name,
            release=release.release,
            generation=release.generation,
            slot=slot,
            revision=release.revision,
            address=address,
            image=release.reference,
            state="created",
        )

    def bring_up(
        self,
        containers: Sequence[Container],
        started: Callable[[], None],
        settled: Callable[[Container], None],
    ) -> None:
        """Start containers and let them settle; never more than ``update.parallelism`` are started
        and have not settled.

        The first failure ends the waits for the others, which are left as they are. So does the
        exit of one that had settled before.

        :param started: called when one is started.
        :param settled: called with each that has settled.
        :raises RolloutError: as ``settle`` does.
        """
        if not containers:
            return
        if self._secrets.has(self.release.release):
            uid, gid = user_ids(self._engine, containers[0].id)
            self._secrets.give(self.release.release, uid, gid)
        failed = threading.Event()

        def one(container: Container) -> None:
            if failed.is_set():
                return
            try:
                self._engine.start(container.id)
                started()
                if self._settle([container], failed):
                    settled(container)
            except HundredError:
                failed.set()
                raise

        in_parallel(one, containers, self.definition.update.parallelism)

    def settle(self, containers: Sequence[Container]) -> None:
        """Wait until every replica has passed its probe ``successes`` times in a row (I2).

        An exited replica fails at once; one that never settles fails at ``healthy_deadline``.

        :raises RolloutError: with the reason, the replica's last log lines and what its probes saw.
        """
        self._settle(containers, threading.Event())

    def pause(self, seconds: float) -> None:
        """Wait, unless one that has settled exits meanwhile.

        :raises RolloutError: as ``settle`` does.
        """
        deadline = Deadline(seconds)
        while not deadline.passed():
            self.settled.look("settle")
            time.sleep(min(POLL_SECONDS, deadline.remaining()))

    def prove_again(self) -> None:
        """Return when each that has settled has passed one more probe.

        :raises RolloutError: one has exited since, or fails ``failures`` probes in a row.
        """
        containers = self.settled.containers()
        if containers:
            self._settle(containers, threading.Event(), again=True)

    def _settle(
        self, containers: Sequence[Container], ended: threading.Event, again: bool = False
    ) -> bool:
        """Wait as ``settle`` does, but no longer than until ``ended`` is set.

        :param again: they had settled before.
        :returns: whether all have settled.
        """
        health = self.definition.health
        passes = 1 if again else health.successes
        deadline = Deadline(health.healthy_deadline)
        starts = self.settled.started_at() if again else None
        watched = Watched(self._engine, self.definition, containers, health.start_interval, starts)
        try:
            while True:
                watched.look("settle")
                self.may_go_on()
                if again:
                    watched.raise_if_unhealthy("settle")
                waiting = [w for w in watched.watches if w.passes < passes]
                if not waiting:
                    watched.raise_if_exited("settle")  # since the last look
                    self.settled.add(watched)
                    return True
                if deadline.passed():
                    raise self._never_settled(waiting[0])
                self.settled.look("settle")
                if ended.wait(min(POLL_SECONDS, health.start_interval)):
                    return False
        finally:
            watched.close()

    def may_go_on(self) -> bool:
        """True.

        :raises LockedError: this is done for the supervisor, which is to stop it.
        """
        if self._gives_way is not None and self._gives_way():
            raise LockedError("the supervisor gave way", step="settle")
        return True

    def _never_settled(self, watch: Watch) -> RolloutError:
        health = self.definition.health
        seen = watch.last.seen if watch.last is not None else "no probe has ended"
        reason = f"not healthy within healthy_deadline ({health.healthy_deadline:g} s): {seen}"
        verdict = Verdict(watch.container, reason, tuple(watch.log))
        return failure(self._engine, verdict, "settle")

    def stop(self, containers: Sequence[Container]) -> None:
        """SIGTERM and, after ``stop_grace_period``, SIGKILL.

        ``update.parallelism`` at a time: the next begins when one of them has ended, or after
        ``STOP_INTERVAL``.
        """
        self.settled.forget(containers)
        grace, parallelism = self.definition.stop_grace_period, self.definition.update.parallelism
        turn = threading.Semaphore(parallelism)
        first = time.monotonic()

        def one(place: tuple[int, Container]) -> None:
            number, container = place
            latest = first + stops_after(number, parallelism)
            waited_for = turn.acquire(timeout=max(0.0, latest - time.monotonic()))
            try:
                self._engine.stop(container.id, grace)
            finally:
                if waited_for:
                    turn.release()

        in_parallel(one, list(enumerate(containers)), STOP_WORKERS)

    def remove(self, containers: Sequence[Container]) -> None:
        """Remove containers, ``update.parallelism`` at a time; what still runs is killed."""
        self.settled.forget(containers)
        workers = self.definition.update.parallelism
        in_parallel(lambda item: self._engine.remove(item.id), containers, workers)

    def arm(self, containers: Sequence[Container]) -> None:
        """Have the engine bring them back after a crash or a reboot (I10), unless the supervisor
        does.

        :raises RolloutError: one that had settled has exited; the engine cannot change it then.
        """
        if self._gives_way is not None:
            return
        try:
            in_parallel(
                lambda item: self._engine.restart_when_it_dies(item.id),
                containers,
                self.definition.update.parallelism,
            )
        except EngineError:
            self.settled.raise_if_exited("verify")
            raise
