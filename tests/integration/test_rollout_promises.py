# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""I5 to I9 and I11: unchanged is untouched, plans are true, secrets stay secret."""

from __future__ import annotations

import json
import time
from datetime import datetime
from typing import Any

import pytest

from .conftest import PORTS, release_of
from .service_host import ServiceHost, parse

SECRET = "correct-horse-battery-staple"


def proxy_traces(target: ServiceHost) -> tuple[str, str]:
    """What would differ had the proxy been reloaded or its file been written."""
    path = {
        "haproxy": "/etc/haproxy/hundred/hundred.cfg",
        "nginx": "/etc/nginx/conf.d/hundred.conf",
    }[target.driver]
    name = {"haproxy": "haproxy", "nginx": "nginx"}[target.driver]
    stat = target.host.run(f"stat -c '%i %Y' {path}").stdout
    workers = target.host.run(f"pgrep -x {name} | sort").stdout
    return stat, workers


def state_files(target: ServiceHost) -> str:
    """Every file of our state with its content's hash, the lock's holder apart."""
    return target.host.run(
        "find /var/lib/hundred -type f ! -name lock -exec sha256sum {} + 2>/dev/null | sort"
    ).stdout


def test_i5_the_same_release_again_changes_nothing_and_restarts_nothing(target, digests, web):
    options = {**web, "secrets": {"TOKEN": SECRET}, **release_of(digests, "v1")}
    assert target.rollout(options).changed
    containers, traces, files = target.identities(), proxy_traces(target), state_files(target)
    again = target.rollout(options)
    assert not again.failed, again.output
    assert not again.changed
    assert again["actions"] == []
    assert target.identities() == containers
    assert proxy_traces(target) == traces
    assert state_files(target) == files


def test_i5_a_change_that_needs_no_container_touches_none(target, digests, web):
    options = {**web, **release_of(digests, "v1")}
    target.must_deploy(options)
    containers = target.identities()
    patient = target.rollout({**options, "drain_timeout": "20s"})
    assert patient.changed, patient.output
    routes = [{"host": "shop.test"}, {"host": "more.test", "path": "/echo"}]
    routed = target.rollout({**options, "drain_timeout": "20s", "routes": routes})
    assert routed.changed and not routed.failed, routed.output
    assert target.identities() == containers
    url = f"http://127.0.0.1:{PORTS[target.driver]}/echo?id=1"
    assert "v1" in target.host.run(["curl", "-sf", "-H", "Host: more.test", url]).stdout


def test_i6_check_mode_says_what_a_run_does_and_changes_nothing(target, digests, web):
    options = {**web, "environment": {"COLOUR": "red"}, **release_of(digests, "v1")}
    target.must_deploy(options)
    containers, traces, files = target.identities(), proxy_traces(target), state_files(target)
    changed = {
        **options,
        **release_of(digests, "v2"),
        "environment": {"COLOUR": "blue", "SHAPE": "round"},
        "secrets": {"TOKEN": SECRET},
    }
    plan = target.rollout(changed, check=True)
    assert plan.changed and not plan.failed, plan.output
    assert (target.identities(), proxy_traces(target)) == (containers, traces)
    assert state_files(target) == files
    text = "\n".join(plan["actions"])
    for name in ("shop-g2-1", "shop-g2-2"):
        assert f"start {name} on 10.213.0." in text
    assert "drain shop-g1-1" in text and "stop and remove shop-g1-1" in text
    assert "COLOUR" in text and "SHAPE" in text and "TOKEN" in text
    assert SECRET not in plan.text and "blue" not in plan.text
    done = target.rollout(changed)
    assert done["actions"] == plan["actions"], "the run did something else than its plan"


def test_i6_check_mode_on_an_empty_host_leaves_it_empty(target, digests, web):
    target.host.run("rm -rf /var/lib/hundred")
    target.docker("network", "rm", "hundred", check=False)
    options = {**web, "secrets": {"A": "b" * 9}, **release_of(digests, "v1")}
    plan = target.rollout(options, check=True)
    assert plan.changed and not plan.failed, plan.output
    assert target.host.run("ls /var/lib/hundred", check=False).returncode != 0
    assert "hundred" not in target.docker("network", "ls", "--format", "{{.Name}}").split()
    assert target.identities() == {}


