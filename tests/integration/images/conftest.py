# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures of the tests on images."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.command import docker
from tests.lab.registry import CERTIFICATES
from tests.ports import own_address

from .calls import AnsibleCalls, ProgramCalls
from .private_registry import PrivateRegistry
from .repository import Repository

# Another argument makes another image of the same commit.
DOCKERFILE = "FROM scratch\nARG FLAVOUR=plain\nLABEL flavour=$FLAVOUR\nCOPY . /\n"


@pytest.fixture(scope="session")
def private_registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrivateRegistry]:
    private = PrivateRegistry(tmp_path_factory.mktemp("registry"))
    private.start()
    yield private
    private.stop()


@pytest.fixture
def untrusted_registry(tmp_path: Path) -> Iterator[PrivateRegistry]:
    """A registry that is not on the loopback, so that its certificate counts."""
    address = own_address()
    folder = tmp_path / "untrusted"
    folder.mkdir()
    registry = PrivateRegistry(folder, address)
    registry.start()
    yield registry
    registry.stop()
    shutil.rmtree(CERTIFICATES / registry.address, ignore_errors=True)


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """An empty git repository."""
    return Repository(tmp_path / "source")


@pytest.fixture
def modules(tmp_path: Path) -> ProgramCalls:
    """Our modules as programs of this machine."""
    folder = tmp_path / "calls"
    folder.mkdir()
    return ProgramCalls(folder)


@pytest.fixture
def ansible(tmp_path: Path) -> AnsibleCalls:
    """Our modules by ansible-playbook on this machine."""
    folder = tmp_path / "ansible"
    folder.mkdir()
    return AnsibleCalls(folder)


@pytest.fixture
def local_name() -> Iterator[str]:
    """A repository's name without a registry; its images are removed afterwards."""
    name = f"hundred-test/{uuid.uuid4().hex[:8]}"
    yield name
    remove_images(name)


@pytest.fixture
def name(private_registry: PrivateRegistry) -> Iterator[str]:
    """A repository's name in the private registry; its images here are removed afterwards."""
    name = f"{private_registry.address}/shop-{uuid.uuid4().hex[:8]}"
    yield name
    remove_images(name)


@pytest.fixture
def built(
    modules: ProgramCalls, repository: Repository, name: str, private_registry: PrivateRegistry
) -> str:
    """A revision whose image is here, and not in the registry."""
    sha = repository.commit({"Dockerfile": DOCKERFILE})
    modules.ok(
        "image_build",
        name=name,
        source=str(repository.path),
        revision=sha,
        **private_registry.account,
    )
    return sha


@pytest.fixture
def stopped(private_registry: PrivateRegistry) -> Iterator[PrivateRegistry]:
    """The registry, stopped; it runs again afterwards."""
    private_registry.stop()
    yield private_registry
    private_registry.stop()
    private_registry.start()


def remove_images(name: str) -> None:
    """Remove all images here that were built for a repository, and its tags and digests."""
    labelled = docker("image", "ls", "--all", "--quiet", f"--filter=label=hundred.image={name}")
    named = docker("image", "ls", "--quiet", name)
    ids = {*labelled.stdout.split(), *named.stdout.split()}
    if ids:
        docker("image", "rm", "--force", *sorted(ids), check=False)


def rebuilt_otherwise(
    modules: ProgramCalls, repository: Repository, name: str, sha: str, account: dict[str, str]
) -> str:
    """Give the revision another image here; its id."""
    built = modules.ok(
        "image_build",
        name=name,
        source=str(repository.path),
        revision=sha,
        args={"FLAVOUR": "other"},
        force=True,
        **account,
    )
    return str(built["image_id"])


def path_of(name: str) -> str:
    """A repository's name as its registry knows it."""
    return name.partition("/")[2]
