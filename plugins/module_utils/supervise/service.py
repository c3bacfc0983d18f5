# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One service in the supervisor's care: looked at in rounds, repaired where it needs it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from contextlib import suppress
from dataclasses import dataclass, replace

from ..clock import wait_until
from ..definition.model import Definition
from ..definition.stored import from_mapping
from ..engine.containers import Container, Engine
from ..errors import HundredError, LockedError, NotFoundError, ProxyError
from ..probe import probe
from ..rollout.again import fence, look, repair, start_unrouted
from ..rollout.host import ServiceHost, Settings
from ..rollout.outcome import Outcome
from ..rollout.schedule import in_step, read_entries
from ..rollout.stop import stop
from ..state.journal import Journal, Release
from ..state.lock import holder_of
from ..state.repairs import RepairsFile
from .illness import Illness
from .judge import NOTHING, STOP, Seen, Verdict, judge
from .pace import WHOLE, Pace
from .remembered import to_pace, to_repairs

# How often a service is looked at; events of the engine and failed probes make it sooner.
PERIOD = 5.0

# How often it is looked whether the timers of its crontab are there.
TIMERS_PERIOD = 60.0

# How soon a service is looked at again whose lock somebody holds.
LOCKED_PERIOD = 1.0

# For how long the engine may list as running what it has told is dead.
LIST_SECONDS = 2.0


@dataclass(frozen=True)
class Condition:
    """How a service was when it was last looked at.

    :param wanted: how many replicas should run.
    :param healthy: how many passed their last probe.
    """

    wanted: int = 0
    healthy: int = 0


