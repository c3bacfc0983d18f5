# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What both proxy drivers promise, kept by a real HAProxy and a real nginx."""

from __future__ import annotations

import threading
import time
from dataclasses import replace

from ansible_collections.hundred.containers.plugins.module_utils.definition.model import Route
from ansible_collections.hundred.containers.plugins.module_utils.proxy.protocol import Member

from tests.integration.proxies.replicas import Replicas
from tests.integration.proxies.running import (
    USERS_HOST,
    ProxyUnderTest,
    backend,
    deploy,
    drained,
)

HOST = "shop.example.com"
NOWHERE = 404


def test_a_fresh_proxy_is_ready_and_knows_no_service(proxy: ProxyUnderTest) -> None:
    proxy.driver.ready()
    seen = proxy.driver.observe("shop")
    assert seen.committed is None
    assert seen.serving == {}


def test_a_first_commit_serves_every_member(proxy: ProxyUnderTest, old: Replicas) -> None:
    wanted = backend("shop", old.members)
    assert deploy(proxy.driver, wanted) is True
    for number in range(20):
        assert proxy.get(f"/echo?id={number}", HOST)[0] == 200
    assert all(app.request("/ids")[1] for app in old.apps)
    seen = proxy.driver.observe("shop")
    assert seen.committed == wanted
    assert seen.serving == {"shop-g1-1": "ready", "shop-g1-2": "ready"}
    assert seen.addresses == {member.name: member.endpoint for member in old.members}
    assert seen.in_step


def test_the_same_commit_again_changes_nothing(proxy: ProxyUnderTest, old: Replicas) -> None:
    wanted = backend("shop", old.members)
    deploy(proxy.driver, wanted)
    before = proxy.config.stat()
    assert deploy(proxy.driver, wanted) is False
    after = proxy.config.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert proxy.driver.preview(wanted).changed is False
    assert proxy.driver.preview(wanted).reload is False


def test_a_preview_is_what_commit_does_and_changes_nothing(
    proxy: ProxyUnderTest, old: Replicas, new: Replicas
) -> None:
    deploy(proxy.driver, backend("shop", old.members))
    wanted = backend("shop", new.members, [Route(HOST), Route("www.example.com")])
    before = proxy.config.read_text()
    preview = proxy.driver.preview(wanted)
    assert proxy.config.read_text() == before == preview.before
    assert proxy.release(HOST) == "shop-g1"
    assert proxy.get("/", "www.example.com")[0] == NOWHERE
    assert deploy(proxy.driver, wanted) is preview.reload is True
    assert proxy.config.read_text() == preview.after


def test_after_a_swap_only_the_new_members_answer(
    proxy: ProxyUnderTest, old: Replicas, new: Replicas
) -> None:
    deploy(proxy.driver, backend("shop", old.members))
    wanted = backend("shop", new.members)
    deploy(proxy.driver, wanted)
    assert drained(proxy.driver, wanted, old.members) == 0
    assert {proxy.release(HOST) for _unused in range(20)} == {"shop-g2"}
    assert old.stop() == ["in_flight_at_sigterm=0 requests_after=0"] * 2
    proxy.driver.forget(wanted, old.members)
    seen = proxy.driver.observe("shop")
    assert seen.serving == {"shop-g2-1": "ready", "shop-g2-2": "ready"}
    assert seen.in_step


def test_a_swap_can_be_taken_back(proxy: ProxyUnderTest, old: Replicas, new: Replicas) -> None:
    first, second = backend("shop", old.members), backend("shop", new.members)
    deploy(proxy.driver, first)
    deploy(proxy.driver, second)
    proxy.driver.drain(second, old.members)
    deploy(proxy.driver, first)
    assert drained(proxy.driver, first, new.members) == 0
    new.stop()
    proxy.driver.forget(first, new.members)
    assert {proxy.release(HOST) for _unused in range(10)} == {"shop-g1"}
    assert proxy.driver.observe("shop").in_step


def test_members_that_stay_are_not_touched_when_one_leaves(proxy: ProxyUnderTest) -> None:
    with Replicas("shop", 1, 3) as replicas:
        deploy(proxy.driver, backend("shop", replicas.members))
        wanted = backend("shop", replicas.members[:2])
        deploy(proxy.driver, wanted)
        assert drained(proxy.driver, wanted, replicas.members[2:]) == 0
        seen = proxy.driver.observe("shop")
        assert seen.in_step
        ready = {name for name, state in seen.serving.items() if state == "ready"}
        assert ready == {"shop-g1-1", "shop-g1-2"}


def test_a_member_of_the_same_name_at_another_address_takes_its_place(
    proxy: ProxyUnderTest, old: Replicas
) -> None:
    deploy(proxy.driver, backend("shop", old.members))
    with Replicas("shop", 3, 1) as moved:
        member = replace(moved.members[0], name="shop-g1-1")
        wanted = backend("shop", [member])
        deploy(proxy.driver, wanted)
        assert drained(proxy.driver, wanted, old.members[1:]) == 0
        assert {proxy.release(HOST) for _unused in range(10)} == {"shop-g3"}
        assert proxy.driver.observe("shop").addresses["shop-g1-1"] == member.endpoint


