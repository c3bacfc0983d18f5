# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds by the classic builder: what gets into an image, what gates its tag, what is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.lab.command import docker

from .calls import AnsibleCalls, ProgramCalls
from .looks import containers_of_tests, content_of, files_of, has_tags, inspect
from .private_registry import PASSWORD, USERNAME, PrivateRegistry
from .repository import Repository

COPY_ALL = "FROM scratch\nCOPY . /\n"


def test_only_what_is_committed_reaches_the_image(
    modules: ProgramCalls, repository: Repository, local_name: str
) -> None:
    (repository.path / "bin").mkdir()
    (repository.path / "bin" / "run").write_text("#!/bin/sh\n")
    (repository.path / "bin" / "run").chmod(0o755)
    (repository.path / "current").symlink_to("bin/run")
    (repository.path / "away").symlink_to("/nowhere/at/all")
    sha = repository.commit(
        {
            "Dockerfile": COPY_ALL,
            "app.py": "committed",
            "gone.py": "committed",
            ".gitignore": "*.log\n",
            ".gitattributes": "docs export-ignore\n",
            ".dockerignore": "# comment\n*.md\n!README.md\nsecrets/**\n.git*\n.dockerignore\n",
            "docs/manual.txt": "x",
            "CHANGES.md": "x",
            "README.md": "x",
            "secrets/deep/key": "x",
            "with space/and ünïcode": "x",
        }
    )
    repository.write({"app.py": "dirty", "untracked.py": "x", "debug.log": "x"})
    (repository.path / "gone.py").unlink()
    repository.write({"staged.py": "x"})
    repository.git("add", "staged.py")
    result = modules.ok(
        "image_build", name=local_name, source=str(repository.path), revision="HEAD"
    )
    image = f"{local_name}:{sha}"
    assert result["reference"] == image
    files = files_of(image)
    assert {path for path, file in files.items() if not file.isdir()} == {
        "Dockerfile",
        "README.md",
        "app.py",
        "away",
        "bin/run",
        "current",
        "gone.py",
        "with space/and ünïcode",
    }
    assert files["bin/run"].mode & 0o7777 == 0o755
    assert files["app.py"].mode & 0o7777 == 0o644
    assert files["current"].linkname == "bin/run"
    assert files["away"].linkname == "/nowhere/at/all"
    assert content_of(image, "app.py") == "committed"


def test_the_image_tells_its_commit_time_and_source_without_credentials(
    modules: ProgramCalls, repository: Repository, local_name: str
) -> None:
    own = "LABEL org.opencontainers.image.revision=wrong hundred.image=wrong\n"
    sha = repository.commit({"Dockerfile": COPY_ALL + own})
    repository.git("tag", "-a", "v1", "-m", "one")
    repository.git("remote", "add", "origin", "https://bob:t0ken@git.example.com/shop.git")
    result = modules.ok(
        "image_build",
        name=local_name,
        source=str(repository.path),
        revision="v1",
        labels={"team": "web"},
        tags=["latest", "v1"],
    )
    labels = inspect(f"{local_name}:{sha}")["Config"]["Labels"]
    assert labels == {
        "team": "web",
        "hundred.image": local_name,
        "org.opencontainers.image.revision": sha,
        "org.opencontainers.image.created": repository.git("log", "-1", "--format=%cI"),
        "org.opencontainers.image.source": "https://git.example.com/shop.git",
    }
    assert result["revision"] == sha
    for tag in ("latest", "v1"):
        assert inspect(f"{local_name}:{tag}")["Id"] == result["image_id"]


def test_the_image_carries_the_crontab_of_the_commit_and_a_bad_one_is_refused(
    modules: ProgramCalls, repository: Repository, local_name: str
) -> None:
    crontab = "# nightly\n30 2 * * * report --yesterday\n"
    sha = repository.commit({"Dockerfile": COPY_ALL, "deploy/crontab": crontab})
    repository.write({"deploy/crontab": "61 * * * * dirty\n"})
    arguments = {"name": local_name, "source": str(repository.path), "revision": "HEAD"}
    modules.ok("image_build", **arguments, crontab="deploy/crontab")
    labels = inspect(f"{local_name}:{sha}")["Config"]["Labels"]
    assert labels["hundred.crontab"] == crontab
    assert labels["hundred.crontab-file"] == "deploy/crontab"
    bad = repository.commit({"deploy/crontab": "# times\n61 * * * * report\n"})
    refused = modules.refused("image_build", **arguments, crontab="deploy/crontab")
    assert "line 2: minute must be 0 to 59" in refused["msg"] and bad in refused["msg"]
    missing = modules.refused("image_build", **arguments, crontab="nosuch")
    assert "has no file nosuch" in missing["msg"]
    assert not has_tags(f"{local_name}:{bad}")


@pytest.mark.parametrize("bare", [False, True], ids=["work tree", "bare repository"])
def test_a_folder_of_a_repository_can_be_built_with_the_dockerfile_outside_of_the_context(
    modules: ProgramCalls, repository: Repository, local_name: str, tmp_path: Path, bare: bool
) -> None:
    sha = repository.commit(
        {
            "services/mail/docker/Dockerfile": COPY_ALL,
            "services/mail/app/main.py": "mail",
            "services/mail/app/.dockerignore": "*.tmp\n",
            "services/mail/app/x.tmp": "x",
            "services/mail/other": "x",
            "Dockerfile": "FROM nothing-that-exists",
        }
    )
    top = repository.path
    if bare:
        top = tmp_path / "bare.git"
        repository.git("clone", "--quiet", "--bare", str(repository.path), str(top))
    modules.ok(
        "image_build",
        name=local_name,
        source=str(top / "services/mail"),
        revision="main",
        dockerfile="docker/Dockerfile",
        context="app",
    )
    files = {path for path, file in files_of(f"{local_name}:{sha}").items() if file.isreg()}
    assert files == {"main.py", ".dockerignore"}
    assert content_of(f"{local_name}:{sha}", ".dockerignore").startswith("*.tmp\n")


