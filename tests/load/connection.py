# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One TCP connection of the load client, on a raw non-blocking socket.

asyncio's transports cost more per new connection and hide which call failed, and the difference
between "refused", "reset before an answer" and "cut off half-way" is what this client is for.
"""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum

from .response import MalformedResponse, Response
from .traffic import Kind, Outcome

LOCAL_ERRORS = (errno.EMFILE, errno.ENFILE, errno.EADDRNOTAVAIL, errno.ENOBUFS, errno.ENOMEM)
"""Error numbers that are this machine's own want, not the server's doing."""


@dataclass(slots=True, eq=False)
class Exchange:
    """One request and what is known of its answer.

    Times are the event loop's clock (time.monotonic), in seconds.
    """

    index: int
    kind: Kind
    request_id: bytes
    payload: bytes
    due: float
    """When the schedule wanted it sent; latency counts from here."""
    deadline: float
    finished: Callable[[Exchange, Outcome, str], None]
    """Called once, with the outcome and a detail for a person (empty when OK)."""
    keep_alive: bool
    response: Response = field(default_factory=Response)
    reused: bool = False
    """The connection had carried an earlier request."""


class _State(Enum):
    CONNECTING = "connecting"
    BUSY = "busy"
    IDLE = "idle"
    LINGERING = "lingering"
    """The answer is whole and said or asked "close": the server is left to close first."""
    CLOSED = "closed"


class Connection:
    """Carries one exchange at a time; never sends anything twice.

    Args:
        loop: the running loop.
        family, address: where to connect, resolved.
        became_idle: called when the connection may carry the next request.
        closed: called once when it is gone; the argument: the server ended it while it was idle.
    """

    __slots__ = (
        "_address",
        "_became_idle",
        "_closed",
        "_fd",
        "_loop",
        "_sock",
        "_state",
        "_unsent",
        "exchange",
        "served",
    )

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        family: int,
        address: tuple[str, int],
        became_idle: Callable[[Connection], None],
        closed: Callable[[Connection, bool], None],
    ) -> None:
        self._loop = loop
        self._address = address
        self._became_idle = became_idle
        self._closed = closed
        self._state = _State.CONNECTING
        self._unsent = b""
        self.exchange: Exchange | None = None
        self.served = 0
        self._sock = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        # The loop is given the number: of an unknown socket it would format the repr, 40 µs each.
        self._fd = self._sock.fileno()

    def open(self, exchange: Exchange) -> None:
        """Connect, then send the exchange's request."""
        self.exchange = exchange
        code = self._sock.connect_ex(self._address)
        if code not in (0, errno.EINPROGRESS):
            self._connect_failed(code)
            return
        try:
            # On one machine the handshake is over by now, which saves two turns of the loop.
            sent = self._sock.send(exchange.payload)
        except BlockingIOError:
            self._loop.add_writer(self._fd, self._connected)
        except OSError as error:
            self._connect_failed(error.errno or 0)
        else:
            self._await_answer(exchange.payload[sent:])

    def reuse(self, exchange: Exchange) -> None:
        """Send the next request on an idle connection."""
        exchange.reused = True
        self.exchange = exchange
        self._state = _State.BUSY
        self._send(exchange.payload)

    def is_still_open(self) -> bool:
        """For an idle connection: whether the server has not closed it as far as the kernel knows.

        What the event loop has not seen yet is looked up, so that only a close which crosses the
        request on the wire counts as the keep-alive race. A closed connection is dropped here.
        """
        try:
            self._sock.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return True
        except OSError:
            pass
        self._close(by_server=True)
        return False

    def time_out(self) -> None:
        """The exchange's deadline has passed."""
        received = len(self.exchange.response.body) if self.exchange else 0
        doing = "connecting" if self._state is _State.CONNECTING else f"{received} body bytes"
        self._end(Outcome.TIMEOUT, f"no whole answer in time ({doing})")

    def close(self) -> None:
        """Close a connection that carries no exchange."""
        self._close()

    def _connected(self) -> None:
        self._loop.remove_writer(self._fd)
        code = self._sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            self._connect_failed(code)
            return
        if self.exchange is not None:
            self._await_answer(self.exchange.payload)

    def _await_answer(self, unsent: bytes) -> None:
        """The connection stands: send what is left of the request and listen."""
        self._state = _State.BUSY
        self._loop.add_reader(self._fd, self._readable)
        if unsent:
            self._send(unsent)

    def _connect_failed(self, code: int) -> None:
        if code == errno.ECONNREFUSED:
            outcome = Outcome.REFUSED
        elif code in (errno.ECONNRESET, errno.EPIPE):
            outcome = Outcome.RESET_NEW
        elif code in LOCAL_ERRORS:
            outcome = Outcome.CLIENT_ERROR
        else:
            outcome = Outcome.UNREACHABLE
        self._end(outcome, f"connect: {errno.errorcode.get(code, str(code))}")

    def _send(self, data: bytes) -> None:
        try:
            sent = self._sock.send(data)
        except BlockingIOError:
            sent = 0
        except OSError as error:
            # An answer may have arrived before the server closed (an early refusal): read it.
            self._read_until_lost(error)
            return
        if sent < len(data):
            self._unsent = data[sent:]
            self._loop.add_writer(self._fd, self._writable)

    def _writable(self) -> None:
        data, self._unsent = self._unsent, b""
        self._loop.remove_writer(self._fd)
        self._send(data)

    def _read_until_lost(self, error: OSError) -> None:
        while self._state is _State.BUSY:
            try:
                data = self._sock.recv(65536)
            except OSError:
                data = b""
            if not data:
                self._lost(error)
                return
            self._received(data)

    def _readable(self) -> None:
        try:
            data = self._sock.recv(65536)
        except BlockingIOError:
            return
        except OSError as error:
            self._lost(error)
            return
        if not data:
            self._lost(None)
        elif self._state is _State.BUSY:
            self._received(data)
        else:
            # Nothing was asked: a proxy's 408 on an idle connection, bytes after the last answer.
            self._close(by_server=True)

    def _received(self, data: bytes) -> None:
        exchange = self.exchange
        if exchange is None:
            return
        try:
            exchange.response.feed(data)
        except MalformedResponse as error:
            self._end(Outcome.MALFORMED, str(error))
            return
        if exchange.response.complete:
            self._answered(exchange)

    def _answered(self, exchange: Exchange) -> None:
        self.exchange = None
        self.served += 1
        if self._unsent:
            # Answered before the request was sent whole: this connection cannot go on.
            self._close()
        elif exchange.keep_alive and exchange.response.keep_alive:
            self._state = _State.IDLE
            self._became_idle(self)
        else:
            # Whoever closes first keeps the port in TIME_WAIT; leave that to the server.
            self._state = _State.LINGERING
            self._loop.call_later(1.0, self._close)
        exchange.finished(exchange, Outcome.OK, "")

    def _lost(self, error: OSError | None) -> None:
        """The server closed (error None) or reset the connection."""
        exchange = self.exchange
        if exchange is None:
            self._close(by_server=True)
            return
        if exchange.response.end_of_input(clean=error is None):
            self.exchange = None
            self._close()
            exchange.finished(exchange, Outcome.OK, "")
            return
        how = "closed" if error is None else errno.errorcode.get(error.errno or 0, str(error))
        if exchange.response.started:
            size = len(exchange.response.body)
            self._end(Outcome.TRUNCATED, f"{how} after {size} body bytes")
        elif exchange.reused:
            self._end(Outcome.RESET_REUSED, f"{how}; had served {self.served} requests")
        else:
            self._end(Outcome.RESET_NEW, f"{how} before any answer")

    def _end(self, outcome: Outcome, detail: str) -> None:
        """The exchange failed, and the connection with it."""
        exchange, self.exchange = self.exchange, None
        self._close()
        if exchange is not None:
            exchange.finished(exchange, outcome, detail)

    def _close(self, by_server: bool = False) -> None:
        if self._state is _State.CLOSED:
            return
        was_idle = self._state is _State.IDLE
        self._state = _State.CLOSED
        self._loop.remove_reader(self._fd)
        self._loop.remove_writer(self._fd)
        self._sock.close()
        self._closed(self, was_idle and by_server)
