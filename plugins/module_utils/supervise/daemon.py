# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The supervisor: a process that looks after all services of a host between deploys."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from dataclasses import replace
from functools import partial
from types import FrameType

from ..engine.containers import Container, Engine
from ..errors import EngineError, HundredError, StateError
from ..rollout.host import Settings
from ..rollout.info import known_services
from ..state.lock import SUPERVISOR
from .events import DEATH, Event, Events
from .metrics import Metrics
from .notify import notify
from .one_offs import OneOffs
from .presence import only_supervisor
from .proxy_service import ProxyService
from .service import PERIOD, Supervised

# A round may be a repair that waits for minutes. So each service has a thread when it needs one and
# never waits for the repairs of others; threads that are idle are used again.
SERVICES = 1000

# Replicas that are probed at the same time.
PROBES = 16

# How soon an event is acted on: several come together when a replica dies.
SETTLE_SECONDS = 0.05

# The longest sleep; systemd's watchdog hears of the process as often at least.
LONGEST_SLEEP = 2.0

# For how long an event that tells of a death is believed more than a list of containers is: the
# engine tells of the death first, and lists a replica that "docker rm -f" ends as running until it
# is removed (80 ms with 20.10 on two cores).
DEATH_SECONDS = 2.0

# Between two attempts to reach an engine that is away.
ENGINE_SECONDS = 1.0


