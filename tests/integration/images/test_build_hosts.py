# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds on hosts of the lab: both engines and SDKs, and BuildKit on the one that has it."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.lab.host import Host
from tests.lab.lab import Lab
from tests.lab.registry import Registry

from .calls import AnsibleCalls

SECRET = "tops3cret-of-the-build"
SECRET_IN_FILE = "another-tops3cret\n"
SOURCE = "/srv/hundred-test/source"


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class BuildHost:
    """A host that builds, with a git repository at SOURCE."""

    host: Host
    calls: AnsibleCalls
    account: dict[str, str]
    name: str

    def commit(self, **files: str) -> str:
        """Commit files; the full SHA."""
        for name, content in files.items():
            self.host.put_file(f"{SOURCE}/{name}", content)
        identity = "-c user.name=tester -c user.email=tester@example.com"
        self.host.run(f"cd {SOURCE} && git add --all && git {identity} commit --quiet -m change")
        return self.host.run(["git", "-C", SOURCE, "rev-parse", "HEAD"]).stdout.strip()

    def docker(self, *arguments: str) -> str:
        """What a docker command on the host prints."""
        return self.host.run(["docker", *arguments]).stdout

    def options(self, **more: object) -> dict[str, object]:
        """Options of image_build."""
        return {"name": self.name, "source": SOURCE, "revision": "HEAD", **self.account, **more}


CONTAINERD = "containerd's store"


@pytest.fixture(
    scope="session",
    params=[pytest.param("bookworm", marks=pytest.mark.large), "trixie", CONTAINERD],
)
def prepared_host(request: pytest.FixtureRequest, lab: Lab, python_image: str) -> Host:
    if request.param == CONTAINERD:
        host = lab.ensure("containerd-store", "trixie")
        host.use_containerd_store()
    else:
        host = lab.ensure(f"builder-{request.param}", request.param)
    host.run("command -v git || apt-get install -y --no-install-recommends git", timeout=300)
    host.load_image(python_image)
    return host


@pytest.fixture
def builder(prepared_host: Host, registry: Registry, tmp_path: Path) -> Iterator[BuildHost]:
    host = prepared_host
    host.run(f"rm -rf {SOURCE} && mkdir -p {SOURCE} && git -C {SOURCE} init --quiet")
    account = {"registry_username": registry.username, "registry_password": registry.password}
    calls = AnsibleCalls(tmp_path, variables=host.inventory_vars(), flags=("-vvv",))
    yield BuildHost(host, calls, account, f"{registry.address}/{tmp_path.name}")
    host.run("docker image ls --quiet --filter label=hundred.image | xargs -r docker rmi --force")


# Debian 13 has the buildx plugin, Debian 12 has not.
with_buildx = pytest.mark.parametrize("prepared_host", ["trixie"], indirect=True)
without_buildx = pytest.mark.parametrize("prepared_host", ["bookworm"], indirect=True)


def test_a_release_is_built_pushed_and_pulled_on_either_debian(
    builder: BuildHost, python_image: str
) -> None:
    builder.commit(Dockerfile=f"FROM {python_image}\nCOPY . /app\n", content="committed")
    builder.host.put_file(f"{SOURCE}/content", "dirty")
    test = [["sh", "-c", "test $(cat /app/content) = committed"]]
    built = builder.calls.ok("image_build", **builder.options(test=test))
    assert built["builder"] == ("buildkit" if builder.host.suite == "trixie" else "classic")
    release = {"name": builder.name, **builder.account}
    pushed = builder.calls.ok("image_push", **release, revision=built["revision"])
    builder.docker("image", "rm", "--force", built["image_id"])
    pulled = builder.calls.ok("image_pull", **release, digest=pushed["digest"])
    assert pulled["image_id"] == built["image_id"]
    for module, more in (
        ("image_build", builder.options()),
        ("image_push", {**release, "revision": built["revision"]}),
        ("image_pull", {**release, "digest": pushed["digest"]}),
    ):
        assert not builder.calls.ok(module, **more).changed
    refused = builder.calls.refused("image_pull", **release, digest="sha256:" + "1" * 64)
    assert "image_push" in refused["next_step"]
    wrong = {**release, "registry_password": "wr0ng-password"}
    refused = builder.calls.refused("image_push", **wrong, revision="1" * 40)
    assert "registry_username" in refused["next_step"]


def test_a_red_test_leaves_no_tag_with_either_builder(
    builder: BuildHost, python_image: str
) -> None:
    builder.commit(Dockerfile=f"FROM {python_image}\n")
    result = builder.calls.refused("image_build", **builder.options(test=[["sh", "-c", "exit 4"]]))
    assert result["exit_code"] == 4
    assert builder.docker("image", "ls", "--quiet", builder.name) == ""
    assert builder.docker("ps", "--all", "--quiet") == ""


def test_a_private_base_image_is_taken_with_the_given_credentials(
    builder: BuildHost, registry: Registry, python_image: str
) -> None:
    base = registry.push(python_image, f"base-{builder.host.suite}")
    builder.commit(Dockerfile=f"FROM {base}\n")
    assert builder.calls.ok("image_build", **builder.options()).changed
    assert not builder.host.run("ls /root/.docker/config.json", check=False).stdout


@without_buildx
def test_without_buildx_secrets_are_refused_by_what_is_missing(
    builder: BuildHost, python_image: str
) -> None:
    builder.commit(Dockerfile=f"FROM {python_image}\n")
    for options in ({"secrets": {"token": SECRET}}, {"cache_to": ["type=inline"]}):
        for check in (False, True):
            result = builder.calls.refused("image_build", check, **builder.options(**options))
            assert "the buildx plugin of Docker's command is missing" in result["msg"]
            assert "docker-buildx" in result["next_step"]