@pytest.mark.once
def test_i7_what_is_not_ours_is_not_touched(target, digests, web):
    image = f"{target.options['image']}@{digests['v1']}"
    target.docker("pull", "-q", image, check=False)
    target.must_deploy({**web, **release_of(digests, "v1")})
    run = ["run", "-d", "--label", "hundred.network=1"]
    target.docker(*run, "--name", "bystander", image)
    target.docker(*run, "--name", "shop-g1-9", image)
    target.docker(*run, "--name", "borrowed", "--label", "hundred.service=shop", image)
    target.docker("volume", "create", "shop-data")
    others = {
        name: value
        for name, value in target.identities().items()
        if name in ("/bystander", "/shop-g1-9", "/borrowed")
    }
    try:
        assert len(others) == 3
        target.must_deploy({**web, **release_of(digests, "v2")})
        assert target.call("service_rollout", {"name": "shop", "state": "absent"}).changed
        left = target.identities()
        assert left == others
        assert "shop-data" in target.docker("volume", "ls", "-q").split()
    finally:
        target.docker("rm", "-f", "bystander", "shop-g1-9", "borrowed")
        target.docker("volume", "rm", "shop-data")


@pytest.mark.once
def test_i8_what_runs_is_the_digest_that_was_pushed(target, digests, web):
    target.must_deploy({**web, **release_of(digests, "v2")})
    wanted = f"{target.options['image']}@{digests['v2']}"
    identity = target.docker("image", "inspect", "--format", "{{.Id}}", wanted).strip()
    assert len(target.containers("shop")) == 2
    for name in target.containers("shop"):
        form = "{{.Config.Image}} {{.Image}}"
        found = target.docker("inspect", "--format", form, name).split()
        assert found == [wanted, identity]


@pytest.mark.once
def test_i9_a_secret_is_in_its_file_and_nowhere_else(target, digests, web):
    options = {**web, "secrets": {"TOKEN": SECRET}, **release_of(digests, "v1")}
    done = target.rollout(options, verbose=4)
    again = target.rollout({**options, **release_of(digests, "v2")}, check=True, verbose=4)
    info = target.call("service_info", {"name": "shop"}, verbose=4)
    for result in (done, again, info):
        assert not result.failed, result.output
        assert SECRET not in result.text
    for name in target.containers("shop"):
        assert SECRET not in target.docker("inspect", name)
        inside = target.docker("exec", name, "cat", "/run/secrets/TOKEN")
        assert inside == SECRET
        modes = target.docker("exec", name, "stat", "-Lc", "%a %u", "/run/secrets/TOKEN")
        assert modes.split() == ["400", "10001"]
    files = target.host.run(
        f"grep -rlF {SECRET} /var/lib/hundred /etc /var/log /run/systemd 2>/dev/null || true"
    ).stdout.split()
    assert files and all("/secrets/" in path for path in files), files
    assert target.host.run("stat -c %a /var/lib/hundred").stdout.strip() == "700"


@pytest.mark.once
def test_i9_a_changed_secret_is_a_new_release_and_the_old_one_goes_with_its_release(
    target, digests, web
):
    options = {**web, "retain": 1, **release_of(digests, "v1")}
    for ending in ("", "-2", "-3"):
        changed = target.rollout({**options, "secrets": {"TOKEN": SECRET + ending}})
        assert changed.changed, changed.output
    assert sorted(target.containers("shop")) == ["shop-g3-1", "shop-g3-2"]
    assert target.docker("exec", "shop-g3-1", "cat", "/run/secrets/TOKEN") == SECRET + "-3"
    kept = target.host.run("cat /var/lib/hundred/services/shop/secrets/*/TOKEN").stdout
    assert kept.count(SECRET) == 2
    assert SECRET + "-2" in kept and SECRET + "-3" in kept


@pytest.mark.once
def test_i9_a_plan_names_a_changed_secret_beside_other_changes_and_shows_no_value(
    target, digests, web
):
    kept = {"SALT": "the same in all"}
    first = {**web, "secrets": {"TOKEN": SECRET, **kept}, **release_of(digests, "v1")}
    second = {**web, "secrets": {"TOKEN": SECRET + "-2", **kept}, **release_of(digests, "v2")}
    target.must_deploy(first)
    rolled = target.rollout(second, check=True, verbose=4)
    target.must_deploy(second)
    back = target.rollback("shop", check=True)
    for plan in (rolled, back):
        assert not plan.failed, plan.output
        assert "secrets: TOKEN changes" in plan["actions"], plan["actions"]
        assert any(line.startswith("revision: ") for line in plan["actions"]), plan["actions"]
        assert SECRET not in plan.text


