# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""I10: reboot, a killed daemon, a restarted proxy: addresses still belong to the right replicas."""

from __future__ import annotations

import time
from typing import Any

import pytest

from .conftest import PORTS, release_of
from .service_host import ServiceHost


def answers(target: ServiceHost, seconds: float = 30.0) -> set[str]:
    """The releases that answer through the proxy, asked until it answers at all."""
    url = f"http://127.0.0.1:{PORTS[target.driver]}/version"
    deadline = time.monotonic() + seconds
    found: set[str] = set()
    while time.monotonic() < deadline and not found:
        for _round in range(4):
            done = target.host.run(["curl", "-sf", "-H", "Host: shop.test", url], check=False)
            if done.returncode == 0:
                found.add(done.stdout.strip())
        time.sleep(0.2)
    return found


def addresses(target: ServiceHost) -> dict[str, Any]:
    """The address of each replica, as the engine gives it now."""
    form = "{{.Name}} {{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
    rows = target.docker("inspect", "--format", form, *sorted(target.containers("shop")))
    return dict(line.split() for line in rows.splitlines() if len(line.split()) == 2)


@pytest.fixture
def committed(target: ServiceHost, digests, web) -> tuple[dict[str, Any], dict[str, Any]]:
    """v1 was replaced by v2; the options of v2 and its replicas' addresses."""
    target.must_deploy({**web, **release_of(digests, "v1")})
    options = {**web, **release_of(digests, "v2")}
    result = target.rollout(options)
    assert not result.failed, result.output
    return options, addresses(target)


@pytest.mark.timeout(180)
def test_i10_a_reboot_brings_the_committed_release_back_at_its_addresses(target, committed):
    options, before = committed
    target.host.reboot()
    assert "v2" in " ".join(answers(target))
    assert addresses(target) == before
    again = target.rollout(options)
    assert not again.failed and not again.changed, again.output


@pytest.mark.timeout(180)
def test_i10_after_a_power_loss_the_next_run_serves_at_the_same_addresses(target, committed):
    options, before = committed
    target.host.power_loss()
    result = target.rollout(options)
    assert not result.failed, result.output
    assert "v2" in " ".join(answers(target))
    assert addresses(target) == before


@pytest.mark.once
@pytest.mark.timeout(180)
def test_i10_after_a_killed_daemon_the_next_run_serves_at_the_same_addresses(target, committed):
    options, before = committed
    target.host.run("pkill -9 -x dockerd; sleep 1; systemctl restart docker", timeout=90)
    result = target.rollout(options)
    assert not result.failed, result.output
    assert "v2" in " ".join(answers(target))
    assert addresses(target) == before


@pytest.mark.timeout(180)
@pytest.mark.parametrize("how", ["restart", pytest.param("kill", marks=pytest.mark.once)])
def test_i10_a_restarted_proxy_serves_the_committed_release(target, committed, how):
    options, before = committed
    if how == "kill":
        target.host.run(f"pkill -9 -x {target.driver}; sleep 0.5", check=False)
    target.host.run(["systemctl", "restart", target.driver])
    assert "v2" in " ".join(answers(target))
    assert addresses(target) == before
    again = target.rollout(options)
    assert not again.failed and not again.changed, again.output
