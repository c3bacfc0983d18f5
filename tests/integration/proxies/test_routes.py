# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which service answers which request, and what it is told of the client: as much for either
driver.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from ansible_collections.hundred.containers.plugins.module_utils.definition.model import Route
from ansible_collections.hundred.containers.plugins.module_utils.errors import ProxyError
from ansible_collections.hundred.containers.plugins.module_utils.proxy.protocol import (
    Backend,
    Check,
)

from tests.integration.proxies.replicas import mirror
from tests.integration.proxies.running import USERS_HOST, ProxyUnderTest
from tests.ports import own_address

SERVICES = {
    "exact": [Route("shop.example.com")],
    "exact-api": [Route("shop.example.com", "/api")],
    "exact-api-v2": [Route("shop.example.com", "/api/v2/")],
    "wildcard": [Route("*.example.com")],
    "wildcard-deep": [Route("*.eu.example.com", "/")],
    "any-admin": [Route(None, "/admin")],
    "path-only": [Route("docs.example.com", "/manual")],
    "two-hosts": [Route("a.example.org"), Route("b.example.org", "/x,y=1")],
    "upper": [Route("UPPER.Example.ORG")],
}

# Host header, path, service that answers or None for our own 404.
REQUESTS = [
    ("shop.example.com", "/", "exact"),
    ("shop.example.com", "/anything?api=/api", "exact"),
    ("SHOP.Example.COM", "/", "exact"),
    ("shop.example.com:8080", "/", "exact"),
    ("shop.example.com.", "/", "exact"),
    ("shop.example.com", "/api", "exact-api"),
    ("shop.example.com", "/api/", "exact-api"),
    ("shop.example.com", "/api/x", "exact-api"),
    ("shop.example.com", "/api?q=1", "exact-api"),
    ("shop.example.com", "/apis", "exact"),
    ("shop.example.com", "/API", "exact"),
    ("shop.example.com", "/api/v2", "exact-api-v2"),
    ("shop.example.com", "/api/v2/items", "exact-api-v2"),
    ("shop.example.com", "/api/v20", "exact-api"),
    # The exact host's "/" is more specific than any host's "/admin".
    ("shop.example.com", "/admin", "exact"),
    ("blog.example.com", "/", "wildcard"),
    ("a.b.example.com", "/", "wildcard"),
    ("example.com", "/", None),
    ("notexample.com", "/", None),
    ("shop.eu.example.com", "/", "wildcard-deep"),
    ("eu.example.com", "/", "wildcard"),
    ("blog.example.com", "/admin", "wildcard"),
    ("elsewhere.net", "/admin/users", "any-admin"),
    ("elsewhere.net", "/administrator", None),
    ("elsewhere.net", "/", None),
    # What a host has no path for falls to the less specific host.
    ("docs.example.com", "/manual/1", "path-only"),
    ("docs.example.com", "/", "wildcard"),
    ("b.example.org", "/admin", "any-admin"),
    ("a.example.org", "/admin", "two-hosts"),
    ("b.example.org", "/x,y=1/z", "two-hosts"),
    ("b.example.org", "/x", None),
    ("upper.example.org", "/", "upper"),
]


@pytest.fixture(scope="module", params=["haproxy", "nginx"])
def proxy(request: pytest.FixtureRequest) -> Iterator[ProxyUnderTest]:
    with ProxyUnderTest(request.param, trusted_proxies=["192.0.2.1"]) as running:
        yield running


@pytest.fixture(scope="module")
def routed(proxy: ProxyUnderTest) -> Iterator[ProxyUnderTest]:
    with ExitStack() as servers:
        for service, routes in SERVICES.items():
            member = servers.enter_context(mirror(service))
            wanted = Backend(service, "http", tuple(routes), Check("/up"), (member,))
            proxy.driver.commit(wanted)
        yield proxy


@pytest.mark.parametrize(("host", "path", "service"), REQUESTS)
def test_a_request_reaches_the_most_specific_route(
    routed: ProxyUnderTest, host: str, path: str, service: str | None
) -> None:
    status, body = routed.get(path, host)
    if service is None:
        assert (status, body) == (404, "No service of this host has this host name and path.\n")
    else:
        assert status == 200, body
        assert json.loads(body)["service"] == service
        assert json.loads(body)["path"] == path


