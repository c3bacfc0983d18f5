# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pruning a build host: of what image_build made, the newest stay and nothing else is touched."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.lab.command import docker

from .calls import ProgramCalls
from .conftest import remove_images
from .looks import containerd_store, inspect
from .private_registry import PrivateRegistry
from .repository import Repository

DOCKERFILE = "FROM scratch\nCOPY . /\n"


@pytest.fixture
def options(name: str, tmp_path: Path) -> dict[str, Any]:
    """Options of image_prune; no service is on this machine."""
    return {"name": name, "state_dir": str(tmp_path / "no-state")}


@pytest.fixture
def revisions(
    modules: ProgramCalls,
    repository: Repository,
    name: str,
    private_registry: PrivateRegistry,
    monkeypatch: pytest.MonkeyPatch,
) -> list[str]:
    """Four revisions whose images are here and in the registry, the oldest first."""
    made = []
    for day in range(1, 5):
        monkeypatch.setenv("GIT_COMMITTER_DATE", f"2026-01-0{day}T00:00:00+00:00")
        made.append(repository.commit({"Dockerfile": DOCKERFILE, "day": "x" * 5000 * day}))
    # Built in another order: the commits' times count.
    for sha in [*made[2:], *made[:2]]:
        source = {"source": str(repository.path), "revision": sha, "tags": ["latest"]}
        modules.ok("image_build", name=name, **source, **private_registry.account)
        modules.ok("image_push", name=name, revision=sha, **private_registry.account)
    return made


def here(name: str, what: str = "{{.Tag}}") -> set[str]:
    """The tags here of a repository, or what else the engine lists of its images."""
    lines = docker("image", "ls", "--digests", "--format", what, name).stdout.splitlines()
    return set(lines) - {"<none>"}


def test_the_newest_revisions_stay_with_their_digests_and_a_second_run_changes_nothing(
    modules: ProgramCalls, revisions: list[str], options: dict[str, Any]
) -> None:
    name = options["name"]
    ids = {sha: inspect(f"{name}:{sha}")["Id"] for sha in revisions}
    everything = "{{.Tag}} {{.Digest}} {{.ID}}"
    before = here(name, everything)
    planned = modules.ok("image_prune", check=True, **options, keep=2)
    assert here(name, everything) == before
    assert planned.changed and planned["freed"] is None
    done = modules.ok("image_prune", **options, keep=2)
    assert done["actions"] == planned["actions"]
    assert done["actions"][0] in planned["diff"]["prepared"]
    assert [item["revision"] for item in done["removed"]] == [revisions[1], revisions[0]]
    assert [item["revision"] for item in done["kept"]] == [revisions[3], revisions[2]]
    # "latest" was on a revision that is not among the newest.
    assert here(name) == set(revisions[2:])
    for sha in revisions[:2]:
        assert docker("image", "inspect", ids[sha], check=False).returncode != 0
    for sha in revisions[2:]:
        assert inspect(f"{name}:{sha}")["RepoDigests"]
    again = modules.ok("image_prune", **options, keep=2)
    assert (again.changed, again["removed"], again["freed"]) == (False, [], 0)
    assert [item["reason"] for item in again["kept"]] == 2 * ["among the newest"]


def test_what_a_red_test_left_goes_too(
    modules: ProgramCalls,
    repository: Repository,
    options: dict[str, Any],
    private_registry: PrivateRegistry,
    python_image: str,
) -> None:
    repository.commit({"Dockerfile": f"FROM {python_image}\nCOPY . /app\n"})
    source = {"source": str(repository.path), "revision": "main", **private_registry.account}
    red = modules.refused("image_build", name=options["name"], **source, test=[["false"]])
    left = red["image_id"]
    assert inspect(left)["RepoTags"] == []
    done = modules.ok("image_prune", **options)
    assert done["actions"] == [f"remove the untagged image {left} of {red['revision']}"]
    assert docker("image", "inspect", left, check=False).returncode != 0


def test_what_is_not_built_for_the_repository_or_is_in_use_is_left_alone(
    modules: ProgramCalls, revisions: list[str], options: dict[str, Any]
) -> None:
    name = options["name"]
    other = f"{name}-other"
    oldest, second = (inspect(f"{name}:{sha}") for sha in revisions[:2])
    container = docker("create", "--name", name.rpartition("/")[2], oldest["Id"], "none")
    docker("tag", second["Id"], f"{other}:kept")
    foreign = f"{name}:by-hand"
    docker("build", "--quiet", "--tag", foreign, "-", input="FROM scratch\nLABEL mine=yes\n")
    # It has the labels of what it is built on.
    on_ours = f"FROM {name}:{revisions[2]}\nLABEL mine=yes\n"
    docker("build", "--tag", f"{other}:on-ours", "-", input=on_ours)
    try:
        done = modules.ok("image_prune", **options, keep=1)
        assert here(name) == {revisions[0], revisions[2], revisions[3], "by-hand"}
        reasons = {item["revision"]: item["reason"] for item in done["kept"]}
        assert reasons == {
            revisions[0]: f"the container {name.rpartition('/')[2]} uses it",
            revisions[2]: "another image is built on it",
            revisions[3]: "among the newest",
        }
        # Its names here are gone, those in another repository are not.
        assert inspect(second["Id"])["RepoTags"] == [f"{other}:kept"]
        # With containerd's store, each name of an image has its digest.
        digests = [f"{other}@{second['Id']}"] if containerd_store() else []
        assert inspect(second["Id"])["RepoDigests"] == digests
        assert [item["revision"] for item in done["removed"]] == [revisions[1]]
        assert not modules.ok("image_prune", **options, keep=1).changed
    finally:
        docker("rm", container.stdout.strip())
        docker("image", "rm", "--force", foreign, f"{other}:on-ours", f"{other}:kept")
        remove_images(other)