def moments(target: ServiceHost, of: str) -> list[float]:
    """When the replicas were started or have ended, in order, the first of them at 0.

    :param of: the engine's word, ``StartedAt`` or ``FinishedAt``.
    """
    form = "{{.State.%s}}" % of
    said = target.docker("inspect", "--format", form, *target.containers("shop")).split()
    times = sorted(datetime.fromisoformat(text[:26].rstrip("Z")).timestamp() for text in said)
    return [moment - times[0] for moment in times]


@pytest.mark.once
@pytest.mark.parametrize("delay", ["0s", "1s"])
def test_no_more_than_parallelism_start_at_a_time_and_delay_is_kept(target, digests, web, delay):
    settling = 0.8  # five passes, 200 ms between
    options = {
        **web,
        "replicas": 4,
        "health": {"path": "/up", "successes": 5, "start_interval": "200ms"},
        "update": {"monitor": "0s", "parallelism": 2, "delay": delay},
    }
    done = target.rollout({**options, **release_of(digests, "v1")})
    assert not done.failed, done.output
    times = moments(target, "StartedAt")
    assert times[1] < settling, times
    if delay == "0s":
        assert times[2] >= settling, times
        assert times[3] >= times[1] + settling, times
    else:
        assert times[2] >= times[1] + settling + 1.0, times


@pytest.mark.timed
@pytest.mark.once
def test_stops_are_one_at_a_time_and_one_that_takes_long_keeps_none_waiting(target, digests, web):
    options = {
        **web,
        "replicas": 4,
        "environment": {"APP_IGNORE_SIGTERM": "1"},
        "stop_grace_period": "2s",
        "update": {"monitor": "0s", "parallelism": 1},
    }
    target.must_deploy({**options, **release_of(digests, "v1")})
    stopped = target.call("service_rollout", {"name": "shop", "state": "stopped"})
    assert not stopped.failed, stopped.output
    times = moments(target, "FinishedAt")
    assert times[3] >= 1.2, "1.5 s, but for what a busy machine is late: %s" % times
    assert times[3] < 2.0, "all were in their grace period at the same time: %s" % times
    # Of those that end at once no two are stopped at a time, and none waits for half a second.
    target.must_deploy({**options, "environment": {}, **release_of(digests, "v2")})
    stopped = target.call("service_rollout", {"name": "shop", "state": "stopped"})
    assert not stopped.failed, stopped.output
    times = moments(target, "FinishedAt")
    apart = [later - earlier for earlier, later in zip(times, times[1:])]
    assert min(apart) >= 0.05 and times[3] < 1.2, times


@pytest.mark.once
def test_i11_a_second_rollout_names_the_holder_or_waits(target, digests, web):
    target.must_deploy({**web, **release_of(digests, "v1")})
    slow = {**web, **release_of(digests, "v2"), "update": {"monitor": "6s", "parallelism": 2}}
    first = target.start("service_rollout", {**target.options, **slow, "started_by": "anna"})
    lock = "/var/lib/hundred/services/shop/lock"
    for _attempt in range(100):
        if "anna" in target.host.run(f"cat {lock}", check=False).stdout:
            break
        time.sleep(0.1)
    refused = target.rollout({**web, **release_of(digests, "v3")})
    assert refused.failed
    assert "anna" in refused["msg"]
    waited = target.rollout({**web, **release_of(digests, "v3"), "lock_timeout": "60s"})
    done = parse(first.communicate(timeout=60)[0])
    assert not done.failed, done.output
    assert not waited.failed, waited.output
    assert waited["previous_revision"] == done["revision"]
    assert target.rollback("shop")["revision"] == done["revision"]


