# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Swaps on an engine with containerd's store, where the id of an image is its digest."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from .conftest import Machines, clean, release_of
from .service_host import ServiceHost

HOST = "containerd-store"


@pytest.fixture
def target(machines: Machines, lab, tmp_path: Path) -> Iterator[ServiceHost]:
    """An empty Debian 13 host with HAProxy, whose engine uses containerd's store."""
    lab.ensure(HOST, "trixie").use_containerd_store()
    found = machines.get("trixie", "haproxy", tmp_path, HOST)
    found.driver = "haproxy"
    clean(found)
    found.host.run("docker image prune --all --force")
    yield found
    clean(found)


def here(target: ServiceHost, digests: dict[str, str]) -> set[str]:
    """The releases whose image the host has. By name: a list leaves out what is not complete, and
    a layer that is there by other means is not pulled again.
    """
    image = target.options["image"]
    looks = {
        name: target.host.run(["docker", "image", "inspect", f"{image}@{digest}"], check=False)
        for name, digest in digests.items()
    }
    return {name for name, look in looks.items() if look.returncode == 0}


def test_i8_a_release_is_swapped_kept_and_returned_to_by_its_digest(target, digests, web):
    first, second, third = (
        {**web, "retain": 1, **release_of(digests, name)} for name in ("v1", "v2", "v3")
    )
    target.must_deploy(first)
    target.must_deploy(second)
    assert not target.must_deploy(second).changed
    for name in target.containers("shop"):
        container = json.loads(target.docker("inspect", name))[0]
        assert container["Config"]["Image"] == f"{target.options['image']}@{digests['v2']}"
        assert container["Image"] == digests["v2"]
    assert here(target, digests) == {"v1", "v2"}
    target.must_deploy(third)
    assert here(target, digests) == {"v2", "v3"}
    back = target.rollback("shop")
    assert back.changed and not back.failed, back.output
    assert target.info("shop")["image"].endswith(digests["v2"])
