# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pushes: digests, tags that do not move, failures that pass and those that do not."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from tests.lab.command import docker

from .calls import ProgramCalls
from .conftest import path_of, rebuilt_otherwise
from .looks import containerd_store, inspect
from .private_registry import PASSWORD, USERNAME, PrivateRegistry
from .repository import Repository


def test_a_push_returns_the_digest_and_the_next_one_changes_nothing(
    modules: ProgramCalls, name: str, built: str, private_registry: PrivateRegistry
) -> None:
    options = {"name": name, "revision": built, "tags": ["latest"], **private_registry.account}
    planned = modules.ok("image_push", check=True, **options)
    assert planned.changed
    assert planned["actions"] == [f"push {name}:{built}", f"push {name}:latest"]
    assert f"push {name}:{built}" in planned.output
    assert private_registry.tags(path_of(name)) == []
    pushed = modules.ok("image_push", **options)
    assert pushed.changed
    assert pushed["actions"] == planned["actions"]
    for tag in (built, "latest"):
        assert private_registry.digest(path_of(name), tag) == pushed["digest"]
    assert pushed["image"] == f"{name}@{pushed['digest']}"
    for check in (True, False):
        again = modules.ok("image_push", check=check, **options)
        assert not again.changed
        assert (again["actions"], again["digest"]) == ([], pushed["digest"])


def test_a_revision_tag_moves_to_other_content_by_force_alone(
    modules: ProgramCalls,
    repository: Repository,
    name: str,
    built: str,
    private_registry: PrivateRegistry,
) -> None:
    options = {"name": name, "revision": built, **private_registry.account}
    first = modules.ok("image_push", **options)["digest"]
    other = rebuilt_otherwise(modules, repository, name, built, private_registry.account)
    checked = modules.refused("image_push", check=True, **options)
    assert first in checked["msg"] and "force" in checked["next_step"]
    # With containerd's store a digest is an id, and the name of a tag that has moved is gone.
    known = first if containerd_store() else f"{name}@{first}"
    digested = docker("image", "inspect", "--format={{.Id}}", known).stdout
    refused = modules.refused("image_push", **options)
    assert first in refused["msg"]
    # A release of this host, if it is one, stays.
    assert docker("image", "inspect", "--format={{.Id}}", known).stdout == digested
    assert other in refused["msg"]
    assert "force" in refused["next_step"]
    # One that had to be pulled to compare does not.
    docker("image", "rm", known)
    checked = modules.ok("image_push", check=True, **options)
    assert not checked.changed
    assert "seen only by pulling it" in checked.output
    assert docker("image", "inspect", f"{name}@{first}", check=False).returncode != 0
    assert modules.refused("image_push", **options)["digest"] == first
    assert docker("image", "inspect", f"{name}@{first}", check=False).returncode != 0
    assert private_registry.digest(path_of(name), built) == first
    forced = modules.ok("image_push", **options, force=True)
    assert forced.changed
    assert private_registry.digest(path_of(name), built) == forced["digest"] != first


def test_the_same_content_is_recognised_when_the_engine_has_forgotten_its_digest(
    modules: ProgramCalls, name: str, built: str, private_registry: PrivateRegistry, tmp_path: Path
) -> None:
    options = {"name": name, "revision": built, **private_registry.account}
    pushed = modules.ok("image_push", **options)
    docker("image", "save", "--output", str(tmp_path / "image.tar"), f"{name}:{built}")
    docker("image", "rm", "--force", pushed["image_id"])
    docker("image", "load", "--input", str(tmp_path / "image.tar"))
    facts = json.loads(docker("image", "inspect", f"{name}:{built}").stdout)[0]
    # Containerd's store cannot forget it.
    assert containerd_store() or not facts["RepoDigests"]
    again = modules.ok("image_push", **options)
    assert not again.changed
    assert again["digest"] == pushed["digest"]


def test_an_image_that_only_the_registry_has_needs_no_push_but_can_get_a_tag(
    modules: ProgramCalls, name: str, built: str, private_registry: PrivateRegistry
) -> None:
    options = {"name": name, "revision": built, **private_registry.account}
    pushed = modules.ok("image_push", **options)
    docker("image", "rm", "--force", pushed["image_id"])
    again = modules.ok("image_push", **options)
    assert not again.changed
    assert again["digest"] == pushed["digest"]
    tagged = modules.ok("image_push", **options, tags=["stable"])
    assert tagged["actions"] == [f"push {name}:stable"]
    assert private_registry.digest(path_of(name), "stable") == pushed["digest"]


