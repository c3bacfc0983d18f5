# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One-off commands as a service would run them."""

from __future__ import annotations

import time
from typing import Any

import pytest

from .conftest import release_of

FOLDER = "/var/lib/hundred/services/shop"
SECRET = "s3cret-of-the-one-off"


def run(target, command, **more):
    """One command in the service's container; the entry point of the app is Python."""
    return target.call("service_run", {"name": "shop", "command": command, **more})


def left_behind(target) -> list[str]:
    """Containers and secrets of commands that are there."""
    names = target.docker("ps", "-a", "--filter", "label=hundred.run", "--format", "{{.Names}}")
    secrets = target.host.run(f"ls {FOLDER}/run 2>/dev/null || true").stdout
    return [*names.split(), *secrets.split()]


def shell(text: str) -> list[str]:
    """A command of the test app's image for this shell line."""
    return ["sh", "-c", text]


@pytest.fixture
def shop(target, digests, web) -> dict[str, Any]:
    """A service that runs on the host, with a user of its own and a secret."""
    options = {
        **web,
        **release_of(digests, "v1"),
        "replicas": 1,
        "entrypoint": ["/usr/bin/env"],
        "command": ["python3", "/app/app.py"],
        "user": "4711:4711",
        "environment": {"COLOUR": "green"},
        "secrets": {"TOKEN": SECRET},
        "read_only": True,
    }
    done = target.rollout(options)
    assert done.changed, done.output
    return options


def test_it_has_what_the_service_has_and_leaves_nothing(target, digests, shop):
    before = target.identities()
    line = (
        "id -u; echo $COLOUR; wc -c </run/secrets/TOKEN; touch /tmp/x || echo closed; echo no >&2"
    )
    done = run(target, shell(line), title="look")
    assert not done.failed and done.changed, done.output
    # Both streams are told, the complaint of touch as well. Each is in order; the engine may have
    # one of them before the other.
    complaint = [text for text in done["output"] if text.startswith("touch:") or text == "no"]
    said = [text for text in done["output"] if text not in complaint]
    assert said == ["4711", "green", str(len(SECRET)), "closed"], done.output
    assert complaint[-1] == "no" and len(complaint) == 2, done.output
    assert done["exit_code"] == 0
    assert done["revision"] == release_of(digests, "v1")["revision"]
    assert left_behind(target) == []
    assert target.identities() == before
    last = target.info("shop")["history"][-1]
    assert (last["action"], last["result"]) == ("run look", "ok")
    # Nothing of it is a difference to the release.
    assert not target.rollout(shop).changed


@pytest.mark.once
def test_a_failure_tells_how_it_ended_and_what_it_said(target, shop):
    failed = run(target, shell("echo before; exit 3"), title="migrate")
    assert failed.failed and failed["exit_code"] == 3
    assert failed["output"] == ["before"]
    assert "migrate" in failed["msg"] and "exit code 3" in failed["msg"]
    assert "as before" in failed["serving"]
    missing = run(target, ["no-such-program"])
    assert missing.failed and "no-such-program" in missing["logs"][0], missing.output
    assert left_behind(target) == []
    assert [item["result"] for item in target.info("shop")["history"][-2:]] == ["failed", "failed"]


@pytest.mark.once
def test_a_line_that_is_written_in_pieces_stays_one(target, shop):
    done = run(target, shell("printf 'in ' >&2; sleep 0.3; echo between; sleep 0.3; echo two >&2"))
    assert done["output"] == ["between", "in two"], done.output


@pytest.mark.timed
@pytest.mark.once
def test_one_that_takes_too_long_is_stopped(target, shop):
    began = time.monotonic()
    late = run(target, shell("trap '' TERM; echo on; sleep 60 & wait; sleep 60"), timeout="2s")
    assert late.failed and late["exit_code"] is None
    assert "within 2 s" in late["msg"] and late["output"] == ["on"]
    # 2 s, the service's stop_grace_period of 5 s, and Ansible.
    assert time.monotonic() - began < 15
    assert left_behind(target) == []


@pytest.mark.timed
@pytest.mark.once
def test_one_whose_module_is_killed_ends_is_gone_and_is_waited_for(target, shop):
    line = "sleep 6"
    process = target.start(
        "service_run", {"name": "shop", "command": shell(line), "title": "migrate"}
    )
    deadline = time.monotonic() + 20
    while "Up" not in target.docker("ps", "--filter", "label=hundred.run"):
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.05)
    began = time.monotonic()
    target.host.run(["pkill", "-KILL", "-fx", "/usr/bin/python3"])  # the module, as it is sent
    process.communicate(timeout=30)
    assert left_behind(target), "the engine goes on with it"
    other = run(target, shell("true"), title="other")
    assert not other.failed and time.monotonic() - began < 5, "it is not waited for by others"
    second = run(target, shell("true"), title="migrate")
    assert not second.failed and time.monotonic() - began > 5
    assert left_behind(target) == []


@pytest.mark.once
def test_one_that_was_never_started_is_not_waited_for_long(target, shop):
    later = str(int(time.time()) + 3600)
    labels = {"hundred.run": "shop", "hundred.run-title": "migrate", "hundred.run-until": later}
    image = target.docker("inspect", "--format", "{{.Image}}", "shop-g1-1").strip()
    options = [f"--label={key}={value}" for key, value in labels.items()]
    target.docker("create", *options, image, "true")
    began = time.monotonic()
    assert not run(target, shell("true"), title="migrate").failed
    assert 15 < time.monotonic() - began < 40
    assert left_behind(target) == []


@pytest.mark.once
def test_a_new_release_is_tried_before_the_host_has_it(target, digests, shop):
    new = release_of(digests, "v2")
    definition = {"image": target.options["image"], "environment": {"COLOUR": "red"}}
    options = {**new, "definition": definition, "secrets": {"OTHER": "xyz"}}
    options.update({key: target.options[key] for key in ("registry_username", "registry_password")})
    done = run(target, shell("echo $COLOUR; ls /run/secrets"), **options)
    assert not done.failed and done["output"] == ["red", "OTHER"], done.output
    assert done["revision"] == new["revision"]
    assert SECRET not in done.output
    assert target.info("shop")["revision"] == release_of(digests, "v1")["revision"]


@pytest.mark.once
def test_an_earlier_release_that_is_kept_and_one_that_is_not(target, digests, shop):
    assert target.rollout({**shop, **release_of(digests, "v2")}).changed
    first = release_of(digests, "v1")["revision"]
    done = run(target, shell("true"), revision=first[:8])
    assert not done.failed and done["revision"] == first
    unknown = run(target, shell("true"), revision="abc")
    assert unknown.failed and first[:12] in unknown["next_step"], unknown.output


@pytest.mark.once
def test_check_mode_runs_nothing(target, shop):
    before = len(target.info("shop")["history"])
    planned = target.call(
        "service_run", {"name": "shop", "command": shell("true"), "title": "migrate"}, check=True
    )
    assert planned.changed and planned["actions"][0].startswith("run migrate in revision ")
    assert len(target.info("shop")["history"]) == before


@pytest.mark.once
@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"command": "a && b"}, "command: must not have shell operators"),
        ({"command": []}, "command: must be a list of strings"),
        ({"timeout": "soon"}, "timeout: must be"),
        ({"title": "../up"}, "title: must be a name"),
        ({"digest": "sha256:" + 64 * "0"}, "definition"),
    ],
)
def test_bad_options_are_refused(target, wrong, said):
    refused = target.call("service_run", {"name": "shop", "command": "true", **wrong})
    assert refused.failed and said in refused["msg"], refused.output
    assert left_behind(target) == []
