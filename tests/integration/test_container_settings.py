# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a definition says of limits, names, privileges and secrets is what the engine has."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import replace

import pytest
from ansible_collections.hundred.containers.plugins.module_utils.definition.model import Definition
from ansible_collections.hundred.containers.plugins.module_utils.engine.containers import (
    Engine,
    Spec,
)
from ansible_collections.hundred.containers.plugins.module_utils.errors import ConflictError

from .conftest import release_of
from .service_host import ansible_command, ansible_environment

SECRET = "s3cret-of-the-environment"


@pytest.mark.once
@pytest.mark.timeout(300)
def test_i9_settings_of_containers_and_secrets_as_environment(target, digests, web):
    options = {
        **web,
        "replicas": 1,
        "secrets": {"TOKEN": SECRET, "FILE": "only a file"},
        "secret_environment": ["TOKEN"],
        "no_new_privileges": True,
        "ulimits": {"nofile": {"soft": 1024, "hard": 2048}},
        "extra_hosts": {"db.test": "10.9.8.7", "me": "host-gateway"},
        "dns": ["10.0.0.53"],
        "dns_search": ["example.com"],
        "dns_options": ["ndots:2"],
        "cap_drop": ["ALL"],
        "read_only": True,
        "tmpfs": ["/tmp"],
        "resources": {"cpus": 0.5, "memory": "256M", "pids": 64},
    }
    options = {**target.options, **options, **release_of(digests, "v1")}
    planned = target.call("service_rollout", options, check=True)
    result = target.call("service_rollout", options, verbose=3)
    for told in (planned, result):
        assert not told.failed, told.output
        assert SECRET not in told.output
    row = json.loads(target.docker("inspect", "shop-g1-1"))[0]
    host, config = row["HostConfig"], row["Config"]
    assert host["SecurityOpt"] == ["no-new-privileges"]
    assert host["Ulimits"] == [{"Name": "nofile", "Soft": 1024, "Hard": 2048}]
    assert set(host["ExtraHosts"]) == {"db.test:10.9.8.7", "me:host-gateway"}
    assert (host["Dns"], host["DnsSearch"]) == (["10.0.0.53"], ["example.com"])
    assert host["DnsOptions"] == ["ndots:2"]
    assert (host["CapDrop"], host["ReadonlyRootfs"]) == (["ALL"], True)
    assert (host["NanoCpus"], host["Memory"], host["PidsLimit"]) == (500000000, 256 << 20, 64)
    assert host["LogConfig"]["Config"]["labels"] == "hundred.service,hundred.revision,hundred.slot"
    assert f"TOKEN={SECRET}" in config["Env"]
    assert not any("only a file" in text for text in config["Env"])
    assert SECRET not in json.dumps(config["Labels"])
    inside = target.docker(
        "exec", "shop-g1-1", "sh", "-c", "cat /run/secrets/FILE; grep 'open files' /proc/1/limits"
    )
    # Those of its own process: runc at times gives what docker exec starts others.
    assert inside.split() == ["only", "a", "fileMax", "open", "files", "1024", "2048", "files"]
    line = target.host.run("head -1 $(docker inspect --format '{{.LogPath}}' shop-g1-1)").stdout
    assert json.loads(line)["attrs"]["hundred.service"] == "shop"
    # What the host makes anew from its own memory has the same variables.
    target.docker("rm", "-f", "shop-g1-1")
    assert not target.call("service_rollout", {"name": "shop", "state": "started"}).failed
    assert f"TOKEN={SECRET}" in target.docker("inspect", "shop-g1-1")
    once = target.call(
        "service_run",
        {"name": "shop", "command": ["sh", "-c", "printenv TOKEN | wc -c"], "timeout": "30s"},
    )
    assert once["output"] == [str(len(SECRET) + 1)], once.output
    to_the_journal(target, digests, options)


def fields(target, *matches: str) -> list[dict[str, str]]:
    """The lines of the host's journal that match."""
    text = target.host.run(["journalctl", "-o", "json", "--no-pager", "-n", "200", *matches]).stdout
    return [json.loads(line) for line in text.splitlines()]


