# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""I3 and I2: a release that fails is told soon and with its reason, and what served goes on."""

from __future__ import annotations

import time
from typing import Any

import pytest

from .conftest import release_of
from .service_host import Result, ServiceHost
from .test_i1_zero_drop import assert_nothing_lost, load_on


@pytest.fixture
def serving(target: ServiceHost, digests, web) -> dict[str, Any]:
    """v1 serves; the options of the service."""
    web = {**web, "health": {**web["health"], "healthy_deadline": "4s"}}
    result = target.rollout({**web, **release_of(digests, "v1")})
    assert not result.failed, result.output
    return web


def fail(
    target: ServiceHost, options: dict[str, Any], environment: dict[str, str]
) -> tuple[Result, float]:
    """A rollout under load that must fail and lose nothing; the result and the seconds it took."""
    before = target.identities()
    with load_on(target, "--rate", "100") as load:
        began = time.monotonic()
        result = target.rollout({**options, "environment": environment})
        seconds = time.monotonic() - began
    assert result.failed, result.output
    assert_nothing_lost(load.result, target)
    assert set(load.result.total.releases) == {"v1"}, "the new release answered requests"
    assert target.identities() == before, "the old release was touched, or something is left"
    return result, seconds


@pytest.mark.timed
def test_i3_a_release_that_never_gets_healthy_is_refused_at_the_deadline(target, digests, serving):
    result, _seconds = fail(
        target, {**serving, **release_of(digests, "v2")}, {"APP_UNHEALTHY": "1"}
    )
    assert "healthy_deadline (4 s)" in result["msg"]
    assert result["step"] == "settle"
    assert result["serving"].endswith("as before")
    assert "503" in " ".join(result["health"])
    assert result["logs"], "the replica's log lines are missing"
    # The module's own time: start, the deadline of 4 s, and less than a second to tell.
    assert 4.0 <= result["seconds"] < 4.0 + 1.0 + 1.5


@pytest.mark.timed
def test_i3_a_release_that_exits_is_refused_within_a_second_of_its_exit(target, digests, serving):
    result, _seconds = fail(
        target, {**serving, **release_of(digests, "v2")}, {"APP_EXIT_AT_ONCE": "3"}
    )
    assert "exited with code 3" in result["msg"]
    assert result["logs"]
    assert result["seconds"] < 2.5, "an exit was waited for until the deadline"


@pytest.mark.once
@pytest.mark.parametrize(
    ("slow", "lives"),
    [
        ({"update": {"parallelism": 1, "delay": "60s", "monitor": "0s"}}, 2),
        # Three seconds to settle, one replica after the other.
        ({"health": {"path": "/up", "successes": 4, "start_interval": "1s"}}, 4),
    ],
    ids=["delay", "bring-up"],
)
def test_i3_a_settled_replica_that_exits_before_the_switch_is_told(
    target, digests, serving, slow, lives
):
    update = {"parallelism": 1, "monitor": "0s"}
    options = {**serving, "update": update, **slow, **release_of(digests, "v2")}
    before = target.identities()
    result = target.rollout({**options, "environment": {"APP_EXIT_AFTER": str(lives)}})
    assert result.failed and target.identities() == before, result.output
    assert "shop-g2-1" in result["msg"] and "exited with code 1" in result["msg"]
    assert result["step"] == "settle"
    assert result["logs"] and result["health"]
    assert result["seconds"] < 60, "an exit was not looked for during the delay"


def test_i3_what_the_proxy_finds_is_told_with_the_replicas_own_account(target, digests, web):
    # Its own probe passes and nothing listens, so it is the proxy that finds no answer.
    options = {**web, "health": {"command": ["true"]}}
    target.must_deploy({**options, **release_of(digests, "v1")})
    before = target.identities()
    deaf = {"APP_LISTEN_AFTER": "60", "APP_LOG_LINES": "3"}
    options.update(release_of(digests, "v2"))
    result = target.rollout({**options, "environment": {**deaf, "APP_EXIT_AFTER": "4"}})
    assert result.failed and "exited" in result["msg"], result.output
    assert result["step"] in ("verify", "commit")
    assert result["logs"] and result["health"]
    assert "through" not in " ".join(result["health"]), "the proxy had to give up first"
    result = target.rollout({**options, "environment": deaf})
    assert result.failed and "gave no answer through" in result["msg"], result.output
    assert result["logs"] and result["health"]
    assert target.identities() == before


@pytest.mark.timed
def test_i3_a_release_that_dies_in_its_window_is_returned_from(target, digests, serving):
    options = {**serving, "update": {"monitor": "20s", "parallelism": 2}}
    target.must_deploy({**options, **release_of(digests, "v1")})
    before = target.identities()
    with load_on(target, "--rate", "50") as load:
        result = target.rollout(
            {**options, **release_of(digests, "v2"), "environment": {"APP_EXIT_AFTER": "4"}}
        )
    assert result.failed
    assert result["step"] == "monitor"
    assert "exited" in result["msg"]
    assert result["serving"].endswith("again")
    assert target.identities() == before
    # The exit comes 4 s after the start; then the old ones prove themselves and take over again.
    assert result["seconds"] < 4.0 + 1.0 + 5.0
    assert load.result.total.releases["v1"] > 0
    again = target.rollout({**options, **release_of(digests, "v1")})
    assert not again.failed and not again.changed, again.output


