# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One websocket echo session of the load client (RFC 6455, text messages up to 125 bytes)."""

from __future__ import annotations

import asyncio
import secrets

from .connection import LOCAL_ERRORS, Exchange
from .response import MalformedResponse, Response
from .traffic import Outcome

PAUSE = 0.2
"""Seconds between two messages."""

_TEXT, _CLOSE, _PING, _PONG = 0x1, 0x8, 0x9, 0xA
_FINAL, _MASKED = 0x80, 0x80
_NORMAL_CLOSURE = b"\x03\xe8"

Verdict = tuple[Outcome, str, int, str]
"""Outcome, detail, HTTP status of the handshake, release."""


class _Refused(Exception):
    """The handshake was answered, but not with 101."""


class _WrongEcho(Exception):
    """A message came back changed."""


async def echo_session(
    address: tuple[str, int], exchange: Exchange, seconds: float, timeout: float
) -> Verdict:
    """Shake hands, exchange echoes for so many seconds, close properly.

    Every message must come back unchanged within timeout seconds, and only the client may end
    the session.
    """
    response = exchange.response
    try:
        await _converse(address, exchange, seconds, timeout)
        outcome, detail = Outcome.OK, ""
    except _Refused as error:
        outcome, detail = Outcome.NON_2XX, str(error)
    except MalformedResponse as error:
        outcome, detail = Outcome.MALFORMED, str(error)
    except _WrongEcho as error:
        outcome, detail = Outcome.WRONG_BODY, str(error)
    except (asyncio.IncompleteReadError, OSError) as error:
        outcome, detail = _classify(error, response.started), repr(error)
    return outcome, detail, response.status, response.release


def _classify(error: asyncio.IncompleteReadError | OSError, started: bool) -> Outcome:
    """The outcome of a session that the network ended; started: a byte of an answer had come."""
    if isinstance(error, TimeoutError):
        return Outcome.TIMEOUT
    if isinstance(error, ConnectionRefusedError):
        return Outcome.REFUSED
    if isinstance(error, (asyncio.IncompleteReadError, ConnectionError)):
        return Outcome.TRUNCATED if started else Outcome.RESET_NEW
    return Outcome.CLIENT_ERROR if error.errno in LOCAL_ERRORS else Outcome.UNREACHABLE


async def _converse(
    address: tuple[str, int], exchange: Exchange, seconds: float, timeout: float
) -> None:
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    async with asyncio.timeout(timeout) as limit:
        reader, writer = await asyncio.open_connection(*address)
        try:
            writer.write(exchange.payload)
            await _read_handshake(reader, exchange.response)
            number = 0
            while loop.time() < end:
                limit.reschedule(loop.time() + timeout)
                await _echo(reader, writer, exchange.request_id + b" %d" % number)
                number += 1
                await asyncio.sleep(PAUSE)
            limit.reschedule(loop.time() + timeout)
            writer.write(_frame(_CLOSE, _NORMAL_CLOSURE))
            opcode, _unused = await _read_frame(reader)
            if opcode != _CLOSE:
                raise _WrongEcho(f"opcode {opcode} instead of the close")
        finally:
            writer.close()


async def _read_handshake(reader: asyncio.StreamReader, response: Response) -> None:
    """Read the HTTP answer; raises IncompleteReadError when it is cut off."""
    while not response.complete:
        data = await reader.read(4096)
        if data:
            response.feed(data)
        elif not response.end_of_input(clean=True):
            raise asyncio.IncompleteReadError(b"", None)
    if response.status != 101:
        raise _Refused(f"{response.status} {response.body[:120]!r}")
    if response.upgraded_input():
        raise MalformedResponse("the server spoke before it was spoken to")


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, text: bytes) -> None:
    writer.write(_frame(_TEXT, text))
    opcode, payload = await _read_frame(reader)
    while opcode == _PING:
        writer.write(_frame(_PONG, payload))
        opcode, payload = await _read_frame(reader)
    if opcode == _CLOSE:
        raise ConnectionAbortedError("the server ended the session")
    if opcode != _TEXT or payload != text:
        raise _WrongEcho(f"sent {text!r}, got {payload!r}")


def _frame(opcode: int, payload: bytes) -> bytes:
    """One final frame, masked as a client must."""
    mask = secrets.token_bytes(4)
    masked = bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))
    return bytes((_FINAL | opcode, _MASKED | len(payload))) + mask + masked


async def _read_frame(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """(opcode, payload) of one small unfragmented frame; raises MalformedResponse for any other."""
    first, second = await reader.readexactly(2)
    if not first & _FINAL or second > 125:
        raise MalformedResponse(f"unexpected frame header {first:#x} {second:#x}")
    return first & 0x0F, await reader.readexactly(second)
