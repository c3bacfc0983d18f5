# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Swaps and reloads under load: what the drivers promise about lost requests."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from ansible_collections.hundred.containers.plugins.module_utils.definition.model import Route

from tests.integration.proxies.replicas import Replicas
from tests.integration.proxies.running import ProxyUnderTest, backend, deploy, drained
from tests.load.process import LoadProcess
from tests.load.report import as_text
from tests.load.result import Result
from tests.load.traffic import Outcome

HOST = "shop.example.com"
SWAPS = 6


@contextmanager
def under_load(proxy: ProxyUnderTest, *more: str) -> Iterator[LoadProcess]:
    """GET and POST, kept alive and not, at 300 a second; slow requests, a stream, a websocket."""
    options = ["--host", HOST, "--rate", "300", "--slow", "3", "--slow-seconds", "1"]
    options += ["--streams", "1", "--websockets", "1", "--stream-seconds", "2", *more]
    with LoadProcess(f"http://127.0.0.1:{proxy.http_port}", *options) as load:
        time.sleep(0.5)
        yield load


def assert_nothing_lost(proxy: ProxyUnderTest, result: Result, processed: list[str]) -> None:
    log = result.check_server_log(processed)
    told = f"{as_text(result)}\n{result.failures}\n{log}"
    print(told)
    allowed = 0
    if proxy.name == "nginx":
        # nginx closes idle connections in a reload, also one on which a request is just coming in.
        allowed = result.count(Outcome.RESET_REUSED)
        assert allowed <= result.sent / 100, told
    assert result.lost == allowed, told
    assert result.server_log is not None
    assert result.server_log.duplicates == [], told


def swap_repeatedly(proxy: ProxyUnderTest, swaps: int, new_route_each_time: bool) -> None:
    """Swap under load, each time to new processes, and judge every replica's last words."""
    processed: list[str] = []
    last_words: list[str] = []
    current = Replicas("shop", 1, 2)
    try:
        deploy(proxy.driver, backend("shop", current.members))
        with under_load(proxy) as load:
            for generation in range(2, swaps + 2):
                new = Replicas("shop", generation, 2)
                routes = [Route(HOST)]
                if new_route_each_time:
                    routes.append(Route(f"g{generation}.example.com"))
                wanted = backend("shop", new.members, routes)
                deploy(proxy.driver, wanted)
                assert drained(proxy.driver, wanted, current.members) == 0
                last_words += current.stop()
                proxy.driver.forget(wanted, current.members)
                processed += current.processed()
                current.__exit__(None, None, None)
                current = new
            assert proxy.driver.observe("shop").in_step
            assert proxy.release(HOST) == f"shop-g{swaps + 1}"
        result = load.result
        last_words += current.stop()
        processed += current.processed()
    finally:
        current.__exit__(None, None, None)
    assert_nothing_lost(proxy, result, processed)
    assert set(last_words) == {"in_flight_at_sigterm=0 requests_after=0"}


def test_swaps_under_load_lose_and_repeat_nothing(proxy: ProxyUnderTest) -> None:
    swap_repeatedly(proxy, SWAPS, new_route_each_time=False)


def test_swaps_with_new_routes_under_load_lose_and_repeat_nothing(proxy: ProxyUnderTest) -> None:
    swap_repeatedly(proxy, SWAPS, new_route_each_time=True)


def test_swaps_with_foreign_reloads_all_the_time_lose_and_repeat_nothing(
    proxy: ProxyUnderTest,
) -> None:
    over = threading.Event()

    def reload_again_and_again() -> None:
        while not over.wait(0.7):
            proxy.foreign_reload()

    thread = threading.Thread(target=reload_again_and_again)
    thread.start()
    try:
        swap_repeatedly(proxy, 3, new_route_each_time=False)
    finally:
        over.set()
        thread.join()


def test_swaps_of_one_service_lose_nothing_of_another(proxy: ProxyUnderTest) -> None:
    first, second = Replicas("blog", 1, 1), Replicas("blog", 2, 1)
    with Replicas("shop", 1, 2) as shop, first as one, second as two:
        deploy(proxy.driver, backend("shop", shop.members))
        deploy(proxy.driver, backend("blog", one.members))
        with under_load(proxy) as load:
            for new, old in ((two, one), (one, two), (two, one)):
                wanted = backend("blog", new.members)
                deploy(proxy.driver, wanted)
                assert drained(proxy.driver, wanted, old.members) == 0
            proxy.driver.remove("blog")
        result = load.result
        shop.stop()
        assert_nothing_lost(proxy, result, shop.processed())
