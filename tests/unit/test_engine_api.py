# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is asked of the engine without the SDK, and what comes of its answers. The engine here is a
socket that answers what a test says; tests/integration/test_library_call.py has a real one.
"""

from __future__ import annotations

import json
import socket
import socketserver
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from plugins.module_utils.engine.api import NoAnswer, open_client
from plugins.module_utils.engine.client import engine_errors
from plugins.module_utils.errors import ConflictError, EngineError, NotFoundError


class Sdk:
    """Stands for the SDK's client, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def inspect_image(self, image: str) -> str:
        self.asked.append(image)
        return "by the SDK"

    def start(self, container: str) -> None:
        self.asked.append(container)

    def logs(self, container: str) -> str:
        self.asked.append(container)
        return "a line"


class Server:
    """An engine's socket.

    :ivar answers: the status and the body of an answer, by the path; None breaks off, a status of 0
        waits until the end of the test.
    :ivar paths: what was asked for.
    :ivar changes: what was asked for otherwise than by GET: the method, the path and the body.
    """

    def __init__(self, path: Path) -> None:
        self.url = f"unix://{path}"
        self.answers: dict[str, tuple[int, Any] | None] = {"/_ping": (200, "OK")}
        self.paths: list[str] = []
        self.changes: list[tuple[str, str, Any]] = []
        self.wait = threading.Event()
        told = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                typed = self.headers.get("Content-Type") == "application/json"
                body = json.loads(content) if content and typed else content or None
                told.changes.append((self.command, self.path, body))
                self.answer()

            do_DELETE = do_POST

            def do_GET(self) -> None:
                self.answer()

            def answer(self) -> None:
                told.paths.append(self.path)
                answer = told.answers.get(self.path.partition("?")[0], (404, {"message": "none"}))
                if answer is None:
                    return
                if answer[0] == 0:
                    told.wait.wait(30)
                    return
                body = b"" if answer[1] is None else json.dumps(answer[1]).encode()
                self.send_response(answer[0])
                self.send_header("Api-Version", "1.41")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def address_string(self) -> str:
                return "a socket has none"

            def log_message(self, *_arguments: Any) -> None:
                """Nothing on the terminal."""

        self.server = socketserver.ThreadingUnixStreamServer(str(path), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path / "docker.sock")
    yield server
    server.wait.set()
    server.server.shutdown()
    server.server.server_close()


@pytest.fixture
def sdk() -> Sdk:
    return Sdk()


def never(version: str | None) -> Any:
    raise AssertionError("the SDK was not to be used")


def connecting(sdk: Sdk, made: list[str | None]) -> Callable[[str | None], Any]:
    def connect(version: str | None) -> Sdk:
        made.append(version)
        return sdk

    return connect


def test_what_is_answered_with_success_needs_no_sdk(server):
    server.answers["/v1.41/containers/json"] = (200, [{"Id": "a"}])
    server.answers["/v1.41/containers/a/json"] = (200, {"Id": "a"})
    server.answers["/v1.41/networks/hundred"] = (200, {"Name": "hundred"})
    server.answers["/v1.41/images/localhost:5000/shop%40sha256:ab/json"] = (200, {"Id": "i"})
    client = open_client(server.url, never, 5)
    assert client.containers(all=True, filters={"label": ["hundred.service=shop"]}) == [{"Id": "a"}]
    assert client.inspect_container("a") == {"Id": "a"}
    assert client.inspect_network("hundred") == {"Name": "hundred"}
    assert client.inspect_image("localhost:5000/shop@sha256:ab") == {"Id": "i"}
    assert (
        "all=1&filters=%7B%22label%22%3A+%5B%22hundred.service%3Dshop%22%5D%7D" in server.paths[1]
    )


