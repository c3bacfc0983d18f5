# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The load client sees what it says it sees: each fault lands in its own column, and only there."""

from __future__ import annotations

import asyncio
import socket
import time

import pytest

from tests.load import Kind, Load, Outcome, Result
from tests.load.misbehaving import (
    CHUNKED,
    Visit,
    issued,
    load_against,
    serving,
)
from tests.ports import free_port

KEEPALIVE = (Kind.GET_KEEPALIVE, Kind.POST_KEEPALIVE)
CLOSE = (Kind.GET_CLOSE, Kind.POST_CLOSE)


async def well(visit: Visit) -> None:
    visit.answer()


def assert_only(result: Result, outcome: Outcome) -> None:
    """All requests had this outcome."""
    assert result.count(outcome) == result.sent
    assert result.lost == (0 if outcome is Outcome.OK else result.sent)


def test_good_answers_are_ok_for_every_kind_and_processed_once() -> None:
    result, server = load_against(well)
    assert_only(result, Outcome.OK)
    shares = [result.count(kinds=[kind]) for kind in (*KEEPALIVE, *CLOSE)]
    assert max(shares) - min(shares) <= 1
    log = result.check_server_log(server.processed)
    assert (log.processed, log.duplicates, log.unlogged) == (result.sent, [], [])


def test_a_refused_connection_is_counted_as_refused() -> None:
    async def run() -> Result:
        async with Load(f"http://127.0.0.1:{free_port()}", rate=200) as load:
            await issued(load, 80)
        return load.result

    assert_only(asyncio.run(run()), Outcome.REFUSED)


def test_an_address_without_a_route_is_unreachable_not_refused() -> None:
    async def run() -> Result:
        # TCP to the broadcast address has no route, whatever the machine's network.
        async with Load("http://255.255.255.255:9", rate=200) as load:
            await issued(load, 80)
        return load.result

    assert_only(asyncio.run(run()), Outcome.UNREACHABLE)


def test_another_status_is_counted_by_its_number() -> None:
    async def sometimes_503(visit: Visit) -> None:
        visit.answer(status=503 if visit.id.endswith(("1", "3")) else 502)

    result, _unused = load_against(sometimes_503)
    assert_only(result, Outcome.NON_2XX)
    assert set(result.total.statuses) == {502, 503}
    assert result.total.statuses.total() == result.sent


@pytest.mark.parametrize("how", ["reset", "close"])
def test_a_new_connection_ended_before_an_answer_is_a_reset_of_a_new_one(how: str) -> None:
    async def leave(visit: Visit) -> None:
        getattr(visit, how)()

    result, server = load_against(leave)
    assert_only(result, Outcome.RESET_NEW)
    assert len(server.processed) == result.sent, "a request was sent again"


@pytest.mark.parametrize("how", ["reset", "close"])
def test_a_reused_connection_ended_before_an_answer_is_told_apart(how: str) -> None:
    async def answer_once(visit: Visit) -> None:
        if visit.number == 1:
            visit.answer()
        else:
            getattr(visit, how)()

    result, server = load_against(answer_once, keepalive_connections=4, requests=160)
    lost = result.count(Outcome.RESET_REUSED)
    assert lost == result.lost > 3
    assert result.count(Outcome.RESET_REUSED, kinds=CLOSE) == 0
    log = result.check_server_log(server.processed)
    assert len(log.unanswered) == lost, "it was processed, and the client never learnt of it"
    assert log.duplicates == [], "a request was sent again"


@pytest.mark.timed
def test_an_idle_connection_that_the_server_closes_loses_nothing() -> None:
    async def close_when_idle(visit: Visit) -> None:
        visit.answer()
        if not visit.wants_close:
            asyncio.get_running_loop().call_later(0.03, visit.close)

    # Each of 16 connections is idle for 160 ms between two requests.
    result, _unused = load_against(close_when_idle, requests=160)
    assert_only(result, Outcome.OK)
    assert result.idle_closed > 3


