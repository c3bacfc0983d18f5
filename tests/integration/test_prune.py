# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hosts of services keep what a service may return to, and their disks do not fill."""

from __future__ import annotations

import json
import os

import pytest

from .conftest import release_of
from .derived_images import DerivedImages
from .test_playbooks import playbook, row, text

MEGABYTE = 1024 * 1024
# Of the fifty that are promised, and all of them in whole runs.
DEPLOYS = 50 if os.environ.get("HUNDRED_TEST_ALL") else 20
# Deploys after which as much is there as ever will be.
FULL = 10


@pytest.fixture
def derived(registry, digests) -> DerivedImages:
    """Maker of releases of the test application."""
    return DerivedImages(registry, "app", digests["v1"])


def of_ours(target) -> set[str]:
    """The digests that the host has of the service's repository."""
    return usage(target)[1]


def usage(target) -> tuple[int, set[str]]:
    """Bytes of all layers on the host's disk, and the digests that it has of the repository."""
    program = """
import docker, json, sys
engine = docker.APIClient()
digests = [digest for row in engine.images() for digest in row["RepoDigests"] or ()]
print(json.dumps([engine.df()["LayersSize"], digests]))
"""
    size, digests = json.loads(target.host.run(["python3", "-c", program]).stdout)
    pairs = [digest.split("@") for digest in digests]
    return size, {digest for name, digest in pairs if name == target.options["image"]}


@pytest.mark.once
def test_disk_use_is_flat_over_many_deploys_of_which_every_fifth_fails(target, derived, web):
    target.host.run("docker image prune --all --force")
    options = {
        **web,
        "replicas": 1,
        "retain": 3,
        "health": {"path": "/up", "interval": "50ms", "successes": 1},
        "update": {"monitor": "0s"},
        "drain_timeout": "1s",
    }
    good, used, kept = [], [], []
    for number in range(1, DEPLOYS + 1):
        broken = {"environment": {"APP_EXIT_AT_ONCE": "3"}} if number % 5 == 0 else {}
        digest = derived.push(MEGABYTE)
        result = target.rollout({**options, **broken, "digest": digest, "revision": f"r{number}"})
        assert result.failed == bool(broken), result.output
        good += [] if broken else [digest]
        if number % 5 > 1:
            continue  # looked at are one that failed, and the success after it
        size, here = usage(target)
        if number >= FULL:
            used.append(size)
            kept.append(len(here))
        if not broken:
            assert here == set(good[-4:]), number
    # The committed one and three to return to, and for a moment one that failed.
    assert set(kept) == {4, 5}
    assert max(used) - min(used) < 1.5 * MEGABYTE
    for digest in reversed(good[-4:-1]):
        assert target.rollback("shop").changed
        assert target.info("shop")["image"].endswith(digest)


def labels(target, number: int, name: str | None = None) -> dict[str, str]:
    """The labels that image_build gives to what it builds on that day."""
    return {
        "hundred.image": name or target.options["image"],
        "org.opencontainers.image.revision": f"{number:040d}",
        "org.opencontainers.image.created": f"2026-01-{number:02d}T00:00:00+00:00",
        "org.opencontainers.image.source": "https://git.example.com/shop.git",
    }


def pulled(target, digest: str) -> str:
    """Have an image on the host that no rollout has brought; its digest."""
    account = {key: target.options[key] for key in ("registry_username", "registry_password")}
    result = target.call(
        "image_pull", {"name": target.options["image"], "digest": digest, **account}
    )
    assert not result.failed, result.output
    return digest


def prune(target, keep: int, **how):
    """``image_prune`` of the service's repository."""
    return target.call("image_prune", {"name": target.options["image"], "keep": keep}, **how)


@pytest.fixture
def emptied(target):
    """The host without images, before and after."""
    target.host.run("docker image prune --all --force")
    yield target
    target.host.run("docker rm --force mine; docker image prune --all --force", check=False)


