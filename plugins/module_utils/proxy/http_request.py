# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One plain HTTP request over a connection of its own, without any library's retries.

For questions to our own proxy on this host: what it answers is taken as it is.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple, Union

from ..connection import connect

# Head of an answer; what we ask for has a short one.
_LONGEST_HEAD = 65536


class Answer(NamedTuple):
    """What came back. Header names are in lower case; of repeated ones the last is kept."""

    status: int
    headers: Mapping[str, str]
    body: str


Reply = Union[Answer, OSError, ValueError]


def send_get(connection: socket.socket, path: str, headers: Mapping[str, str]) -> None:
    """Send a GET request that asks for the connection to be closed after the answer.

    :raises OSError: the connection is broken.
    """
    lines = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    request = "\r\n".join([*lines, "User-Agent: hundred.containers", "Connection: close", "", ""])
    connection.sendall(request.encode("ascii"))


def get(
    address: str | tuple[str, int], path: str, headers: Mapping[str, str], timeout: float
) -> Answer:
    """Ask and wait for the whole answer.

    :raises OSError: no connection, or none that lasts.
    :raises ValueError: the answer is not HTTP.
    """
    with connect(address, timeout) as connection:
        send_get(connection, path, headers)
        raw = b""
        while True:
            received = connection.recv(65536)
            raw += received
            if not received or len(raw) > _LONGEST_HEAD:
                return parse(raw)


def get_at_once(
    address: str | tuple[str, int],
    path: str,
    headers: Mapping[str, str],
    timeout: float,
    count: int,
) -> list[Reply]:
    """The same request on ``count`` connections at once; what failed is told by its error."""

    def ask(_unused: int) -> Reply:
        try:
            return get(address, path, headers, timeout)
        except (OSError, ValueError) as error:
            return error

    if count == 1:
        return [ask(0)]
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(ask, range(count)))


def parse(raw: bytes) -> Answer:
    """Take an answer apart. Pure.

    :raises ValueError: it is not an HTTP answer.
    """
    head, separator, body = raw.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    version, _unused, rest = first.partition(" ")
    if not separator or not version.startswith("HTTP/") or not rest[:3].isdigit():
        raise ValueError(f"not an HTTP answer: {first[:80]!r}")
    pairs = (line.partition(":") for line in lines)
    headers = {name.strip().lower(): value.strip() for name, _unused, value in pairs}
    return Answer(int(rest[:3]), headers, body.decode("utf-8", "replace"))
