# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What only the HAProxy driver does: members that change without a reload, ports, old workers."""

from __future__ import annotations

import json
import socket
import time
from dataclasses import replace

import pytest
from ansible_collections.hundred.containers.plugins.module_utils.definition.model import Route
from ansible_collections.hundred.containers.plugins.module_utils.errors import ProxyError
from ansible_collections.hundred.containers.plugins.module_utils.proxy.haproxy_runtime import (
    HAProxyRuntime,
)
from ansible_collections.hundred.containers.plugins.module_utils.proxy.protocol import Backend

from tests.integration.proxies.replicas import Replicas, mirror
from tests.integration.proxies.running import (
    ProxyUnderTest,
    backend,
    deploy,
    drained,
    request_under_way,
    wait_for,
)
from tests.ports import free_port, own_address

HOST = "shop.example.com"


def runtime(haproxy: ProxyUnderTest) -> HAProxyRuntime:
    return HAProxyRuntime(haproxy.settings["master_socket"])


def worker(haproxy: ProxyUnderTest) -> int:
    current = runtime(haproxy).workers().current
    assert current is not None
    return current


def tcp_backend(replicas: Replicas, port: int) -> Backend:
    return backend("db", replicas.members, [Route(published=port)], protocol="tcp", interval=0.3)


def test_its_own_exporter_tells_of_services_and_of_nothing_else(
    haproxy: ProxyUnderTest, old: Replicas
) -> None:
    port = free_port()
    haproxy.settings["metrics_address"] = f"127.0.0.1:{port}"
    deploy(haproxy.driver, backend("shop", old.members))
    status, text = haproxy.get("/metrics", port=port)[:2]
    assert status == 200 and "haproxy_server_status" in str(text) and "shop-g1-1" in str(text)
    assert haproxy.get("/", port=port)[0] == 404


def test_a_swap_of_members_does_not_reload(
    haproxy: ProxyUnderTest, old: Replicas, new: Replicas
) -> None:
    deploy(haproxy.driver, backend("shop", old.members))
    before = worker(haproxy)
    wanted = backend("shop", new.members)
    assert haproxy.driver.preview(wanted).reload is False
    assert deploy(haproxy.driver, wanted) is False
    drained(haproxy.driver, wanted, old.members)
    old.stop()
    haproxy.driver.forget(wanted, old.members)
    assert worker(haproxy) == before


@pytest.mark.parametrize("change", ["routes", "check", "port of the proxy"])
def test_anything_but_members_is_loaded_by_a_reload(
    haproxy: ProxyUnderTest, old: Replicas, change: str
) -> None:
    wanted = backend("shop", old.members)
    deploy(haproxy.driver, wanted)
    if change == "routes":
        wanted = replace(wanted, routes=(Route("www.example.com"),))
    elif change == "check":
        wanted = replace(wanted, check=replace(wanted.check, interval=7.0))
    else:
        haproxy.settings["http_port"] = haproxy.http_port = free_port()
    assert haproxy.driver.preview(wanted).reload is True
    assert deploy(haproxy.driver, wanted) is True
    host = wanted.routes[0].host or ""
    assert haproxy.release(host) == "shop-g1"


def test_admitted_members_take_requests_next_to_the_old_ones(
    haproxy: ProxyUnderTest, old: Replicas, new: Replicas
) -> None:
    deploy(haproxy.driver, backend("shop", old.members))
    wanted = backend("shop", new.members)
    haproxy.driver.admit(wanted, new.members)
    assert {haproxy.release(HOST) for _unused in range(20)} == {"shop-g1", "shop-g2"}
    seen = haproxy.driver.observe("shop")
    assert seen.in_step is False
    assert set(seen.serving.values()) == {"ready"}
    assert len(seen.serving) == 4


def test_after_drain_or_retire_a_member_takes_no_request_until_it_is_admitted_again(
    haproxy: ProxyUnderTest, old: Replicas, new: Replicas
) -> None:
    deploy(haproxy.driver, backend("shop", old.members))
    wanted = backend("shop", new.members)
    haproxy.driver.admit(wanted, new.members)
    for leave, state in ((haproxy.driver.drain, "drain"), (haproxy.driver.retire, "maint")):
        leave(wanted, new.members)
        assert {haproxy.release(HOST) for _unused in range(20)} == {"shop-g1"}
        assert haproxy.driver.observe("shop").serving["shop-g2-1"] == state
        assert haproxy.driver.observe("shop").in_step
        haproxy.driver.admit(wanted, new.members)
        haproxy.driver.verify(wanted, new.members)
        assert {haproxy.release(HOST) for _unused in range(20)} == {"shop-g1", "shop-g2"}


def test_a_member_that_was_added_and_not_enabled_by_a_killed_run_is_admitted(
    haproxy: ProxyUnderTest, old: Replicas, new: Replicas
) -> None:
    deploy(haproxy.driver, backend("shop", old.members))
    member = new.members[0]
    command = f"add server hundred_shop/{member.name} {member.endpoint} check"
    runtime(haproxy).order(worker(haproxy), [command])
    wanted = backend("shop", new.members)
    haproxy.driver.admit(wanted, new.members)
    haproxy.driver.verify(wanted, new.members)
    assert haproxy.driver.observe("shop").serving[member.name] == "ready"


def test_a_member_that_does_not_listen_fails_the_verification(
    haproxy: ProxyUnderTest, old: Replicas, new: Replicas
) -> None:
    deploy(haproxy.driver, backend("shop", old.members))
    haproxy.settings["verify_deadline"] = 1.0
    dead = replace(new.members[0], port=free_port())
    wanted = backend("shop", [dead, new.members[1]])
    haproxy.driver.admit(wanted, wanted.members)
    with pytest.raises(ProxyError) as caught:
        haproxy.driver.verify(wanted, wanted.members)
    assert caught.value.replica == dead.name
    assert haproxy.release(HOST) in ("shop-g1", "shop-g2")


