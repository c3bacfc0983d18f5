# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The test application does what the integration tests take for granted."""

from __future__ import annotations

import hashlib
import signal
import socket
import time
from pathlib import Path

import pytest

from tests.app.running import RunningApp
from tests.load import Kind, LoadProcess, Outcome

LOOPING = (Kind.SLOW, Kind.STREAM, Kind.WEBSOCKET)


def test_it_serves_every_kind_of_the_load_client_and_logs_each_id_once(tmp_path: Path) -> None:
    options = ("--slow", "2", "--slow-seconds", "0.5", "--streams", "1", "--websockets", "1")
    with RunningApp(RELEASE="v7", IDS_DIR=str(tmp_path)) as app:
        with LoadProcess(app.url, *options, "--stream-seconds", "1", "--rate", "100") as load:
            time.sleep(2)
        assert app.terminate() == 0
    result = load.result
    assert result.lost == 0, result.failures
    assert set(result.total.counts) == set(Kind)
    assert set(result.total.releases) == {"v7"}
    logged = [line for file in tmp_path.glob("*.ids") for line in file.read_text().splitlines()]
    [stopped] = tmp_path.glob("*.stopped")
    assert stopped.read_text() == "in_flight_at_sigterm=0 requests_after=0\n"
    log = result.check_server_log(logged)
    assert (log.processed, log.duplicates, log.unlogged) == (result.sent, [], [])


def test_echo_takes_the_id_from_query_or_body_and_ids_repeats_repeats() -> None:
    with RunningApp(RELEASE="v1") as app:
        assert app.json("/echo?id=a")["id"] == "a"
        posted = app.json("/echo", '{"id": "b"}')
        assert (posted["id"], posted["received"], posted["release"]) == ("b", 11, "v1")
        app.request("/slow?seconds=0.1&id=a")
        assert app.request("/ids") == (200, "a\nb\na\n")
        assert app.request("/echo", "no json")[0] == 400
        assert app.request("/nothing")[0] == 404


def test_a_stop_in_mid_load_cuts_no_answer_that_had_begun() -> None:
    options = ("--slow", "4", "--slow-seconds", "1", "--streams", "1", "--stream-seconds", "1.5")
    with RunningApp() as app:
        with LoadProcess(app.url, *options) as load:
            time.sleep(1.2)
            stopped = time.monotonic()
            assert app.terminate() == 0
        result = load.result
        said = app.wait_for(r"in_flight_at_sigterm=(\d+) requests_after=\d+")
    assert int(said.group(1)) >= 3
    # What was due by then, and, the client itself being late at times, also sent.
    begun = result.window(0, stopped - result.started - result.own_lag.max - 0.02)
    assert begun.lost == 0, result.failures
    assert begun.count(Outcome.OK, kinds=LOOPING) >= 5
    # From then on nobody listens. What can still be reset is a kept-alive connection that meets the
    # close, and one that the kernel took while the port was being closed.
    assert result.count(Outcome.RESET_NEW) <= 5
    resets = result.count(Outcome.RESET_REUSED, Outcome.RESET_NEW)
    assert result.lost == result.count(Outcome.REFUSED) + resets
    assert result.count(Outcome.REFUSED) > 10


def test_a_stop_with_nothing_in_flight_takes_no_time() -> None:
    with RunningApp() as app, socket.create_connection(("127.0.0.1", app.port)) as idle:
        idle.sendall(b"GET /up HTTP/1.1\r\nHost: x\r\n\r\n")
        assert idle.recv(1000).endswith(b"ok\n")
        begin = time.monotonic()
        assert app.terminate() == 0
        assert time.monotonic() - begin < 0.8
        assert "in_flight_at_sigterm=0 requests_after=0" in app.output
        assert idle.recv(1000) == b""


