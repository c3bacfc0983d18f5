# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""I4: the module may be killed at every step boundary, and the next run converges."""

from __future__ import annotations

import os
from typing import Any

import pytest
from ansible_collections.hundred.containers.plugins.module_utils.rollout.boundaries import (
    BOUNDARIES,
    STOP_FIRST_BOUNDARIES,
)

from .conftest import release_of
from .service_host import ServiceHost
from .test_i1_zero_drop import assert_nothing_lost, load_on


def chosen() -> list[str]:
    """Every boundary, or those named in HUNDRED_TEST_BOUNDARIES while one is being mended."""
    named = os.environ.get("HUNDRED_TEST_BOUNDARIES", "")
    return [name for name in BOUNDARIES if not named or name in named.split(",")]


def killed(target: ServiceHost, options: dict[str, Any], boundary: str) -> None:
    """Run a rollout that dies at a boundary, and make sure that it did."""
    result = target.rollout(options, kill_at=boundary)
    assert result.failed and result["rc"] in (137, -9), result.output


@pytest.mark.timeout(900)
def test_i4_killed_at_every_boundary_nothing_is_lost_and_the_next_run_converges(
    target, digests, web, subtests
):
    web = {**web, "update": {"monitor": "500ms", "parallelism": 2}}
    target.must_deploy({**web, **release_of(digests, "v1")})
    for number, boundary in enumerate(chosen()):
        name = ("v2", "v1")[number % 2]
        with subtests.test(boundary=boundary):
            with load_on(target, "--rate", "150", "--slow", "1", "--slow-seconds", "1") as load:
                killed(target, {**web, **release_of(digests, name)}, boundary)
                result = target.rollout({**web, **release_of(digests, name)})
                assert not result.failed, result.output
            assert_nothing_lost(load.result, target)
            states = target.containers("shop")
            assert len(states) == 2 and set(states.values()) == {"running"}, states
            assert set(load.result.total.releases) <= {"v1", "v2"}
            unchanged = target.rollout({**web, **release_of(digests, name)})
            assert not unchanged.changed, unchanged.output


@pytest.mark.once
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "boundary",
    [
        "settled",
        pytest.param("admitted", marks=pytest.mark.large),
        "committed",
    ],
)
def test_i4_killed_and_then_another_release_is_wanted(target, digests, web, boundary):
    target.must_deploy({**web, **release_of(digests, "v1")})
    with load_on(target, "--rate", "200") as load:
        killed(target, {**web, **release_of(digests, "v2")}, boundary)
        result = target.rollout({**web, **release_of(digests, "v3")})
    assert not result.failed, result.output
    assert_nothing_lost(load.result, target)
    images = target.docker("ps", "--no-trunc", "--format", "{{.Image}}").split()
    assert images == [f"{target.options['image']}@{digests['v3']}"] * 2
    assert len(target.containers("shop")) == 2


@pytest.mark.once
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "boundary",
    [
        pytest.param("settled", marks=pytest.mark.large),
        "committed",
        pytest.param("drained", marks=pytest.mark.large),
    ],
)
def test_i4_killed_and_then_rolled_back(target, digests, web, boundary):
    target.must_deploy({**web, **release_of(digests, "v1")})
    with load_on(target, "--rate", "200") as load:
        killed(target, {**web, **release_of(digests, "v2")}, boundary)
        # A release that serves tells since when, or the fleet's status takes it for an old one.
        assert target.info("shop")["since"] > "2026"
        result = target.rollback("shop")
    assert not result.failed, result.output
    assert_nothing_lost(load.result, target)
    images = target.docker("ps", "--no-trunc", "--format", "{{.Image}}").split()
    assert images == [f"{target.options['image']}@{digests['v1']}"] * 2
    assert len(target.containers("shop")) == 2


@pytest.mark.once
@pytest.mark.timeout(600)
@pytest.mark.parametrize("boundary", [*STOP_FIRST_BOUNDARIES, "settled"])
def test_i4_a_killed_stop_first_swap_of_several_replicas_converges(target, digests, web, boundary):
    update = {"order": "stop-first", "parallelism": 1, "monitor": "0s"}
    web = {**web, "replicas": 2, "update": update}
    target.must_deploy({**web, **release_of(digests, "v1")})
    with load_on(target, "--rate", "100") as load:
        killed(target, {**web, **release_of(digests, "v2")}, boundary)
        result = target.rollout({**web, **release_of(digests, "v2")})
    assert not result.failed, result.output
    assert_nothing_lost(load.result, target)
    states = target.containers("shop")
    assert set(states.values()) == {"running"} and len(states) == 2


@pytest.mark.once
@pytest.mark.timeout(600)
def test_i4_after_a_killed_stop_first_swap_a_failing_release_brings_all_old_replicas_back(
    target, digests, web
):
    update = {"order": "stop-first", "parallelism": 1, "monitor": "0s"}
    web = {**web, "replicas": 2, "update": update}
    target.must_deploy({**web, **release_of(digests, "v1")})
    broken = {**web, "environment": {"APP_EXIT_AT_ONCE": "3"}}
    with load_on(target, "--rate", "100") as load:
        killed(target, {**web, **release_of(digests, "v2")}, "parked")
        result = target.rollout({**broken, **release_of(digests, "v2")})
    assert result.failed and "exited with code 3" in result["msg"], result.output
    assert_nothing_lost(load.result, target)
    states = target.containers("shop")
    assert len(states) == 2 and set(states.values()) == {"running"}, states
    again = target.rollout({**web, **release_of(digests, "v1")})
    assert not again.failed and not again.changed, again.output


@pytest.mark.once
@pytest.mark.timeout(600)
def test_i4_a_killed_stop_or_removal_is_completed_by_the_next(target, digests, web, subtests):
    web = {**web, "update": {"monitor": "0s", "parallelism": 2}, **release_of(digests, "v1")}
    ends = {
        "stopped": ("locked", "recorded", "committed", "retired", "stopped"),
        "absent": ("locked", "committed", "retired", "removed"),
    }
    for state, boundaries in ends.items():
        wish = {"name": "shop", "state": state}
        for boundary in boundaries:
            with subtests.test(state=state, boundary=boundary):
                assert not target.rollout(web).failed
                died = target.call("service_rollout", wish, kill_at=boundary)
                assert died.failed and died["rc"] in (137, -9), died.output
                again = target.call("service_rollout", wish)
                assert not again.failed, again.output
                found = set(target.containers("shop").values())
                assert found == ({"exited"} if state == "stopped" else set())
                assert not target.call("service_rollout", wish).changed