def test_a_service_without_members_answers_503_until_it_has_some(
    proxy: ProxyUnderTest, old: Replicas
) -> None:
    proxy.driver.commit(backend("shop"))
    assert proxy.get("/", HOST)[0] == 503
    deploy(proxy.driver, backend("shop", old.members))
    assert proxy.release(HOST) == "shop-g1"
    proxy.driver.commit(backend("shop"))
    proxy.driver.retire(backend("shop"), old.members)
    assert proxy.get("/", HOST)[0] == 503


def test_a_removed_service_is_no_longer_routed(proxy: ProxyUnderTest, old: Replicas) -> None:
    proxy.config.write_text("# hundred.containers: no service yet.\n")
    assert proxy.driver.remove("shop") is False
    assert proxy.driver.preview_removal("shop").changed is False
    deploy(proxy.driver, backend("shop", old.members))
    preview = proxy.driver.preview_removal("shop")
    assert proxy.release(HOST) == "shop-g1"
    assert proxy.driver.remove("shop") is preview.reload is True
    assert proxy.config.read_text() == preview.after
    assert proxy.get("/", HOST)[0] == NOWHERE
    assert proxy.driver.remove("shop") is False


def test_draining_a_member_that_is_still_committed_takes_it_out(
    proxy: ProxyUnderTest, old: Replicas
) -> None:
    wanted = backend("shop", old.members)
    deploy(proxy.driver, wanted)
    assert drained(proxy.driver, wanted, old.members[:1]) == 0
    old.apps[0].terminate()
    assert {proxy.get("/version", HOST)[0] for _unused in range(10)} == {200}


def test_ten_members_are_proved_at_once_however_slow_their_health_check(
    proxy: ProxyUnderTest,
) -> None:
    with Replicas("shop", 1, 10, HEALTH_DELAY="0.7") as many:
        began = time.monotonic()
        deploy(proxy.driver, backend("shop", many.members))
        assert time.monotonic() - began < 5


def test_a_hundred_members_and_long_names_of_hosts_are_taken(
    proxy: ProxyUnderTest, old: Replicas
) -> None:
    names = [f"{'a' * 60}.{'b' * 60}.{number}.example.com" for number in range(40)]
    ports = [member.port for member in old.members]
    many = [Member(f"shop-g1-{slot}", "127.0.0.1", ports[slot % 2]) for slot in range(1, 101)]
    wanted = replace(backend("shop", many), routes=tuple(Route(name, "/") for name in names))
    deploy(proxy.driver, wanted)
    assert proxy.driver.observe("shop").committed == wanted
    assert proxy.get("/version", names[-1])[0] == 200


def test_the_users_own_site_is_served_throughout(proxy: ProxyUnderTest, old: Replicas) -> None:
    users = proxy.users_config.read_text()
    deploy(proxy.driver, backend("shop", old.members, [Route(None, "/")]))
    assert "the user's" in proxy.get("/", USERS_HOST, port=proxy.users_port)[1]
    proxy.driver.remove("shop")
    assert "the user's" in proxy.get("/", USERS_HOST, port=proxy.users_port)[1]
    assert proxy.users_config.read_text() == users


def test_two_services_at_once_share_the_proxy_and_its_file(
    proxy: ProxyUnderTest, old: Replicas, new: Replicas
) -> None:
    failures: list[BaseException] = []

    def swap(service: str, generations: list[Replicas]) -> None:
        try:
            for generation in generations:
                deploy(proxy.driver, backend(service, generation.members))
        except BaseException as error:  # noqa: BLE001  told to the test's own thread
            failures.append(error)

    with Replicas("blog", 1, 1) as blog, Replicas("blog", 2, 1) as blog_again:
        plans = {"shop": [old, new, old, new], "blog": [blog, blog_again, blog, blog_again]}
        threads = [threading.Thread(target=swap, args=plan) for plan in plans.items()]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []
        for service, release in (("shop", "shop-g2"), ("blog", "blog-g2")):
            committed = proxy.driver.observe(service).committed
            assert committed is not None
            assert {item.name.rpartition("-")[0] for item in committed.members} == {release}
        drained(proxy.driver, backend("shop", new.members), old.members)
        drained(proxy.driver, backend("blog", blog_again.members), blog.members)
        assert proxy.release("shop.example.com") == "shop-g2"
        assert proxy.release("blog.example.com") == "blog-g2"
        assert proxy.driver.observe("shop").in_step
        assert proxy.driver.observe("blog").in_step


def test_an_http_service_without_a_health_path_is_verified_by_any_answer(
    proxy: ProxyUnderTest, old: Replicas, new: Replicas
) -> None:
    # The application answers "/" with 404.
    deploy(proxy.driver, backend("shop", old.members, path=None))
    deploy(proxy.driver, backend("shop", new.members, path=None))
    assert proxy.driver.observe("shop").committed is not None