@pytest.mark.once
def test_rollback_returns_to_the_last_good_release_without_inventory_or_registry(
    target, digests, web, registry
):
    secrets = {"TOKEN": SECRET}
    target.must_deploy({**web, "secrets": secrets, **release_of(digests, "v1")})
    target.must_deploy({**web, "replicas": 1, **release_of(digests, "v2")})
    registry.stop()
    try:
        result = target.rollback("shop")
    finally:
        registry.start()
        registry.wait_ready()
    assert not result.failed, result.output
    assert result["revision"] == release_of(digests, "v1")["revision"]
    assert sorted(target.containers("shop")) == ["shop-g3-1", "shop-g3-2"]
    assert target.docker("exec", "shop-g3-1", "cat", "/run/secrets/TOKEN") == SECRET
    none = target.rollback("shop")
    assert none.failed and "no earlier good release" in none["msg"]


def test_a_stopped_service_stays_stopped_and_is_started_by_a_deploy(target, digests, web):
    options = {**web, **release_of(digests, "v1")}
    target.must_deploy(options)
    stopped = target.call("service_rollout", {"name": "shop", "state": "stopped"})
    assert stopped.changed, stopped.output
    assert set(target.containers("shop").values()) == {"exited"}
    assert not target.call("service_rollout", {"name": "shop", "state": "stopped"}).changed
    assert target.info("shop")["state"] == "stopped"
    url = f"http://127.0.0.1:{PORTS[target.driver]}/up"
    ask = ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "-H", "Host: shop.test", url]
    assert target.host.run(ask).stdout == "503"
    started = target.rollout(options)
    assert started.changed and not started.failed, started.output
    assert target.host.run(ask).stdout == "200"
    # The wish is remembered before anything is done, so that a stop that dies is not undone.
    stop = {"name": "shop", "state": "stopped"}
    assert target.call("service_rollout", stop, kill_at="recorded").failed
    info = target.info("shop")
    assert info["state"] == "stopped" and "although the service was stopped" in info["problems"][0]
    # A proxy that is down keeps nobody from stopping.
    target.host.run(["systemctl", "stop", target.driver])
    try:
        stopped = target.call("service_rollout", stop)
        assert stopped.changed and not stopped.failed, stopped.output
        assert "its proxy does not answer" in stopped["notes"][0]
        assert set(target.containers("shop").values()) == {"exited"}
    finally:
        target.host.run(["systemctl", "start", target.driver])
    assert target.call("service_rollout", stop).changed, "it is out of the proxy now"
    assert target.host.run(ask).stdout == "503"
    # What goes leaves its history and its locks.
    until = {"name": "shop", "end": "1h", "reason": "a test"}
    assert not target.call("service_freeze", until).failed
    gone = {"name": "shop", "state": "absent"}
    assert not target.call("service_rollout", gone).failed
    left = target.host.run("ls /var/lib/hundred/services/shop").stdout.split()
    assert [name for name in left if "lock" not in name] == ["history.jsonl"], left
    assert not target.call("service_rollout", gone).changed


@pytest.mark.once
def test_info_tells_what_runs(target, digests, web):
    target.must_deploy({**web, **release_of(digests, "v1"), "started_by": "anna"})
    target.must_deploy({**web, **release_of(digests, "v2")})
    target.docker("kill", "shop-g2-2")
    target.docker("stop", "shop-g2-2")
    info: dict[str, Any] = target.info("shop")
    assert (info["replicas_wanted"], info["replicas_healthy"]) == (2, 1)
    assert (info["generation"], info["state"]) == (2, "present")
    assert [item["generation"] for item in info["releases"]] == [1]
    assert info["history"][-2]["by"] == "anna"
    assert info["routes"][0]["host"] == "shop.test"
    assert json.dumps(info)
    mended = target.rollout({**web, **release_of(digests, "v2")})
    assert mended.changed and target.info("shop")["replicas_healthy"] == 2


def test_i2_probes_and_checks_name_a_host_of_the_routes(target, digests, web):
    options = {**web, "environment": {"APP_ALLOWED_HOST": "shop.test"}}
    rolled = target.rollout({**options, **release_of(digests, "v1")})
    assert not rolled.failed, rolled.output
    # Long enough for the proxy's own checks to have failed, had they named another host.
    time.sleep(2)
    assert target.info("shop")["replicas_healthy"] == 2
    port = PORTS[target.driver]
    target.host.run(f"curl -fsS -H 'Host: shop.test' http://127.0.0.1:{port}/up")


