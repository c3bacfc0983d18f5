# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Services that nothing is routed to: how they are judged, and what they finish before they end."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.lab.registry import Registry

from .conftest import release_of
from .derived_images import DerivedImages
from .service_host import ServiceHost
from .test_supervisor import wait_for

WORKER: dict[str, Any] = {
    "replicas": 1,
    "environment": {"APP_MODE": "worker"},
    "update": {"monitor": "0s"},
    "stop_grace_period": "5s",
}


def revision(number: int) -> str:
    return f"{number:040x}"


@pytest.mark.once
def test_a_worker_is_judged_by_the_healthcheck_of_its_image(
    target: ServiceHost, digests: dict[str, str], registry: Registry
) -> None:
    images = DerivedImages(registry, "app", digests["v1"])
    options = {**WORKER, "health": {"healthy_deadline": "30s"}}
    release = {"digest": images.push(10, healthcheck="test -e /data/well"), "revision": revision(1)}
    process = target.start("service_rollout", {**target.options, **options, **release})
    assert wait_for(lambda: target.containers("shop").get("shop-g1-1") == "running", 30)
    # Several checks fail meanwhile; a worker without a HEALTHCHECK would be settled at once.
    time.sleep(2)
    assert process.poll() is None
    assert target.info("shop")["replicas_healthy"] == 0
    target.docker("exec", "shop-g1-1", "touch", "/data/well")
    output = process.communicate(timeout=30)[0]
    assert process.returncode == 0, output
    assert target.info("shop")["replicas_healthy"] == 1

    before = target.identities()
    bad = {"digest": images.push(10, healthcheck="exit 1"), "revision": revision(2)}
    ill = {**options, "health": {"healthy_deadline": "3s"}}
    refused = target.rollout({**ill, **bad})
    assert refused.failed and "the image's HEALTHCHECK says unhealthy" in refused["msg"]
    assert target.identities() == before

    good = {"digest": images.push(10, healthcheck="true"), "revision": revision(3)}
    second = target.rollout({**options, **good})
    assert not second.failed, second.output
    names = set(target.containers("shop"))
    assert len(names) == 1 and "/" + next(iter(names)) not in before


@pytest.mark.once
def test_a_port_without_routes_is_judged_by_http_and_gets_no_requests(
    target: ServiceHost, digests: dict[str, str]
) -> None:
    options = {**WORKER, "replicas": 2, "environment": {}, "port": 8000}
    options["health"] = {"path": "/up", "healthy_deadline": "3s"}
    first = target.rollout({**options, **release_of(digests, "v1")})
    assert not first.failed, first.output
    assert target.info("shop")["replicas_healthy"] == 2
    before = target.identities()
    unhealthy = {**options, "environment": {"APP_UNHEALTHY": "1"}}
    refused = target.rollout({**unhealthy, **release_of(digests, "v2")})
    assert refused.failed and "GET /up answers 503" in refused["msg"], refused.output
    assert target.identities() == before
    second = target.rollout({**options, **release_of(digests, "v2")})
    assert not second.failed, second.output
    assert len(target.containers("shop")) == 2
    assert not set(target.containers("shop")) & {name.strip("/") for name in before}
    assert {item["routed"] for item in target.info("shop")["replicas"]} == {""}


# It is told to end while a job is in hand: each takes two seconds, with nothing between two.
JOBS = """\
note() { echo "$(cat /app/release) $1" >> /data/jobs; }
trap 'ends=1' TERM
while [ -z "$ends" ]; do
    note begins; sleep 2; note done
done
note ends
"""


@pytest.mark.once
def test_a_worker_finishes_the_job_in_hand_before_it_ends(
    target: ServiceHost, digests: dict[str, str]
) -> None:
    target.docker("volume", "rm", "-f", "jobs")
    options = {**WORKER, "command": ["sh", "-c", JOBS], "volumes": ["jobs:/data"]}

    def jobs(release: str) -> list[str]:
        lines = target.host.run("cat /var/lib/docker/volumes/jobs/_data/jobs").stdout.splitlines()
        return [line.split()[1] for line in lines if line.split()[0] == release]

    def all_done(words: list[str]) -> bool:
        return words == ["begins", "done"] * (len(words) // 2) + ["ends"]

    for release in ("v1", "v2"):
        done = target.rollout({**options, **release_of(digests, release)})
        assert not done.failed, done.output
    assert all_done(jobs("v1")), jobs("v1")
    assert wait_for(lambda: jobs("v2")[-1:] == ["begins"], 5, 0.05)
    stopped = target.call("service_rollout", {"name": "shop", "state": "stopped"})
    assert not stopped.failed, stopped.output
    assert all_done(jobs("v2")), jobs("v2")
    form = "{{.State.Running}} {{.State.ExitCode}}"
    name = next(iter(target.containers("shop")))
    assert target.docker("inspect", "--format", form, name).split() == ["false", "0"]
    assert not target.call("service_rollout", {"name": "shop", "state": "absent"}).failed
    target.docker("volume", "rm", "jobs")