@pytest.mark.once
@pytest.mark.parametrize("fault", ["APP_EXIT_AFTER", "APP_UNHEALTHY_AFTER"])
def test_i3_stop_first_stops_no_further_old_replica_while_a_new_one_fails(
    target, digests, web, fault
):
    update = {"order": "stop-first", "parallelism": 1, "delay": "5s", "monitor": "0s"}
    options = {**web, "update": update}
    target.must_deploy({**options, **release_of(digests, "v1")})
    before = target.identities()
    result = target.rollout({**options, **release_of(digests, "v2"), "environment": {fault: "3"}})
    assert result.failed and "shop-g2-1" in result["msg"], result.output
    assert result["serving"].endswith("as before")
    assert result["logs"] and result["health"]
    after = target.identities()
    assert after["/shop-g1-2"] == before["/shop-g1-2"], "the other old replica was stopped"
    assert target.containers("shop") == {"shop-g1-1": "running", "shop-g1-2": "running"}


@pytest.mark.once
def test_i3_a_window_does_not_end_over_a_replica_that_fails(target, digests, web):
    # By default three failures in a row are an illness, and a window this short has time for two.
    options = {**web, "replicas": 1, "health": {"path": "/up"}, "update": {"monitor": "2.5s"}}
    target.must_deploy({**options, **release_of(digests, "v1")})
    ill = {**options, **release_of(digests, "v2"), "environment": {"APP_UNHEALTHY_AFTER": "2"}}
    result = target.rollout(ill)
    assert result.failed and result["step"] == "monitor", result.output
    assert "unhealthy, 3 probes failed in a row: GET /up answers 503" in result["msg"]
    assert result["serving"].endswith("again")
    assert result["logs"]


@pytest.mark.once
def test_i3_a_rollback_that_fails_in_its_window_is_not_rolled_back(target, digests, web):
    app = "test ! -e /data/bad || export APP_EXIT_AFTER=3; exec python3 -S -E /app/app.py"
    v1, v2 = release_of(digests, "v1"), release_of(digests, "v2")
    options = {**web, "replicas": 1, "update": {"monitor": "0s"}}
    fated = {"command": ["sh", "-c", app], "volumes": ["fate:/data"], "update": {"monitor": "8s"}}
    try:
        assert not target.rollout({**options, **fated, **v1}).failed
        target.docker("exec", "shop-g1-1", "touch", "/data/bad")
        assert not target.rollout({**options, **v2}).failed
        before = target.identities()
        back = target.rollback("shop")
        assert back.failed and back["step"] == "monitor", back.output
        # Whoever went back from the newer release is to decide, not the module.
        assert back["serving"].startswith(f"revision {v1['revision'][:12]}"), back.output
        assert "failure_action: pause" in back["serving"]
        assert target.info("shop")["revision"] == v1["revision"]
        assert target.identities()["/shop-g2-1"] == before["/shop-g2-1"]
        again = target.rollout({**options, **v2})
        assert not again.failed, again.output
    finally:
        assert not target.call("service_rollout", {"name": "shop", "state": "absent"}).failed
        target.docker("volume", "rm", "fate")


@pytest.mark.once
def test_i3_a_log_that_cannot_be_read_hides_no_failure(target, digests, serving):
    options = {**serving, "update": {"monitor": "20s", "parallelism": 2}}
    target.must_deploy({**options, **release_of(digests, "v1")})
    before = target.identities()
    result = target.rollout(
        {
            **options,
            **release_of(digests, "v2"),
            "environment": {"APP_EXIT_AFTER": "3"},
            "logging": {"driver": "none"},
        }
    )
    assert result.failed and result["step"] == "monitor", result.output
    assert "exited" in result["msg"]
    assert result["serving"].endswith("again")
    assert target.identities() == before


def test_i2_no_request_reaches_a_release_before_it_has_passed(target, digests, serving):
    flaky = {**serving["health"], "successes": 4, "healthy_deadline": "3s"}
    options = {**serving, "health": flaky, **release_of(digests, "v2")}
    result, _seconds = fail(target, options, {"APP_FLAKY_HEALTH": "1"})
    assert "not healthy within healthy_deadline" in result["msg"], "a failure must reset the count"


