# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""However the network cuts a response, the parser reads the same."""

from __future__ import annotations

import pytest

from tests.load.response import MalformedResponse, Response

WHOLE = {
    "length": (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Release: v1\r\n\r\nhello", b"hello"),
    "no body": (b"HTTP/1.1 200 OK\r\ncontent-length:0\r\n\r\n", b""),
    "no content": (b"HTTP/1.1 204 No Content\r\nX-Release: v1\r\n\r\n", b""),
    "chunks": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"5\r\nhello\r\nA;x=y\r\n, world!\r\n\r\n0\r\n\r\n",
        b"hello, world!\r\n",
    ),
    "trailer": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n1\r\nx\r\n0\r\nX-Sum: 1\r\n\r\n",
        b"x",
    ),
    "after an interim answer": (
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 1\r\n\r\ny",
        b"y",
    ),
}


@pytest.mark.parametrize("name", WHOLE)
def test_a_response_cut_anywhere_reads_the_same(name: str) -> None:
    data, body = WHOLE[name]
    for first in range(len(data) + 1):
        for second in sorted({first, min(first + 1, len(data)), len(data)}):
            response = Response()
            for part in (data[:first], data[first:second], data[second:]):
                if part:
                    assert not response.complete, f"complete before byte {len(data)}"
                    response.feed(part)
            assert response.complete
            assert response.body == body
            assert response.end_of_input(clean=False), "what is whole stays whole"


@pytest.mark.parametrize("name", WHOLE)
def test_a_response_is_incomplete_until_its_last_byte(name: str) -> None:
    data, _unused = WHOLE[name]
    for end in range(1, len(data)):
        response = Response()
        response.feed(data[:end])
        assert not response.complete
        assert not response.end_of_input(clean=True)


def test_keep_alive_follows_version_and_field() -> None:
    cases = {
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n": True,
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n": False,
        b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n": False,
        b"HTTP/1.0 200 OK\r\nconnection: Keep-Alive\r\nContent-Length: 0\r\n\r\n": True,
    }
    for data, keep_alive in cases.items():
        response = Response()
        response.feed(data)
        assert response.keep_alive is keep_alive, data


@pytest.mark.parametrize(
    "data",
    [
        b"SSH-2.0-x",
        b"HTTP/2 200\r\n\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxy",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxyz",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nmore",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70000,
    ],
)
def test_what_breaks_the_rules_is_malformed(data: bytes) -> None:
    with pytest.raises(MalformedResponse):
        Response().feed(data)


def test_bytes_after_the_end_are_malformed() -> None:
    response = Response()
    response.feed(b"HTTP/1.1 204 No Content\r\n\r\n")
    with pytest.raises(MalformedResponse):
        response.feed(b"x")
