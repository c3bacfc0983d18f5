# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""I1, I3, I4: rollouts that begin where people or killed runs have left something behind."""

from __future__ import annotations

import time

import pytest

from .conftest import PORTS, release_of
from .test_i1_zero_drop import assert_nothing_lost, load_on
from .test_i4_crash_safe import killed


def addresses(target) -> dict[str, str]:
    """The address of each of our containers, by name."""
    names = list(target.containers())
    form = "{{.Name}} {{range .NetworkSettings.Networks}}{{.IPAMConfig.IPv4Address}}{{end}}"
    rows = target.docker("inspect", "--format", form, *names)
    return dict(line.lstrip("/").split() for line in rows.splitlines())


def through_proxy(target) -> str:
    """The status of a request for the service through its proxy."""
    url = f"http://127.0.0.1:{PORTS[target.driver]}/up"
    form = ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "-H", "Host: shop.test", url]
    return target.host.run(form, check=False).stdout


@pytest.mark.once
@pytest.mark.timeout(300)
def test_i1_the_address_of_a_removed_container_leads_to_no_other_service(target, digests, web):
    release = release_of(digests, "v1")
    assert not target.rollout({**web, **release}).failed
    gone = addresses(target)["shop-g1-2"]
    target.docker("rm", "-f", "shop-g1-2")
    other = {**web, "name": "blog", "replicas": 1, "routes": [{"host": "blog.test"}]}
    assert not target.rollout({**other, **release}).failed
    assert addresses(target)["blog-g1-1"] != gone
    with load_on(target, "--rate", "150") as load:
        for name in ("v2", "v1"):
            swapped = target.rollout({**web, **release_of(digests, name)})
            assert not swapped.failed, swapped.output
            again = target.rollout({**web, **release_of(digests, name)})
            assert not again.changed, again.output
    # The removed replica's requests were lost before; none is from the first swap on.
    assert set(load.result.total.releases) <= {"v1", "v2"}
    replicas = {item["routed"] for item in target.info("shop")["replicas"]}
    assert replicas == {"ready"}


@pytest.mark.once
@pytest.mark.timeout(300)
def test_i10_requests_that_wait_for_a_removed_container_do_not_keep_the_next_one_out(
    target, digests, web
):
    web = {**web, "replicas": 1}
    assert not target.rollout({**web, **release_of(digests, "v1")}).failed
    with load_on(target, "--rate", "50"):
        for _again in range(2):
            before = addresses(target)["shop-g1-1"]
            target.docker("rm", "-f", "shop-g1-1")
            # These are being connected to the address where nobody is any more.
            time.sleep(0.5)
            back = target.call("service_rollout", {"name": "shop", "state": "started"})
            assert not back.failed, back.output
            assert addresses(target)["shop-g1-1"] != before
            assert through_proxy(target) == "200"


@pytest.mark.once
@pytest.mark.timeout(300)
def test_i1_going_on_after_a_failed_window_still_lets_requests_end(target, digests, web):
    update = {"monitor": "6s", "parallelism": 2, "failure_action": "continue"}
    # They last beyond the failure, and longer than the application may take after SIGTERM.
    web = {**web, "update": update, "stop_grace_period": "1s"}
    assert not target.rollout({**web, **release_of(digests, "v1")}).failed
    sick = {**web, "environment": {"APP_UNHEALTHY_AFTER": "3"}}
    with load_on(target, "--rate", "50", "--slow", "4", "--slow-seconds", "10") as load:
        time.sleep(1)
        result = target.rollout({**sick, **release_of(digests, "v2")})
    assert not result.failed, result.output
    assert any("went on although" in note for note in result["notes"]), result.output
    cut = [item for item in load.result.failures if "503" not in item.detail]
    assert cut == [], [vars(item) for item in cut[:5]]


@pytest.mark.once
@pytest.mark.timeout(300)
def test_i3_stop_first_a_failed_change_of_scale_leaves_what_served(target, digests, web):
    update = {"order": "stop-first", "parallelism": 1, "monitor": "0s"}
    web = {**web, "replicas": 3, "update": update, **release_of(digests, "v1")}
    assert not target.rollout(web).failed
    target.docker("rm", "-f", "shop-g1-1")
    image = f"{target.options['image']}@{digests['v1']}"
    target.docker("create", "--name", "shop-g1-1", image)  # somebody else's
    try:
        result = target.rollout({**web, "replicas": 2})
        assert result.failed, result.output
        states = target.containers("shop")
        assert states == {"shop-g1-2": "running", "shop-g1-3": "running"}, states
        assert {through_proxy(target) for _round in range(10)} == {"200"}
    finally:
        target.docker("rm", "-f", "shop-g1-1")
    result = target.rollout({**web, "replicas": 2})
    assert not result.failed, result.output
    assert sorted(target.containers("shop")) == ["shop-g1-1", "shop-g1-2"]


