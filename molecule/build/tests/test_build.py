# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role build promises, with the engine's own builder and with BuildKit."""

from __future__ import annotations

import json
import os
import shlex
from pathlib import Path

import pytest
import yaml

HOSTS = ["classic", "buildkit"]
ACCOUNT = yaml.safe_load(
    Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"], "registry.yml").read_text()
)


def commit(on, name, revision):
    return on(name).check_output(f"git -C /srv/src rev-parse {revision}")


def local(on, name, tag):
    """What the host's engine knows of its image of that tag, or None."""
    image = f"{ACCOUNT['registry_address']}/{name}:{tag}"
    answer = on(name).run(f"docker image inspect {image}")
    return json.loads(answer.stdout)[0] if answer.rc == 0 else None


def tags(on, repository):
    """The tags that the registry has of a repository."""
    account = f"{ACCOUNT['hundred_registry_username']}:{ACCOUNT['hundred_registry_password']}"
    address = ACCOUNT["registry_address"]
    trust = f"--cacert /etc/docker/certs.d/{address}/ca.crt --user {shlex.quote(account)}"
    answer = on("classic").check_output(
        f"curl --silent {trust} https://{address}/v2/{repository}/tags/list"
    )
    return set(json.loads(answer)["tags"])


def file_in_image(on, name, path):
    image = f"{ACCOUNT['registry_address']}/{name}:{commit(on, name, 'v1')}"
    return on(name).run(f"docker run --rm {image} /bin/cat {path}")


@pytest.mark.parametrize("name", HOSTS)
def test_the_image_of_a_commit_is_pushed_by_its_full_sha_and_further_tags(on, name):
    assert tags(on, name) == {commit(on, name, "v1"), "newest"}


@pytest.mark.parametrize("name", HOSTS)
def test_the_image_says_which_commit_it_is_of(on, name):
    sha = commit(on, name, "v1")
    labels = local(on, name, sha)["Config"]["Labels"]
    assert labels["org.opencontainers.image.revision"] == sha
    assert labels["org.opencontainers.image.created"].startswith("2024-05-06T07:08:09")


@pytest.mark.parametrize("name", HOSTS)
def test_the_image_holds_the_commit_and_nothing_of_the_dirty_tree(on, name):
    assert file_in_image(on, name, "/app/state").stdout == "green\n"
    assert file_in_image(on, name, "/app/untracked").rc != 0


def test_buildkit_builds_where_the_host_has_it(on):
    for name in HOSTS:
        image = local(on, name, "newest")["Id"]
        comments = on(name).check_output(f"docker history --format '{{{{.Comment}}}}' {image}")
        assert ("buildkit" in comments) is (name == "buildkit")


@pytest.mark.parametrize("name", HOSTS)
def test_build_arguments_reach_the_build(on, name):
    assert file_in_image(on, name, "/app/flavour").stdout == "sweet\n"


@pytest.mark.parametrize("name", HOSTS)
def test_a_red_test_leaves_no_tag_here_and_nothing_in_the_registry(on, name):
    refusal = json.loads(on(name).file("/root/refusal").content_string)
    assert refusal["step"] == "test"
    assert refusal["command"] == ["/bin/grep", "-qx", "green", "/app/state"]
    sha = commit(on, name, "v3")
    assert local(on, name, sha) is None
    assert sha not in tags(on, name)


@pytest.mark.parametrize("name", HOSTS)
def test_without_a_push_the_image_is_here_alone(on, name):
    sha = commit(on, name, "v2")
    assert local(on, name, sha) is not None
    assert sha not in tags(on, name)


def test_a_revision_that_the_registry_has_is_not_built_again(on):
    found = json.loads(on("buildkit").file("/root/theirs").content_string)
    assert found["changed"] is False
    assert found["exists"] == "registry"
    assert found["digest"].startswith("sha256:")


@pytest.mark.parametrize("name", HOSTS)
def test_the_registry_s_password_is_in_no_file_of_the_host(on, name):
    password = ACCOUNT["hundred_registry_password"]
    places = "/root /etc /tmp /var/log"
    found = on(name).run(
        f"grep --recursive --files-with-matches --fixed-strings -e {password} {places}"
    )
    assert found.stdout == ""