def test_health_can_be_missing_late_lost_or_flaky() -> None:
    with RunningApp(UNHEALTHY="1") as app:
        assert app.request("/up")[0] == 503
    with RunningApp(FLAKY_HEALTH="1") as app:
        assert [app.request("/up")[0] for _unused in range(4)] == [503, 200, 503, 200]
    with RunningApp(HEALTHY_AFTER="0.8", UNHEALTHY_AFTER="1.6") as app:
        changes = [(app.request("/up")[0], app.age)]
        while app.age < 2:
            status = app.request("/up")[0]
            if status != changes[-1][0]:
                changes.append((status, app.age))
    assert [status for status, _unused in changes] == [503, 200, 503]
    assert changes[1][1] == pytest.approx(0.8, abs=0.25)
    assert changes[2][1] == pytest.approx(1.6, abs=0.25)
    with RunningApp(HEALTH_DELAY="0.4") as app:
        port, begin = app.port, time.monotonic()
        assert app.request("/up")[0] == 200
        assert port and time.monotonic() - begin >= 0.4


def test_it_can_exit_at_once_or_later_with_a_status_and_a_last_word() -> None:
    with RunningApp(EXIT_AT_ONCE="3", EXIT_MESSAGE="no schema", LOG_LINES="30") as app:
        assert app.process.wait(5) == 3
        assert app.output.splitlines()[-2:] == ["app: line 30 of 30", "no schema"]
    with RunningApp(EXIT_AFTER="1", EXIT_STATUS="4") as app:
        assert app.request("/up")[0] == 200
        assert app.process.wait(5) == 4
        assert app.age == pytest.approx(1, abs=0.5)
        assert app.output.endswith("app: fatal: worker thread died\n")


def test_it_can_listen_late_and_still_stop_before() -> None:
    with RunningApp(LISTEN_AFTER="0.6") as app:
        assert app.request("/up")[0] == 200
        assert app.age >= 0.6
    with RunningApp(LISTEN_AFTER="60", LOG_LINES="1") as app:
        app.wait_for("line 1 of 1")
        time.sleep(0.3)
        assert app.terminate(5) == 0


def test_it_can_ignore_sigterm() -> None:
    with RunningApp(IGNORE_SIGTERM="1") as app:
        assert app.port
        app.process.send_signal(signal.SIGTERM)
        app.wait_for("SIGTERM ignored")
        assert app.request("/up")[0] == 200


def test_a_worker_ticks_without_a_port() -> None:
    with RunningApp(MODE="worker", TICK_SECONDS="0.1") as app:
        app.wait_for("tick 3")
        assert app.terminate() == 0
        assert "listening" not in app.output
        app.wait_for(r"stopped: finished \d+ ticks")


def test_tcp_mode_echoes_bytes_and_a_stop_waits_for_the_client() -> None:
    with RunningApp(MODE="tcp") as app, socket.create_connection(("127.0.0.1", app.port)) as client:
        client.sendall(b"one\n")
        assert client.recv(100) == b"one\n"
        app.process.send_signal(signal.SIGTERM)
        app.wait_for("SIGTERM: 1 connections open")
        client.sendall(b"two\n")
        assert client.recv(100) == b"two\n"
        client.close()
        assert app.process.wait(5) == 0


def test_the_environment_is_shown_as_digests_only() -> None:
    with RunningApp(RELEASE="hush") as app:
        shown = app.json("/env?names=APP_RELEASE,APP_NOT_THERE")
        assert "hush" not in app.request("/env")[1]
        assert "APP_HOST" in app.json("/env")
        assert app.request("/secret?name=../passwd")[0] == 400
        assert app.request("/secret?name=none")[0] == 404
    assert shown == {"APP_RELEASE": hashlib.sha256(b"hush").hexdigest(), "APP_NOT_THERE": None}


def test_a_wrong_variable_is_named() -> None:
    for name, value in (("PORT", "http"), ("MODE", "udp"), ("UNHEALTHY", "yes")):
        with RunningApp(**{name: value}) as app:
            assert app.process.wait(5) == 2
            assert f"APP_{name}={value!r}" in app.output
