# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The server's side of a websocket echo (RFC 6455): text messages of one frame, to 125 bytes."""

from __future__ import annotations

import base64
import hashlib

from http_server import Request, Response

GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
"""Fixed by RFC 6455, section 1.3."""

TEXT, CLOSE, PING, PONG = 0x1, 0x8, 0x9, 0xA


def upgrade(request: Request) -> Response:
    """Answer a handshake; a request that is none gets 400."""
    key = request.headers.get("sec-websocket-key")
    if not key or request.headers.get("upgrade", "").lower() != "websocket":
        return Response(400, b"want a websocket handshake\n")
    accept = base64.b64encode(hashlib.sha1((key + GUID).encode("ascii")).digest()).decode("ascii")
    headers = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Accept": accept}
    return Response(101, headers=headers, upgrade=Echo())


class Echo:
    """Answers messages with themselves, pings with pongs, a close with a close."""

    def __init__(self) -> None:
        self._buffer = b""
        self._closed = False

    def __call__(self, data: bytes) -> bytes | None:
        """Take bytes, return the frames to send; None once the session is over."""
        if self._closed:
            return None
        self._buffer += data
        answer = b""
        while len(self._buffer) >= 6:
            length = self._buffer[1] & 0x7F
            if not self._buffer[1] & 0x80 or length > 125:
                return None  # not masked, or longer than this echo takes
            if len(self._buffer) < 6 + length:
                break
            opcode, mask = self._buffer[0] & 0x0F, self._buffer[2:6]
            payload = bytes(b ^ mask[i % 4] for i, b in enumerate(self._buffer[6 : 6 + length]))
            self._buffer = self._buffer[6 + length :]
            reply = PONG if opcode == PING else opcode
            answer += bytes((0x80 | reply, length)) + payload
            self._closed = self._closed or opcode == CLOSE
        return answer
