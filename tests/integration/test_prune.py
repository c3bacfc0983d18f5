# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hosts of services keep what a service may return to, and their disks do not fill."""

from __future__ import annotations

import pytest

from .derived_images import DerivedImages

MEGABYTE = 1024 * 1024
DEPLOYS = 50
# Deploys after which as much is there as ever will be.
FULL = 10


@pytest.fixture
def derived(registry, digests) -> DerivedImages:
    """Maker of releases of the test application."""
    return DerivedImages(registry, "app", digests["v1"])


def layers(target) -> int:
    """Bytes of all layers on the host's disk, and the images that it has."""
    program = "import docker; print(docker.APIClient().df()['LayersSize'])"
    return int(target.host.run(["python3", "-c", program]).stdout)


def of_ours(target) -> set[str]:
    """The digests that the host has of the service's repository."""
    form = ["images", "--digests", "--format", "{{.Repository}} {{.Digest}}"]
    rows = [line.split() for line in target.docker(*form).splitlines()]
    return {digest for name, digest in rows if name == target.options["image"]}


@pytest.mark.once
def test_disk_use_is_flat_over_50_deploys_of_which_every_fifth_fails(target, derived, web):
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
        if number >= FULL:
            used.append(layers(target))
            kept.append(len(of_ours(target)))
        if not broken:
            assert of_ours(target) == set(good[-4:]), number
    # The committed one and three to return to, and for a moment one that failed.
    assert set(kept) == {4, 5}
    assert max(used) - min(used) < 1.5 * MEGABYTE
    for digest in reversed(good[-4:-1]):
        assert target.rollback("shop").changed
        assert target.info("shop")["image"].endswith(digest)