@pytest.mark.once
def test_a_definition_can_be_given_whole(target, digests, web):
    release = release_of(digests, "v1")
    assert not target.rollout({**web, **release}).failed
    image = target.options["image"]
    whole = {key: value for key, value in target.options.items() if key != "image"}
    whole["definition"] = {"image": image, "hosts": "web", **web}
    same = target.call("service_rollout", {**whole, **release})
    assert not same.failed and not same.changed, same.output
    over = target.call("service_rollout", {**whole, **release, "replicas": 1}, check=True)
    assert over.changed and "stop and remove shop-g1-2" in over.output, over.output
    wrong = {**whole, "definition": {**whole["definition"], "replica": 1}}
    refused = target.call("service_rollout", {**wrong, **release})
    assert refused.failed and "did you mean replicas" in refused["msg"]
    secret = {**whole, "definition": {**whole["definition"], "secrets": {"TOKEN": "hunter2"}}}
    refused = target.call("service_rollout", {**secret, **release})
    assert refused.failed and "secrets" in refused["msg"] and "hunter2" not in refused.output


@pytest.mark.once
def test_info_of_all_services_survives_one_damaged_journal(target, digests, web):
    assert not target.rollout({**web, **release_of(digests, "v1")}).failed
    folder = "/var/lib/hundred/services"
    target.host.run(f"mkdir -p {folder}/broken && echo nonsense >{folder}/broken/journal.json")
    try:
        every = target.call("service_info", {})
        one = target.call("service_info", {"name": "broken"})
    finally:
        target.host.run(f"rm -r {folder}/broken")
    assert not every.failed, every.output
    states = {item["service"]: item["state"] for item in every["services"]}
    assert states == {"broken": "unknown", "shop": "present"}
    assert one.failed and "journal" in one["msg"], one.output


@pytest.mark.once
@pytest.mark.parametrize("state", ["absent", "stopped"])
def test_i7_a_name_is_no_path(target, state):
    target.host.run("mkdir -p /srv/victim/app/secrets && touch /srv/victim/app/secrets/kept")
    for name in ("/srv/victim/app", "../../../../srv/victim/app"):
        result = target.call("service_rollout", {"name": name, "state": state})
        assert result.failed and "must be a name" in result["msg"], result.output
        back = target.rollback(name)
        assert back.failed and "must be a name" in back["msg"], back.output
    assert target.host.run("find /srv/victim -type f").stdout.split() == [
        "/srv/victim/app/secrets/kept"
    ]


@pytest.mark.once
def test_i6_the_plan_of_an_end_of_routing_says_so(target, digests, web):
    assert not target.rollout({**web, **release_of(digests, "v1")}).failed
    worker = {**web, **release_of(digests, "v2")}
    del worker["routes"]
    plan = target.rollout(worker, check=True)
    assert not plan.failed, plan.output
    lines = plan["actions"]
    assert any(line.startswith("remove the routes of shop from") for line in lines), lines
    assert "watch the new replicas for 1s" in lines
    assert not any(line.startswith("route ") for line in lines), lines


@pytest.mark.once
def test_what_else_the_proxy_does_is_set_and_wrong_settings_are_refused(target, digests, web):
    options = {**web, **release_of(digests, "v1")}
    target.must_deploy(options)
    proxy = target.options["proxy"]
    wrong = {**proxy, "settings": {"timeout_servr": "5s", "trusted_proxies": ["edge1"]}}
    refused = target.rollout({**options, "proxy": wrong})
    assert refused.failed
    assert "did you mean timeout_server?" in refused["msg"]
    assert "proxy.settings.trusted_proxies[0]: must be an address" in refused["msg"]
    good = {**proxy, "settings": {"timeout_server": "5m", "trusted_proxies": ["10.9.0.0/16"]}}
    assert target.rollout({**options, "proxy": good}).changed
    file = {
        "haproxy": "/etc/haproxy/hundred/hundred.cfg",
        "nginx": "/etc/nginx/conf.d/hundred.conf",
    }
    text = target.host.read_file(file[target.driver])
    assert "10.9.0.0/16" in text and ("300000" in text or "300s" in text), text
    assert not target.rollout({**options, "proxy": good}).changed