def test_the_users_own_site_is_untouched(routed: ProxyUnderTest) -> None:
    assert routed.get("/admin", USERS_HOST, port=routed.users_port)[1].strip() == "the user's"


def test_the_app_sees_the_host_that_was_asked_for(routed: ProxyUnderTest) -> None:
    seen = json.loads(routed.get("/", "Blog.example.com:8080")[1])["headers"]
    assert seen["host"] == "Blog.example.com:8080"


def test_a_proxy_on_this_host_is_believed_who_the_client_is(routed: ProxyUnderTest) -> None:
    given = {"X-Forwarded-For": "203.0.113.7", "X-Forwarded-Proto": "https"}
    seen = json.loads(routed.get("/", "shop.example.com", headers=given)[1])["headers"]
    assert (seen["x-forwarded-for"], seen["x-forwarded-proto"]) == ("203.0.113.7", "https")


def test_without_a_proxy_before_us_the_client_is_who_connected(routed: ProxyUnderTest) -> None:
    seen = json.loads(routed.get("/", "shop.example.com")[1])["headers"]
    assert (seen["x-forwarded-for"], seen["x-forwarded-proto"]) == ("127.0.0.1", "http")


def test_a_stranger_is_not_believed_who_he_is(routed: ProxyUnderTest) -> None:
    address = own_address()
    with socket.create_connection((address, routed.http_port), timeout=5) as connection:
        connection.sendall(
            b"GET / HTTP/1.1\r\nHost: shop.example.com\r\nX-Forwarded-For: 198.51.100.9\r\n"
            b"X-Forwarded-For: 198.51.100.10\r\nX-Forwarded-Proto: https\r\n"
            b"Connection: close\r\n\r\n"
        )
        answer = b""
        while received := connection.recv(65536):
            answer += received
    seen = json.loads(answer.partition(b"\r\n\r\n")[2])["headers"]
    assert (seen["x-forwarded-for"], seen["x-forwarded-proto"]) == (address, "http")


@pytest.mark.parametrize("host", ["nobody.example.net", "shop.example.com"])
def test_no_public_header_picks_a_service(routed: ProxyUnderTest, host: str) -> None:
    given = {"X-Hundred-Service": "exact-api"}
    status, body = routed.get("/", host, headers=given)
    assert status == 404 or json.loads(body)["service"] == "exact"


def test_a_large_upload_arrives_whole(routed: ProxyUnderTest) -> None:
    body = b"x" * 5_000_000
    head = f"POST /upload HTTP/1.1\r\nHost: shop.example.com\r\nContent-Length: {len(body)}\r\n"
    with socket.create_connection(("127.0.0.1", routed.http_port), timeout=20) as connection:
        connection.sendall(head.encode() + b"Connection: close\r\n\r\n" + body)
        answer = b""
        while received := connection.recv(65536):
            answer += received
    assert answer.startswith(b"HTTP/1.1 200")
    assert answer.endswith(b"5000000")


def test_a_route_that_another_service_has_is_refused(routed: ProxyUnderTest) -> None:
    before = routed.config.read_text()
    thief = Backend("thief", "http", (Route("SHOP.example.com", "/api/"),))
    with pytest.raises(ProxyError, match="exact-api and thief both claim"):
        routed.driver.commit(thief)
    assert routed.config.read_text() == before


@pytest.mark.parametrize("name", ["haproxy", "nginx"])
def test_a_service_for_every_host_leaves_the_users_site_alone(name: str) -> None:
    with ProxyUnderTest(name) as proxy, mirror("everything") as member:
        wanted = Backend("everything", "http", (Route(None, "/"),), Check("/up"), (member,))
        proxy.driver.commit(wanted)
        assert json.loads(proxy.get("/x", "whatever.example.net")[1])["service"] == "everything"
        assert proxy.get("/x", USERS_HOST, port=proxy.users_port)[1].strip() == "the user's"
        if name == "nginx":
            # On the shared port the user's site has its name, which is more specific.
            assert proxy.get("/x", USERS_HOST)[1].strip() == "the user's"