@pytest.mark.timed
def test_keep_alive_connections_are_really_used_again() -> None:
    seen: dict[Visit, int] = {}

    async def note(visit: Visit) -> None:
        seen[visit] = visit.number
        visit.answer()

    # The client opens another connection when all are busy, which at this rate a machine would have
    # to stand still for 80 ms to bring about.
    result, _unused = load_against(note, keepalive_connections=4, kinds=KEEPALIVE, rate=50.0)
    assert_only(result, Outcome.OK)
    assert sum(number == 1 for number in seen.values()) == 4


def test_an_answer_that_says_close_ends_the_connection_without_loss() -> None:
    async def last(visit: Visit) -> None:
        visit.wants_close = True
        visit.answer()

    result, _unused = load_against(last)
    assert_only(result, Outcome.OK)


def test_silence_is_a_timeout() -> None:
    async def ignore(visit: Visit) -> None:
        """No answer, ever."""

    result, _unused = load_against(ignore, timeout=0.3)
    assert_only(result, Outcome.TIMEOUT)


def test_a_server_that_never_accepts_is_a_timeout() -> None:
    async def run() -> Result:
        with socket.socket() as deaf:
            deaf.bind(("127.0.0.1", 0))
            deaf.listen(5)
            url = f"http://127.0.0.1:{deaf.getsockname()[1]}"
            async with Load(url, rate=200, timeout=0.3) as load:
                await issued(load, 80)
            return load.result

    assert_only(asyncio.run(run()), Outcome.TIMEOUT)


CUT = {
    "in the head": "HTTP/1.1 200 OK\r\nContent-",
    "in a body with a length": "HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\n{id}",
    "in a chunk": CHUNKED + "40\r\n{id}",
    "before the last chunk": CHUNKED + "11\r\n{id}\r\n",
    "in the trailer": CHUNKED + "11\r\n{id}\r\n0\r\nX: y\r\n",
}


@pytest.mark.parametrize("where", CUT)
@pytest.mark.parametrize("how", ["reset", "close"])
def test_an_answer_that_is_cut_is_truncated(where: str, how: str) -> None:
    async def cut(visit: Visit) -> None:
        visit.raw(CUT[where].replace("{id}", visit.id))
        await asyncio.sleep(0.02)  # or the reset overtakes what was sent
        getattr(visit, how)()

    result, _unused = load_against(cut, requests=40)
    assert_only(result, Outcome.TRUNCATED)


def test_an_answer_without_a_length_is_whole_when_closed_and_truncated_when_reset() -> None:
    async def close_or_reset(visit: Visit) -> None:
        visit.raw(f"HTTP/1.1 200 OK\r\n\r\n{visit.id}")
        await asyncio.sleep(0.02)
        if visit.wants_close:
            visit.close()
        else:
            visit.reset()

    result, _unused = load_against(close_or_reset)
    assert result.count(Outcome.OK) == result.count(kinds=CLOSE) > 20
    assert result.count(Outcome.TRUNCATED) == result.count(kinds=KEEPALIVE) > 20


def test_an_answer_to_somebody_else_is_a_wrong_body() -> None:
    async def mix_up(visit: Visit) -> None:
        visit.answer(body="00000000-00000000")

    result, _unused = load_against(mix_up)
    assert_only(result, Outcome.WRONG_BODY)


@pytest.mark.parametrize(
    "text", ["SSH-2.0-OpenSSH\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxyz"]
)
def test_what_is_not_http_is_malformed(text: str) -> None:
    async def babble(visit: Visit) -> None:
        visit.raw(text)

    result, _unused = load_against(babble)
    assert_only(result, Outcome.MALFORMED)


def test_a_request_that_was_processed_twice_is_a_duplicate() -> None:
    async def replay(visit: Visit) -> None:
        if visit.id.endswith("7"):
            visit.server.processed.append(visit.id)
        visit.answer()

    result, server = load_against(replay)
    assert_only(result, Outcome.OK)
    log = result.check_server_log([*server.processed, "feedbeef-00000007", "feedbeef-00000007"])
    wanted = [result.request_id(i) for i in range(7, result.sent, 10)]
    assert log.duplicates == wanted, "ids of other runs are none of ours"


