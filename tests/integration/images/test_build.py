# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds by the classic builder: what gets into an image, what gates its tag, what is refused."""

from __future__ import annotations

import io
import json
import subprocess
import tarfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.lab.command import docker

from .calls import AnsibleCalls, ProgramCalls
from .private_registry import PASSWORD, USERNAME, PrivateRegistry
from .repository import Repository

COPY_ALL = "FROM scratch\nCOPY . /\n"


def files_of(image: str) -> dict[str, tarfile.TarInfo]:
    """The files of an image that has only what its Dockerfile copied, by their path."""
    container = docker("create", image, "none").stdout.strip()
    try:
        exported = subprocess.run(["docker", "export", container], capture_output=True, check=True)
    finally:
        docker("rm", container)
    engine = {".dockerenv", "dev", "etc", "proc", "sys"}
    with tarfile.open(fileobj=io.BytesIO(exported.stdout)) as tar:
        return {m.name: m for m in tar if m.name.split("/")[0] not in engine}


def content_of(image: str, path: str) -> str:
    container = docker("create", image, "none").stdout.strip()
    try:
        copied = subprocess.run(
            ["docker", "cp", f"{container}:/{path}", "-"], capture_output=True, check=True
        )
    finally:
        docker("rm", container)
    with tarfile.open(fileobj=io.BytesIO(copied.stdout)) as tar:
        file = tar.extractfile(tar.next() or "")
        assert file is not None
        return file.read().decode()


def inspect(image: str) -> dict[str, Any]:
    facts: dict[str, Any] = json.loads(docker("image", "inspect", image).stdout)[0]
    return facts


def has_tags(name: str) -> bool:
    return bool(docker("image", "ls", "--quiet", name).stdout.split())


def containers_of_tests() -> list[str]:
    names = docker("ps", "--all", "--filter=name=hundred-test-", "--format={{.Names}}").stdout
    return names.split()


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
    sha = repository.commit({"Dockerfile": COPY_ALL})
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


@pytest.mark.parametrize(
    ("command", "limit", "code", "said"),
    [
        (["sh", "-c", "echo looking; echo broken >&2; exit 3"], 60, 3, ["looking", "broken"]),
        (["sh", "-c", "echo begun; sleep 60"], 2, None, ["begun"]),
        (["no-such-command"], 60, 127, ["executable file not found"]),
    ],
    ids=["fails", "takes too long", "is missing"],
)
def test_a_red_test_leaves_no_tag_and_no_container(
    modules: ProgramCalls,
    repository: Repository,
    name: str,
    private_registry: PrivateRegistry,
    python_image: str,
    command: list[str],
    limit: int,
    code: int | None,
    said: list[str],
) -> None:
    sha = repository.commit({"Dockerfile": f'FROM {python_image}\nENTRYPOINT ["false"]\n'})
    result = modules.refused(
        "image_build",
        name=name,
        source=str(repository.path),
        revision="main",
        tags=["latest"],
        test=[["python3", "-c", "pass"], command],
        test_timeout=limit,
        **private_registry.account,
    )
    assert (result["step"], result["command"], result["exit_code"]) == ("test", command, code)
    for words in said:
        assert any(words in line for line in result["output"])
    assert not has_tags(name)
    assert private_registry.tags(name.partition("/")[2]) == []
    assert containers_of_tests() == []
    assert sha in result["msg"]


def test_a_failed_build_shows_its_step_and_last_lines_and_leaves_nothing(
    modules: ProgramCalls, repository: Repository, local_name: str, python_image: str
) -> None:
    repository.commit(
        {"Dockerfile": f"FROM {python_image}\nRUN echo the reason is here; exit 9\nRUN true\n"}
    )
    before = set(docker("ps", "--all", "--quiet").stdout.split())
    result = modules.refused(
        "image_build",
        name=local_name,
        source=str(repository.path),
        revision="main",
        builder="classic",
    )
    assert result["step"] == "build"
    assert "RUN echo the reason is here" in result["build_step"]
    assert any("the reason is here" in line for line in result["output"])
    assert "returned a non-zero code: 9" in result["msg"]
    assert not has_tags(local_name)
    intermediate = docker("ps", "--all", "--quiet", "--filter=status=exited").stdout.split()
    assert not set(intermediate) - before


def test_a_build_that_takes_too_long_is_given_up(
    modules: ProgramCalls, repository: Repository, local_name: str, python_image: str
) -> None:
    repository.commit({"Dockerfile": f"FROM {python_image}\nRUN sleep 60\n"})
    begun = time.monotonic()
    result = modules.refused(
        "image_build", name=local_name, source=str(repository.path), revision="main", timeout=3
    )
    assert time.monotonic() - begun < 30
    assert "gave up after 3 s" in result["msg"]
    assert not has_tags(local_name)


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


def test_a_registry_that_is_down_stops_the_build_unless_it_is_not_to_be_asked(
    modules: ProgramCalls, repository: Repository
) -> None:
    name = "127.0.0.1:1/hundred-test"
    sha = repository.commit({"Dockerfile": COPY_ALL})
    options = {"name": name, "source": str(repository.path), "revision": "main"}
    begun = time.monotonic()
    result = modules.refused("image_build", **options, retries=1)
    assert time.monotonic() - begun < 15
    assert "connection refused" in result["msg"]
    assert "tried 2 times" in result["msg"]
    assert "lookup: local" in result["next_step"]
    try:
        assert modules.ok("image_build", **options, lookup="local").changed
    finally:
        docker("image", "rm", f"{name}:{sha}", check=False)


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


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"revision": "no-such-branch"}, "has no revision 'no-such-branch'"),
        ({"revision": "--output=/tmp/x"}, "is not the name of a revision"),
        ({"source": "/"}, "is not in a git repository"),
        ({"dockerfile": "Dockerfile.prod"}, "no Dockerfile Dockerfile.prod; it has Dockerfile"),
        ({"dockerfile": "../Dockerfile"}, "must be a path below the source"),
        ({"context": "app"}, "has no folder app"),
        ({"target": "production"}, "production"),
        ({"secrets": {"a": "b-secret"}, "builder": "classic"}, "need BuildKit"),
        ({"labels": {"hundred.image": "x"}}, "is set by the build itself"),
        ({"docker_host": "unix:///nowhere.sock"}, "does not answer"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_what_cannot_be_built_is_refused_in_words(
    modules: ProgramCalls,
    repository: Repository,
    local_name: str,
    options: dict[str, Any],
    message: str,
) -> None:
    repository.commit({"Dockerfile": COPY_ALL})
    usual = {"name": local_name, "source": str(repository.path), "revision": "main"}
    result = modules.refused("image_build", **{**usual, **options})
    assert message in result["msg"]
    assert result["next_step"]
    assert not has_tags(local_name)


def test_a_submodule_is_refused_unless_the_image_needs_it_not(
    modules: ProgramCalls, repository: Repository, local_name: str, tmp_path: Path
) -> None:
    theme = Repository(tmp_path / "theme")
    theme.commit({"style.css": "x"})
    repository.commit({"Dockerfile": COPY_ALL})
    allowed = ("-c", "protocol.file.allow=always")
    repository.git(*allowed, "submodule", "--quiet", "add", str(theme.path), "vendor/theme")
    repository.commit()
    options = {"name": local_name, "source": str(repository.path), "revision": "main"}
    result = modules.refused("image_build", **options)
    assert "vendor/theme" in result["msg"]
    repository.commit({".dockerignore": "vendor\n"})
    assert modules.ok("image_build", **options).changed
