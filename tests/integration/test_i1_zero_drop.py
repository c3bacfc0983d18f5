# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""I1: no request is lost by a swap, measured by the open-loop client through the proxy."""

from __future__ import annotations

import json
import os
import time
from typing import Any

import pytest

from tests.load.process import LoadProcess
from tests.load.result import Result
from tests.load.traffic import Kind, Outcome

from .conftest import PORTS, release_of
from .service_host import ServiceHost

SWAPS = int(os.environ.get("HUNDRED_TEST_SWAPS", "20"))

# A folder of the host where every replica appends the ids that it has processed.
IDS = "/srv/test-ids"

KEEPALIVE = (Kind.GET_KEEPALIVE, Kind.POST_KEEPALIVE)
# Seconds; a slow request takes two.
AT_ONCE = 0.1


def load_on(target: ServiceHost, *arguments: str) -> LoadProcess:
    """The open-loop client against the service on a host, through its proxy."""
    url = f"http://{target.host.address}:{PORTS[target.driver]}"
    return LoadProcess(url, "--host", "shop.test", *arguments)


def logged(web: dict[str, Any], target: ServiceHost) -> dict[str, Any]:
    """The service with a log of processed ids."""
    target.host.run(f"rm -rf {IDS}; mkdir -p {IDS}; chown 10001:10001 {IDS}")
    environment = {**web.get("environment", {}), "APP_IDS_DIR": "/ids"}
    return {**web, "environment": environment, "volumes": [f"{IDS}:/ids"]}


def processed(target: ServiceHost) -> list[str]:
    """Every id that a replica has processed, once for each time."""
    return target.host.run(f"cat {IDS}/*").stdout.split()


def assert_nothing_lost(result: Result, target: ServiceHost) -> None:
    """Zero lost and zero duplicated requests; on nginx idle keep-alive resets are counted apart.

    nginx closes idle client connections when it reloads, and a request that is on its way at that
    moment meets a closed connection: docs/zero-drop.md states it.
    """
    report = json.dumps([vars(item) for item in result.failures[:5]], indent=1)
    if target.driver == "nginx":
        race = result.count(Outcome.RESET_REUSED, kinds=KEEPALIVE)
        # Slow requests are sent on such connections too. One that was in flight is a loss; one that
        # met a closed connection knows it at once.
        race += sum(
            item.kind == "slow"
            and item.outcome == "reset reused"
            and item.ended - item.at < AT_ONCE
            for item in result.failures
        )
        assert result.lost == race, report
    else:
        assert result.lost == 0, report
    # The client's own honesty: on a starved machine it cannot keep its schedule, and proves less.
    assert result.unsent <= result.sent // 10


@pytest.mark.timeout(600)
def test_i1_twenty_swaps_under_load_lose_and_duplicate_nothing(
    target, digests, web, record_property
):
    web = logged({**web, "update": {"monitor": "0s", "parallelism": 2}}, target)
    first = target.rollout({**web, **release_of(digests, "v1")})
    assert not first.failed, first.output
    with load_on(
        target, "--rate", "300", "--slow", "2", "--streams", "1", "--stream-seconds", "3"
    ) as load:
        for number in range(SWAPS):
            name = ("v2", "v1")[number % 2]
            result = target.rollout({**web, **release_of(digests, name)})
            assert not result.failed, result.output
            assert result.changed
    found = load.result
    log = found.check_server_log(processed(target))
    resets = found.count(Outcome.RESET_REUSED)
    record_property("requests", found.sent)
    record_property("resets_of_reused_connections", resets)
    print(
        f"{target.driver}: {SWAPS} swaps, {found.sent} requests, {found.lost} lost, of which "
        f"{resets} resets of reused connections; {len(log.duplicates)} duplicates"
    )
    assert_nothing_lost(found, target)
    assert log.duplicates == []
    assert log.unlogged == []
    releases = found.total.releases
    assert releases["v1"] > 0 and releases["v2"] > 0, "no swap happened under load"
    assert found.count(Outcome.OK, kinds=(Kind.SLOW,)) > SWAPS
    assert found.count(Outcome.OK, kinds=(Kind.STREAM,)) >= SWAPS // 2


