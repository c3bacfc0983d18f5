# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What fails leaves the proxy serving what it served before, and says why."""

from __future__ import annotations

import socket
import subprocess
import time
from dataclasses import replace

import pytest
from ansible_collections.hundred.containers.plugins.module_utils.definition.model import Route
from ansible_collections.hundred.containers.plugins.module_utils.errors import ProxyError

from tests.integration.proxies.replicas import Replicas
from tests.integration.proxies.running import (
    USERS_HOST,
    ProxyUnderTest,
    backend,
    deploy,
    wait_for,
)

HOST = "shop.example.com"
NOWHERE = 404


def test_a_member_that_is_not_healthy_is_named_and_the_old_ones_go_on(
    proxy: ProxyUnderTest, old: Replicas
) -> None:
    deploy(proxy.driver, backend("shop", old.members))
    before = proxy.config.read_text()
    proxy.settings["verify_deadline"] = 1.5
    with Replicas("shop", 2, 1, UNHEALTHY="1") as sick:
        wanted = backend("shop", sick.members)
        with pytest.raises(ProxyError) as caught:
            deploy(proxy.driver, wanted)
        assert caught.value.replica == "shop-g2-1"
        assert "/up" in caught.value.message
        proxy.driver.retire(wanted, sick.members)
        assert proxy.config.read_text() == before
        assert {proxy.release(HOST) for _unused in range(10)} == {"shop-g1"}


def test_a_first_commit_that_fails_leaves_the_proxy_as_it_was(proxy: ProxyUnderTest) -> None:
    comment = "# hundred.containers: no service yet.\n"
    proxy.config.write_text(comment)
    proxy.settings["verify_deadline"] = 0.5
    with Replicas("shop", 1, 1, UNHEALTHY="1") as sick:
        wanted = backend("shop", sick.members)
        began = time.monotonic()
        with pytest.raises(ProxyError) as caught:
            deploy(proxy.driver, replace(wanted, check=replace(wanted.check, timeout=0.5)))
        assert time.monotonic() - began < 8
    assert "was put back" in (caught.value.serving or "")
    assert caught.value.replica == "shop-g1-1"
    assert proxy.config.read_text() == comment
    assert proxy.driver.observe("shop").in_step
    assert "shop-g1" not in proxy.get("/version", HOST)[1]
    assert proxy.get("/", USERS_HOST, port=proxy.users_port)[0] == 200


def test_a_sick_member_does_not_stop_the_commit_that_replaces_another(
    proxy: ProxyUnderTest, new: Replicas
) -> None:
    with Replicas("shop", 1, 2, UNHEALTHY_AFTER="3") as old:
        deploy(proxy.driver, backend("shop", old.members))
        time.sleep(3.5)
        mixed = backend("shop", [new.members[0], old.members[1]])
        proxy.driver.admit(mixed, new.members[:1])
        proxy.driver.verify(mixed, new.members[:1])
        proxy.driver.commit(mixed)
        assert proxy.driver.observe("shop").committed == mixed


def test_a_configuration_that_the_proxy_refuses_is_not_put_in_place(
    proxy: ProxyUnderTest, old: Replicas
) -> None:
    deploy(proxy.driver, backend("shop", old.members))
    before = proxy.config.read_text()
    users = proxy.users_config.read_text()
    proxy.users_config.write_text(users + "\nnonsense of the user's\n")
    with pytest.raises(ProxyError) as caught:
        proxy.driver.commit(backend("shop", old.members, [Route("other.example.com")]))
    assert proxy.users_config.name in caught.value.message
    assert "before" in (caught.value.serving or "")
    assert proxy.config.read_text() == before
    assert [item.name for item in proxy.config.parent.glob(".*.new")] == []
    assert proxy.release(HOST) == "shop-g1"
    proxy.users_config.write_text(users)
    assert proxy.driver.observe("shop").in_step


def test_a_reload_that_does_not_take_effect_is_taken_back(
    proxy: ProxyUnderTest, old: Replicas
) -> None:
    deploy(proxy.driver, backend("shop", old.members))
    before = proxy.config.read_text()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        addition = {
            "haproxy": f"\nfrontend clash\n    bind 127.0.0.1:{port}\n",
            "nginx": f"    server {{ listen 127.0.0.1:{port}; }}\n",
        }[proxy.name]
        users = proxy.users_config.read_text()
        changed = users.rstrip().rstrip("}") + addition + ("}\n" if proxy.name == "nginx" else "")
        proxy.users_config.write_text(changed)
        proxy.settings["reload_deadline"] = 2.0
        with pytest.raises(ProxyError):
            proxy.driver.commit(backend("shop", old.members, [Route("other.example.com")]))
        proxy.users_config.write_text(users)
    assert proxy.config.read_text() == before
    wait_for(lambda: proxy.get("/version", HOST)[0] == 200)
    assert proxy.release(HOST) == "shop-g1"
    assert deploy(proxy.driver, backend("shop", old.members)) in (True, False)
    assert proxy.driver.observe("shop").in_step


def test_a_commit_that_was_killed_before_the_reload_is_completed_by_the_next(
    proxy: ProxyUnderTest, old: Replicas
) -> None:
    wanted = backend("shop", old.members)
    proxy.config.write_text(proxy.driver.preview(wanted).after)
    assert proxy.driver.observe("shop").in_step is False
    assert proxy.driver.preview(wanted).reload is True
    assert deploy(proxy.driver, wanted) is True
    assert proxy.release(HOST) == "shop-g1"
    assert proxy.driver.observe("shop").in_step


def test_after_a_restart_the_proxy_serves_what_was_committed(
    proxy: ProxyUnderTest, old: Replicas, new: Replicas
) -> None:
    deploy(proxy.driver, backend("shop", old.members))
    deploy(proxy.driver, backend("shop", new.members))
    proxy.kill()
    with pytest.raises(ProxyError) as caught:
        proxy.driver.ready()
    assert "start" in (caught.value.next_step or "")
    wait_for(lambda: proxy.get("/", HOST) == (0, ""))
    proxy.start()
    proxy.driver.ready()
    assert {proxy.release(HOST) for _unused in range(10)} == {"shop-g2"}
    assert proxy.driver.observe("shop").in_step


def test_a_full_disk_is_told_and_changes_nothing(
    proxy: ProxyUnderTest, old: Replicas, new: Replicas
) -> None:
    folder = str(proxy.config.parent)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", folder], check=True)
    try:
        proxy.config.touch()
        wanted = backend("shop", old.members)
        deploy(proxy.driver, wanted)
        before = proxy.config.read_text()
        room = proxy.config.parent / "filled"
        with pytest.raises(OSError, match="No space"):
            room.write_bytes(b"x" * 65536)
        with pytest.raises(ProxyError, match="No space left on device") as caught:
            deploy(proxy.driver, backend("shop", new.members, [Route("other.example.com")]))
        assert "room" in (caught.value.next_step or "")
        assert proxy.config.read_text() == before
        assert {item.name for item in proxy.config.parent.iterdir()} == {
            proxy.config.name,
            room.name,
        }
        assert proxy.release(HOST) == "shop-g1"
        room.unlink()
        deploy(proxy.driver, backend("shop", new.members, [Route("other.example.com")]))
        assert proxy.release("other.example.com") == "shop-g2"
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)
