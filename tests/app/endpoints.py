# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the application answers. See README.md for the list."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import socket
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

import websocket
from behaviour import Behaviour
from http_server import Request, Response

SECRETS = Path("/run/secrets")
LINE_PAUSE = 0.1
"""Seconds between two lines of a stream."""


class Application:
    """Routes requests; remembers the ids that it has processed.

    Args:
        behaviour: what /up shall say, and the release.
        began: time.monotonic() at the process's start.
    """

    def __init__(self, behaviour: Behaviour, began: float) -> None:
        self.behaviour = behaviour
        self.replica = socket.gethostname()
        self._began = began
        self._ids: list[str] = []
        self._health_checks = 0
        self._ids_file = -1
        if behaviour.ids_dir:
            path = Path(behaviour.ids_dir, f"{self.replica}.ids")
            self._ids_file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        self._routes: dict[str, Callable[[Request], Any]] = {
            "/": self.version,
            "/up": self.up,
            "/version": self.version,
            "/echo": self.echo,
            "/slow": self.slow,
            "/stream": self.stream,
            "/ws": self.websocket,
            "/ids": self.ids,
            "/env": self.env,
            "/secret": self.secret,
        }

    def __call__(self, request: Request) -> Response | Coroutine[Any, Any, Response]:
        """Answer a request."""
        route = self._routes.get(request.path)
        if route is None:
            return Response(404, b"no such page\n")
        answer: Response | Coroutine[Any, Any, Response] = route(request)
        return answer

    def up(self, request: Request) -> Response | Coroutine[Any, Any, Response]:
        """Health."""
        self._health_checks += 1
        allowed, named = self.behaviour.allowed_host, request.headers.get("host", "")
        if allowed and named != allowed:
            return Response(400, f"{named} is not allowed here\n".encode())
        reason = self._sickness()
        response = Response(503, f"{reason}\n".encode()) if reason else Response(200, b"ok\n")
        if self.behaviour.health_delay:
            return _later(self.behaviour.health_delay, response)
        return response

    def _sickness(self) -> str:
        """Why /up must fail now; empty when it passes."""
        wish, age = self.behaviour, time.monotonic() - self._began
        if wish.unhealthy:
            return "the database does not answer"
        if age < wish.healthy_after:
            return "warming up"
        if wish.unhealthy_after and age >= wish.unhealthy_after:
            return "the queue is stuck"
        return "flaky" if wish.flaky_health and self._health_checks % 2 else ""

    def version(self, request: Request) -> Response:
        """Who answers."""
        return Response.of({"release": self.behaviour.release, "replica": self.replica})

    def echo(self, request: Request) -> Response:
        """The id of the query, or of a posted JSON body."""
        request_id = request.query.get("id", "")
        if request.method == "POST" and not request_id:
            try:
                request_id = str(json.loads(request.body)["id"])
            except (ValueError, KeyError, TypeError):
                return Response(400, b"want a JSON body with an id\n")
        return self._processed(request, request_id)

    async def slow(self, request: Request) -> Response:
        """As echo, after so many seconds."""
        await asyncio.sleep(float(request.query.get("seconds", "2")))
        return self._processed(request, request.query.get("id", ""))

    def _processed(self, request: Request, request_id: str) -> Response:
        self._log_id(request_id)
        return Response.of(
            {
                "id": request_id,
                "method": request.method,
                "received": len(request.body),
                "release": self.behaviour.release,
                "replica": self.replica,
            }
        )

    def stream(self, request: Request) -> Response:
        """Numbered lines for so many seconds, then "end <lines> <id>"."""
        request_id = request.query.get("id", "")
        self._log_id(request_id)
        seconds = float(request.query.get("seconds", "5"))
        return Response(200, chunks=_lines(seconds, request_id))

    def websocket(self, request: Request) -> Response:
        """A websocket echo."""
        self._log_id(request.query.get("id", ""))
        return websocket.upgrade(request)

    def ids(self, request: Request) -> Response:
        """The ids that this replica has processed, a line each, repeats repeated."""
        return Response(200, "".join(f"{name}\n" for name in self._ids).encode())

    def env(self, request: Request) -> Response:
        """The environment's names (those asked for, else all) with the sha256 of their values."""
        asked = request.query.get("names")
        names = asked.split(",") if asked else sorted(os.environ)
        return Response.of({name: _sha256_or_none(os.environ.get(name)) for name in names})

    def secret(self, request: Request) -> Response:
        """A file of /run/secrets: the sha256 of its content, mode, owner."""
        name = request.query.get("name", "")
        if not name or "/" in name or name.startswith("."):
            return Response(400, b"want name=NAME\n")
        path = SECRETS / name
        try:
            status, content = path.stat(), path.read_bytes()
        except FileNotFoundError:
            return Response(404, b"no such secret\n")
        except PermissionError as error:
            return Response(403, f"{error}\n".encode())
        return Response.of(
            {
                "sha256": hashlib.sha256(content).hexdigest(),
                "mode": f"{status.st_mode & 0o7777:04o}",
                "uid": status.st_uid,
                "gid": status.st_gid,
            }
        )

    def _log_id(self, request_id: str) -> None:
        if not request_id:
            return
        self._ids.append(request_id)
        if self._ids_file >= 0:
            os.write(self._ids_file, f"{request_id}\n".encode())


async def _later(seconds: float, response: Response) -> Response:
    await asyncio.sleep(seconds)
    return response


async def _lines(seconds: float, request_id: str) -> AsyncIterator[bytes]:
    loop = asyncio.get_running_loop()
    end, number = loop.time() + seconds, 0
    while loop.time() < end:
        number += 1
        yield b"line %d\n" % number
        await asyncio.sleep(LINE_PAUSE)
    yield f"end {number} {request_id}\n".encode()


def _sha256_or_none(value: str | None) -> str | None:
    return None if value is None else hashlib.sha256(value.encode()).hexdigest()
