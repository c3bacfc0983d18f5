# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""No probe takes longer than its limit, whatever is probed."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import SimpleNamespace

import pytest
from ansible_collections.hundred.containers.plugins.module_utils.engine import bounded_command
from ansible_collections.hundred.containers.plugins.module_utils.engine.bounded_command import (
    execute_in_time,
)
from ansible_collections.hundred.containers.plugins.module_utils.errors import EngineError
from ansible_collections.hundred.containers.plugins.module_utils.probe import Outcome, http_probe

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"


@contextmanager
def server(*parts: bytes, then: bytes = b"", every: float = 0.05) -> Iterator[int]:
    """A server that sends ``parts`` at once and ``then`` again and again, until the other side has
    closed. :returns: its port.
    """
    listening = socket.create_server(("127.0.0.1", 0))
    ended = threading.Event()

    def serve() -> None:
        with suppress(OSError):
            connection, _address = listening.accept()
            with connection:
                connection.recv(4096)
                for part in parts:
                    connection.sendall(part)
                while then and not ended.wait(every):
                    connection.sendall(then)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listening.getsockname()[1]
    finally:
        ended.set()
        listening.close()
        thread.join(5)


def timed_probe(port: int, timeout: float) -> tuple[Outcome, float]:
    began = time.monotonic()
    outcome = http_probe("127.0.0.1", port, "/up", timeout, "localhost")
    return outcome, time.monotonic() - began


@pytest.mark.parametrize(
    ("sent", "dripped"),
    [
        (b"", b"H"),
        (HEAD, b"x"),
        (HEAD, b"X-More: 1\r\n"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (HEAD + b"\r\n", b"x"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
        (b"", b""),
    ],
    ids=["status", "header", "headers", "continue", "body", "chunks", "closed"],
)
def test_an_answer_that_drips_is_not_waited_for_beyond_the_limit(sent, dripped):
    with server(sent, then=dripped) as port:
        outcome, seconds = timed_probe(port, 0.5)
    assert not outcome.passed and seconds < 1.0
    assert not dripped or "no answer within 0.5 s" in outcome.seen


def test_an_answer_passes_whose_body_has_no_end():
    with server(HEAD + b"\r\n", then=b"x" * 65536, every=0.0) as port:
        outcome, seconds = timed_probe(port, 5.0)
    assert outcome == Outcome(True, "GET /up answers 200") and seconds < 2.0


@pytest.mark.parametrize(
    ("status", "passed"), [(b"204 No Content", True), (b"302 Found", True), (b"503 No", False)]
)
def test_an_answer_is_judged_by_its_status(status, passed):
    with server(b"HTTP/1.1 ", status, b"\r\nContent-Length: 2\r\n\r\nok") as port:
        outcome, _seconds = timed_probe(port, 5.0)
    assert outcome == Outcome(passed, f"GET /up answers {status[:3].decode()}")


class Client:
    """The engine's side of a command.

    :param seconds: how long it goes on if it is not killed; None: it begins and never ends.
    """

    def __init__(self, seconds: float | None, code: int = 0, output: bytes = b"") -> None:
        self.seconds, self.code, self.output = seconds, code, output
        self.argvs: list[list[str]] = []
        self.released = threading.Event()

    def exec_create(self, container: str, argv: list[str]) -> dict[str, str]:
        self.argvs.append(argv)
        return {"Id": "e" * 64}

    def exec_start(self, identity: str) -> bytes:
        self.released.wait(self.seconds)
        return self.output

    def exec_inspect(self, identity: str) -> dict[str, int | None]:
        return {"ExitCode": self.code, "Pid": 4711}


def run(client: Client, seconds: float) -> tuple[tuple[int, str] | None, float]:
    began = time.monotonic()
    try:
        ended = execute_in_time(SimpleNamespace(client=client), "c" * 64, ["ask"], seconds)
        return ended, time.monotonic() - began
    finally:
        client.released.set()


def test_a_command_that_nothing_ends_is_killed_from_here_before_its_end_is_told(monkeypatch):
    killed = threading.Event()

    def end(pid: int, container: str) -> None:
        time.sleep(0.1)
        killed.set()

    monkeypatch.setattr(bounded_command, "_end", end)
    monkeypatch.setattr(bounded_command, "GRACE", 0.2)
    ended, seconds = run(Client(None), 0.3)
    # The process that asked may end now, and a thread of it that is to kill would end with it.
    assert ended is None and killed.is_set() and 0.6 <= seconds < 1.0


def test_an_engine_that_says_nothing_more_is_not_waited_for(monkeypatch):
    class Silent(Client):
        def exec_inspect(self, identity: str) -> dict[str, int | None]:
            self.released.wait()
            return super().exec_inspect(identity)

    monkeypatch.setattr(bounded_command, "GRACE", 0.2)
    ended, seconds = run(Silent(None), 0.3)
    assert ended is None and 0.7 <= seconds < 1.1


def test_a_command_that_listens_to_no_signal_is_ended_from_inside_by_the_one_it_cannot_refuse():
    client = Client(0.3, 137)
    assert run(client, 0.2)[0] is None
    assert client.argvs == [["timeout", "-s", "KILL", "0.2", "ask"]]


def test_a_command_that_exits_in_time_is_told_with_its_code_whatever_that_is():
    assert [run(Client(0.0, code, b"no"), 5.0)[0] for code in (0, 1, 124, 137)] == [
        (0, "no"),
        (1, "no"),
        (124, "no"),
        (137, "no"),
    ]


def test_a_command_that_the_engine_refuses_is_told():
    class Refusing(Client):
        def exec_create(self, container: str, argv: list[str]) -> dict[str, str]:
            from docker.errors import APIError

            raise APIError("container is paused")

    with pytest.raises(EngineError, match="paused"):
        run(Refusing(0.0), 5.0)
