# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The open-loop client: requests on a fixed schedule, whatever becomes of the earlier ones.

Latency counts from the scheduled time, so a server that stalls is charged for every request that
was due meanwhile. Nothing is ever sent twice.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import resource
import secrets
import socket
import time
from array import array
from collections import deque
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

from . import websocket
from .connection import Connection, Exchange
from .result import Failure, Latency, Result, Samples
from .traffic import PACED, TEST_APP, Kind, Outcome, Paths, RequestWriter, stream_fault

EARLY = 0.0005
"""Seconds a request may be sent before it is due: the loop's timers are good to a millisecond."""

BURST = 50
"""Requests issued in a row when the client is behind, before it looks at answers again."""

SWEEP = 0.1
"""Seconds between two looks for requests past their deadline."""

FAILED_LOOP_PAUSE = 0.25
"""Seconds a slow or streaming loop waits after a failure, so that a dead server is not hammered."""

KEPT_FAILURES = 200
"""Lost requests that are kept one by one."""


class Load:
    """A run of load: "async with Load(url) as load: ..." and then load.result.

    Args:
        url: http://address[:port]; a name is resolved once, at the start.
        host_header: the Host to ask for; the url's own by default.
        rate: paced requests a second, the kinds taking turns.
        kinds: which paced kinds; see traffic.PACED.
        slow: so many loops of requests that take slow_seconds each, every second loop keep-alive.
        streams: so many loops of streaming answers of stream_seconds each.
        websockets: so many loops of echo sessions of stream_seconds each.
        timeout: seconds a paced request may take in all; the looping kinds get it on top.
        keepalive_connections: so many take turns for keep-alive requests; more when all are busy.
        paths: where the application answers.
    """

    def __init__(
        self,
        url: str,
        *,
        host_header: str | None = None,
        rate: float = 300.0,
        kinds: tuple[Kind, ...] = PACED,
        slow: int = 0,
        slow_seconds: float = 2.0,
        streams: int = 0,
        websockets: int = 0,
        stream_seconds: float = 5.0,
        timeout: float = 10.0,
        keepalive_connections: int = 16,
        paths: Paths = TEST_APP,
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme != "http" or not parts.hostname:
            raise ValueError(f"want http://address[:port], got {url!r}")
        if rate <= 0 or not kinds or any(kind not in PACED for kind in kinds):
            raise ValueError("want a rate above 0 and at least one of the paced kinds")
        self._target = (parts.hostname, parts.port or 80)
        self._rate, self._kinds, self._timeout = rate, kinds, timeout
        self._loops = {Kind.SLOW: slow, Kind.STREAM: streams, Kind.WEBSOCKET: websockets}
        self._seconds = {
            Kind.SLOW: slow_seconds,
            Kind.STREAM: stream_seconds,
            Kind.WEBSOCKET: stream_seconds,
        }
        self._pool_size = keepalive_connections
        run = secrets.token_hex(4)
        host = host_header or parts.netloc
        self._writer = RequestWriter(host, paths, self._seconds, len(f"{run}-") + 8)
        self._samples = Samples()
        self.result = Result(run, rate, 0.0, self._samples)
        self._idle: deque[Connection] = deque()
        self._pooled: set[Connection] = set()
        self._open: set[Connection] = set()
        self._flying: dict[Exchange, Connection] = {}
        self._sessions: set[asyncio.Task[None]] = set()
        self._lags: array[float] = array("f")
        self._issued = 0
        self._stopping = False
        self._pace: asyncio.TimerHandle | None = None
        self._sweep: asyncio.TimerHandle | None = None

    async def __aenter__(self) -> Load:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Resolve the address and begin; raises OSError when the name does not resolve."""
        self._loop = asyncio.get_running_loop()
        found = await self._loop.getaddrinfo(*self._target, type=socket.SOCK_STREAM)
        self._family: int = found[0][0]
        address = found[0][4]
        self._address: tuple[str, int] = (str(address[0]), int(address[1]))
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        gc.collect()
        gc.freeze()  # a full collection in mid-run would show up as latency
        self._cpu = time.process_time()
        self.result.started = self._start = self._loop.time()
        self._tick()
        self._sweep = self._loop.call_later(SWEEP, self._look_for_timeouts)
        for kind, loops in self._loops.items():
            begin = self._open_session if kind is Kind.WEBSOCKET else self._begin_looping
            for number in range(loops):
                # Spread, so that at any moment some are near their start and some near their end.
                delay = number / loops * self._seconds[kind]
                self._loop.call_later(delay, begin, kind, number)

    async def stop(self) -> Result:
        """Issue nothing more, wait for what is in flight to end or time out, and sum up."""
        if self._stopping:
            return self.result
        self._stopping = True
        self.result.seconds = self._loop.time() - self._start
        if self._pace:
            self._pace.cancel()
        while self._flying or self._sessions:
            await asyncio.sleep(SWEEP / 5)
        if self._sweep:
            self._sweep.cancel()
        for connection in list(self._open):
            connection.close()
        self.result.unsent = max(0, int(self.result.seconds * self._rate) - self._issued)
        self.result.cpu_seconds = time.process_time() - self._cpu
        self.result.own_lag = Latency.of(self._lags)
        gc.unfreeze()
        return self.result

    def mark(self, name: str) -> float:
        """Note the present moment under a name; returns it in seconds since the start."""
        at = self._loop.time() - self._start
        self.result.marks[name] = at
        return at

    # The schedule

    def _tick(self) -> None:
        """Issue every request that is due, though only BURST in a row."""
        if self._stopping:
            return
        for _unused in range(BURST):
            due = self._start + self._issued / self._rate
            now = self._loop.time()
            if due > now + EARLY:
                break
            kind = self._kinds[self._issued % len(self._kinds)]
            self._issued += 1
            self._lags.append(max(0.0, now - due))
            # Sent a fraction of a millisecond early, it is timed from when it was sent.
            keep_alive = kind in (Kind.GET_KEEPALIVE, Kind.POST_KEEPALIVE)
            self._issue(kind, min(due, now), keep_alive, self._record)
        due = self._start + self._issued / self._rate
        self._pace = self._loop.call_at(due - EARLY, self._tick)

    def _begin_looping(self, kind: Kind, number: int) -> None:
        """One slow request or stream; its end begins the next."""
        if self._stopping:
            return
        keep_alive = kind is Kind.SLOW and number % 2 == 0

        def finished(exchange: Exchange, outcome: Outcome, detail: str) -> None:
            self._record(exchange, outcome, detail)
            pause = 0.0 if outcome is Outcome.OK else FAILED_LOOP_PAUSE
            self._loop.call_later(pause, self._begin_looping, kind, number)

        self._issue(kind, self._loop.time(), keep_alive, finished)

    def _issue(
        self,
        kind: Kind,
        due: float,
        keep_alive: bool,
        finished: Callable[[Exchange, Outcome, str], None],
    ) -> None:
        exchange = self._new_exchange(kind, due, keep_alive, finished)
        connection = self._idle_connection() if keep_alive else None
        if connection is not None:
            self._flying[exchange] = connection
            connection.reuse(exchange)
            return
        try:
            connection = Connection(
                self._loop, self._family, self._address, self._became_idle, self._closed
            )
        except OSError as error:
            finished(exchange, Outcome.CLIENT_ERROR, f"socket: {error}")
            return
        self._open.add(connection)
        if keep_alive:
            self._pooled.add(connection)
        self._flying[exchange] = connection
        connection.open(exchange)

    def _new_exchange(
        self,
        kind: Kind,
        due: float,
        keep_alive: bool,
        finished: Callable[[Exchange, Outcome, str], None],
    ) -> Exchange:
        index = self._samples.begin(round((due - self._start) * 1e6), kind)
        request_id = self.result.request_id(index).encode("ascii")
        payload = self._writer.write(kind, keep_alive, request_id)
        deadline = due + self._timeout + self._seconds.get(kind, 0.0)
        return Exchange(index, kind, request_id, payload, due, deadline, finished, keep_alive)

    # The pool of kept-alive connections

    def _idle_connection(self) -> Connection | None:
        """The connection that has been idle longest; None when a new one shall be made."""
        if len(self._pooled) < self._pool_size:
            return None
        while self._idle:
            connection = self._idle.popleft()
            if connection.is_still_open():
                return connection
        return None

    def _became_idle(self, connection: Connection) -> None:
        if len(self._pooled) > self._pool_size or self._stopping:
            connection.close()
            return
        self._idle.append(connection)

    def _closed(self, connection: Connection, idle_by_server: bool) -> None:
        self._open.discard(connection)
        self._pooled.discard(connection)
        if idle_by_server:
            self.result.idle_closed += 1
            # Absent when it was just taken from there and found closed.
            with contextlib.suppress(ValueError):
                self._idle.remove(connection)

    # What became of them

    def _record(self, exchange: Exchange, outcome: Outcome, detail: str) -> None:
        self._flying.pop(exchange, None)
        response = exchange.response
        if outcome is Outcome.OK:
            outcome, detail = _judge(exchange)
        self._finish(exchange, outcome, detail, response.status, response.release)

    def _finish(
        self, exchange: Exchange, outcome: Outcome, detail: str, status: int, release: str
    ) -> None:
        now = self._loop.time()
        latency = round((now - exchange.due) * 1e6)
        self._samples.finish(exchange.index, outcome, latency, status, release)
        if outcome is not Outcome.OK and len(self.result.failures) < KEPT_FAILURES:
            at, ended = exchange.due - self._start, now - self._start
            name = exchange.request_id.decode("ascii")
            failure = Failure(at, ended, exchange.kind.label, name, outcome.label, detail)
            self.result.failures.append(failure)

    def _look_for_timeouts(self) -> None:
        now = self._loop.time()
        late = [pair for pair in self._flying.items() if pair[0].deadline < now]
        for _unused, connection in late:
            connection.time_out()
        self._sweep = self._loop.call_later(SWEEP, self._look_for_timeouts)

    # Websockets, few and long: a task each

    def _open_session(self, kind: Kind, number: int) -> None:
        if not self._stopping:
            self._spawn(self._session(kind, number))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(work)
        self._sessions.add(task)
        task.add_done_callback(self._sessions.discard)

    async def _session(self, kind: Kind, number: int) -> None:
        exchange = self._new_exchange(kind, self._loop.time(), True, self._record)
        outcome, detail, status, release = await websocket.echo_session(
            self._address, exchange, self._seconds[kind], self._timeout
        )
        self._finish(exchange, outcome, detail, status, release)
        pause = 0.0 if outcome is Outcome.OK else FAILED_LOOP_PAUSE
        self._loop.call_later(pause, self._open_session, kind, number)


def _judge(exchange: Exchange) -> tuple[Outcome, str]:
    """The outcome of a whole answer."""
    response = exchange.response
    if not 200 <= response.status < 300:
        return Outcome.NON_2XX, f"{response.status} {response.body[:120]!r}"
    if exchange.kind is Kind.STREAM:
        fault = stream_fault(response.body, exchange.request_id)
        return (Outcome.WRONG_BODY, fault) if fault else (Outcome.OK, "")
    if exchange.request_id not in response.body:
        return Outcome.WRONG_BODY, f"no {exchange.request_id!r} in {response.body[:120]!r}"
    return Outcome.OK, ""