def test_a_member_with_a_request_is_not_deleted_until_the_request_has_ended(
    haproxy: ProxyUnderTest, old: Replicas, new: Replicas
) -> None:
    deploy(haproxy.driver, backend("shop", old.members))
    with request_under_way(haproxy.http_port, HOST, "/slow?seconds=4&id=a") as slow:
        time.sleep(0.2)
        wanted = backend("shop", new.members)
        deploy(haproxy.driver, wanted)
        haproxy.driver.retire(wanted, old.members)
        haproxy.driver.forget(wanted, old.members)
        left = {name for name in haproxy.driver.observe("shop").serving if "g1" in name}
        assert len(left) == 1
        assert haproxy.driver.observe("shop").in_step
        assert slow.recv(65536).startswith(b"HTTP/1.1 200")
    haproxy.driver.forget(wanted, old.members)
    assert set(haproxy.driver.observe("shop").serving) == {"shop-g2-1", "shop-g2-2"}


def test_a_port_that_another_program_has_is_refused_before_any_reload(
    haproxy: ProxyUnderTest, old: Replicas
) -> None:
    deploy(haproxy.driver, backend("shop", old.members))
    before, file = worker(haproxy), haproxy.config.read_text()
    with socket.create_server(("127.0.0.1", 0)) as taken, Replicas("db", 1, 1, MODE="tcp") as db:
        port = taken.getsockname()[1]
        with pytest.raises(ProxyError, match=f"port {port}"):
            haproxy.driver.commit(tcp_backend(db, port))
    assert worker(haproxy) == before
    assert haproxy.config.read_text() == file


def test_a_port_that_the_users_own_frontend_has_is_refused(
    haproxy: ProxyUnderTest, old: Replicas
) -> None:
    haproxy.settings["http_port"] = haproxy.users_port
    with pytest.raises(ProxyError, match="users_own"):
        haproxy.driver.commit(backend("shop", old.members))
    assert haproxy.get("/", port=haproxy.users_port) == (200, "the user's")


def test_a_reload_that_cannot_bind_leaves_haproxy_running(
    haproxy: ProxyUnderTest, old: Replicas
) -> None:
    # An abstract socket in the configuration would end the worker here: HAProxy cannot pause it.
    deploy(haproxy.driver, backend("shop", old.members))
    before = worker(haproxy)
    users = haproxy.users_config.read_text()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        clash = f"\nfrontend clash\n    bind 127.0.0.1:{taken.getsockname()[1]}\n"
        haproxy.users_config.write_text(users + clash)
        haproxy.foreign_reload()
        wait_for(lambda: runtime(haproxy).workers().failed == 1)
        assert worker(haproxy) == before
        assert haproxy.release(HOST) == "shop-g1"
        haproxy.users_config.write_text(users)
    assert haproxy.driver.observe("shop").in_step


def test_haproxy_started_without_our_file_is_told(haproxy: ProxyUnderTest) -> None:
    haproxy.settings["config_path"] = str(haproxy.folder / "other.cfg")
    with pytest.raises(ProxyError, match="was not started with") as caught:
        haproxy.driver.ready()
    assert "EXTRAOPTS" in (caught.value.next_step or "")


def test_haproxy_started_with_another_file_behind_ours_is_told(haproxy: ProxyUnderTest) -> None:
    haproxy.settings["config_path"] = str(haproxy.users_config)
    with pytest.raises(ProxyError, match="behind"):
        haproxy.driver.ready()


def test_our_file_is_loaded_without_a_warning(haproxy: ProxyUnderTest, old: Replicas) -> None:
    with Replicas("db", 1, 1, MODE="tcp") as db:
        haproxy.driver.commit(tcp_backend(db, free_port()))
        deploy(haproxy.driver, backend("shop", old.members))
        warnings = [line for line in haproxy.output.splitlines() if "config :" in line]
        assert warnings == []


def test_the_configuration_sees_the_environment_that_haproxy_was_started_with(
    haproxy: ProxyUnderTest, old: Replicas, monkeypatch: pytest.MonkeyPatch
) -> None:
    haproxy.stop()
    users = haproxy.users_config.read_text().replace("maxconn 2000", 'maxconn "${USERS_MAXCONN}"')
    haproxy.users_config.write_text(users)
    monkeypatch.setenv("USERS_MAXCONN", "1500")
    haproxy.start()
    monkeypatch.delenv("USERS_MAXCONN")
    assert deploy(haproxy.driver, backend("shop", old.members)) is True


def test_a_request_that_an_old_worker_passes_on_comes_from_its_client(
    haproxy: ProxyUnderTest,
) -> None:
    address = own_address()
    request = f"GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode()
    with mirror("shop") as member:
        haproxy.driver.commit(backend("shop", [member]))
        with socket.create_connection((address, haproxy.http_port), timeout=5) as client:
            client.sendall(request)
            assert client.recv(65536).startswith(b"HTTP/1.1 200")
            before = worker(haproxy)
            haproxy.foreign_reload()
            assert before in runtime(haproxy).workers().old
            client.sendall(request)
            answer = client.recv(65536)
    seen = json.loads(answer.partition(b"\r\n\r\n")[2])["headers"]
    assert seen["x-forwarded-for"] == address
    assert seen["x-forwarded-proto"] == "http"