def test_what_a_swap_changes_needs_no_sdk(server):
    answers = server.answers
    answers["/v1.41/containers/create"] = (201, {"Id": "a", "Warnings": []})
    answers["/v1.41/containers/a/start"] = (204, None)
    answers["/v1.41/containers/a/update"] = (200, {"Warnings": None})
    answers["/v1.41/containers/a/stop"] = (304, None)
    answers["/v1.41/containers/a"] = (204, None)
    answers["/v1.41/images/localhost:5000/shop%40sha256:ab"] = (200, [{"Untagged": "shop"}])
    client = open_client(server.url, never, 5)
    config = {"Image": "shop", "Cmd": None, "Tty": False, "HostConfig": {"Init": True}}
    assert client.create_container_from_config(config, "shop-g1-1")["Id"] == "a"
    client.start("a")
    client.update_container("a", restart_policy={"Name": "unless-stopped"})
    client.stop("a", timeout=3)
    client.remove_container("a", v=True, force=False)
    client.remove_image("localhost:5000/shop@sha256:ab")
    said = {"Image": "shop", "Tty": False, "HostConfig": {"Init": True}}
    policy = {"RestartPolicy": {"Name": "unless-stopped"}}
    assert server.changes == [
        ("POST", "/v1.41/containers/create?name=shop-g1-1", said),
        ("POST", "/v1.41/containers/a/start", None),
        ("POST", "/v1.41/containers/a/update", policy),
        ("POST", "/v1.41/containers/a/stop?t=3", None),
        ("DELETE", "/v1.41/containers/a?v=1&force=0", None),
        ("DELETE", "/v1.41/images/localhost:5000/shop%40sha256:ab", None),
    ]


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        ((404, {"message": "No such container: a"}), NotFoundError, "No such container: a"),
        ((409, {"message": "it is running"}), ConflictError, "it is running"),
        (
            (500, {"message": "port is already allocated"}),
            ConflictError,
            "port is already allocated",
        ),
        ((500, {"message": "no space left on device"}), EngineError, "no space left on device"),
        ((503, "no object"), EngineError, '"no object"'),
        ((500, None), EngineError, "status 500"),
        (
            None,
            EngineError,
            "the engine does not answer: Remote end closed connection without response",
        ),
    ],
)
def test_a_failure_is_told_in_the_engine_s_words_and_nothing_is_asked_twice(
    server, answer, error, words
):
    server.answers["/v1.41/containers/a/start"] = answer
    server.answers["/v1.41/images/shop/json"] = answer
    client = open_client(server.url, never, 5)
    for number, call in enumerate(
        (lambda: client.start("a"), lambda: client.inspect_image("shop"))
    ):
        with pytest.raises(EngineError) as told, engine_errors("do it"):
            call()
        assert told.type is error
        assert told.value.message == f"cannot do it: {words}"
        assert len(server.paths) == number + 2, "beside the one for the version"


def test_all_else_is_the_sdk_s(server, sdk):
    made: list[str | None] = []
    client = open_client(server.url, connecting(sdk, made), 5)
    assert made == []
    assert client.logs("shop-g1-1") == "a line"
    assert client.logs("shop-g1-1") == "a line"
    assert made == ["1.41"], "one client does for both, and does not ask for the version again"


@pytest.mark.parametrize("url", ["tcp://127.0.0.1:1", "unix:///nowhere/docker.sock"])
def test_an_engine_that_is_elsewhere_or_away_is_the_sdk_s_at_once(sdk, url):
    made: list[str | None] = []
    client = open_client(url, connecting(sdk, made), 5)
    assert made == [None], "nobody knows the version yet"
    assert client.inspect_image("shop") == "by the SDK"
    client.start("shop-g1-1")
    assert sdk.asked == ["shop", "shop-g1-1"]


def test_an_engine_that_hangs_is_not_asked_a_second_time(server):
    server.answers["/v1.41/images/shop/json"] = (0, None)
    client = open_client(server.url, never, 0.3)
    told = pytest.raises(EngineError, match="cannot inspect it: the engine does not answer in time")
    with told, engine_errors("inspect it"):
        client.inspect_image("shop")
    assert len(server.paths) == 2


def test_a_stop_may_take_its_grace_period_longer_than_other_calls(server):
    server.answers["/v1.41/containers/a/stop"] = (0, None)
    client = open_client(server.url, never, 0.2)
    threading.Timer(0.6, server.wait.set).start()
    with pytest.raises(NoAnswer):  # it broke off, after it had been waited for
        client.stop("a", timeout=5)
    server.wait.clear()
    with pytest.raises(socket.timeout):
        client.stop("a", timeout=0)
