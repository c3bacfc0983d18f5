# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pulls: by digest, once, and past a registry that is away for a moment."""

from __future__ import annotations

import pytest

from tests.lab.command import docker
from tests.lab.registry import CERTIFICATES

from .calls import ProgramCalls
from .private_registry import PrivateRegistry


def test_a_pull_by_digest_happens_once(
    modules: ProgramCalls, name: str, built: str, private_registry: PrivateRegistry
) -> None:
    account = private_registry.account
    pushed = modules.ok("image_push", name=name, revision=built, **account)
    docker("image", "rm", "--force", pushed["image_id"])
    options = {"name": name, "digest": pushed["digest"], **account}
    planned = modules.ok("image_pull", check=True, **options)
    assert planned.changed
    assert docker("image", "inspect", pushed["image"], check=False).returncode != 0
    pulled = modules.ok("image_pull", **options)
    assert pulled["actions"] == planned["actions"] == [f"pull {name}@{pushed['digest']}"]
    assert (pulled["image_id"], pulled["image"]) == (pushed["image_id"], pushed["image"])
    assert pulled["size"] > 0
    assert not modules.ok("image_pull", **options).changed
    # What is here needs no registry.
    assert not modules.ok("image_pull", **{**options, "registry_password": "wrong"}).changed


@pytest.mark.parametrize("check", [False, True], ids=["run", "check mode"])
def test_a_digest_that_the_registry_lacks_is_refused(
    modules: ProgramCalls, name: str, private_registry: PrivateRegistry, check: bool
) -> None:
    digest = "sha256:" + "0" * 64
    options = {"name": name, "digest": digest, **private_registry.account}
    result = modules.refused("image_pull", check=check, **options)
    assert digest in result["msg"]
    assert "image_push" in result["next_step"]


def test_a_pull_outlives_a_registry_that_is_away_for_a_moment(
    modules: ProgramCalls,
    name: str,
    built: str,
    private_registry: PrivateRegistry,
    request: pytest.FixtureRequest,
) -> None:
    pushed = modules.ok("image_push", name=name, revision=built, **private_registry.account)
    docker("image", "rm", "--force", pushed["image_id"])
    stopped = request.getfixturevalue("stopped")
    options = {"name": name, "digest": pushed["digest"], **stopped.account}
    failed = modules.refused("image_pull", **options, retries=0)
    assert "connection refused" in failed["msg"]
    running = modules.begin("image_pull", **options)
    stopped.come_back_after_a_failure()
    result = modules.end(running)
    assert result["image_id"] == pushed["image_id"], result.output


def test_an_unknown_certificate_authority_is_told_with_the_file_to_put_it_in(
    modules: ProgramCalls, untrusted_registry: PrivateRegistry
) -> None:
    registry = untrusted_registry
    options = {"name": f"{registry.address}/shop", "digest": "sha256:" + "1" * 64}
    result = modules.refused("image_pull", **options, **registry.account)
    assert "x509" in result["msg"]
    path = CERTIFICATES / registry.address / "ca.crt"
    assert f"put the registry's CA certificate at {path} " in result["next_step"]
    path.parent.mkdir(parents=True)
    path.write_bytes((registry.folder / "cert.pem").read_bytes())
    trusted = modules.refused("image_pull", **options, **registry.account)
    assert "not found" in trusted["msg"]