@pytest.mark.parametrize("by", ["revision", "digest"])
def test_a_tag_is_put_on_what_the_registry_has_and_not_on_what_is_here(
    modules: ProgramCalls,
    repository: Repository,
    name: str,
    built: str,
    private_registry: PrivateRegistry,
    by: str,
) -> None:
    account = private_registry.account
    first = modules.ok("image_push", name=name, revision=built, **account)
    docker("image", "rm", "--force", first["image_id"])
    other = rebuilt_otherwise(modules, repository, name, built, account)
    options = {"name": name, "digest": first["digest"], "tags": ["stable"], **account}
    if by == "revision":
        options["revision"] = built
    planned = modules.ok("image_push", check=True, **options)
    assert planned["actions"] == [f"push {name}:stable"]
    assert private_registry.tags(path_of(name)) == [built]
    tagged = modules.ok("image_push", **options)
    assert tagged["actions"] == planned["actions"]
    assert (tagged["digest"], tagged["image_id"]) == (first["digest"], first["image_id"])
    assert private_registry.digest(path_of(name), "stable") == first["digest"]
    assert not modules.ok("image_push", **options).changed
    # What is here under the revision stays.
    assert inspect(f"{name}:{built}")["Id"] == other


def test_a_digest_that_the_registry_does_not_have_as_the_revision_is_refused(
    modules: ProgramCalls, name: str, built: str, private_registry: PrivateRegistry
) -> None:
    options = {"name": name, "tags": ["stable"], **private_registry.account}
    nothing = "sha256:" + "1" * 64
    missing = modules.refused("image_push", **options, digest=nothing, revision=built)
    assert f"the registry has no {name}:{built}" in missing["msg"]
    missing = modules.refused("image_push", **options, digest=nothing)
    assert f"the registry has no {name}@{nothing}" in missing["msg"]
    first = modules.ok("image_push", **options, revision=built)["digest"]
    wrong = modules.refused("image_push", **options, digest=nothing, revision=built)
    assert f"names {first} in the registry, not {nothing}" in wrong["msg"]
    assert "image_build" in wrong["next_step"]
    assert private_registry.digest(path_of(name), "stable") == first


def test_other_tags_may_move(
    modules: ProgramCalls,
    repository: Repository,
    name: str,
    built: str,
    private_registry: PrivateRegistry,
) -> None:
    account = private_registry.account
    first = modules.ok("image_push", name=name, revision=built, tags=["latest"], **account)
    next_sha = repository.commit({"news": "x"})
    options = {"name": name, "source": str(repository.path), "revision": next_sha}
    modules.ok("image_build", **options, tags=["latest"], **account)
    second = modules.ok("image_push", name=name, revision=next_sha, tags=["latest"], **account)
    assert second["digest"] != first["digest"]
    assert private_registry.digest(path_of(name), "latest") == second["digest"]
    assert private_registry.digest(path_of(name), built) == first["digest"]
    assert not modules.ok("image_push", name=name, tag="latest", **account).changed


def test_an_image_of_another_revision_is_not_pushed_as_this_one(
    modules: ProgramCalls, name: str, built: str, private_registry: PrivateRegistry
) -> None:
    wrong = "0" * 40
    docker("tag", f"{name}:{built}", f"{name}:{wrong}")
    result = modules.refused("image_push", name=name, revision=wrong, **private_registry.account)
    assert f"was built from {built}" in result["msg"]
    assert private_registry.tags(path_of(name)) == []


def test_a_registry_that_comes_back_gets_its_push(
    modules: ProgramCalls, name: str, built: str, stopped: PrivateRegistry
) -> None:
    running = modules.begin("image_push", name=name, revision=built, **stopped.account)
    stopped.come_back_after_a_failure()
    result = modules.end(running)
    assert result["digest"] == stopped.digest(path_of(name), built)
    assert any("trying again in" in str(warning) for warning in result["warnings"])


def test_wrong_credentials_fail_at_once_and_name_the_way_out(
    modules: ProgramCalls, name: str, built: str, private_registry: PrivateRegistry
) -> None:
    wrong = {**private_registry.account, "registry_password": "not-the-password"}
    result = modules.refused("image_push", name=name, revision=built, **wrong)
    assert "unauthorized" in result["msg"]
    assert "tried" not in result["msg"]
    assert "registry_username" in result["next_step"]
    assert "not-the-password" not in result.output


