# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One rollout under way: what it works with, and how far it has come."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from ..definition.model import Definition
from ..engine.containers import Container, Engine
from ..errors import HundredError
from ..state.journal import SWITCHED, Journal, JournalFile, Release
from .plan import Plan
from .purpose import ROLLOUT, Purpose
from .replicas import Replicas
from .routing import Routing


@dataclass(frozen=True)
class Former:
    """The release that serves while another takes its place.

    :param replicas: for the operations on its containers, with its own definition.
    """

    release: Release
    definition: Definition
    replicas: Replicas


@dataclass
class Attempt:
    """One rollout on one host, planned and under the service's lock.

    :param journal: as it was before this run; what is written meanwhile is for the next one.
    :param former: the release to return to when the new one fails in its ``monitor`` window.
    :param purpose: what it is done for.
    :param notes: what went otherwise than planned without being a failure.
    :param made: containers that this run created or started again.
    :param settled: replicas that have proved themselves in this run.
    :param parked: with stop-first, old replicas that are stopped but kept.
    :param admitted: whether the new replicas may have had requests.
    """

    engine: Engine
    routing: Routing
    journal_file: JournalFile
    journal: Journal
    plan: Plan
    release: Release
    replicas: Replicas
    former: Former | None
    purpose: Purpose = ROLLOUT
    notes: list[str] = field(default_factory=list)
    made: list[Container] = field(default_factory=list)
    settled: list[Container] = field(default_factory=list)
    parked: list[Container] = field(default_factory=list)
    admitted: bool = False

    def __post_init__(self) -> None:
        number = max(self.journal.last_generation, self.release.generation)
        self.journal = replace(self.journal, last_generation=number, paused=False)

    @property
    def definition(self) -> Definition:
        """That of the wanted release."""
        return self.replicas.definition

    @property
    def keeps_the_release(self) -> bool:
        """Whether the wanted release is the committed one: a change of scale, a repair."""
        committed = self.journal.committed
        return committed is not None and committed.generation == self.plan.generation

    @property
    def resumes_a_switch(self) -> bool:
        """Whether the wanted release serves already, from a run that died in its window."""
        switched = self.journal.phase == SWITCHED
        return switched and self.former is not None and self.keeps_the_release

    @property
    def window(self) -> float:
        """Seconds for which the new replicas are watched once they serve."""
        watches = self.purpose.watches or self.resumes_a_switch
        return self.definition.update.monitor if watches and self.new() else 0.0

    @property
    def leaving(self) -> Replicas:
        """The operations on what leaves, with the grace period of its own definition."""
        return self.former.replicas if self.former is not None else self.replicas

    def new(self) -> list[Container]:
        """The replicas that have to prove themselves in this run."""
        return sorted([*self.plan.settle, *self.made], key=by_slot)

    def members(self) -> list[Container]:
        """All replicas of the wanted release so far."""
        return sorted([*self.plan.keep, *self.plan.settle, *self.made], key=by_slot)

    def record(self, journal: Journal) -> None:
        """Write the journal; one without a wanted release is also what this run goes on from."""
        self.journal_file.write(journal)
        if journal.desired is None:
            self.journal = journal

    def settle(self, containers: Sequence[Container]) -> None:
        """Wait until replicas of the wanted release have proved themselves."""
        if containers:
            self.replicas.settle(containers)
            self.settled.extend(containers)

    def runs(self, container: Container) -> bool:
        """Whether its process runs now."""
        state = self.engine.state(container.id)
        return state is not None and state.running

    def explained(self, error: HundredError) -> HundredError:
        """A failure that names a new replica, with that replica's log and health results."""
        named = [item for item in self.new() if item.name == error.replica]
        if not named or "logs" in error.details:
            return error
        return self.replicas.settled.explain(named[0], error)

    def look(self, step: str = "verify") -> bool:
        """For those who wait in the name of the new replicas, which must not exit meanwhile.

        :param step: what is waited for, to be told when one has exited.
        :returns: true.
        :raises RolloutError: one has exited.
        """
        self.replicas.settled.look(step)
        return True

    def take_out(
        self, containers: Sequence[Container], meanwhile: Callable[[], bool] = lambda: True
    ) -> None:
        """Take replicas of the wanted release out of the proxy, letting requests in flight end.

        :param meanwhile: called while these are waited for; it may raise.
        """
        self.routing.drain(containers, former=False)
        alive = [item for item in containers if self.runs(item)]
        self.routing.wait_until_drained(alive, False, self.definition.drain_timeout, meanwhile)
        self.routing.retire(containers, former=False)

    def withdraw(self, containers: Sequence[Container]) -> None:
        """Take replicas of the wanted release out of service and remove them.

        Replicas that never took a request are killed: nobody waits for them, and the news of the
        failure should not wait for their grace period.
        """
        if not containers:
            return
        if self.admitted:
            self.take_out(containers)
        if self.admitted or not self.definition.routes:
            # A settled worker may have a job in hand.
            self.replicas.stop([item for item in containers if item in self.settled])
        self.replicas.remove(containers)
        self.routing.forget(containers, former=False)


def by_slot(container: Container) -> tuple[int, int]:
    """The order in which replicas are named."""
    return (container.generation, container.slot)
