# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role build with a real engine and registry: what it passes on from module to module."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.service_host import ansible_command, ansible_environment
from tests.lab.command import docker

from .calls import ProgramCalls
from .conftest import DOCKERFILE, path_of, rebuilt_otherwise, remove_images
from .looks import has_tags, inspect
from .private_registry import PrivateRegistry
from .repository import Repository

Role = Callable[..., "subprocess.CompletedProcess[str]"]


def run_playbook(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run ansible-playbook in a folder, whatever comes of it."""
    return subprocess.run(
        [ansible_command("ansible-playbook"), *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        cwd=folder,
        env=ansible_environment(ANSIBLE_PIPELINING="1"),
        timeout=300,
        check=False,
    )


@pytest.fixture
def role(
    repository: Repository, name: str, private_registry: PrivateRegistry, tmp_path: Path
) -> Role:
    """Run the role over the repository on this machine, with options and flags."""

    def run_role(
        *flags: str, options: dict[str, object] | None = None, **variables: object
    ) -> subprocess.CompletedProcess[str]:
        account = private_registry.account
        play = {
            "hosts": "all",
            "gather_facts": False,
            "roles": ["hundred.containers.build"],
            "vars": {
                "ansible_connection": "local",
                "ansible_python_interpreter": sys.executable,
                "hundred_build_image": name,
                "hundred_build_source": str(repository.path),
                "hundred_build_revision": "main",
                "hundred_build_options": options or {},
                **{f"hundred_{key}": value for key, value in account.items()},
                **variables,
            },
        }
        playbook = tmp_path / "role.json"
        playbook.write_text(json.dumps([play]))
        return run_playbook(tmp_path, "-i", "here,", str(playbook), *flags)

    return run_role


def output_of(result: subprocess.CompletedProcess[str]) -> str:
    """All that it printed, with line breaks and indents as single spaces."""
    return " ".join((result.stdout + result.stderr).split())


def test_further_tags_name_the_release_whatever_was_built_here_before(
    role: Role,
    modules: ProgramCalls,
    repository: Repository,
    name: str,
    built: str,
    private_registry: PrivateRegistry,
) -> None:
    release = modules.ok("image_push", name=name, revision=built, **private_registry.account)
    docker("image", "rm", "--force", release["image_id"])
    # The build of a registry that was wiped, or with other arguments: the same revision, and yet
    # another image.
    account = private_registry.account
    leftover = rebuilt_otherwise(modules, repository, name, built, account)
    done = role(options={"args": {"FLAVOUR": "other"}, "tags": ["stable"]})
    assert done.returncode == 0, output_of(done)
    for tag in ("stable", built):
        assert private_registry.digest(path_of(name), tag) == release["digest"]
    assert inspect(f"{name}:{built}")["Id"] == leftover != release["image_id"]
    again = role(options={"args": {"FLAVOUR": "other"}, "tags": ["stable"]})
    assert "changed=0" in output_of(again)


@pytest.mark.parametrize(
    "wrong",
    [{"tag": ["stable"]}, {"tests": [["false"]]}, {"source": "."}, {"args": ["FLAVOUR=x"]}],
    ids=lambda wrong: next(iter(wrong)),
)
def test_a_misspelt_option_is_refused_by_its_name_before_anything_is_built(
    role: Role, repository: Repository, name: str, wrong: dict[str, object]
) -> None:
    repository.commit({"Dockerfile": DOCKERFILE})
    refused = role(options={"test": ["true"], **wrong})
    output = output_of(refused)
    assert refused.returncode != 0, output
    assert next(iter(wrong)) in output and "hundred_build_options" in output
    assert output.count("TASK [") == 1
    assert not has_tags(name)


@pytest.mark.parametrize("force", [False, True], ids=["plain", "forced"])
def test_check_mode_tells_what_is_built_and_pushed_of_a_commit_without_an_image(
    role: Role, repository: Repository, name: str, private_registry: PrivateRegistry, force: bool
) -> None:
    sha = repository.commit({"Dockerfile": DOCKERFILE, "deploy/crontab": "@daily true\n"})
    options: dict[str, object] = {"tags": ["stable"], "crontab": "deploy/crontab"}
    planned = role("--check", "--diff", options=options, hundred_build_force=force)
    output = output_of(planned)
    assert planned.returncode == 0, output
    assert f"build {name}:{sha} from" in output
    assert f"push {name}:{sha}" in output and f"{name}:stable" in output
    assert private_registry.tags(path_of(name)) == []
    assert not has_tags(name)
    done = role(options=options, hundred_build_force=force)
    assert done.returncode == 0, output_of(done)
    assert sorted(private_registry.tags(path_of(name))) == sorted([sha, "stable"])
    assert "@daily true\n" in inspect(f"{name}:{sha}")["Config"]["Labels"].values()


def test_the_playbook_builds_in_order_and_tells_in_check_mode_what_it_would_build_and_push(
    repository: Repository, name: str, private_registry: PrivateRegistry, tmp_path: Path
) -> None:
    sha = repository.commit({"Dockerfile": DOCKERFILE})
    shop = {"image": name, "hosts": "web", "build": {"source": str(repository.path)}}
    api = {**shop, "image": f"{name}/api"}
    variables = {f"hundred_{key}": value for key, value in private_registry.account.items()}
    web = {"hosts": {"gone": {"ansible_host": "127.0.0.1", "ansible_port": 1}}}
    here = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    inventory = {
        "all": {
            "hosts": {"localhost": here},
            "children": {"web": web},
            "vars": {"hundred_services": {"shop": shop, "api": api}, **variables},
        }
    }
    (tmp_path / "inventory.json").write_text(json.dumps(inventory))
    for check, said in ((True, f"{name}:{sha} has no digest"), (False, f"{name}@sha256:")):
        flags = ("--check", "--diff") if check else ()
        wanted = ("hundred.containers.build", "-e", "service=api,shop revision=main")
        done = run_playbook(tmp_path, "-i", "inventory.json", *wanted, *flags)
        output = output_of(done)
        assert done.returncode == 0, output
        said_of_api = said.replace(name, f"{name}/api")
        assert 0 < output.index(said_of_api) < output.index(said)
        if check:
            assert f"push {name}:{sha}, once it is built" in output
        pushed = [] if check else [sha]
        assert private_registry.tags(path_of(name)) == pushed
        assert private_registry.tags(path_of(f"{name}/api")) == pushed
    remove_images(f"{name}/api")
