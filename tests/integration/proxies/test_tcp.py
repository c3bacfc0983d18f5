# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""TCP services, which only the HAProxy driver has."""

from __future__ import annotations

import re
import socket
from dataclasses import replace

import pytest
from ansible_collections.hundred.containers.plugins.module_utils.definition.model import Route
from ansible_collections.hundred.containers.plugins.module_utils.errors import ProxyError
from ansible_collections.hundred.containers.plugins.module_utils.proxy.protocol import Backend

from tests.integration.proxies.replicas import Replicas
from tests.integration.proxies.running import (
    ProxyUnderTest,
    backend,
    deploy,
    drained,
    wait_for,
)
from tests.ports import free_port


def tcp_backend(replicas: Replicas, port: int) -> Backend:
    return backend("db", replicas.members, [Route(published=port)], protocol="tcp", interval=0.3)


def echo(connection: socket.socket, text: bytes) -> bytes:
    connection.sendall(text)
    return connection.recv(4096)


def test_a_tcp_service_is_swapped_and_its_connections_last_until_they_are_closed(
    haproxy: ProxyUnderTest,
) -> None:
    port = free_port()
    with Replicas("db", 1, 2, MODE="tcp") as old, Replicas("db", 2, 2, MODE="tcp") as new:
        assert deploy(haproxy.driver, tcp_backend(old, port)) is True
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            assert echo(connection, b"before\n") == b"before\n"
            wanted = tcp_backend(new, port)
            assert deploy(haproxy.driver, wanted) is False
            assert drained(haproxy.driver, wanted, old.members, seconds=0.3) == 1
            assert echo(connection, b"during\n") == b"during\n"
        wait_for(lambda: haproxy.driver.in_flight(wanted, old.members) == 0)
        old.kill()
        haproxy.driver.forget(wanted, old.members)
        for _unused in range(6):
            with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
                assert echo(connection, b"after\n") == b"after\n"
        assert haproxy.driver.observe("db").in_step
        haproxy.driver.remove("db")
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), timeout=5)


def test_a_tcp_member_that_does_not_listen_fails_the_verification(haproxy: ProxyUnderTest) -> None:
    port = free_port()
    haproxy.settings["verify_deadline"] = 2.0
    with Replicas("db", 1, 1, MODE="tcp") as old:
        deploy(haproxy.driver, tcp_backend(old, port))
        wanted = tcp_backend(old, port)
        dead = replace(old.members[0], name="db-g2-1", port=free_port())
        wanted = replace(wanted, members=(dead,))
        haproxy.driver.admit(wanted, wanted.members)
        with pytest.raises(ProxyError, match=re.escape("db-g2-1")):
            haproxy.driver.verify(wanted, wanted.members)


def test_nginx_refuses_a_tcp_service(old: Replicas) -> None:
    with ProxyUnderTest("nginx") as nginx, pytest.raises(ProxyError, match="HTTP only"):
        nginx.driver.preview(replace(backend("shop", old.members), protocol="tcp"))
