# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What only the HAProxy driver does: TCP services, members that change without a reload, ports."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest
from ansible_collections.hundred.containers.plugins.module_utils.definition.model import Route
from ansible_collections.hundred.containers.plugins.module_utils.errors import ProxyError
from ansible_collections.hundred.containers.plugins.module_utils.proxy.haproxy_runtime import (
    HAProxyRuntime,
)
from ansible_collections.hundred.containers.plugins.module_utils.proxy.protocol import Backend

from tests.integration.proxies import (
    ProxyUnderTest,
    backend,
    deploy,
    drained,
    free_port,
    request_under_way,
    wait_for,
)
from tests.integration.replicas import Replicas, mirror

HOST = "shop.example.com"


@pytest.fixture
def proxy() -> Iterator[ProxyUnderTest]:
    with ProxyUnderTest("haproxy") as running:
        yield running


@pytest.fixture
def old() -> Iterator[Replicas]:
    with Replicas("shop", 1, 2) as replicas:
        yield replicas


@pytest.fixture
def new() -> Iterator[Replicas]:
    with Replicas("shop", 2, 2) as replicas:
        yield replicas


def runtime(proxy: ProxyUnderTest) -> HAProxyRuntime:
    return HAProxyRuntime(proxy.settings["master_socket"])


def worker(proxy: ProxyUnderTest) -> int:
    current = runtime(proxy).workers().current
    assert current is not None
    return current


def test_a_swap_of_members_does_not_reload(
    proxy: ProxyUnderTest, old: Replicas, new: Replicas
) -> None:
    deploy(proxy.driver, backend("shop", old.members))
    before = worker(proxy)
    wanted = backend("shop", new.members)
    assert proxy.driver.preview(wanted).reload is False
    assert deploy(proxy.driver, wanted) is False
    drained(proxy.driver, wanted, old.members)
    old.stop()
    proxy.driver.forget(wanted, old.members)
    assert worker(proxy) == before


@pytest.mark.parametrize("change", ["routes", "check", "port of the proxy"])
def test_anything_but_members_is_loaded_by_a_reload(
    proxy: ProxyUnderTest, old: Replicas, change: str
) -> None:
    wanted = backend("shop", old.members)
    deploy(proxy.driver, wanted)
    if change == "routes":
        wanted = replace(wanted, routes=(Route("www.example.com"),))
    elif change == "check":
        wanted = replace(wanted, check=replace(wanted.check, interval=7.0))
    else:
        proxy.settings["http_port"] = proxy.http_port = free_port()
    assert proxy.driver.preview(wanted).reload is True
    assert deploy(proxy.driver, wanted) is True
    host = wanted.routes[0].host or ""
    assert proxy.release(host) == "shop-g1"


def test_admitted_members_take_requests_next_to_the_old_ones(
    proxy: ProxyUnderTest, old: Replicas, new: Replicas
) -> None:
    deploy(proxy.driver, backend("shop", old.members))
    wanted = backend("shop", new.members)
    proxy.driver.admit(wanted, new.members)
    assert {proxy.release(HOST) for _unused in range(20)} == {"shop-g1", "shop-g2"}
    seen = proxy.driver.observe("shop")
    assert seen.in_step is False
    assert set(seen.serving.values()) == {"ready"}
    assert len(seen.serving) == 4


def test_after_drain_or_retire_a_member_takes_no_request_until_it_is_admitted_again(
    proxy: ProxyUnderTest, old: Replicas, new: Replicas
) -> None:
    deploy(proxy.driver, backend("shop", old.members))
    wanted = backend("shop", new.members)
    proxy.driver.admit(wanted, new.members)
    for leave, state in ((proxy.driver.drain, "drain"), (proxy.driver.retire, "maint")):
        leave(wanted, new.members)
        assert {proxy.release(HOST) for _unused in range(20)} == {"shop-g1"}
        assert proxy.driver.observe("shop").serving["shop-g2-1"] == state
        assert proxy.driver.observe("shop").in_step
        proxy.driver.admit(wanted, new.members)
        proxy.driver.verify(wanted, new.members)
        assert {proxy.release(HOST) for _unused in range(20)} == {"shop-g1", "shop-g2"}