def to_the_journal(target, digests, options) -> None:
    """Lines in journald, and with a driver that keeps none."""
    assert not target.call("host_command", {"supervise": False}).failed
    revision = release_of(digests, "v2")["revision"]
    journal = {**options, **release_of(digests, "v2"), "logging": {"driver": "journald"}}
    done = target.call("service_rollout", journal)
    assert not done.failed and done.changed, done.output
    wanted = ("shop", revision, "1")
    told = [
        tuple(line.get(f"HUNDRED_{key}") for key in ("SERVICE", "REVISION", "SLOT"))
        for line in fields(target, "CONTAINER_NAME=shop-g2-1")
    ]
    assert told and set(told) == {wanted}, told
    shown = target.host.run(["hundred", "logs", "shop"]).stdout.splitlines()
    assert shown and all(line.startswith("shop-g2-1 | ") for line in shown), shown
    # Those of a command say whose they are as well.
    words = ["hundred", "run", "shop", "--", "sh", "-c", "echo of-a-command"]
    assert target.host.run(words).stdout == "of-a-command\n"
    line = fields(target, "HUNDRED_RUN=shop", f"HUNDRED_REVISION={revision}")[-1]
    assert (line["MESSAGE"], line["HUNDRED_RUN_TITLE"]) == ("of-a-command", ""), line
    words = ["sh", "-c", "echo last words; exit 1"]
    failed = target.call("service_rollout", {**journal, "command": words})
    assert failed.failed and failed["logs"] == ["last words"], failed.output
    # A driver that keeps nothing is told in a line, and what to do.
    nowhere = {**journal, "logging": {"driver": "none"}}
    assert not target.call("service_rollout", nowhere).failed
    for words in (["logs", "shop"], ["logs", "shop", "-f"]):
        refused = target.host.run(["timeout", "20", "hundred", *words], check=False)
        assert refused.returncode == 1, refused
        assert "its log driver is none" in refused.stderr, refused.stderr
        assert "Next: nobody keeps its lines" in refused.stderr


@pytest.mark.once
def test_i9_the_role_takes_the_secrets_of_an_explicit_definition(target, digests, tmp_path):
    release = release_of(digests, "v1")
    definition = {
        "image": target.options["image"],
        "environment": {"APP_MODE": "worker"},
        "update": {"monitor": "0s"},
        "secrets": {"TOKEN": SECRET},
    }
    variables = {
        "hundred_service_name": "shop",
        "hundred_service_definition": definition,
        "hundred_service_digest": release["digest"],
        "hundred_service_revision": release["revision"],
        "hundred_registry_username": target.options["registry_username"],
        "hundred_registry_password": target.options["registry_password"],
    }
    play = {"hosts": "all", "gather_facts": False, "vars": variables}
    play["roles"] = ["hundred.containers.service"]
    (tmp_path / "role.json").write_text(json.dumps([play]))
    hosts = {target.host.name: target.host.inventory_vars()}
    (tmp_path / "inventory.json").write_text(json.dumps({"all": {"hosts": hosts}}))
    for changed in ("changed=1", "changed=0"):
        done = subprocess.run(
            [ansible_command("ansible-playbook"), "-i", "inventory.json", "role.json", "-vvv"],
            env=ansible_environment(),
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert changed in done.stdout
        assert SECRET not in done.stdout + done.stderr
    assert target.docker("exec", "shop-g1-1", "cat", "/run/secrets/TOKEN") == SECRET


def test_a_container_that_a_failed_call_has_made_is_adopted(digests):
    engine = Engine()
    name = f"hundred-test-adopted-{os.getpid()}"
    definition = Definition(name, "hundred-test-app")
    spec = Spec(
        name, "hundred-test-app:v1", "bridge", None, {"hundred.test": name}, definition, None
    )
    made = engine.create(spec)
    try:
        assert engine.create(spec) == made
        with pytest.raises(ConflictError):
            engine.create(replace(spec, labels={"hundred.test": "another"}))
        engine.start(made)
        with pytest.raises(ConflictError):
            engine.create(spec)
    finally:
        engine.remove(made)