@pytest.mark.once
@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "boundary",
    [
        "committed",
        pytest.param("switched", marks=pytest.mark.large),
        pytest.param("drained", marks=pytest.mark.large),
    ],
)
def test_i4_a_killed_change_of_scale_after_a_swap_converges(target, digests, web, boundary):
    web = {**web, "replicas": 3, "update": {"monitor": "0s", "parallelism": 3}}
    for name in ("v1", "v2"):
        assert not target.rollout({**web, **release_of(digests, name)}).failed
    fewer = {**web, "replicas": 1, **release_of(digests, "v2")}
    with load_on(target, "--rate", "150", "--slow", "1", "--slow-seconds", "2") as load:
        killed(target, fewer, boundary)
        result = target.rollout(fewer)
        assert not result.failed, result.output
    assert_nothing_lost(load.result, target)
    assert target.containers("shop") == {"shop-g2-1": "running"}
    assert not target.rollout(fewer).changed


@pytest.mark.once
@pytest.mark.timeout(300)
def test_i4_a_killed_and_then_failed_scaling_up_leaves_what_served(target, digests, web):
    # With a delay one replica is created and settled before the next is created.
    update = {"monitor": "0s", "parallelism": 1, "delay": "100ms"}
    web = {**web, **release_of(digests, "v1"), "update": update}
    assert not target.rollout(web).failed
    image = f"{target.options['image']}@{digests['v1']}"
    killed(target, {**web, "replicas": 4}, "settled")
    target.docker("create", "--name", "shop-g1-4", image)  # somebody else's
    try:
        result = target.rollout({**web, "replicas": 4})
        assert result.failed, result.output
        assert through_proxy(target) == "200"
    finally:
        target.docker("rm", "-f", "shop-g1-4")
    assert not target.rollout(web).failed
    assert sorted(target.containers("shop")) == ["shop-g1-1", "shop-g1-2"]
    assert not target.rollout(web).changed


@pytest.mark.once
@pytest.mark.timeout(300)
def test_i4_a_killed_end_of_routing_is_returned_from(target, digests, web):
    assert not target.rollout({**web, **release_of(digests, "v1")}).failed
    worker = {key: value for key, value in web.items() if key not in ("routes", "drain_timeout")}
    killed(target, {**worker, **release_of(digests, "v2")}, "committed")
    assert through_proxy(target) != "200"
    broken = {**worker, "environment": {"APP_EXIT_AT_ONCE": "3"}}
    result = target.rollout({**broken, **release_of(digests, "v2")})
    assert result.failed, result.output
    result = target.rollout({**web, **release_of(digests, "v1")})
    assert not result.failed, result.output
    assert through_proxy(target) == "200"
    assert len(target.containers("shop")) == 2


@pytest.mark.once
@pytest.mark.timeout(300)
def test_another_proxy_is_refused_while_one_routes(target, digests, web):
    assert not target.rollout({**web, **release_of(digests, "v1")}).failed
    before = target.identities()
    driver = "nginx" if target.driver == "haproxy" else "haproxy"
    other = {"driver": driver, "http_port": PORTS[driver]}
    refused = target.rollout({**web, **release_of(digests, "v2"), "proxy": other})
    assert refused.failed and f"is routed by {target.driver}" in refused["msg"], refused.output
    assert target.identities() == before and through_proxy(target) == "200"


@pytest.mark.once
@pytest.mark.timeout(300)
def test_a_paused_rollout_runs_commands_in_the_release_that_serves(target, digests, web):
    v1, v2 = release_of(digests, "v1"), release_of(digests, "v2")
    assert not target.rollout({**web, **v1}).failed
    pause = {"monitor": "6s", "parallelism": 2, "failure_action": "pause"}
    sick = {"APP_UNHEALTHY_AFTER": "3"}
    paused = target.rollout({**web, **v2, "update": pause, "environment": sick})
    assert paused.failed and "pause" in paused["serving"], paused.output
    assert target.info("shop")["revision"] == v2["revision"]
    command = {"name": "shop", "command": ["cat", "/app/release"]}
    done = target.call("service_run", command)
    assert done["revision"] == v2["revision"], done.output
    assert not target.call("service_rollback", {"name": "shop"}).failed
    assert target.info("shop")["revision"] == v1["revision"]
