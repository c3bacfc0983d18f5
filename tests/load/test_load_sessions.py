# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Streams, websockets and slow requests: what lasts must last to its end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from tests.load import PACED, Kind, Outcome
from tests.load.misbehaving import CHUNKED, Visit, load_against

STREAMS = {
    "whole": ("1\n2\n3\nend 3 {id}\n", Outcome.OK),
    "a line is missing": ("1\n3\nend 3 {id}\n", Outcome.WRONG_BODY),
    "no end marker": ("1\n2\n3\n", Outcome.WRONG_BODY),
    "of another request": ("1\nend 1 00000000-00000000\n", Outcome.WRONG_BODY),
}


@pytest.mark.parametrize("which", STREAMS)
def test_a_stream_must_arrive_whole(which: str) -> None:
    text, outcome = STREAMS[which]

    async def stream(visit: Visit) -> None:
        if not visit.target.startswith("/stream"):
            visit.answer()
            return
        visit.raw(CHUNKED)
        for line in text.replace("{id}", visit.id).splitlines(keepends=True):
            visit.raw(f"{len(line):x}\r\n{line}\r\n")
            await asyncio.sleep(0.01)
        visit.raw("0\r\n\r\n")
        visit.close()

    result, _unused = load_against(stream, streams=2, stream_seconds=0.05)
    assert result.count(outcome, kinds=[Kind.STREAM]) == result.count(kinds=[Kind.STREAM]) >= 2
    assert result.count(Outcome.OK, kinds=PACED) >= 20


SWITCH = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"


def end_at_once(visit: Visit) -> None:
    visit.raw(SWITCH)
    visit.close()


SESSIONS: dict[str, tuple[Callable[[Visit], None], Outcome]] = {
    "refused": (lambda visit: visit.answer(status=404), Outcome.NON_2XX),
    "reset at once": (lambda visit: visit.reset(), Outcome.RESET_NEW),
    "ended by the server": (end_at_once, Outcome.TRUNCATED),
    "the server speaks first": (lambda visit: visit.raw(SWITCH + "\x88\x00"), Outcome.MALFORMED),
    "silent": (lambda visit: visit.raw(SWITCH), Outcome.TIMEOUT),
}


@pytest.mark.parametrize("which", SESSIONS)
def test_a_websocket_session_must_go_well_to_its_end(which: str) -> None:
    spoil, outcome = SESSIONS[which]

    async def serve(visit: Visit) -> None:
        if visit.target.startswith("/ws"):
            spoil(visit)
        else:
            visit.answer()

    patience = 0.3 if outcome is Outcome.TIMEOUT else 5.0
    result, _unused = load_against(serve, websockets=1, stream_seconds=1.0, timeout=patience)
    sessions = [Kind.WEBSOCKET]
    assert result.count(outcome, kinds=sessions) == result.count(kinds=sessions) >= 1


def test_a_websocket_echo_must_be_what_was_sent() -> None:
    async def mix_up(visit: Visit) -> None:
        if visit.target.startswith("/ws"):
            visit.raw(SWITCH)
            await asyncio.sleep(0.1)
            visit.raw("\x81\x02no")
        else:
            visit.answer()

    result, _unused = load_against(mix_up, websockets=1, stream_seconds=1.0)
    assert result.count(Outcome.WRONG_BODY, kinds=[Kind.WEBSOCKET]) == result.lost >= 1


def test_slow_requests_are_always_in_flight_and_end_before_the_client_does() -> None:
    in_flight = [0]
    least = [99]

    async def slow(visit: Visit) -> None:
        if visit.target.startswith("/slow"):
            in_flight[0] += 1
            await asyncio.sleep(0.3)
            least[0] = min(least[0], in_flight[0])
            in_flight[0] -= 1
        visit.answer()

    result, _unused = load_against(slow, slow=5, slow_seconds=0.3, requests=220)
    assert result.lost == 0
    assert result.count(kinds=[Kind.SLOW]) >= 8
    assert least[0] >= 1
    assert in_flight[0] == 0
