# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An HTTP connection that has one limit for all that is done with it: a socket's own timeout begins
anew with each byte, so that who sends one now and then is waited for without an end.
"""

from __future__ import annotations

import http.client
import io
import socket
from typing import Any

from .clock import Deadline


class BoundedConnection(http.client.HTTPConnection):
    """Connects, sends and reads, and no longer than its time.

    :param seconds: from now on; then whatever waits raises ``socket.timeout``.
    """

    def __init__(self, address: str, port: int, seconds: float) -> None:
        super().__init__(address, port)
        self._deadline = Deadline(seconds)

    def connect(self) -> None:
        """Open the connection; ``request`` does."""
        # Bytes: with a text Python imports all that names in other alphabets need, for 5 ms.
        address: Any = (self.host.encode("ascii"), self.port)
        connected = socket.create_connection(address, timeout=_left(self._deadline))
        bounded: Any = _Socket(connected, self._deadline)
        self.sock = bounded


class _Socket:
    """What ``http.client`` needs of a socket."""

    def __init__(self, connected: socket.socket, deadline: Deadline) -> None:
        self._connected = connected
        self._deadline = deadline

    def sendall(self, data: bytes) -> None:
        self._connected.settimeout(_left(self._deadline))
        self._connected.sendall(data)

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Stream(self._connected, self._deadline))

    def close(self) -> None:
        self._connected.close()


class _Stream(io.RawIOBase):
    """What comes in. It can be read after the socket was closed, as with any file of a socket."""

    def __init__(self, connected: socket.socket, deadline: Deadline) -> None:
        self._connected = connected
        self._raw: Any = connected.makefile("rb", buffering=0)
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._connected.settimeout(_left(self._deadline))
        count: int | None = self._raw.readinto(buffer)
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


def _left(deadline: Deadline) -> float:
    """Seconds; never 0, with which a socket would not wait at all and say that otherwise."""
    left = deadline.remaining()
    if left <= 0.0:
        raise socket.timeout("timed out")
    return left