@pytest.mark.once
def test_i3_a_missing_image_is_told_and_nothing_is_touched(target, digests, serving):
    before = target.identities()
    result = target.rollout({**serving, "digest": "sha256:" + "0" * 64, "revision": "f" * 40})
    assert result.failed
    assert result["step"] == "pull"
    assert target.identities() == before
    prefetched = target.rollout(
        {**serving, "digest": "sha256:" + "0" * 64, "revision": "f" * 40, "prefetch": True}
    )
    assert prefetched.failed
    assert prefetched["serving"].endswith("as before")
    missing = {**serving, "digest": "sha256:" + "1" * 64, "revision": "f" * 40}
    for more in ({}, {"prefetch": True}):
        planned = target.rollout({**missing, **more}, check=True)
        assert planned.failed and planned["step"] == "pull", planned.output
        assert "there is no image" in planned["msg"]


@pytest.mark.once
def test_i3_a_registry_that_is_down_is_told_and_nothing_is_touched(
    target, digests, serving, registry
):
    before = target.identities()
    target.docker("image", "rm", f"{target.options['image']}@{digests['v3']}", check=False)
    registry.stop()
    try:
        result = target.rollout({**serving, **release_of(digests, "v3"), "retries": 1})
    finally:
        registry.start()
        registry.wait_ready()
    assert result.failed
    assert result["step"] == "pull"
    assert result["serving"].endswith("as before")
    assert target.identities() == before


@pytest.mark.once
def test_i3_a_name_that_is_taken_is_told_and_the_foreign_container_is_left_alone(
    target, digests, serving
):
    image = f"{target.options['image']}@{digests['v1']}"
    target.docker("run", "-d", "--name", "shop-g2-2", image)
    try:
        before = target.identities()
        result = target.rollout({**serving, **release_of(digests, "v2")})
        assert result.failed
        assert "shop-g2-2" in result["msg"] and "already in use" in result["msg"]
        assert target.identities() == before
    finally:
        target.docker("rm", "-f", "shop-g2-2")


@pytest.mark.once
def test_i3_a_replica_that_ignores_sigterm_is_killed_after_its_grace_period(
    target, digests, serving
):
    options = {**serving, "stop_grace_period": "1s", "environment": {"APP_IGNORE_SIGTERM": "1"}}
    target.must_deploy({**options, **release_of(digests, "v2")})
    with load_on(target, "--rate", "100") as load:
        result = target.rollout({**options, **release_of(digests, "v3")})
    assert not result.failed, result.output
    assert_nothing_lost(load.result, target)
    assert all(state == "running" for state in target.containers("shop").values())
    assert len(target.containers("shop")) == 2


@pytest.mark.once
def test_i3_a_first_release_that_fails_leaves_nothing(target, digests, web):
    result = target.rollout(
        {**web, **release_of(digests, "v1"), "environment": {"APP_EXIT_AT_ONCE": "1"}}
    )
    assert result.failed
    assert result["serving"] == "nothing"
    assert target.containers() == {}


def test_i3_a_configuration_that_the_proxy_refuses_is_never_loaded(target, digests, serving):
    broken = {
        "haproxy": ("/etc/haproxy/haproxy.cfg", "frontend broken\n  bind nonsense\n"),
        "nginx": ("/etc/nginx/conf.d/broken.conf", "nonsense on;\n"),
    }
    path, text = broken[target.driver]
    target.host.run(f"cp -p {path} /root/kept 2>/dev/null; printf '%s' '{text}' >> {path}")
    try:
        routes = [{"host": "shop.test"}, {"host": "more.test"}]
        options = {**serving, **release_of(digests, "v2"), "routes": routes}
        result, _seconds = fail(target, options, {})
    finally:
        target.host.run(f"if [ -e /root/kept ]; then mv /root/kept {path}; else rm {path}; fi")
    assert "before" in result["serving"]
    again = target.rollout(options)
    assert not again.failed, again.output


@pytest.mark.once
def test_i3_a_full_disk_is_told_before_anything_is_touched(target, digests, serving):
    before = target.identities()
    state = "/var/lib/hundred"
    v2, v3 = ({**serving, **release_of(digests, name)} for name in ("v2", "v3"))
    assert not target.rollout({**v2, "prefetch": True}).failed
    target.docker("rmi", "-f", f"{target.options['image']}@{digests['v3']}", check=False)
    target.host.run(
        f"cp -a {state} /root/state && mount -t tmpfs -o size=256k,mode=0700 tmpfs {state}"
        f" && cp -a /root/state/. {state}/ && (dd if=/dev/zero of={state}/fill bs=1k || true)"
    )
    try:
        result = target.rollout(v2)
        assert result.failed
        assert "No space left" in result["msg"]
        assert "generation 1" in result["serving"]
        refused = target.rollout({**v3, "prefetch": True})
        assert refused.failed and refused["step"] == "pull"
        assert f"no room for an image: {state} has 0 left" in refused["msg"]
        assert digests["v3"] not in target.docker("images", "--digests")
        assert target.identities() == before
        target.host.run(f"rm {state}/fill")
        again = target.rollout(v2)
        assert not again.failed, again.output
        target.host.run(f"cp -a {state}/. /root/state/")
    finally:
        target.host.run(
            f"umount {state}; cp -a /root/state/. {state}/; rm -rf /root/state", check=False
        )