@with_buildx
def test_a_secret_reaches_its_step_and_nothing_else(builder: BuildHost, python_image: str) -> None:
    builder.host.put_file("/root/second-secret", SECRET_IN_FILE, mode=0o600)
    builder.commit(
        Dockerfile=f"FROM {python_image}\n"
        "RUN --mount=type=secret,id=token --mount=type=secret,id=file \\\n"
        f" sha256sum /run/secrets/token | grep {sha256(SECRET)} && \\\n"
        f" sha256sum /run/secrets/file | grep {sha256(SECRET_IN_FILE)} && sleep 6 && touch /done\n"
    )
    options = builder.options(
        secrets={"token": SECRET},
        secret_files={"file": "/root/second-secret"},
        test=[["test", "-e", "/done"]],
    )
    running = builder.calls.begin("image_build", **options)
    watched = builder.host.run(
        "for i in $(seq 300); do pgrep -f 'buildx build' >/dev/null && break; sleep 0.1; done;"
        " sleep 3; cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null | tr '\\0' ' ';"
        " grep -rslE 'tops3cre[t]' /tmp /run /dev/shm /root/.docker /root/.ansible || echo CLEAN"
    ).stdout
    result = builder.calls.end(running)
    assert not result.failed, result.output
    assert "buildx build" in watched
    assert "tops3cret" not in watched
    assert builder.account["registry_password"] not in watched
    assert watched.endswith("CLEAN\n")
    assert SECRET not in result.output
    history = builder.docker("image", "history", "--no-trunc", result["reference"])
    assert SECRET not in history
    labels = json.loads(builder.docker("image", "inspect", result["reference"]))[0]["Config"]
    assert labels["Labels"]["org.opencontainers.image.revision"] == result["revision"]
    assert builder.host.run("ls /tmp | grep hundred-build", check=False).stdout == ""


@with_buildx
def test_a_failed_buildkit_step_is_shown_without_the_secret(
    builder: BuildHost, python_image: str
) -> None:
    builder.commit(
        Dockerfile=f"FROM {python_image}\nRUN true\n"
        "RUN --mount=type=secret,id=token cat /run/secrets/token; echo; echo why it is; exit 7\n"
    )
    result = builder.calls.refused("image_build", **builder.options(secrets={"token": SECRET}))
    assert "RUN --mount=type=secret,id=token" in result["build_step"]
    assert "exit code: 7" in result["msg"]
    assert any("why it is" in line for line in result["output"])
    assert any("********" in line for line in result["output"])
    assert SECRET not in result.output
    assert builder.docker("image", "ls", "--quiet", builder.name) == ""


@with_buildx
def test_a_cache_in_the_registry_saves_the_next_build_its_steps(
    builder: BuildHost, python_image: str
) -> None:
    dockerfile = f"FROM {python_image}\nRUN date +%N > /stamp\nCOPY content /\n"
    stamps = []
    cache = f"type=registry,ref={builder.name}:cache"
    for content in ("first", "second"):
        builder.commit(Dockerfile=dockerfile, content=content)
        built = builder.calls.ok(
            "image_build",
            **builder.options(cache_to=["type=inline"], cache_from=[cache], tags=["cache"]),
        )
        stamps.append(builder.docker("run", "--rm", built["reference"], "cat", "/stamp"))
        builder.calls.ok(
            "image_push",
            name=builder.name,
            revision=built["revision"],
            tags=["cache"],
            **builder.account,
        )
        builder.docker("image", "rm", "--force", built["image_id"])
        builder.docker("builder", "prune", "--all", "--force")
    assert stamps[0] == stamps[1]


@with_buildx
def test_a_cache_that_the_builder_cannot_write_is_told_with_a_way_out(
    builder: BuildHost, python_image: str
) -> None:
    builder.commit(Dockerfile=f"FROM {python_image}\n")
    result = builder.calls.refused(
        "image_build", **builder.options(cache_to=["type=local,dest=/tmp/hundred-cache"])
    )
    assert "type=inline" in result["next_step"]


@with_buildx
def test_a_buildkit_build_that_takes_too_long_is_given_up(
    builder: BuildHost, python_image: str
) -> None:
    builder.commit(Dockerfile=f"FROM {python_image}\nRUN sleep 71\n")
    begun = time.monotonic()
    result = builder.calls.refused("image_build", **builder.options(timeout=5))
    assert time.monotonic() - begun < 40
    assert "gave up after 5 s" in result["msg"]
    time.sleep(2)
    assert builder.host.run("pgrep -f '[s]leep 71'", check=False).stdout == ""


def test_a_full_disk_is_told_with_the_folder_to_make_room_in(
    builder: BuildHost, python_image: str
) -> None:
    builder.host.run(f"head -c 3000000 /dev/zero > {SOURCE}/ballast")
    builder.commit(Dockerfile=f"FROM {python_image}\nCOPY . /\n")
    small = "/mnt/hundred-test-small"
    builder.host.run(f"mkdir -p {small} && mount -t tmpfs -o size=2m none {small}")
    try:
        calls = replace(builder.calls, environment={"TMPDIR": small})
        result = calls.refused("image_build", **builder.options())
        assert "No space left on device" in result["msg"]
        assert "make room" in result["next_step"]
        assert result["changed"] is False
        assert builder.host.run(["ls", small]).stdout == ""
    finally:
        builder.host.run(f"umount {small} && rmdir {small}")
