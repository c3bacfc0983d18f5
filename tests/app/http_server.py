# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A small HTTP/1.1 server on asyncio whose stop loses nothing that it has accepted."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

MAX_REQUEST = 1 << 20
"""Bytes of a request; more is refused."""

FRESH_GRACE = 1.0
"""Seconds that a connection without a request yet may still send one once the stop has begun."""

REASONS = {
    101: "Switching Protocols",
    200: "OK",
    400: "Bad Request",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    503: "Service Unavailable",
}


@dataclass
class Request:
    """One request, read whole."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    """Names in lower case; of repeated fields the last."""
    body: bytes
    version: str
    """HTTP/1.1 or HTTP/1.0."""

    @property
    def keep_alive(self) -> bool:
        """Whether the client wants to use the connection again."""
        wish = self.headers.get("connection", "").lower()
        return wish != "close" if self.version == "HTTP/1.1" else wish == "keep-alive"


@dataclass
class Response:
    """An answer: a body, or chunks produced while they are sent, or a change of the protocol."""

    status: int = 200
    body: bytes = b""
    content_type: str = "text/plain; charset=utf-8"
    headers: dict[str, str] = field(default_factory=dict)
    chunks: AsyncIterator[bytes] | None = None
    upgrade: Callable[[bytes], bytes | None] | None = None
    """Takes what arrives after a 101, returns what to send; None ends the connection."""

    @classmethod
    def of(cls, value: Any, status: int = 200) -> Response:
        """A JSON answer."""
        return cls(status, json.dumps(value).encode("utf-8") + b"\n", "application/json")


Handler = Callable[[Request], Any]
"""Returns a Response or a coroutine of one."""


class BadRequest(Exception):
    """The bytes are not a request that this server takes."""


class Server:
    """Listens, and stops gracefully.

    Args:
        handler: answers requests; called once each is read whole.
        headers: sent with every answer.
        probes: paths whose requests requests_after_stop leaves out, since no user sends them.
    """

    def __init__(
        self, handler: Handler, headers: dict[str, str], probes: tuple[str, ...] = ()
    ) -> None:
        self.handler = handler
        self.probes = probes
        self.headers = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self.connections: set[Connection] = set()
        self.stopping = False
        self.requests_after_stop = 0
        self._listener: asyncio.Server | None = None
        self._gone = asyncio.Event()

    async def listen(self, host: str, port: int) -> int:
        """Begin to accept; returns the port. Raises OSError when it is taken."""
        loop = asyncio.get_running_loop()
        self._listener = await loop.create_server(
            lambda: Connection(self), host, port, backlog=1024
        )
        return int(self._listener.sockets[0].getsockname()[1])

    @property
    def in_flight(self) -> int:
        """Requests begun and not answered to the end."""
        return sum(connection.busy for connection in self.connections)

    async def stop(self) -> None:
        """Accept no more, close idle connections, return when every other one has been served."""
        self.stopping = True
        # A few turns of the loop accept what the kernel has queued; closing would reset it.
        await asyncio.sleep(0.01)
        if self._listener is not None:
            self._listener.close()
        for connection in list(self.connections):
            connection.server_stops()
        while self.connections:
            self._gone.clear()
            await self._gone.wait()

    def connection_gone(self, connection: Connection) -> None:
        """A connection has ended."""
        self.connections.discard(connection)
        self._gone.set()


class Connection(asyncio.Protocol):
    """One client: its requests are answered one after the other."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._buffer = b""
        self._served = 0
        self._task: asyncio.Task[None] | None = None
        self._upgrade: Callable[[bytes], bytes | None] | None = None
        self._transport: asyncio.Transport

    @property
    def busy(self) -> bool:
        """Whether a request has begun to arrive and is not answered to the end."""
        return self._task is not None or bool(self._buffer) or self._upgrade is not None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.Transport):
            self._transport = transport
        self._server.connections.add(self)
        if self._server.stopping:
            self.server_stops()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._task is not None:
            self._task.cancel()
        self._server.connection_gone(self)

    def server_stops(self) -> None:
        """Close, at once when idle after a request, soon when no request ever came."""
        if self.busy:
            return
        if self._served:
            self._transport.close()
        else:
            asyncio.get_running_loop().call_later(FRESH_GRACE, self._close_unless_busy)

    def _close_unless_busy(self) -> None:
        if not self.busy:
            self._transport.close()

    def data_received(self, data: bytes) -> None:
        if self._upgrade is not None:
            self._continue_upgraded(data)
            return
        self._buffer += data
        self._advance()

    def _advance(self) -> None:
        """Answer what has been read whole, unless an answer is still under way."""
        while self._task is None and self._buffer and not self._transport.is_closing():
            try:
                request = self._take_request()
            except BadRequest as error:
                self._send(Response(400, f"{error}\n".encode()), "GET", keep_alive=False)
                return
            if request is None:
                return
            self._served += 1
            if self._server.stopping and request.path not in self._server.probes:
                self._server.requests_after_stop += 1
            answer = self._server.handler(request)
            if isinstance(answer, Response) and answer.chunks is None:
                self._send(answer, request.method, request.keep_alive)
            else:
                self._task = asyncio.get_running_loop().create_task(self._answer(request, answer))
                self._task.add_done_callback(self._answered)

    def _take_request(self) -> Request | None:
        """Cut one request off the buffer; None while it is incomplete. Raises BadRequest."""
        end = self._buffer.find(b"\r\n\r\n")
        if len(self._buffer) > MAX_REQUEST:
            raise BadRequest("too large")
        if end < 0:
            return None
        lines = self._buffer[:end].decode("latin-1").split("\r\n")
        headers = {}
        for line in lines[1:]:
            name, _unused, value = line.partition(":")
            headers[name.lower()] = value.strip()
        if "transfer-encoding" in headers:
            raise BadRequest("send a Content-Length")
        length = headers.get("content-length", "0")
        parts = lines[0].split(" ")
        if len(parts) != 3 or not length.isdigit():
            raise BadRequest("malformed")
        if len(self._buffer) < end + 4 + int(length):
            return None
        body = self._buffer[end + 4 : end + 4 + int(length)]
        self._buffer = self._buffer[end + 4 + int(length) :]
        method, target, version = parts
        path, _unused, query = target.partition("?")
        return Request(method, path, dict(parse_qsl(query)), headers, body, version)

    async def _answer(self, request: Request, answer: Any) -> None:
        response = answer if isinstance(answer, Response) else await answer
        # HTTP/1.0 knows no chunks: there the end of the connection is the end of the body.
        framed = request.version == "HTTP/1.1"
        keep_alive = request.keep_alive and (framed or response.chunks is None)
        self._send(response, request.method, keep_alive, framed)
        if response.chunks is None:
            return
        async for chunk in response.chunks:
            self._transport.write(b"%x\r\n%b\r\n" % (len(chunk), chunk) if framed else chunk)
        if framed:
            self._transport.write(b"0\r\n\r\n")
        self._end_of_answer(keep_alive)

    def _answered(self, task: asyncio.Task[None]) -> None:
        self._task = None
        if not task.cancelled() and task.exception() is not None:
            # The answer is lost; its stack is logged by the loop, the client sees the cut.
            self._transport.abort()
            task.result()
        self._advance()
        if self._server.stopping:
            self._close_unless_busy()

    def _send(self, response: Response, method: str, keep_alive: bool, framed: bool = True) -> None:
        keep_alive = keep_alive and not self._server.stopping
        lines = f"HTTP/1.1 {response.status} {REASONS[response.status]}\r\n{self._server.headers}"
        lines += "".join(f"{name}: {value}\r\n" for name, value in response.headers.items())
        if response.upgrade is None:
            lines += f"Content-Type: {response.content_type}\r\n"
            lines += "" if keep_alive else "Connection: close\r\n"
            if response.chunks is None:
                lines += f"Content-Length: {len(response.body)}\r\n"
            elif framed:
                lines += "Transfer-Encoding: chunked\r\n"
        head = (lines + "\r\n").encode("latin-1")
        self._transport.write(head if method == "HEAD" else head + response.body)
        self._upgrade = response.upgrade
        if response.chunks is None and response.upgrade is None:
            self._end_of_answer(keep_alive)

    def _end_of_answer(self, keep_alive: bool) -> None:
        if not keep_alive or self._server.stopping:
            self._transport.close()

    def _continue_upgraded(self, data: bytes) -> None:
        answer = self._upgrade(data) if self._upgrade is not None else None
        if answer is None:
            self._transport.close()
        else:
            self._transport.write(answer)