def test_an_answer_that_no_server_logged_is_told() -> None:
    result, server = load_against(well)
    log = result.check_server_log(server.processed[:-2])
    assert sorted(log.unlogged) == sorted(server.processed[-2:])


def test_a_stall_is_charged_to_every_request_that_was_due_in_it() -> None:
    gate = asyncio.Event()
    gate.set()

    async def stall(visit: Visit) -> None:
        await gate.wait()
        visit.answer()

    async def run() -> tuple[Result, int]:
        async with serving(stall) as server, Load(server.url, rate=200, timeout=5) as load:
            await asyncio.sleep(0.5)
            load.mark("stall")
            gate.clear()
            before = len(server.processed)
            await asyncio.sleep(1.0)
            reached = len(server.processed) - before
            load.mark("over")
            gate.set()
            await asyncio.sleep(0.5)
        return load.result, reached

    result, reached = asyncio.run(run())
    assert_only(result, Outcome.OK)
    begin, end = result.marks["stall"], result.marks["over"]
    stalled = result.window(begin, end)
    due = 200 * (end - begin)
    assert stalled.sent == pytest.approx(due, abs=2)
    assert reached > due / 2, "it waited for answers before it went on asking"
    # Due evenly over one second, answered at its end: a closed loop would show a handful.
    assert 0.45 < stalled.latency.p50 < 0.9
    assert 0.95 < stalled.latency.max < 1.9
    assert result.window(0, begin - 0.1).latency.p50 < 0.2


def test_a_stall_of_the_client_itself_is_charged_and_confessed() -> None:
    async def run() -> Result:
        async with serving(well) as server, Load(server.url, rate=200) as load:
            await asyncio.sleep(0.3)
            load.mark("stall")
            time.sleep(0.5)  # the whole loop stands still, as on a machine without a core to spare
            load.mark("over")
            await asyncio.sleep(0.3)
        return load.result

    result = asyncio.run(run())
    assert_only(result, Outcome.OK)
    stalled = result.window(result.marks["stall"], result.marks["over"])
    assert stalled.sent >= 98
    assert stalled.latency.p50 > 0.2
    assert result.own_lag.max > 0.4


def test_the_releases_that_answered_are_counted_over_time() -> None:
    release = ["v1"]

    async def name(visit: Visit) -> None:
        visit.answer(fields=f"X-Release: {release[0]}\r\n")

    async def run() -> Result:
        async with serving(name) as server, Load(server.url, rate=200) as load:
            await asyncio.sleep(0.5)
            load.mark("swap")
            release[0] = "v2"
            await asyncio.sleep(0.5)
        return load.result

    result = asyncio.run(run())
    swap = result.marks["swap"]
    # A request belongs to the time when it was due, and may be answered a little later.
    assert set(result.window(0, swap - 0.25).releases) == {"v1"}
    assert set(result.window(swap).releases) == {"v2"}
    first = result.answered_between("v2")
    assert first is not None
    assert first[0] == pytest.approx(swap, abs=0.25)
    assert result.answered_between("v3") is None
    buckets = result.buckets(0.25)
    assert sum(window.sent for _unused, window in buckets) == result.sent
    assert set(buckets[0][1].releases) == {"v1"}


def test_each_lost_request_is_named_with_its_reason() -> None:
    async def unlucky(visit: Visit) -> None:
        visit.answer(status=500 if visit.id.endswith("00000013") else 200)

    result, _unused = load_against(unlucky)
    [failure] = result.failures
    assert failure.request_id == result.request_id(13)
    assert failure.outcome == "non-2xx"
    assert failure.detail.startswith("500")
    assert failure.at == pytest.approx(13 / 200, abs=0.01)


def test_bad_arguments_are_refused() -> None:
    for options in ({"url": "https://127.0.0.1"}, {"rate": 0}, {"kinds": (Kind.SLOW,)}):
        with pytest.raises(ValueError, match="want"):
            Load(**{"url": "http://127.0.0.1"} | options)