class Supervised:
    """One service.

    :param settings: those of the supervisor.
    :param name: the service's.
    :param engine: the one that all services share.
    :param probes: where probes are run side by side.
    :param proxy_down: called with the name of a proxy's driver that does not answer.
    :param say: takes a line for the log.
    """

    def __init__(
        self,
        settings: Settings,
        name: str,
        engine: Engine,
        probes: Executor,
        proxy_down: Callable[[str], None],
        say: Callable[[str], None],
    ) -> None:
        self._ending = settings.gives_way
        host = ServiceHost(replace(settings, gives_way=self._is_to_stop), name, engine)
        self.name = host.service
        self.history = host.history
        self.jobs = host.jobs
        self.condition: Condition | None = None
        self.entries: frozenset[str] = frozenset()
        self.due = 0.0
        self.busy = False
        self._host = host
        self._probes = probes
        self._proxy_down = proxy_down
        self._say = say
        self._said = ""
        self._illness = Illness(host.engine.state)
        self._file = RepairsFile(host.repairs_path)
        known = self._file.read()
        self._generation = known.generation
        self._failure = known.failure
        self._committed_at: float | None = None
        now = time.monotonic()
        self._pace = to_pace(known, now, time.time() - now)
        self._reason, self._since = "", 0.0
        self._ours: set[str] = set()
        self._died: set[str] = set()
        self._dead: frozenset[str] = frozenset()
        self._peers: frozenset[str] = frozenset()
        self._scheduled, self._timers_due = True, 0.0
        self._timers_said = ""

    @property
    def pace(self) -> Pace:
        """The repairs so far."""
        return self._pace

    def fence(self, name: str, identity: str) -> None:
        """Let no request go to a replica of which the engine has just told that it died.

        :param identity: the id of its container.
        """
        try:
            self._say_fenced(fence(self._host, [name], [identity]))
        except LockedError:
            return  # who has the lock looks at the containers
        except HundredError as error:
            self._say(f"{self.name}: {name} died and is not out of its proxy: {error.text()}")

    def forget_deaths(self) -> None:
        """Its containers are about to be listed for a round: what has died is seen there."""
        self._died = set()

    def tell_died(self, identity: str) -> None:
        """The engine has told that a container died."""
        self._died.add(identity)

    def _peer_died(self) -> bool:
        """Whether a replica has died that was well when the repair under way began, and the repair
        of that one could begin now: before, to break this one off helps nobody.
        """
        died = not self._peers.isdisjoint(self._died)
        return died and time.monotonic() >= self._pace.not_before(())

    def _is_to_stop(self) -> bool:
        return self._peer_died() or (self._ending is not None and self._ending())

    def round(self, containers: Sequence[Container]) -> None:
        """Look at the service once, and do what it needs.

        :param containers: those of the service, as the engine has just listed them.
        """
        now = time.monotonic()
        try:
            self.due = now + self._round(containers, now)
        except HundredError as error:
            self.due = now + PERIOD
            # Nothing is known to be healthy; of one that was never seen, one replica is missing.
            self.condition = Condition(self.condition.wanted if self.condition else 1, 0)
            self._tell(f"cannot be looked after: {error.text()}")

    def _round(self, containers: Sequence[Container], now: float) -> float:
        """:returns: after how many seconds to look again."""
        if holder_of(self._host.lock_path) is not None:
            self._reason = ""
            return LOCKED_PERIOD
        try:
            journal, _proxy, observed = look(self._host)
        except ProxyError as error:
            return self._without_proxy(error, containers, now)
        release = journal.committed
        if release is None:
            self.condition = Condition()
            return PERIOD
        # A service that was removed and is there again at once begins with the same generation.
        again = self._committed_at not in (None, release.committed_at)
        if release.generation != self._generation or again:
            # What did not help the release before says nothing of this one.
            self._generation = release.generation
            self._pace = replace(self._pace, turns={})
        self._committed_at = release.committed_at
        definition = from_mapping(release.definition)
        seen = Seen(
            journal=journal,
            replicas=definition.replicas,
            routed=bool(definition.routes),
            containers=tuple(containers),
            proxy=observed,
        )
        self._dead = frozenset(item.id for item in containers if item.state == "exited")
        # Before anything that takes time, as probes of what is dead do: its address may be
        # somebody else's already.
        self._fence(judge(seen))
        running = self._probe(journal, release, definition, containers)
        ill = self._illness.ill(running, definition.health)
        well = self._illness.well(running)
        self._look_at_timers(journal, release, definition, now)
        # One that works and cannot be routed to must not keep from a repair what does not run.
        routable = well if now >= self._pace.not_before({WHOLE}) else frozenset()
        verdict = judge(replace(seen, ill=frozenset(ill), well=routable, scheduled=self._scheduled))
        self.condition = Condition(
            wanted=0 if journal.stopped else definition.replicas,
            healthy=len(well),
        )
        self._pace = self._pace.rested(now)
        if verdict.act != NOTHING:
            why = "; ".join(f"{name}: {what}" for name, what in sorted(ill.items()))
            reason = f"{verdict.reason} ({why})" if why else verdict.reason
            return self._act(verdict, reason, running, now)
        self._reason = ""
        self._tell("")
        unwell = self._illness.suspected() or len(well) < len(running)
        return definition.health.interval if unwell else PERIOD

    def _probe(
        self,
        journal: Journal,
        release: Release,
        definition: Definition,
        containers: Sequence[Container],
    ) -> list[Container]:
        """Probe the running replicas of the committed release. :returns: them."""
        running = [
            item
            for item in containers
            if item.running and item.is_of(release.generation, release.release)
        ]
        self._illness.keep_only(running)
        if journal.stopped or journal.desired is not None:
            return running
        if not journal.paused:
            self._take_over(running)
        outcomes = self._probes.map(
            lambda item: probe(self._host.engine, definition, item), running
        )
        for item, outcome in zip(running, outcomes):
            self._illness.tell(item, outcome, definition.health)
        return running

    def _look_at_timers(
        self, journal: Journal, release: Release, definition: Definition, now: float
    ) -> None:
        """Whether the timers of its crontab are there; looked at more rarely than replicas are."""
        if now < self._timers_due:
            return
        self._timers_due = now + TIMERS_PERIOD
        # No reason to mend them: that needs what does not answer now, and replicas do not.
        self._scheduled, said = True, ""
        try:
            entries = read_entries(self._host, definition, release.reference)
            self.entries = frozenset(entry.name for entry in entries)
            self._scheduled = journal.stopped or in_step(self._host, entries)
        except HundredError as error:
            said = f"{self.name}: it is not known whether its timers are there: {error.text()}"
        if said and said != self._timers_said:
            self._say(said)
        self._timers_said = said

    def _take_over(self, running: Sequence[Container]) -> None:
        """Have the engine leave dead what dies: it would start it again without a pace that knows
        the service, and without asking whether it works.
        """
        for item in running:
            if item.id not in self._ours:
                self._host.engine.leave_when_it_dies(item.id)
        self._ours = {item.id for item in running}

    def hand_back(self) -> None:
        """Leave it to the engine to bring back what dies: nobody else will for now."""
        for identity in sorted(self._ours):
            with suppress(NotFoundError):  # it was removed meanwhile
                self._host.engine.restart_when_it_dies(identity)
        self._ours = set()

    def _without_proxy(
        self, error: ProxyError, containers: Sequence[Container], now: float
    ) -> float:
        """The proxy does not answer: have it started, and meanwhile see that replicas run."""
        journal = self._host.journal_file.read()
        committed, wanted = journal.committed, 0
        driver = str((committed.proxy if committed is not None else {}).get("driver", "haproxy"))
        if committed is not None and not journal.stopped:
            wanted = int(committed.definition.get("replicas", 1))
        self.condition = Condition(wanted, 0)
        self._tell(f"its proxy does not answer: {error.message}")
        self._proxy_down(driver)
        dead = [item.slot for item in containers if item.state == "exited"]
        chosen = self._pace.choose(dead)
        if not chosen or now < self._pace.not_before(chosen):
            return LOCKED_PERIOD
        started = start_unrouted(self._host, chosen)
        if started:
            self._pace = self._pace.repaired(time.monotonic(), chosen)
            self._remember("its proxy does not answer", "")
            self._say(f"{self.name}: started {', '.join(item.name for item in started)}")
        return LOCKED_PERIOD

    def _act(
        self, verdict: Verdict, reason: str, running: Sequence[Container], now: float
    ) -> float:
        if verdict.reason != self._reason:
            self._reason, self._since = verdict.reason, now
        chosen = self._pace.choose(verdict.slots if verdict.starts else {WHOLE})
        wait = max(self._since + verdict.after, self._pace.not_before(chosen)) - now
        if wait > 0:
            self._tell(reason if verdict.after else f"{reason}; next repair in {wait:.0f} s")
            return min(wait, PERIOD)
        if verdict.starts:
            # What was well until now does not wait for what may never be again.
            self._peers = frozenset(
                item.id
                for item in running
                if item.slot not in chosen and item.slot not in self._pace.turns
            )
        try:
            self._repair(verdict, chosen, reason)
        finally:
            self._peers = frozenset()
        return 0.0

    def _fence(self, verdict: Verdict) -> None:
        if not verdict.fence:
            return
        try:
            self._say_fenced(fence(self._host, verdict.fence))
        except LockedError:
            return

    def _say_fenced(self, names: Sequence[str]) -> None:
        if names:
            self._say(f"{self.name}: no request goes to {', '.join(sorted(names))} any more")

    def _repair(self, verdict: Verdict, chosen: frozenset[int], reason: str) -> None:
        before = self._pace

        def begins() -> None:
            # Remembered before anything is done, so that one who is killed in it, or has given way,
            # is in no hurry either; and counted then, since what is counted never goes down. Not
            # the time of the look: probes may have taken seconds since.
            self._pace = before.repaired(time.monotonic(), chosen)
            self._remember(reason, self._failure)

        self._tell(reason)
        failure = ""
        try:
            outcome = self._run(verdict, chosen, begins)
        except HundredError as error:
            if self._pace is before:
                if isinstance(error, LockedError):
                    return  # a rollout has begun; it does what is needed
                begins()
            if self._peer_died():
                self._tell("gave way to the repair of another replica, which died meanwhile")
                return
            if self._host.gives_way():
                self._pace = self._pace.gave_way(before)
                self._remember(reason, self._failure)
                self._tell("gave way to somebody who waits for the lock")
                return
            failure = error.text()
            self._tell(f"the repair failed: {failure}")
        else:
            self._said = ""
            self._say(f"{self.name}: repaired in {outcome.seconds:g} s")
            self._reason = ""
        self._timers_due = 0.0
        self._failure = failure
        self._remember(reason, failure)

    def _run(self, verdict: Verdict, chosen: frozenset[int], begins: Callable[[], None]) -> Outcome:
        if verdict.act == STOP:
            return stop(self._host, begins=begins)
        self._await_list()
        if not verdict.slots:
            return repair(self._host, begins=begins)
        slots = chosen if verdict.starts else verdict.slots
        return repair(self._host, verdict.ill, slots, begins)

    def _await_list(self) -> None:
        """Wait until the engine lists as dead what it has told is dead: a repair goes by its list,
        and would wait for a replica that it takes for running.
        """

        def agrees() -> bool:
            listed = self._host.engine.containers(self.name)
            return not any(item.running and item.id in self._dead for item in listed)

        if self._dead:
            wait_until(agrees, LIST_SECONDS)

    def _remember(self, reason: str, failure: str) -> None:
        passed = time.time() - time.monotonic()
        self._file.write(to_repairs(self._pace, passed, self._generation, reason, failure))

    def _tell(self, text: str) -> None:
        """Log a state of things once, not at every round."""
        head = text.partition(";")[0]
        if text and head != self._said:
            self._say(f"{self.name}: {text}")
        self._said = head
