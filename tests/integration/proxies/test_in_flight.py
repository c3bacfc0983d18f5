# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is in flight, also in workers that a reload has left behind."""

from __future__ import annotations

import http.client
import socket
import time

import pytest
from ansible_collections.hundred.containers.plugins.module_utils.definition.model import Route

from tests.integration.proxies.replicas import Replicas
from tests.integration.proxies.running import (
    ProxyUnderTest,
    backend,
    deploy,
    drained,
    request_under_way,
    wait_for,
)

HOST = "shop.example.com"
NOWHERE = 404


def test_a_slow_request_is_in_flight_until_it_is_answered(
    proxy: ProxyUnderTest, old: Replicas, new: Replicas
) -> None:
    deploy(proxy.driver, backend("shop", old.members))
    with request_under_way(proxy.http_port, HOST, "/slow?seconds=2&id=a") as slow:
        time.sleep(0.2)
        wanted = backend("shop", new.members)
        deploy(proxy.driver, wanted)
        proxy.driver.drain(wanted, old.members)
        assert proxy.driver.in_flight(wanted, old.members) == 1
        assert slow.recv(65536).startswith(b"HTTP/1.1 200")
    wait_for(lambda: proxy.driver.in_flight(wanted, old.members) == 0, 2)


def test_a_slow_request_in_a_worker_from_before_a_foreign_reload_is_in_flight(
    proxy: ProxyUnderTest, old: Replicas, new: Replicas
) -> None:
    deploy(proxy.driver, backend("shop", old.members))
    with request_under_way(proxy.http_port, HOST, "/slow?seconds=8&id=a") as slow:
        time.sleep(0.2)
        proxy.foreign_reload()
        wanted = backend("shop", new.members)
        deploy(proxy.driver, wanted)
        proxy.driver.drain(wanted, old.members)
        assert proxy.driver.in_flight(wanted, old.members) == 1
        assert slow.recv(65536).startswith(b"HTTP/1.1 200")
    wait_for(lambda: proxy.driver.in_flight(wanted, old.members) == 0, 2)


@pytest.mark.parametrize("kind", ["stream", "websocket"])
def test_an_open_stream_or_websocket_is_in_flight(
    proxy: ProxyUnderTest, old: Replicas, new: Replicas, kind: str
) -> None:
    deploy(proxy.driver, backend("shop", old.members))
    upgrade = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec_WebSocket_Version": "13",
        "Sec_WebSocket_Key": "dGhlIHNhbXBsZSBub25jZQ==",
    }
    asked = {"stream": ("/stream?seconds=20&id=a", {}), "websocket": ("/ws?id=a", upgrade)}
    path, headers = asked[kind]
    with request_under_way(proxy.http_port, HOST, path, **headers) as open_for_long:
        assert open_for_long.recv(65536).startswith(b"HTTP/1.1 ")
        wanted = backend("shop", new.members)
        deploy(proxy.driver, wanted)
        assert drained(proxy.driver, wanted, old.members, seconds=0.5) == 1
    wait_for(lambda: proxy.driver.in_flight(wanted, old.members) == 0, 3)


def test_a_websocket_of_another_service_does_not_hold_up_a_swap(
    proxy: ProxyUnderTest, old: Replicas, new: Replicas
) -> None:
    with Replicas("blog", 1, 1) as blog:
        deploy(proxy.driver, backend("blog", blog.members))
        deploy(proxy.driver, backend("shop", old.members))
        path = "/stream?seconds=30&id=a"
        with request_under_way(proxy.http_port, "blog.example.com", path) as stream:
            assert stream.recv(65536).startswith(b"HTTP/1.1 200")
            wanted = backend("shop", new.members)
            deploy(proxy.driver, wanted)
            began = time.monotonic()
            assert drained(proxy.driver, wanted, old.members) == 0
            assert time.monotonic() - began < 5


def test_a_client_that_connected_before_a_reload_and_asks_after_the_swap_is_answered(
    proxy: ProxyUnderTest, old: Replicas, new: Replicas
) -> None:
    deploy(proxy.driver, backend("shop", old.members))
    with socket.create_connection(("127.0.0.1", proxy.http_port), timeout=5) as silent:
        time.sleep(0.2)
        # Routes change as well, so that both drivers reload.
        wanted = backend("shop", new.members, [Route(HOST), Route("www.example.com")])
        assert deploy(proxy.driver, wanted) is True
        left = drained(proxy.driver, wanted, old.members, seconds=1)
        # An old worker of nginx leads it to an old member, one of HAProxy to the current worker.
        assert left == {"nginx": 1, "haproxy": 0}[proxy.name]
        if left == 0:
            old.stop()
        silent.sendall(f"GET /version HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
        assert silent.recv(65536).startswith(b"HTTP/1.1 200")


def test_an_idle_connection_from_before_a_reload_never_reaches_a_member_that_has_gone(
    proxy: ProxyUnderTest, old: Replicas, new: Replicas
) -> None:
    deploy(proxy.driver, backend("shop", old.members))
    kept = http.client.HTTPConnection("127.0.0.1", proxy.http_port, timeout=5)
    kept.request("GET", "/version", headers={"Host": HOST})
    assert b"shop-g1" in kept.getresponse().read()
    proxy.foreign_reload()
    wanted = backend("shop", new.members)
    deploy(proxy.driver, wanted)
    assert drained(proxy.driver, wanted, old.members) == 0
    old.stop()
    try:
        kept.request("GET", "/version", headers={"Host": HOST})
        answer = kept.getresponse()
        assert (answer.status, b"shop-g2" in answer.read()) == (200, True)
    except (http.client.RemoteDisconnected, ConnectionError):
        # Closed before the request was sent: a client sees that and asks again.
        assert proxy.name == "nginx"
    finally:
        kept.close()


def test_a_foreign_reload_after_any_step_of_a_swap_does_not_bring_the_old_members_back(
    proxy: ProxyUnderTest, old: Replicas, new: Replicas
) -> None:
    deploy(proxy.driver, backend("shop", old.members))
    wanted = backend("shop", new.members)
    driver = proxy.driver
    driver.admit(wanted, wanted.members)
    proxy.foreign_reload()
    driver.verify(wanted, wanted.members)
    proxy.foreign_reload()
    driver.commit(wanted)
    proxy.foreign_reload()
    driver.drain(wanted, old.members)
    proxy.foreign_reload()
    assert driver.in_flight(wanted, old.members) == 0
    proxy.foreign_reload()
    driver.retire(wanted, old.members)
    assert {proxy.release(HOST) for _unused in range(10)} == {"shop-g2"}
    assert driver.observe("shop").in_step