@pytest.mark.parametrize("kind", ["configuration", "helper"])
def test_dockers_own_credentials_are_used(
    modules: ProgramCalls,
    name: str,
    built: str,
    private_registry: PrivateRegistry,
    tmp_path: Path,
    kind: str,
) -> None:
    config = tmp_path / "docker"
    environment = {"DOCKER_CONFIG": str(config)}
    if kind == "configuration":
        private_registry.docker_config(config)
    else:
        config.mkdir()
        helpers = {"credHelpers": {private_registry.address: "hundredtest"}}
        (config / "config.json").write_text(json.dumps(helpers))
        helper = tmp_path / "bin" / "docker-credential-hundredtest"
        helper.parent.mkdir()
        answer = json.dumps({"Username": USERNAME, "Secret": PASSWORD})
        helper.write_text(f"#!/bin/sh\ncat > /dev/null\necho '{answer}'\n")
        helper.chmod(0o755)
        environment["PATH"] = f"{helper.parent}:{os.environ['PATH']}"
    configured = replace(modules, environment=environment)
    result = configured.ok("image_push", name=name, revision=built)
    assert private_registry.digest(path_of(name), built) == result["digest"]
    assert PASSWORD not in result.output


def test_a_broken_credential_helper_is_named(
    modules: ProgramCalls, name: str, built: str, private_registry: PrivateRegistry, tmp_path: Path
) -> None:
    helpers = {"credHelpers": {private_registry.address: "gone-missing"}}
    (tmp_path / "config.json").write_text(json.dumps(helpers))
    configured = replace(modules, environment={"DOCKER_CONFIG": str(tmp_path)})
    result = configured.refused("image_push", name=name, revision=built)
    assert "docker-credential-gone-missing" in result["msg"]
    assert "credHelpers" in result["next_step"]


@pytest.mark.parametrize(
    ("module", "options", "message"),
    [
        ("image_pull", {"digest": "sha256:abc"}, "is not a digest"),
        ("image_pull", {"digest": "latest"}, "is not a digest"),
        ("image_pull", {"name": "shop", "digest": "sha256:" + "1" * 64}, "names no registry"),
        ("image_push", {"revision": "main"}, "is not a full commit SHA"),
        ("image_push", {"name": "shop", "tag": "v1"}, "names no registry"),
        ("image_push", {"name": "127.0.0.1:1/shop:v1", "tag": "v1"}, "has a tag or digest"),
        ("image_push", {"tag": "0" * 40}, "looks like a revision"),
        ("image_push", {"tag": "v1", "tags": ["a b"]}, "is not a tag"),
        ("image_push", {"digest": "sha256:abc"}, "is not a digest"),
        ("image_push", {"digest": "sha256:" + "1" * 64, "force": True}, "exclude each other"),
        ("image_push", {"digest": "sha256:" + "1" * 64, "tag": "v1"}, "mutually exclusive"),
    ],
)
def test_bad_names_are_refused_before_anything_is_asked(
    modules: ProgramCalls, module: str, options: dict[str, object], message: str
) -> None:
    result = modules.refused(module, **{"name": "127.0.0.1:1/shop", **options})
    assert message in result["msg"]


def test_a_revision_that_was_never_built_cannot_be_pushed(
    modules: ProgramCalls, name: str, private_registry: PrivateRegistry
) -> None:
    result = modules.refused("image_push", name=name, revision="1" * 40, **private_registry.account)
    assert "there is no image" in result["msg"]
    assert "image_build" in result["next_step"]


@pytest.mark.parametrize("by", [{"revision": "1" * 40}, {"tag": "v1"}], ids=["revision", "tag"])
def test_check_mode_takes_an_image_that_is_not_here_for_one_to_be_built(
    modules: ProgramCalls, name: str, private_registry: PrivateRegistry, by: dict[str, str]
) -> None:
    options = {"name": name, **by, "tags": ["latest"], **private_registry.account}
    planned = modules.ok("image_push", check=True, **options)
    first = next(iter(by.values()))
    assert planned.changed
    assert planned["actions"] == [f"push {name}:{first}, once it is built", f"push {name}:latest"]
    assert planned["digest"] is None