def test_stage_and_arguments_are_used(
    modules: ProgramCalls, repository: Repository, local_name: str, python_image: str
) -> None:
    sha = repository.commit(
        {
            "Dockerfile": f"FROM {python_image} AS first\nARG GREETING=none\n"
            "RUN echo $GREETING > /greeting\nFROM scratch\nCOPY nothing-there /\n"
        }
    )
    modules.ok(
        "image_build",
        name=local_name,
        source=str(repository.path),
        revision=sha[:10],
        target="first",
        args={"GREETING": 42},
        platform="linux/amd64",
    )
    assert content_of(f"{local_name}:{sha}", "greeting") == "42\n"


def test_a_revision_that_exists_here_is_built_again_by_force_alone(
    modules: ProgramCalls, repository: Repository, local_name: str
) -> None:
    repository.commit({"Dockerfile": "FROM scratch\nARG A=1\nLABEL a=$A\nCOPY . /\n"})
    options = {"name": local_name, "source": str(repository.path), "revision": "main"}
    planned = modules.ok("image_build", check=True, **options)
    assert planned.changed
    assert not has_tags(local_name)
    built = modules.ok("image_build", **options)
    assert planned["actions"] == built["actions"]
    assert built["actions"][0] in planned["diff"]["prepared"]
    again = modules.ok("image_build", **{**options, "args": {"A": "2"}})
    assert not again.changed
    assert (again["exists"], again["image_id"]) == ("local", built["image_id"])
    forced = modules.ok("image_build", **{**options, "args": {"A": "2"}, "force": True})
    assert forced.changed
    assert inspect(forced["reference"])["Id"] == forced["image_id"] != built["image_id"]


def test_a_revision_that_the_registry_has_is_not_built_again(
    modules: ProgramCalls, repository: Repository, name: str, private_registry: PrivateRegistry
) -> None:
    sha = repository.commit({"Dockerfile": COPY_ALL})
    options = {"name": name, "source": str(repository.path), "revision": "main"}
    modules.ok("image_build", **options, **private_registry.account)
    pushed = modules.ok("image_push", name=name, revision=sha, **private_registry.account)
    docker("image", "rm", f"{name}:{sha}")
    for check in (True, False):
        result = modules.ok("image_build", check=check, **options, **private_registry.account)
        assert not result.changed
        assert (result["exists"], result["digest"]) == ("registry", pushed["digest"])
        assert result["image"] == f"{name}@{pushed['digest']}"
    assert not has_tags(name)


def test_builds_at_the_same_time_do_not_disturb_each_other(
    modules: ProgramCalls, repository: Repository, local_name: str, python_image: str
) -> None:
    test = [["sh", "-c", "sleep 1; cmp /app/content /app/copy"]]
    shas = []
    for number in range(3):
        files = {"content": str(number), "copy": str(number)}
        dockerfile = f"FROM {python_image}\nCOPY . /app\n"
        shas.append(repository.commit({"Dockerfile": dockerfile, **files}))
    options: dict[str, Any] = {"name": local_name, "source": str(repository.path), "test": test}
    # The last one twice: both are right, whoever is first.
    running = [
        modules.begin("image_build", **options, revision=sha, tags=["latest"])
        for sha in [*shas, shas[-1]]
    ]
    results = [modules.end(process) for process in running]
    assert not any(result.failed for result in results), results
    for number, sha in enumerate(shas):
        assert content_of(f"{local_name}:{sha}", "app/content") == str(number)
        assert inspect(f"{local_name}:{sha}")["Config"]["Labels"][
            "org.opencontainers.image.revision"
        ] == sha  # fmt: skip
    assert containers_of_tests() == []


@pytest.mark.parametrize("username", [USERNAME, "nobody"], ids=["right", "wrong"])
def test_credentials_are_shown_nowhere(
    ansible: AnsibleCalls,
    repository: Repository,
    name: str,
    private_registry: PrivateRegistry,
    username: str,
) -> None:
    repository.commit({"Dockerfile": COPY_ALL})
    result = replace(ansible, flags=("-vvvv", "--diff")).call(
        "image_build",
        name=name,
        source=str(repository.path),
        revision="main",
        registry_username=username,
        registry_password=PASSWORD,
    )
    assert PASSWORD not in result.output
    if username != USERNAME:
        assert "unauthorized" in result["msg"]
        assert "registry_username" in result["next_step"]


def test_a_release_is_built_pushed_and_pulled_by_ansible(
    ansible: AnsibleCalls, repository: Repository, name: str, private_registry: PrivateRegistry
) -> None:
    repository.commit({"Dockerfile": COPY_ALL})
    options = {"name": name, **private_registry.account}
    source = {"source": str(repository.path), "revision": "main", **options}
    planned = ansible.ok("image_build", check=True, **source)
    built = ansible.ok("image_build", **source)
    assert planned["actions"] == built["actions"]
    assert f"build {name}:{built['revision']} from" in planned.output
    pushed = ansible.ok("image_push", **options, revision=built["revision"])
    docker("image", "rm", "--force", built["image_id"])
    pulled = ansible.ok("image_pull", **options, digest=pushed["digest"])
    assert pulled["image_id"] == built["image_id"]
    assert not ansible.ok("image_build", **source).changed