@pytest.mark.once
@pytest.mark.timeout(300)
def test_i1_scaling_up_and_down_under_load_loses_nothing(target, digests, web):
    web = logged({**web, "update": {"monitor": "0s", "parallelism": 2}}, target)
    options = {**web, **release_of(digests, "v1")}
    target.must_deploy(options)
    before = target.identities()
    with load_on(target, "--rate", "200", "--slow", "2") as load:
        up = target.rollout({**options, "replicas": 4})
        assert not up.failed, up.output
        running = target.identities()
        assert before.items() <= running.items(), "a replica that stays was touched"
        assert len(target.containers("shop")) == 4
        down = target.rollout({**options, "replicas": 1})
        assert not down.failed, down.output
        assert len(target.containers("shop")) == 1
    assert_nothing_lost(load.result, target)


@pytest.mark.timeout(300)
def test_i1_stop_first_with_several_replicas_loses_nothing(target, digests, web):
    update = {"order": "stop-first", "parallelism": 1, "monitor": "0s"}
    web = logged({**web, "replicas": 3, "update": update}, target)
    target.must_deploy({**web, **release_of(digests, "v1")})
    with load_on(target, "--rate", "200", "--slow", "2") as load:
        result = target.rollout({**web, **release_of(digests, "v2")})
    assert not result.failed, result.output
    assert_nothing_lost(load.result, target)
    assert load.result.total.releases["v2"] > 0
    assert sorted(target.containers("shop")) == ["shop-g2-1", "shop-g2-2", "shop-g2-3"]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("order", ["start-first", "stop-first"])
def test_i1_what_takes_longer_than_the_grace_period_is_answered_before_the_stop(
    target, digests, web, order
):
    # An application that is given time after SIGTERM hides that it got it too early.
    update = {"order": order, "parallelism": 1, "monitor": "0s"}
    options = {**web, "update": update, "stop_grace_period": "1s"}
    target.must_deploy({**options, **release_of(digests, "v1")})
    with load_on(target, "--rate", "50", "--slow", "4", "--slow-seconds", "6") as load:
        time.sleep(1)
        result = target.rollout({**options, **release_of(digests, "v2")})
    assert not result.failed, result.output
    assert_nothing_lost(load.result, target)
    assert result["notes"] == []


@pytest.mark.once
@pytest.mark.timeout(300)
def test_i1_nothing_is_waited_for_longer_than_drain_timeout_and_that_is_told(target, digests, web):
    options = {**web, "update": {"monitor": "0s"}, "drain_timeout": "2s"}
    target.must_deploy({**options, **release_of(digests, "v1")})
    url = f"http://127.0.0.1:{PORTS[target.driver]}/slow?seconds=60"
    ask = ["curl", "-s", "--max-time", "60", "-H", "Host: shop.test", url]
    target.host.run(["systemd-run", "--quiet", "--collect", "--unit=asks", *ask])
    try:
        time.sleep(1)
        result = target.rollout({**options, **release_of(digests, "v2")})
    finally:
        target.host.run(["systemctl", "stop", "asks"], check=False)
    assert not result.failed, result.output
    told = "1 still in flight to the old replicas after drain_timeout (2s)"
    assert told in result["notes"], result.output
    # The drain, the grace period of 5 s for the one that is at work, and a swap.
    assert result["seconds"] < 2 + 5 + 10


@pytest.mark.timeout(300)
def test_i1_a_second_service_on_the_same_proxy_loses_nothing_when_the_first_is_swapped(
    target, digests, web
):
    routes = [{"host": "other.test"}, {"host": "shop.test", "path": "/other"}]
    other = {**web, "name": "other", "routes": routes}
    target.must_deploy({**logged(web, target), **release_of(digests, "v1")})
    added = target.rollout({**other, **release_of(digests, "v3")})
    assert not added.failed, added.output
    url = f"http://{target.host.address}:{PORTS[target.driver]}"
    with LoadProcess(url, "--host", "other.test", "--rate", "200", "--slow", "2") as load:
        for name in ("v2", "v1"):
            result = target.rollout({**logged(web, target), **release_of(digests, name)})
            assert not result.failed, result.output
    assert_nothing_lost(load.result, target)
    assert set(load.result.total.releases) == {"v3"}
