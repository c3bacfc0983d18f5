# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a look at the engine and an ordinary swap ask of it, without the SDK.

To import the SDK and to make its client takes a third of the time of a call that finds nothing to
do, as an unchanged deploy makes on each host, and 0.12 of the 0.6 s of a swap of one replica
(measured on Debian 12). So these few calls go over the engine's socket by themselves. The SDK does
everything else: pulls, logs, networks, builds, commands in containers, and engines that are not
behind a socket of this machine.
"""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlencode

from ..connection import connect

_SCHEME = "unix://"


class Refusal(Exception):
    """The engine's answer to a call is that it failed.

    :param status: of HTTP, as in 404.
    :param explanation: the engine's words.
    """

    def __init__(self, status: int, explanation: str) -> None:
        super().__init__(explanation)
        self.status, self.explanation = status, explanation


class NoAnswer(Exception):
    """The connection failed or ended before there was an answer: what was asked for may be done."""


def open_client(base_url: str, connect: Callable[[str | None], Any], timeout: float) -> Any:
    """A client of the engine that imports the SDK when it is first needed; or the SDK's own, where
    the engine is not behind a socket of this machine or does not answer there.

    :param base_url: the engine's address.
    :param connect: makes the SDK's client, of the version of the API that it is given; None where
        the SDK is to find it out.
    :param timeout: seconds to wait for a part of an answer.
    :raises EngineError: the SDK is missing there or the engine does not answer.
    """
    if base_url.startswith(_SCHEME):
        path = base_url.removeprefix(_SCHEME)
        version = _ask_version(path, timeout)
        if version is not None:
            return Client(path, version, lambda: connect(version), timeout)
    return connect(None)  # fails early, with the reason


class Client:
    """Stands for the SDK's ``APIClient``: the calls that are written here are answered as that
    would, all others are that one's.

    They raise ``Refusal``, ``NoAnswer`` and ``socket.timeout``. None is made twice.

    :param path: of the engine's socket.
    :param version: of the API, which the engine speaks.
    :param connect: makes the SDK's client.
    :param timeout: seconds to wait for a part of an answer.
    """

    def __init__(self, path: str, version: str, connect: Callable[[], Any], timeout: float) -> None:
        self._path, self._version = path, version
        self._connect = connect
        self._timeout = timeout
        self._sdk: Any = None

    def __getattr__(self, name: str) -> Any:
        if self._sdk is None:
            self._sdk = self._connect()
        return getattr(self._sdk, name)

    def containers(self, **options: Any) -> Any:
        """The containers with all of some labels, as ``APIClient.containers`` lists them."""
        query = {"all": int(options["all"]), "filters": json.dumps(options["filters"])}
        return self._call("GET", "/containers/json", query)

    def inspect_container(self, container: str) -> Any:
        """One container, as ``APIClient.inspect_container`` tells of it."""
        return self._call("GET", f"/containers/{_quoted(container)}/json")

    def inspect_image(self, image: str) -> Any:
        """One image, as ``APIClient.inspect_image`` tells of it."""
        return self._call("GET", f"/images/{_quoted(image)}/json")

    def inspect_network(self, network: str) -> Any:
        """One network, as ``APIClient.inspect_network`` tells of it."""
        return self._call("GET", f"/networks/{_quoted(network)}")

    def create_container_from_config(self, config: Mapping[str, Any], name: str) -> Any:
        """Create a container, as ``APIClient.create_container_from_config`` does.

        :param config: as the engine's API has it; None stands for what is not said.
        """
        said = {key: value for key, value in config.items() if value is not None}
        return self._call("POST", "/containers/create", {"name": name}, said)

    def start(self, container: str) -> None:
        """Start a container; nothing where it runs. As ``APIClient.start`` does."""
        self._call("POST", f"/containers/{_quoted(container)}/start")

    def stop(self, container: str, timeout: int) -> None:
        """Stop a container; nothing where it does not run. As ``APIClient.stop`` does.

        :param timeout: seconds until it is killed.
        """
        path = f"/containers/{_quoted(container)}/stop"
        self._call("POST", path, {"t": timeout}, seconds=timeout + self._timeout)

    def update_container(self, container: str, **settings: Any) -> None:
        """Change a container's restart policy, as ``APIClient.update_container`` does."""
        body = {"RestartPolicy": settings["restart_policy"]}
        self._call("POST", f"/containers/{_quoted(container)}/update", body=body)

    def remove_container(self, container: str, v: bool, force: bool) -> None:
        """Remove a container, as ``APIClient.remove_container`` does.

        :param v: its anonymous volumes as well.
        :param force: kill it if it runs.
        """
        query = {"v": int(v), "force": int(force)}
        self._call("DELETE", f"/containers/{_quoted(container)}", query)

    def remove_image(self, image: str) -> None:
        """Remove a tag, a digest or an image, as ``APIClient.remove_image`` does."""
        self._call("DELETE", f"/images/{_quoted(image)}")

    def _call(
        self,
        method: str,
        path: str,
        query: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
        seconds: float | None = None,
    ) -> Any:
        """What the engine answers; None where it answers nothing.

        :param seconds: to wait for a part of the answer, where it may take longer than others.
        """
        target = f"/v{self._version}{path}" + ("?" + urlencode(query) if query else "")
        status, _headers, content = _exchange(
            self._path, method, target, seconds or self._timeout, body
        )
        if status >= HTTPStatus.BAD_REQUEST:
            raise Refusal(status, _explanation(content) or f"status {status}")
        return json.loads(content) if content else None


def _ask_version(path: str, timeout: float) -> str | None:
    """The version of the API that the engine speaks; None if it is not to be had this way."""
    try:
        status, headers, _body = _exchange(path, "GET", "/_ping", timeout)
    except NoAnswer:
        return None
    return headers.get("Api-Version") if status == HTTPStatus.OK else None


def _exchange(
    path: str, method: str, target: str, seconds: float, body: Mapping[str, Any] | None = None
) -> tuple[int, Mapping[str, str], bytes]:
    """The status, the headers and the body of the engine's answer.

    :param path: of the engine's socket.
    :raises socket.timeout: there was none in time. To ask again would take as long again.
    :raises NoAnswer: the connection failed.
    """
    connection = _UnixConnection(path, seconds)
    headers = {"Host": "docker"}
    content = None
    if body is not None:
        headers["Content-Type"] = "application/json"
        content = json.dumps(body).encode()
    try:
        connection.request(method, target, content, headers)
        response = connection.getresponse()
        return response.status, dict(response.headers), response.read()
    except socket.timeout:
        raise
    except (OSError, http.client.HTTPException) as error:
        raise NoAnswer(str(error) or type(error).__name__) from error
    finally:
        connection.close()


def _explanation(content: bytes) -> str:
    """The engine's words of an answer that tells of a failure."""
    text = content.decode("utf-8", "replace").strip()
    try:
        return str(json.loads(text)["message"])
    except (ValueError, KeyError, TypeError):
        return text


def _quoted(name: str) -> str:
    """A name as the SDK puts it in a path."""
    return quote(name, safe="/:")


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost")
        self._path, self._seconds = path, timeout

    def connect(self) -> None:
        self.sock = connect(self._path, self._seconds)
