# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One host's part in a deploy over many: it is claimed, remembers what was found, and returns."""

from __future__ import annotations

import time

import pytest

from .conftest import release_of

LEASE = "/var/lib/hundred/services/shop/deploy.json"


def part_of(name: str, **more: object) -> dict[str, object]:
    """The option that makes a rollout a part of a deploy."""
    return {"deploy": {"id": name, **more}}


def undo(target, *deploys, **how):
    """Undo deploys on the host."""
    return target.call("service_rollback", {"name": "shop", "undo": list(deploys)}, **how)


def leased(target) -> bool:
    """Whether a deploy is incomplete on the host."""
    return target.host.run(f"test -e {LEASE}", check=False).returncode == 0


@pytest.mark.once
def test_f3_a_host_returns_to_the_release_that_the_deploy_found(target, digests, web):
    first = {**web, "retain": 1, "secrets": {"TOKEN": "one"}, **release_of(digests, "v1")}
    assert target.rollout(first).changed
    second = {**web, "retain": 1, "secrets": {"TOKEN": "two"}, **release_of(digests, "v2")}
    prefetched = target.rollout({**second, "prefetch": True, **part_of("mine")})
    assert prefetched["needed"] and prefetched["deploys"] == ["mine"]
    assert leased(target)
    done = target.rollout({**second, **part_of("mine")})
    assert done.changed and not leased(target), done.output
    stranger = undo(target, "another")
    assert not stranger.changed and stranger["revision"] == done["revision"]
    planned = undo(target, "mine", check=True)
    assert planned.changed and target.info("shop")["revision"] == done["revision"]
    returned = undo(target, "mine")
    assert returned.changed, returned.output
    assert returned["revision"] == release_of(digests, "v1")["revision"]
    assert target.docker("exec", "shop-g3-1", "cat", "/run/secrets/TOKEN") == "one"
    assert not undo(target, "mine").changed


@pytest.mark.once
def test_f3_a_change_of_scale_and_of_routes_is_undone(target, digests, web):
    options = {**web, **release_of(digests, "v1")}
    target.must_deploy(options)
    more = {**options, "replicas": 3, "routes": [{"host": "other.test"}], **part_of("mine")}
    assert target.rollout(more).changed
    assert undo(target, "mine").changed
    info = target.info("shop")
    assert (info["replicas_wanted"], info["replicas_healthy"]) == (2, 2)
    assert [route["host"] for route in info["routes"]] == ["shop.test"]
    assert not target.rollout(options).changed


@pytest.mark.once
def test_f3_a_first_deploy_is_undone_by_removing_what_it_brought(target, digests, web):
    freeze = {"name": "shop", "end": "72h", "reason": "the sale", "started_by": "anna"}
    assert not target.call("service_freeze", freeze).failed
    first = {**web, **release_of(digests, "v1"), **part_of("mine")}
    assert target.rollout(first).failed
    assert target.rollout({**first, "override": "a new host"}).changed
    assert undo(target, "mine").changed
    assert target.containers() == {}
    # What it did not bring stays, and so does what was done.
    told = target.call("service_info", {})
    assert told["services"] == []
    assert [item["action"] for item in told["former"][0]["history"]][-2:] == ["rollout", "absent"]
    assert "the sale" in target.rollout(first)["msg"]
    assert not target.call("service_freeze", {"name": "shop", "state": "absent"}).failed


@pytest.mark.once
def test_f3_a_stopped_service_is_stopped_again(target, digests, web):
    target.must_deploy({**web, **release_of(digests, "v1")})
    assert target.call("service_rollout", {"name": "shop", "state": "stopped"}).changed
    assert target.rollout({**web, **release_of(digests, "v2"), **part_of("mine")}).changed
    assert undo(target, "mine").changed
    info = target.info("shop")
    assert info["state"] == "stopped"
    assert info["revision"] == release_of(digests, "v1")["revision"]
    assert not undo(target, "mine").changed


@pytest.mark.once
def test_i7_images_of_releases_that_came_to_nothing_go_with_the_next_success(target, digests, web):
    def here() -> set[str]:
        form = ["images", "--digests", "--format", "{{.Repository}} {{.Digest}}"]
        rows = [line.split() for line in target.docker(*form).splitlines()]
        return {digest for name, digest in rows if name == target.options["image"]}

    target.host.run("docker image prune --all --force")
    first = {**web, **release_of(digests, "v1")}
    target.must_deploy(first)
    others = f"{target.options['image']}@{digests['v2']}"
    target.must_deploy({**web, **release_of(digests, "v2"), "prefetch": True, **part_of("mine")})
    undo(target, "mine")
    broken = {**web, **release_of(digests, "v3"), "environment": {"APP_EXIT_AT_ONCE": "3"}}
    assert target.rollout(broken).failed
    assert here() == set(digests.values())
    target.docker("tag", others, "mine/kept:yes")
    try:
        done = target.rollout({**first, "environment": {"A": "b"}})
        assert done.changed and not done["notes"], done.output
        assert here() == {digests["v1"]}
        assert target.docker("image", "inspect", "mine/kept:yes")
    finally:
        target.docker("rmi", "mine/kept:yes")


