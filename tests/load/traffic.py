# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the load client sends and what may become of it: kinds, outcomes, paths."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Kind(IntEnum):
    """A stream of like requests, counted apart from the others."""

    GET_KEEPALIVE = 0
    GET_CLOSE = 1
    POST_KEEPALIVE = 2
    POST_CLOSE = 3
    SLOW = 4
    STREAM = 5
    WEBSOCKET = 6

    @property
    def label(self) -> str:
        """The name in reports and on the command line."""
        return self.name.lower().replace("_", "-")

    @property
    def is_post(self) -> bool:
        """Whether the request carries a body."""
        return self in (Kind.POST_KEEPALIVE, Kind.POST_CLOSE)

    @classmethod
    def from_label(cls, label: str) -> Kind:
        """The kind of that name; raises ValueError naming the known ones."""
        for kind in cls:
            if kind.label == label:
                return kind
        raise ValueError(f"unknown kind {label!r}; known: {', '.join(k.label for k in cls)}")


PACED = (Kind.GET_KEEPALIVE, Kind.POST_CLOSE, Kind.POST_KEEPALIVE, Kind.GET_CLOSE)
"""The kinds issued on the fixed schedule, in this order; the others loop beside it."""


class Outcome(IntEnum):
    """What became of one request. Everything but OK is a lost request."""

    PENDING = 0
    """Not answered yet; none is left once the client has stopped."""
    OK = 1
    """A whole 2xx answer that carries the request's own id."""
    NON_2XX = 2
    """A whole answer with another status."""
    REFUSED = 3
    """ECONNREFUSED: nobody listens."""
    UNREACHABLE = 4
    """The connection could not be made for another reason."""
    RESET_NEW = 5
    """A new connection was closed or reset before any byte of an answer."""
    RESET_REUSED = 6
    """The same on a connection that had served a request before: the keep-alive race."""
    TIMEOUT = 7
    """No whole answer in time."""
    TRUNCATED = 8
    """The answer began and then the connection ended."""
    WRONG_BODY = 9
    """A whole 2xx answer without the request's id, or a stream with lines missing."""
    MALFORMED = 10
    """The bytes received are not HTTP (or not the websocket protocol)."""
    CLIENT_ERROR = 11
    """This client's own fault (out of descriptors or ports): the run proves nothing."""

    @property
    def label(self) -> str:
        """The name in reports: lower case, with spaces."""
        return "non-2xx" if self is Outcome.NON_2XX else self.name.lower().replace("_", " ")


LOST = tuple(o for o in Outcome if o not in (Outcome.PENDING, Outcome.OK))
"""The outcomes that are a lost request."""


@dataclass(frozen=True)
class Paths:
    """Where an application answers; {id} and {seconds} are filled in.

    get, post, slow: the answer's body must contain the id. The post's id travels in its body.
    stream: lines, then a last line that contains "end <number of lines before> <id>".
    websocket: echoes text messages.
    """

    get: str = "/echo?id={id}"
    post: str = "/echo"
    post_body: str = '{"id": "{id}", "product": "teapot", "quantity": 1}'
    slow: str = "/slow?seconds={seconds}&id={id}"
    stream: str = "/stream?seconds={seconds}&id={id}"
    websocket: str = "/ws?id={id}"


TEST_APP = Paths()
"""tests/app."""

SHOP = Paths(
    get="/api/products?id={id}",
    post="/api/orders",
    slow="/api/report?seconds={seconds}&id={id}",
    stream="/api/prices?seconds={seconds}&id={id}",
)
"""examples/shop, which has no websocket."""

PRESETS = {"app": TEST_APP, "shop": SHOP}
"""The names that the command line knows."""


class RequestWriter:
    """Makes the bytes of requests from templates that are compiled once.

    Args:
        host: the Host header.
        paths: where the application answers.
        seconds: per looping kind, how long one answer takes.
        id_length: characters of every id, so that Content-Length is a constant.
    """

    def __init__(self, host: str, paths: Paths, seconds: dict[Kind, float], id_length: int) -> None:
        templates = {
            Kind.GET_KEEPALIVE: paths.get,
            Kind.GET_CLOSE: paths.get,
            Kind.POST_KEEPALIVE: paths.post,
            Kind.POST_CLOSE: paths.post,
            Kind.SLOW: paths.slow,
            Kind.STREAM: paths.stream,
            Kind.WEBSOCKET: paths.websocket,
        }
        self._compiled: dict[tuple[Kind, bool], tuple[bytes, ...]] = {}
        for kind, path in templates.items():
            target = path.replace("{seconds}", f"{seconds.get(kind, 0):g}")
            for keep_alive in (True, False):
                text = _template(kind, host, target, keep_alive, paths.post_body, id_length)
                parts = tuple(part.encode("latin-1") for part in text.split("{id}"))
                self._compiled[kind, keep_alive] = parts

    def write(self, kind: Kind, keep_alive: bool, request_id: bytes) -> bytes:
        """The whole request, head and body."""
        return request_id.join(self._compiled[kind, keep_alive])


def _template(
    kind: Kind, host: str, target: str, keep_alive: bool, post_body: str, id_length: int
) -> str:
    method = "POST" if kind.is_post else "GET"
    lines = [f"{method} {target} HTTP/1.1", f"Host: {host}", "X-Request-Id: {id}"]
    body = ""
    if kind is Kind.WEBSOCKET:
        lines += ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"]
        # The key is a nonce against caching proxies, not a secret; any sixteen bytes will do.
        lines += ["Sec-WebSocket-Key: aHVuZHJlZC1sb2FkLXdzMQ=="]
    elif not keep_alive:
        lines.append("Connection: close")
    if kind.is_post:
        body = post_body
        length = len(body) + body.count("{id}") * (id_length - len("{id}"))
        lines += ["Content-Type: application/json", f"Content-Length: {length}"]
    return "\r\n".join(lines) + "\r\n\r\n" + body


def stream_fault(body: bytes, request_id: bytes) -> str | None:
    """What is wrong with a stream's body, None when it is whole (see Paths.stream)."""
    lines = [line for line in body.split(b"\n") if line.strip()]
    if not lines:
        return "the stream is empty"
    expected = b"end %d %b" % (len(lines) - 1, request_id)
    if expected not in lines[-1]:
        return f"the last of {len(lines)} lines is {lines[-1][:80]!r}, not {expected!r}"
    return None
