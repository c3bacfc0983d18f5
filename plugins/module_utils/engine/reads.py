# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a look at the engine asks, without the SDK.

To import the SDK and to make its client takes a third of the time of a call that finds nothing to
do (measured), and an unchanged deploy makes such a call on each host. So its few questions go over
the engine's socket by themselves. The SDK is imported for everything else, and when one of them is
not answered with success.
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


class Client:
    """Stands for the SDK's ``APIClient``: the calls that are written here are answered as that
    would, all others are that one's.

    :param base_url: the engine's address.
    :param connect: makes the SDK's client, of the version of the API that it is given; None where
        the SDK is to find it out.
    :param timeout: seconds to wait for a part of an answer.
    """

    def __init__(self, base_url: str, connect: Callable[[str | None], Any], timeout: float) -> None:
        self._connect = connect
        self._timeout = timeout
        self._sdk: Any = None
        self._socket = base_url.removeprefix(_SCHEME) if base_url.startswith(_SCHEME) else None
        self._version = self._ask_version()
        if self._version is None:
            self.sdk()  # fails early, with the reason

    def __getattr__(self, name: str) -> Any:
        return getattr(self.sdk(), name)

    def sdk(self) -> Any:
        """The SDK's client, made when it is first needed.

        :raises EngineError: the SDK is missing or the engine does not answer.
        """
        if self._sdk is None:
            self._sdk = self._connect(self._version)
        return self._sdk

    def containers(self, **options: Any) -> Any:
        """The containers with all of some labels, as ``APIClient.containers`` lists them."""
        query = {"all": int(options["all"]), "filters": json.dumps(options["filters"])}
        found = self._get("/containers/json?" + urlencode(query))
        return self.sdk().containers(**options) if found is None else found

    def inspect_container(self, container: str) -> Any:
        """One container, as ``APIClient.inspect_container`` tells of it."""
        found = self._get(f"/containers/{_quoted(container)}/json")
        return self.sdk().inspect_container(container) if found is None else found

    def inspect_image(self, image: str) -> Any:
        """One image, as ``APIClient.inspect_image`` tells of it."""
        found = self._get(f"/images/{_quoted(image)}/json")
        return self.sdk().inspect_image(image) if found is None else found

    def inspect_network(self, network: str) -> Any:
        """One network, as ``APIClient.inspect_network`` tells of it."""
        found = self._get(f"/networks/{_quoted(network)}")
        return self.sdk().inspect_network(network) if found is None else found

    def _ask_version(self) -> str | None:
        """The version of the API that the engine speaks; None if it is not to be had this way."""
        answer = self._request("/_ping")
        return answer[1].get("Api-Version") if answer is not None else None

    def _get(self, path: str) -> Any:
        """What the engine answers with success; None where the SDK is to ask again, as for what
        does not exist: it knows the reason and tells it in its own way.
        """
        if self._version is None:
            return None
        answer = self._request(f"/v{self._version}{path}")
        return json.loads(answer[0]) if answer is not None else None

    def _request(self, path: str) -> tuple[bytes, Mapping[str, str]] | None:
        """The body and the headers of an answer of 200.

        :raises socket.timeout: there was none in time. To ask again would take as long again.
        """
        if self._socket is None:
            return None
        connection = _UnixConnection(self._socket, self._timeout)
        try:
            connection.request("GET", path, headers={"Host": "docker"})
            response = connection.getresponse()
            body = response.read()
            return (body, dict(response.headers)) if response.status == HTTPStatus.OK else None
        except socket.timeout:
            raise
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()


def _quoted(name: str) -> str:
    """A name as the SDK puts it in a path."""
    return quote(name, safe="/:")


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost")
        self._path, self._seconds = path, timeout

    def connect(self) -> None:
        self.sock = connect(self._path, self._seconds)
