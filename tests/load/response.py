# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An incremental parser for one HTTP/1.1 response; it does no I/O.

Only what a load client must know is kept: status, length rules, keep-alive, the release, the body.
A response that ends early is told apart from one that is malformed, since the first is a dropped
request and the second a broken server.
"""

from __future__ import annotations

import re
from enum import Enum

MAX_HEAD = 65536
"""Bytes a response head may have before it is called malformed."""

_CONTENT_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d+)[ \t]*(?=\r\n|\Z)", re.IGNORECASE)
_RELEASE = re.compile(rb"\r\nx-release:[ \t]*([^\r\n]*)", re.IGNORECASE)
_TRANSFER_ENCODING = re.compile(rb"\r\ntransfer-encoding:[ \t]*([^\r\n]*)", re.IGNORECASE)
_CONNECTION = re.compile(rb"\r\nconnection:[ \t]*([^\r\n]*)", re.IGNORECASE)


class MalformedResponse(Exception):
    """The bytes are not an HTTP/1.1 response; the text says what is wrong with them."""


class _Until(Enum):
    """What ends the body."""

    LENGTH = "length"
    CHUNKS = "chunks"
    CLOSE = "close"


class Response:
    """One response, fed with bytes as they arrive.

    Attributes:
        complete: the whole response has arrived.
        started: at least one byte has arrived.
        status: the HTTP status, 0 until the head is complete.
        release: the X-Release header, empty when there is none.
        keep_alive: whether the server lets the connection be used again.
        body: the decoded body so far.
    """

    __slots__ = (
        "_buffer",
        "_chunks",
        "_left",
        "_until",
        "body",
        "complete",
        "keep_alive",
        "release",
        "started",
        "status",
    )

    def __init__(self) -> None:
        self.complete = False
        self.started = False
        self.status = 0
        self.release = ""
        self.keep_alive = False
        self.body = b""
        self._buffer = b""
        self._until: _Until | None = None
        self._left = 0
        self._chunks: _Chunks | None = None

    def feed(self, data: bytes) -> None:
        """Take the next bytes; raises MalformedResponse, also for bytes after the end."""
        if self.complete:
            raise MalformedResponse(f"{len(data)} bytes after the end of the response")
        self.started = True
        if self._until is None:
            self._buffer += data
            if not self._read_head():
                return
            data, self._buffer = self._buffer, b""
        if self._until is _Until.LENGTH:
            self._read_length(data)
        elif self._chunks is not None:
            self.body += self._chunks.feed(data)
            self.complete = self._chunks.complete
        else:
            self.body += data

    def end_of_input(self, clean: bool) -> bool:
        """Tell that the connection ended (clean: by FIN, not by reset).

        Returns whether the response is whole; only one without a length can become so here.
        """
        if not self.complete and clean and self._until is _Until.CLOSE:
            self.complete = True
        return self.complete

    def _read_head(self) -> bool:
        """Parse the head from the buffer and leave the rest there; False while it is incomplete."""
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(self._buffer) > MAX_HEAD:
                raise MalformedResponse(f"no end of the head within {MAX_HEAD} bytes")
            if not b"HTTP/1.".startswith(self._buffer[:7]):
                raise MalformedResponse(f"not HTTP/1.x: {self._buffer[:40]!r}")
            return False
        head, self._buffer = self._buffer[:end], self._buffer[end + 4 :]
        version, _unused, rest = head[:64].partition(b" ")
        if version not in (b"HTTP/1.1", b"HTTP/1.0") or not rest[:3].isdigit():
            raise MalformedResponse(f"bad status line: {head[:60]!r}")
        status = int(rest[:3])
        if 100 <= status < 200 and status != 101:
            # An interim answer (100 Continue, 103 Early Hints): the real one follows.
            return self._read_head()
        self.status = status
        self._read_fields(head, version)
        return True

    def _read_fields(self, head: bytes, version: bytes) -> None:
        release = _RELEASE.search(head)
        if release:
            self.release = release.group(1).strip().decode("latin-1")
        connection = _CONNECTION.search(head)
        token = connection.group(1).strip().lower() if connection else b""
        self.keep_alive = token == b"keep-alive" if version == b"HTTP/1.0" else token != b"close"
        if self.status in (101, 204, 304):
            self._until, self._left = _Until.LENGTH, 0
            return
        encoding = _TRANSFER_ENCODING.search(head)
        if encoding:
            if encoding.group(1).strip().lower() != b"chunked":
                raise MalformedResponse(f"unknown transfer encoding {encoding.group(1)!r}")
            self._until, self._chunks = _Until.CHUNKS, _Chunks()
            return
        lengths = set(_CONTENT_LENGTH.findall(head))
        if len(lengths) > 1:
            raise MalformedResponse("two different Content-Length fields")
        if lengths:
            self._until, self._left = _Until.LENGTH, int(lengths.pop())
        else:
            self._until, self.keep_alive = _Until.CLOSE, False

    def _read_length(self, data: bytes) -> None:
        if self.status == 101:
            # What follows an upgrade belongs to the new protocol.
            self._buffer, self.complete = data, True
            return
        if len(data) > self._left:
            raise MalformedResponse(f"{len(data) - self._left} bytes more than Content-Length")
        self.body = self.body + data if self.body else data
        self._left -= len(data)
        self.complete = self._left == 0

    def upgraded_input(self) -> bytes:
        """After status 101: the bytes of the new protocol that came along with the head."""
        return self._buffer


class _Expect(Enum):
    """What a chunked body goes on with."""

    SIZE = "size"
    DATA = "data"
    DATA_END = "data end"
    TRAILER = "trailer"


class _Chunks:
    """A decoder of the chunked transfer encoding."""

    __slots__ = ("_buffer", "_expect", "_left", "complete")

    def __init__(self) -> None:
        self.complete = False
        self._buffer = b""
        self._expect = _Expect.SIZE
        self._left = 0

    def feed(self, data: bytes) -> bytes:
        """Take the next bytes, return the payload in them; raises MalformedResponse."""
        self._buffer += data
        payload = b""
        while self._buffer and not self.complete:
            if self._expect is _Expect.DATA:
                payload += self._read_data()
            elif not self._read_line():
                break
        if self.complete and self._buffer:
            raise MalformedResponse(f"{len(self._buffer)} bytes after the last chunk")
        return payload

    def _read_data(self) -> bytes:
        part, self._buffer = self._buffer[: self._left], self._buffer[self._left :]
        self._left -= len(part)
        if not self._left:
            self._expect = _Expect.DATA_END
        return part

    def _read_line(self) -> bool:
        """Take one line off the buffer; False while it has no end."""
        line, found, rest = self._buffer.partition(b"\r\n")
        if self._expect is _Expect.DATA_END and not b"\r\n".startswith(self._buffer[:2]):
            raise MalformedResponse("a chunk is longer than its size says")
        if not found:
            if len(self._buffer) > MAX_HEAD:
                raise MalformedResponse("a line between chunks has no end")
            return False
        self._buffer = rest
        if self._expect is _Expect.TRAILER:
            self.complete = not line
        elif self._expect is _Expect.DATA_END:
            self._expect = _Expect.SIZE
        else:
            self._left = _chunk_size(line)
            self._expect = _Expect.DATA if self._left else _Expect.TRAILER
        return True


def _chunk_size(line: bytes) -> int:
    """The size in a chunk's first line, its extensions ignored; raises MalformedResponse."""
    digits = line.partition(b";")[0].strip()
    if not digits or digits.strip(b"0123456789abcdefABCDEF"):
        raise MalformedResponse(f"bad chunk size {line[:40]!r}")
    return int(digits, 16)
