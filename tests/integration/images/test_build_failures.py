# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds that fail: what is told, and that nothing is left behind."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from tests.lab.command import docker

from .calls import ProgramCalls
from .conftest import path_of
from .looks import containers_of_tests, has_tags, inspect
from .private_registry import PrivateRegistry
from .repository import Repository

COPY_ALL = "FROM scratch\nCOPY . /\n"


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
    assert private_registry.tags(path_of(name)) == []
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
    repository.commit({"Dockerfile": f"FROM {python_image}\nRUN sleep 67\n"})
    begun = time.monotonic()
    result = modules.refused(
        "image_build",
        name=local_name,
        source=str(repository.path),
        revision="main",
        timeout=3,
        builder="classic",
    )
    assert "gave up after 3 s" in result["msg"]
    assert not has_tags(local_name)
    # The engine stops the step when its client is gone.
    while "sleep 67" in docker("ps", "--no-trunc").stdout:
        assert time.monotonic() - begun < 40
        time.sleep(0.2)


@pytest.mark.parametrize("check", [True, False], ids=["check", "run"])
def test_pointers_of_git_lfs_are_refused_before_anything_is_built(
    modules: ProgramCalls, repository: Repository, local_name: str, check: bool
) -> None:
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'1' * 64}\nsize 9\n"
    files = {"Dockerfile": COPY_ALL, **{f"{number}.bin": pointer for number in range(7)}}
    repository.commit(files)
    options = {"name": local_name, "source": str(repository.path), "revision": "main"}
    result = modules.refused("image_build", check, **options)
    assert "has files of Git LFS" in result["msg"] and "0.bin" in result["msg"]
    assert "and 2 more" in result["msg"]
    assert "git lfs fetch" in result["next_step"]
    assert not has_tags(local_name)
    repository.commit({".dockerignore": "*.bin\n"})
    assert modules.ok("image_build", check, **options).changed


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
    account = {"registry_username": "any", "registry_password": "s3cret"}
    try:
        assert modules.ok("image_build", **options, lookup="local", **account).changed
    finally:
        docker("image", "rm", f"{name}:{sha}", check=False)


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


def test_containers_of_a_killed_build_are_removed_by_the_next(
    modules: ProgramCalls, repository: Repository, local_name: str, python_image: str
) -> None:
    repository.commit({"Dockerfile": f"FROM {python_image}\n"})
    left = {}
    for name, deadline in (("old", 1), ("of-another-build", int(time.time()) + 600)):
        label = f"hundred.test-deadline={deadline}"
        command = ["run", "--detach", f"--label={label}", python_image, "sleep", "300"]
        left[name] = docker(*command).stdout.strip()
    try:
        options = {"name": local_name, "source": str(repository.path), "revision": "main"}
        modules.ok("image_build", **options, test=[["true"]])
        running = docker("ps", "--quiet", "--no-trunc").stdout.split()
        assert left["old"] not in running
        assert left["of-another-build"] in running
    finally:
        docker("rm", "--force", *left.values(), check=False)


def test_a_revision_that_exists_for_another_platform_is_not_taken_for_it(
    modules: ProgramCalls, repository: Repository, local_name: str
) -> None:
    repository.commit({"Dockerfile": COPY_ALL})
    options = {"name": local_name, "source": str(repository.path), "revision": "main"}
    native = modules.ok("image_build", **options)
    platform = "/".join(inspect(native["reference"])[key] for key in ("Os", "Architecture"))
    assert not modules.ok("image_build", **options, platform=platform).changed
    result = modules.refused("image_build", **options, platform="linux/s390x")
    assert f"for {platform}, not for linux/s390x" in result["msg"]