@pytest.mark.once
def test_a_failed_rollout_keeps_the_claim_until_it_is_undone(target, digests, web):
    target.must_deploy({**web, **release_of(digests, "v1")})
    broken = {**web, **release_of(digests, "v2"), "environment": {"APP_EXIT_AT_ONCE": "3"}}
    assert target.rollout({**broken, **part_of("mine")}).failed
    assert leased(target)
    unchanged = undo(target, "mine")
    assert not unchanged.failed and not unchanged.changed, unchanged.output
    assert not leased(target)


@pytest.mark.once
def test_a_second_deploy_is_refused_by_name_until_the_first_has_ended(target, digests, web):
    options = {**web, **release_of(digests, "v1")}
    claimed = target.rollout({**options, "prefetch": True, **part_of("mine"), "started_by": "anna"})
    assert not claimed.failed, claimed.output
    following = {**options, **part_of("yours")}
    for other in ({**following, "prefetch": True}, following, options):
        for check in (False, True):
            refused = target.rollout(other, check=check)
            assert refused.failed and "anna" in refused["msg"], refused.output
            assert "ends by itself at" in refused["next_step"]
    beside = target.rollback("shop")
    assert beside.failed and "anna" in beside["msg"], beside.output
    assert target.containers() == {}
    known = target.rollout({**options, **part_of("yours", ended=["mine"])})
    assert known.changed and known["deploys"] == ["yours", "mine"], known.output
    assert not leased(target)


@pytest.mark.once
def test_what_a_dead_deploy_claimed_is_free_when_something_else_was_brought_there(
    target, digests, web
):
    v1, v2, v3 = ({**web, **release_of(digests, name)} for name in ("v1", "v2", "v3"))
    target.must_deploy(v1)
    target.must_deploy({**v2, "prefetch": True, **part_of("dead", lease="1s")})
    target.host.run("sleep 1.1")
    target.must_deploy(v2)
    assert not leased(target)
    target.must_deploy({**v3, "prefetch": True, **part_of("dead", lease="1s")})
    target.host.run("sleep 1.1")
    as_wanted = target.rollout({**v2, "prefetch": True, **part_of("next")})
    assert not as_wanted["needed"] and not leased(target), as_wanted.output
    # So a rollback goes back a release, and does not take the dead deploy for the last one.
    assert target.rollback("shop")["revision"] == v1["revision"]


@pytest.mark.once
def test_a_lease_that_is_not_heard_of_ends_by_itself(target, digests, web):
    options = {**web, **release_of(digests, "v1")}
    target.must_deploy(options)
    target.must_deploy({**web, **release_of(digests, "v2"), **part_of("first")})
    # Its controller died: the claim that it had on the next host is on this one here.
    target.must_deploy(
        {**web, **release_of(digests, "v3"), "prefetch": True, **part_of("first", lease="1s")}
    )
    target.host.run("sleep 1.1")
    done = target.rollout({**web, **release_of(digests, "v3"), **part_of("second")})
    assert done["deploys"] == ["second", "first"], done.output
    # Both together are one change of this host, and undone as one.
    assert undo(target, *done["deploys"])["revision"] == release_of(digests, "v1")["revision"]


@pytest.mark.once
def test_a_prefetch_wants_the_lock_free_and_claims_nothing_otherwise(target, digests, web):
    slow = {**target.options, **web, **release_of(digests, "v1"), "update": {"monitor": "8s"}}
    process = target.start("service_rollout", {**slow, "started_by": "boris"})
    deadline = time.monotonic() + 30
    while len(target.containers("shop")) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    options = {**web, **release_of(digests, "v2"), "prefetch": True, **part_of("mine")}
    refused = target.rollout(options)
    assert refused.failed and "boris" in refused["msg"], refused.output
    assert not leased(target)
    waited = target.rollout({**options, "lock_timeout": "1m"})
    assert not waited.failed and waited["needed"] and leased(target)
    assert process.wait(timeout=60) == 0