def test_a_member_that_was_added_and_not_enabled_by_a_killed_run_is_admitted(
    proxy: ProxyUnderTest, old: Replicas, new: Replicas
) -> None:
    deploy(proxy.driver, backend("shop", old.members))
    member = new.members[0]
    command = f"add server hundred_shop/{member.name} {member.endpoint} check"
    runtime(proxy).order(worker(proxy), [command])
    wanted = backend("shop", new.members)
    proxy.driver.admit(wanted, new.members)
    proxy.driver.verify(wanted, new.members)
    assert proxy.driver.observe("shop").serving[member.name] == "ready"


def test_a_member_that_does_not_listen_fails_the_verification(
    proxy: ProxyUnderTest, old: Replicas, new: Replicas
) -> None:
    deploy(proxy.driver, backend("shop", old.members))
    proxy.settings["verify_deadline"] = 1.0
    dead = replace(new.members[0], port=free_port())
    wanted = backend("shop", [dead, new.members[1]])
    proxy.driver.admit(wanted, wanted.members)
    with pytest.raises(ProxyError) as caught:
        proxy.driver.verify(wanted, wanted.members)
    assert caught.value.replica == dead.name
    assert proxy.release(HOST) in ("shop-g1", "shop-g2")


def test_a_member_with_a_request_is_not_deleted_until_the_request_has_ended(
    proxy: ProxyUnderTest, old: Replicas, new: Replicas
) -> None:
    deploy(proxy.driver, backend("shop", old.members))
    with request_under_way(proxy.http_port, HOST, "/slow?seconds=4&id=a") as slow:
        time.sleep(0.2)
        wanted = backend("shop", new.members)
        deploy(proxy.driver, wanted)
        proxy.driver.retire(wanted, old.members)
        proxy.driver.forget(wanted, old.members)
        left = {name for name in proxy.driver.observe("shop").serving if "g1" in name}
        assert len(left) == 1
        assert proxy.driver.observe("shop").in_step
        assert slow.recv(65536).startswith(b"HTTP/1.1 200")
    proxy.driver.forget(wanted, old.members)
    assert set(proxy.driver.observe("shop").serving) == {"shop-g2-1", "shop-g2-2"}


def test_a_port_that_another_program_has_is_refused_before_any_reload(
    proxy: ProxyUnderTest, old: Replicas
) -> None:
    deploy(proxy.driver, backend("shop", old.members))
    before, file = worker(proxy), proxy.config.read_text()
    with socket.create_server(("127.0.0.1", 0)) as taken, Replicas("db", 1, 1, MODE="tcp") as db:
        port = taken.getsockname()[1]
        with pytest.raises(ProxyError, match=f"port {port}"):
            proxy.driver.commit(tcp_backend(db, port))
    assert worker(proxy) == before
    assert proxy.config.read_text() == file


def test_a_port_that_the_users_own_frontend_has_is_refused(
    proxy: ProxyUnderTest, old: Replicas
) -> None:
    proxy.settings["http_port"] = proxy.users_port
    with pytest.raises(ProxyError, match="users_own"):
        proxy.driver.commit(backend("shop", old.members))
    assert proxy.get("/", port=proxy.users_port) == (200, "the user's")


def test_a_reload_that_cannot_bind_leaves_haproxy_running(
    proxy: ProxyUnderTest, old: Replicas
) -> None:
    # An abstract socket in the configuration would end the worker here: HAProxy cannot pause it.
    deploy(proxy.driver, backend("shop", old.members))
    before = worker(proxy)
    users = proxy.users_config.read_text()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        clash = f"\nfrontend clash\n    bind 127.0.0.1:{taken.getsockname()[1]}\n"
        proxy.users_config.write_text(users + clash)
        proxy.foreign_reload()
        wait_for(lambda: runtime(proxy).workers().failed == 1)
        assert worker(proxy) == before
        assert proxy.release(HOST) == "shop-g1"
        proxy.users_config.write_text(users)
    assert proxy.driver.observe("shop").in_step


def test_haproxy_started_without_our_file_is_told(proxy: ProxyUnderTest) -> None:
    proxy.settings["config_path"] = str(proxy.folder / "other.cfg")
    with pytest.raises(ProxyError, match="was not started with") as caught:
        proxy.driver.ready()
    assert "EXTRAOPTS" in (caught.value.next_step or "")


def test_haproxy_started_with_another_file_behind_ours_is_told(proxy: ProxyUnderTest) -> None:
    proxy.settings["config_path"] = str(proxy.users_config)
    with pytest.raises(ProxyError, match="behind"):
        proxy.driver.ready()


