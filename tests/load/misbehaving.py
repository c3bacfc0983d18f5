# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Real servers that do one thing wrong, each against which the load client must count right."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from .client import Load
from .result import Result

CHUNKED = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
"""The head of an answer in chunks."""

Behaviour = Callable[["Visit"], Awaitable[None]]
"""Deals with one request; whoever does not answer leaves the client waiting."""


class Visit:
    """One request on one connection.

    Attributes:
        id: the X-Request-Id.
        number: 1 for the connection's first request.
    """

    def __init__(
        self, server: Server, writer: asyncio.StreamWriter, head: str, number: int
    ) -> None:
        self.server, self.writer, self.number = server, writer, number
        self.target = head.split(" ")[1]
        self.id = re.findall(r"X-Request-Id: (\S+)", head)[0]
        self.wants_close = "Connection: close" in head

    def answer(self, body: str | None = None, status: int = 200, fields: str = "") -> None:
        """A whole answer; the body is the id unless told."""
        body = self.id if body is None else body
        fields += "Connection: close\r\n" if self.wants_close else ""
        self.raw(f"HTTP/1.1 {status} X\r\n{fields}Content-Length: {len(body)}\r\n\r\n{body}")
        if self.wants_close:
            self.close()

    def raw(self, text: str) -> None:
        """Send bytes."""
        self.writer.write(text.encode("latin-1"))

    def close(self) -> None:
        """End the connection by FIN."""
        self.writer.close()

    def reset(self) -> None:
        """End the connection by RST."""
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


class Server:
    """What a behaviour may ask of its server, and a test of what it saw."""

    def __init__(self, behaviour: Behaviour) -> None:
        self.behaviour = behaviour
        self.port = 0
        self.processed: list[str] = []
        """Ids, one entry per request received."""

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Read the requests of one connection."""
        number = 0
        # The client may leave in the middle; that is its right.
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while not writer.is_closing():
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                length = re.findall(r"Content-Length: (\d+)", head)
                if length:
                    await reader.readexactly(int(length[0]))
                number += 1
                visit = Visit(self, writer, head, number)
                self.processed.append(visit.id)
                await self.behaviour(visit)
        writer.close()


@contextlib.asynccontextmanager
async def serving(behaviour: Behaviour) -> AsyncIterator[Server]:
    """A listening server on a free port of the loopback."""
    server = Server(behaviour)
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0, backlog=1024)
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listener.close()


async def issued(load: Load, requests: int) -> None:
    """Wait until so many were issued; on a machine as busy as ours time alone says little."""
    while len(load.result.samples) < requests:
        await asyncio.sleep(0.01)


def load_against(behaviour: Behaviour, requests: int = 80, **options: Any) -> tuple[Result, Server]:
    """A run of so many requests, 200 a second, against one server."""

    async def run() -> tuple[Result, Server]:
        async with serving(behaviour) as server:
            async with Load(server.url, **{"rate": 200.0, "timeout": 5.0} | options) as load:
                await issued(load, requests)
            return load.result, server

    return asyncio.run(run())