@pytest.mark.once
def test_i7_what_services_and_containers_need_stays_and_so_does_what_is_not_ours(
    emptied, derived, web
):
    target = emptied
    made = [derived.push(1000, labels(target, number)) for number in range(1, 9)]
    web.update(replicas=1, update={"monitor": "0s"})
    committed = {**web, "digest": made[1], "revision": "r2"}
    assert not target.rollout({**web, "digest": made[0], "revision": "r1"}).failed
    assert not target.rollout(committed).failed
    failed = {**committed, "digest": made[2], "environment": {"APP_EXIT_AT_ONCE": "3"}}
    assert target.rollout(failed).failed
    for digest in made[3:]:
        pulled(target, digest)
    image = target.options["image"]
    target.docker("create", "--name", "mine", f"{image}@{made[3]}", "true")
    target.docker("tag", f"{image}@{made[4]}", "mine/kept:yes")
    foreign = pulled(target, derived.push(1000))
    other = pulled(target, derived.push(1000, labels(target, 1, f"{image}-other")))
    before = of_ours(target)
    planned = prune(target, 1, check=True)
    assert of_ours(target) == before == {*made, foreign, other}
    done = prune(target, 1)
    assert done["actions"] == planned["actions"]
    assert done["actions"] == [f"remove {image}@{made[number]}" for number in (6, 5, 4)]
    assert of_ours(target) == {*made[:4], made[7], foreign, other}
    assert target.docker("image", "inspect", "mine/kept:yes")
    assert done["freed"] > 0
    assert [item["reason"] for item in done["kept"]] == [
        "among the newest",
        "the container mine uses it",
        "the service shop may need it",
        "the container shop-g2-1 uses it",
        "the service shop may need it",
    ]
    assert not prune(target, 1).changed
    assert target.rollback("shop").changed


@pytest.mark.once
def test_i7_a_service_leaves_the_image_that_another_one_may_return_to(emptied, derived, web):
    target = emptied
    web.update(replicas=1, update={"monitor": "0s"})
    made = [derived.push(1000) for _release in range(3)]
    other = {**web, "name": "other", "routes": [{"host": "other.test"}]}
    for options, digests in ((other, made[:2]), ({**web, "retain": 1}, made)):
        for digest in digests:
            done = target.rollout({**options, "digest": digest, "revision": digest[7:19]})
            assert not done.failed and not done["notes"], done.output
    # The first one is forgotten by the service that was deployed last, and runs nowhere.
    assert of_ours(target) == set(made)
    back = target.rollback("other")
    assert not back.failed and back["revision"] == made[0][7:19], back.output


@pytest.mark.once
@pytest.mark.parametrize(
    ("file", "content"),
    [("journal.json", "{"), ("journal.json", "[]"), ("pulled.json", "{]")],
    ids=["no JSON", "no journal", "no list"],
)
def test_what_a_service_needs_is_not_guessed(emptied, derived, web, file, content):
    target = emptied
    path = f"/var/lib/hundred/services/shop/{file}"
    digest = pulled(target, derived.push(1000, labels(target, 1)))
    assert prune(target, 0, check=True).changed
    target.host.put_file(path, content)
    try:
        for check in (True, False):
            refused = prune(target, 0, check=check)
            assert refused.failed and "may need it: cannot read" in refused["msg"], refused.output
            assert path in refused["msg"] and refused["next_step"]
        assert of_ours(target) == {digest}
    finally:
        target.host.run(["rm", path])


@pytest.mark.once
def test_the_playbook_prunes_every_host_and_tells_how_many(emptied, derived, digests, web):
    target = emptied
    made = [pulled(target, derived.push(1000, labels(target, day))) for day in range(1, 5)]
    assert not target.rollout({**web, **release_of(digests, "v1")}).failed
    here = ("--limit", "localhost,here")
    build = {"source": "/srv/shop"}
    builder = ("-e", "hundred_build_host=here")
    told = "Show what was removed"
    planned = playbook(target, "prune", *here, "-e", "keep=1", "--check", "--diff")
    assert planned.returncode == 0, text(planned)
    assert row(planned, "here", told).split()[1:4] == ["shop", "3", "1"], planned.stdout
    assert "would be pruned" in row(planned, "here", told)
    assert f"remove {target.options['image']}@{made[0]}" in planned.stdout
    assert set(made) < of_ours(target)
    done = playbook(target, "prune", *here, "-e", "keep=2", *builder, build=build, broken=True)
    assert done.returncode != 0, text(done)
    assert row(done, "here", told).split()[1:4] == ["shop", "2", "2"], done.stdout
    assert "hundred_services.other.image is missing" in text(done)
    assert of_ours(target) == {*made[2:], digests["v1"]}
    again = playbook(target, "prune", "-e", "service=shop keep=2")
    assert again.returncode != 0
    assert "unchanged" in row(again, "here", told), text(again)
    assert "unreachable" in row(again, "gone", told), text(again)
