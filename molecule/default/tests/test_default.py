# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the playbooks promise, from fresh hosts to a release that was taken back."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

WEB = ["web12", "web13"]
KEPT = Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"])


def output(run):
    """What a playbook of side_effect.yml printed."""
    return (KEPT / f"{run}.txt").read_text()


def exit_code(run):
    return int((KEPT / f"{run}.exit").read_text())


def versions_after(run):
    """The versions of the shop that the proxies of both hosts served after it."""
    answers = (KEPT / f"{run}.serving").read_text().splitlines()
    return [json.loads(answer)["version"] for answer in answers]


def commit(on, tag):
    return on("hub").check_output(f"git -C /srv/src/shop rev-parse {tag}")


def containers(on, name):
    inspected = on(name).check_output(
        "docker inspect $(docker ps --quiet --filter label=hundred.service=shop)"
    )
    return json.loads(inspected)


def test_a_plan_says_what_would_happen_and_changes_nothing(on):
    assert exit_code("plan") == 0
    assert versions_after("plan") == ["1", "1"]
    assert f"-> {commit(on, 'v2')}" in output("plan")
    assert "shop: start shop-g2-1" in output("plan")
    assert output("plan").count("would be swapped") == len(WEB)


def test_a_deploy_swaps_the_release_on_every_host(on):
    assert exit_code("second") == 0
    assert versions_after("second") == ["2", "2"]
    for name in WEB:
        before, now = commit(on, "v1")[:12], commit(on, "v2")[:12]
        assert any(
            line.split()[:3] == [name, before, now] for line in output("second").splitlines()
        )


def test_what_is_dirty_in_the_work_tree_is_in_no_image(on):
    assert "dirty" in on("hub").check_output("cat /srv/src/shop/shop/version.py")
    assert "dirty" not in {*versions_after("second"), *versions_after("back")}


def test_a_release_that_does_not_start_is_refused_with_its_last_words_and_the_old_one_serves():
    assert exit_code("broken") != 0
    assert "the catalogue is gone" in output("broken")
    assert versions_after("broken") == ["2", "2"]


def test_no_further_host_is_touched_after_a_failure():
    assert "not swapped" in output("broken")


def test_status_is_one_table_of_what_runs_where(on):
    assert exit_code("status") == 0
    rows = [line.split() for line in output("status").splitlines() if line.startswith("shop ")]
    revision = commit(on, "v2")[:12]
    assert [row[:5] for row in rows] == [["shop", name, revision, "2", "2/2"] for name in WEB]


def test_rollback_returns_to_the_release_before():
    assert exit_code("back") == 0
    assert versions_after("back") == ["1", "1"]


def test_a_mistyped_service_is_refused_with_the_nearest_name_before_any_host_is_asked():
    assert exit_code("typo") != 0
    assert "did you mean shop?" in output("typo")
    assert "web12" not in output("typo")


def test_no_secret_is_in_anything_that_was_printed():
    printed = "".join(path.read_text() for path in KEPT.glob("*.txt"))
    assert "PLAY RECAP" in printed
    assert "of the registry" not in printed
    assert "of the shop" not in printed


@pytest.mark.parametrize("name", WEB)
def test_the_replicas_that_run_are_those_of_the_release_and_no_others(on, name):
    labels = [item["Config"]["Labels"] for item in containers(on, name)]
    assert sorted(label["hundred.slot"] for label in labels) == ["1", "2"]
    assert {label["hundred.revision"] for label in labels} == {commit(on, "v1")}
    assert on(name).check_output("docker ps --all --quiet | wc -l") == "2"


@pytest.mark.parametrize("name", WEB)
def test_a_container_runs_the_digest_that_the_registry_has(on, name):
    for item in containers(on, name):
        assert "@sha256:" in item["Config"]["Image"]


@pytest.mark.parametrize("name", WEB)
def test_a_secret_is_a_file_in_the_container_and_nowhere_in_its_settings(on, name):
    for item in containers(on, name):
        read = on(name).check_output(f"docker exec {item['Id']} cat /run/secrets/SECRET_KEY")
        assert read == "of the shop"
        assert "of the shop" not in json.dumps(item)


@pytest.mark.parametrize("name", WEB)
def test_no_file_on_a_host_has_the_registry_s_password(on, name):
    found = on(name).run(
        "grep --recursive --files-with-matches 'of the registry' /root /etc /var/lib/hundred"
    )
    assert found.stdout == ""
