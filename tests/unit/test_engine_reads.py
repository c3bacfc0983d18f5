# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is asked of the engine without the SDK, and when the SDK is asked instead. The engine here
is a socket that answers what a test says; tests/integration/test_library_call.py has a real one.
"""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from plugins.module_utils.engine.client import engine_errors
from plugins.module_utils.engine.reads import Client
from plugins.module_utils.errors import EngineError


class Sdk:
    """Stands for the SDK's client, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def inspect_image(self, image: str) -> str:
        self.asked.append(image)
        return "by the SDK"

    def start(self, container: str) -> str:
        self.asked.append(container)
        return "started"


class Server:
    """An engine's socket.

    :ivar answers: the status and the body of an answer, by the path; None breaks off.
    :ivar paths: what was asked for.
    """

    def __init__(self, path: Path) -> None:
        self.url = f"unix://{path}"
        self.answers: dict[str, tuple[int, Any] | None] = {"/_ping": (200, "OK")}
        self.paths: list[str] = []
        self.wait = threading.Event()
        told = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                told.paths.append(self.path)
                answer = told.answers.get(self.path.partition("?")[0], (404, {"message": "none"}))
                if answer is None:
                    return
                if answer[0] == 0:
                    told.wait.wait(30)
                    return
                body = json.dumps(answer[1]).encode()
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
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


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
    client = Client(server.url, never, 5)
    assert client.containers(all=True, filters={"label": ["hundred.service=shop"]}) == [{"Id": "a"}]
    assert client.inspect_container("a") == {"Id": "a"}
    assert client.inspect_network("hundred") == {"Name": "hundred"}
    assert client.inspect_image("localhost:5000/shop@sha256:ab") == {"Id": "i"}
    assert (
        "all=1&filters=%7B%22label%22%3A+%5B%22hundred.service%3Dshop%22%5D%7D" in server.paths[1]
    )


@pytest.mark.parametrize("answer", [(404, {"message": "no such image"}), (500, {}), None])
def test_what_is_answered_otherwise_is_asked_of_the_sdk_and_all_else_too(server, sdk, answer):
    server.answers["/v1.41/images/shop/json"] = answer
    made: list[str | None] = []
    client = Client(server.url, connecting(sdk, made), 5)
    assert client.inspect_image("shop") == "by the SDK"
    assert client.start("shop-g1-1") == "started"
    assert sdk.asked == ["shop", "shop-g1-1"]
    assert made == ["1.41"], "one client does for both, and does not ask for the version again"


@pytest.mark.parametrize("url", ["tcp://127.0.0.1:1", "unix:///nowhere/docker.sock"])
def test_an_engine_that_is_elsewhere_or_away_is_the_sdk_s_at_once(sdk, url):
    made: list[str | None] = []
    client = Client(url, connecting(sdk, made), 5)
    assert made == [None], "nobody knows the version yet"
    assert client.inspect_image("shop") == "by the SDK"


def test_an_engine_that_hangs_is_not_asked_a_second_time(server):
    server.answers["/v1.41/images/shop/json"] = (0, None)
    client = Client(server.url, never, 0.3)
    told = pytest.raises(EngineError, match="cannot inspect it: the engine does not answer in time")
    with told, engine_errors("inspect it"):
        client.inspect_image("shop")