def test_our_file_is_loaded_without_a_warning(proxy: ProxyUnderTest, old: Replicas) -> None:
    with Replicas("db", 1, 1, MODE="tcp") as db:
        proxy.driver.commit(tcp_backend(db, free_port()))
        deploy(proxy.driver, backend("shop", old.members))
        warnings = [line for line in proxy.output.splitlines() if "config :" in line]
        assert warnings == []


def test_the_configuration_sees_the_environment_that_haproxy_was_started_with(
    proxy: ProxyUnderTest, old: Replicas, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy.stop()
    users = proxy.users_config.read_text().replace("maxconn 2000", 'maxconn "${USERS_MAXCONN}"')
    proxy.users_config.write_text(users)
    monkeypatch.setenv("USERS_MAXCONN", "1500")
    proxy.start()
    monkeypatch.delenv("USERS_MAXCONN")
    assert deploy(proxy.driver, backend("shop", old.members)) is True


def test_a_request_that_an_old_worker_passes_on_comes_from_its_client(
    proxy: ProxyUnderTest,
) -> None:
    own = subprocess.run(["hostname", "-I"], stdout=subprocess.PIPE, check=True, text=True).stdout
    address = next(word for word in own.split() if ":" not in word)
    request = f"GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode()
    with mirror("shop") as member:
        proxy.driver.commit(backend("shop", [member]))
        with socket.create_connection((address, proxy.http_port), timeout=5) as client:
            client.sendall(request)
            assert client.recv(65536).startswith(b"HTTP/1.1 200")
            before = worker(proxy)
            proxy.foreign_reload()
            assert before in runtime(proxy).workers().old
            client.sendall(request)
            answer = client.recv(65536)
    seen = json.loads(answer.partition(b"\r\n\r\n")[2])["headers"]
    assert seen["x-forwarded-for"] == address
    assert seen["x-forwarded-proto"] == "http"


# -- TCP -----------------------------------------------------------------------------------------


def tcp_backend(replicas: Replicas, port: int) -> Backend:
    return backend("db", replicas.members, [Route(published=port)], protocol="tcp", interval=0.3)


def echo(connection: socket.socket, text: bytes) -> bytes:
    connection.sendall(text)
    return connection.recv(4096)


def test_a_tcp_service_is_swapped_and_its_connections_last_until_they_are_closed(
    proxy: ProxyUnderTest,
) -> None:
    port = free_port()
    with Replicas("db", 1, 2, MODE="tcp") as old, Replicas("db", 2, 2, MODE="tcp") as new:
        assert deploy(proxy.driver, tcp_backend(old, port)) is True
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            assert echo(connection, b"before\n") == b"before\n"
            wanted = tcp_backend(new, port)
            assert deploy(proxy.driver, wanted) is False
            assert drained(proxy.driver, wanted, old.members, seconds=0.3) == 1
            assert echo(connection, b"during\n") == b"during\n"
        wait_for(lambda: proxy.driver.in_flight(wanted, old.members) == 0)
        old.kill()
        proxy.driver.forget(wanted, old.members)
        for _unused in range(6):
            with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
                assert echo(connection, b"after\n") == b"after\n"
        assert proxy.driver.observe("db").in_step
        proxy.driver.remove("db")
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), timeout=5)


def test_a_tcp_member_that_does_not_listen_fails_the_verification(proxy: ProxyUnderTest) -> None:
    port = free_port()
    proxy.settings["verify_deadline"] = 2.0
    with Replicas("db", 1, 1, MODE="tcp") as old:
        deploy(proxy.driver, tcp_backend(old, port))
        wanted = tcp_backend(old, port)
        dead = replace(old.members[0], name="db-g2-1", port=free_port())
        wanted = replace(wanted, members=(dead,))
        proxy.driver.admit(wanted, wanted.members)
        with pytest.raises(ProxyError, match=re.escape("db-g2-1")):
            proxy.driver.verify(wanted, wanted.members)


def test_nginx_refuses_a_tcp_service(old: Replicas) -> None:
    with ProxyUnderTest("nginx") as nginx, pytest.raises(ProxyError, match="HTTP only"):
        nginx.driver.preview(replace(backend("shop", old.members), protocol="tcp"))
