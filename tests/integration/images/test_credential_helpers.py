# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds on a private base image with the accounts of Docker's own configuration."""

from __future__ import annotations

import base64
import json
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from tests.integration.service_host import Result
from tests.lab.command import docker

from .calls import ProgramCalls
from .private_registry import PASSWORD, USERNAME, PrivateRegistry
from .repository import Repository

OTHER = "registry.example.com"
TOKEN = base64.b64encode(f"{USERNAME}:{PASSWORD}".encode()).decode()
ANSWER = json.dumps({"Username": USERNAME, "Secret": PASSWORD})
# What a helper would be told that it must not tell.
RUBBISH = "not-json-but-s3cret"


@dataclass(frozen=True)
class Machine:
    """A user's Docker configuration and helpers on this machine, and a source on a private base."""

    modules: ProgramCalls
    repository: Repository
    name: str
    folder: Path
    registry: str

    def helper(self, name: str, script: str) -> None:
        """Install a credential helper."""
        program = self.folder / f"docker-credential-{name}"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)

    def build(self, config: dict[str, Any]) -> Result:
        """Build with the classic builder and that configuration."""
        (self.folder / "config.json").write_text(json.dumps(config))
        path = f"{self.folder}:{os.environ['PATH']}"
        environment = {"DOCKER_CONFIG": str(self.folder), "PATH": path}
        return replace(self.modules, environment=environment).call(
            "image_build",
            name=self.name,
            source=str(self.repository.path),
            revision="main",
            builder="classic",
        )


@pytest.fixture
def machine(
    modules: ProgramCalls,
    repository: Repository,
    name: str,
    built: str,
    local_name: str,
    private_registry: PrivateRegistry,
    tmp_path: Path,
) -> Machine:
    pushed = modules.ok("image_push", name=name, revision=built, **private_registry.account)
    docker("image", "rm", "--force", pushed["image_id"])
    repository.commit({"Dockerfile": f"FROM {pushed['image']}\nLABEL built=on-it\n"})
    folder = tmp_path / "docker"
    folder.mkdir()
    return Machine(modules, repository, local_name, folder, private_registry.address)


@pytest.mark.parametrize(
    ("broken", "named"),
    [
        ({"credHelpers": {OTHER: "gone-missing"}}, "docker-credential-gone-missing"),
        ({"credsStore": "gone-missing"}, "docker-credential-gone-missing"),
        ({"credHelpers": {OTHER: "fails"}}, f"docker-credential-fails of {OTHER}"),
        ({"credHelpers": {OTHER: "babbles"}}, f"docker-credential-babbles of {OTHER}"),
    ],
    ids=["no helper", "no store", "fails", "babbles"],
)
def test_a_broken_helper_of_another_registry_is_a_warning(
    machine: Machine, broken: dict[str, Any], named: str
) -> None:
    machine.helper("fails", "echo out of order; exit 1")
    machine.helper("babbles", f"echo {RUBBISH}")
    result = machine.build({"auths": {machine.registry: {"auth": TOKEN}}, **broken})
    assert not result.failed, result.output
    assert any(named in str(warning) for warning in result["warnings"]), result.output
    for secret in (PASSWORD, TOKEN, RUBBISH):
        assert secret not in result.output


@pytest.mark.parametrize("kind", ["helper", "store"])
def test_an_account_that_a_helper_has_serves_a_base_image(machine: Machine, kind: str) -> None:
    known = json.dumps({machine.registry: USERNAME})
    machine.helper(
        "works", f"case $1 in list) echo '{known}';; *) cat >/dev/null; echo '{ANSWER}';; esac"
    )
    config = {"credsStore": "works"}
    if kind == "helper":
        config = {"credHelpers": {machine.registry: "works", OTHER: "gone-missing"}}
    result = machine.build(config)
    assert not result.failed, result.output
    assert PASSWORD not in result.output


def test_a_broken_helper_that_the_build_needs_is_named(machine: Machine) -> None:
    result = machine.build({"credHelpers": {machine.registry: "gone-missing"}})
    assert result.failed
    assert "no basic auth credentials" in result["msg"]
    assert "docker login" in result["next_step"]
    assert any(machine.registry in str(warning) for warning in result["warnings"])