class Supervisor:
    """Looks after all services of this host.

    :param settings: where things are on this host.
    :param say: takes a line for the log.
    :param metrics: where the numbers go.
    """

    def __init__(self, settings: Settings, say: Callable[[str], None], metrics: Metrics) -> None:
        self._settings = replace(
            settings, by=SUPERVISOR, lock_timeout=0.0, deploy=None, gives_way=self._ends
        )
        self._say = say
        self._metrics = metrics
        self._ending = False
        self._wake = threading.Condition()
        self._happened: dict[str, float] = {}
        self._died: dict[str, float] = {}
        self._round_ended = False
        self._services: dict[str, Supervised] = {}
        self._rounds = ThreadPoolExecutor(SERVICES, "round")
        self._probes = ThreadPoolExecutor(PROBES, "probe")
        self._fences = ThreadPoolExecutor(1, "fence")
        self._proxies = ProxyService(say)
        self._one_offs = OneOffs(self._settings, say)
        self._engine: Engine | None = None
        self._engine_failure = ""

    def _ends(self) -> bool:
        return self._ending

    def run(self) -> None:
        """Look after the services until SIGTERM or SIGINT.

        :raises HundredError: another supervisor looks after this host.
        """
        with only_supervisor(self._settings.state_dir):
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, self._end)
            events = Events(self._settings.docker_host, self._note)
            self._say("begins")
            first = True
            while not self._ending:
                pause = self.step()
                if first:
                    notify("READY=1")
                    first = False
                notify("WATCHDOG=1")
                self._sleep(pause)
            notify("STOPPING=1")
            events.end()
            self._finish()
            self._say("ends")

    def _end(self, number: int, frame: FrameType | None) -> None:
        # Only a flag: a handler that takes a lock may wait for the thread that it interrupted. The
        # sleep of the main thread is over by the signal, or soon enough.
        self._ending = True

    def _finish(self) -> None:
        """Let repairs under way end, and leave what dies to the engine from now on."""
        self._rounds.shutdown(wait=True)
        self._probes.shutdown(wait=True)
        self._fences.shutdown(wait=True)
        for service in self._services.values():
            try:
                service.hand_back()
            except HundredError as error:
                self._say(f"{service.name}: cannot be left to the engine: {error.message}")

    def _note(self, event: Event) -> None:
        now = time.monotonic()
        with self._wake:
            if event.kind == DEATH:
                self._died[event.container] = now
            else:
                self._died.pop(event.container, None)
            self._happened.setdefault(event.service, now + SETTLE_SECONDS)
            self._wake.notify()
        service = self._services.get(event.service)
        if event.kind == DEATH and service is not None and not self._ending:
            service.tell_died(event.container)
            # At once and beside its round: that may wait for the probe of what is dead.
            self._fences.submit(service.fence, event.name, event.container)

    def _as_told(self, item: Container) -> Container:
        """A container as the engine lists it, unless an event has just told of its death."""
        died = self._died.get(item.id)
        if died is None or not item.running:
            return item
        return replace(item, state="exited")

    def _forget_deaths(self) -> None:
        before = time.monotonic() - DEATH_SECONDS
        with self._wake:
            self._died = {name: at for name, at in self._died.items() if at > before}

    def _is_busy(self, name: str) -> bool:
        service = self._services.get(name)
        return service is not None and service.busy

    def _sleep(self, seconds: float) -> None:
        until = time.monotonic() + min(seconds, LONGEST_SLEEP)
        with self._wake:
            while not self._ending:
                now = time.monotonic()
                at = [moment for name, moment in self._happened.items() if not self._is_busy(name)]
                earliest = min([until, *at])
                if now >= earliest or self._round_ended:
                    self._round_ended = False
                    return
                # Short enough for a signal that came just before.
                self._wake.wait(min(earliest - now, 0.5))

    def step(self, wait: bool = False) -> float:
        """Begin a round of every service that is due.

        :param wait: return when the rounds have ended.
        :returns: seconds until the next service is due.
        """
        now = time.monotonic()
        with self._wake:
            # What happens to a service in the middle of its round is looked at after it.
            happened = {
                name for name, at in self._happened.items() if at <= now and not self._is_busy(name)
            }
            for name in happened:
                del self._happened[name]
        try:
            self._find_services()
            due = [
                item
                for name, item in self._services.items()
                if not item.busy and (item.due <= now or name in happened)
            ]
            if due:
                self._begin(due, wait)
            self._one_offs.look(self._reach(), self._rounds)
        except (EngineError, StateError) as error:
            self._tell_engine(error.text())
            self._metrics.write_without_engine()
            if not any(item.busy for item in self._services.values()):
                # When it is back it may be another version, which speaks another one of its API.
                self._engine = None
                self._services.clear()
            return ENGINE_SECONDS
        self._tell_engine("")
        self._metrics.write(self._services.values())
        idle = [item.due for item in self._services.values() if not item.busy]
        return max(0.0, min([now + PERIOD, *idle]) - time.monotonic())

    def _find_services(self) -> None:
        names = known_services(self._settings)
        for name in set(self._services) - set(names):
            if not self._services[name].busy:
                del self._services[name]
        for name in names:
            if name not in self._services:
                self._services[name] = Supervised(
                    self._settings,
                    name,
                    self._reach(),
                    self._probes,
                    self._proxies.start,
                    self._say,
                )

    def _reach(self) -> Engine:
        if self._engine is None:
            self._engine = Engine(self._settings.docker_host)
        return self._engine

    def _begin(self, due: list[Supervised], wait: bool) -> None:
        listed: dict[str, list[Container]] = {}
        self._forget_deaths()
        for service in due:
            service.forget_deaths()
        for item in self._reach().containers():
            listed.setdefault(item.service, []).append(self._as_told(item))
        futures = [self.begin_round(item, listed.get(item.name, [])) for item in due]
        if wait:
            wait_for(futures)

    def begin_round(self, service: Supervised, containers: Sequence[Container]) -> Future[None]:
        """Look at a service, and do what it needs, in a thread of its own.

        :param containers: those of the service, as the engine has just listed them.
        """
        service.busy = True
        future = self._rounds.submit(service.round, containers)
        future.add_done_callback(partial(self._round_over, service))
        return future

    def _round_over(self, service: Supervised, future: Future[None]) -> None:
        error = future.exception()
        if error is not None:
            # A mistake of ours in one service must not end the care for all others.
            service.due = time.monotonic() + PERIOD
            self._say(f"{service.name}: this is a mistake in the supervisor: {error!r}")
        service.busy = False
        with self._wake:
            self._round_ended = True
            self._wake.notify()

    def _tell_engine(self, text: str) -> None:
        if text != self._engine_failure:
            self._say(text or "the engine answers again")
        self._engine_failure = text
