# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the playbooks add to the modules: limits, and ways back that need no good definition."""

from __future__ import annotations

import json
import os
import pwd
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from .conftest import PORTS, release_of
from .service_host import ROOT, ServiceHost, ansible_environment
from .warm_ansible import WarmAnsible

ZEROS = "sha256:" + 64 * "0"
# As cron and containers have it: nothing in the environment names the operator.
OPERATOR = ("SUDO_USER", "LOGNAME", "USER", "LNAME", "USERNAME")
WARM = WarmAnsible(
    {key: value for key, value in ansible_environment().items() if key not in OPERATOR}
)
PLAYBOOKS = (
    "build",
    "deploy",
    "freeze",
    "history",
    "maintenance",
    "prune",
    "restart",
    "rollback",
    "run",
    "setup",
    "start",
    "status",
    "stop",
    "thaw",
)


def playbook(
    target: ServiceHost,
    name: str,
    *arguments: str,
    broken: bool = False,
    build: Mapping[str, Any] | None = None,
    tasks: Mapping[str, Any] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a playbook over the host ``gone``, where nobody answers, and the real host ``here``.

    :param broken: a key of the definition has no value, and another service's is nonsense.
    :param name: of a playbook of the collection, or the path of another.
    :param build: the key ``build`` of the definition.
    :param tasks: its key ``tasks``.
    """
    variables = target.host.inventory_vars()
    hosts = {"gone": {**variables, "ansible_host": "127.0.0.1"}, "here": variables}
    hosts["gone"]["ansible_port"] = 1
    shop = {"image": target.options["image"], "hosts": "web", "port": 8000}
    shop.update(routes=[{"host": "shop.test"}], update={"monitor": "0s"})
    if build is not None:
        shop["build"] = build
    if tasks is not None:
        shop["tasks"] = tasks
    services = {"shop": shop}
    if broken:
        shop["secrets"] = {"TOKEN": "{{ vault_that_nobody_opened }}"}
        services["other"] = {"imag": 1, "hosts": "web"}
    common = {
        "hundred_services": services,
        "hundred_proxy": target.driver,
        "hundred_proxy_http_port": PORTS[target.driver],
        "hundred_registry_username": target.options["registry_username"],
        "hundred_registry_password": target.options["registry_password"],
    }
    inventory: Path = target.folder / "limited.json"
    groups = {"web": {"hosts": hosts}}
    inventory.write_text(json.dumps({"all": {"children": groups, "vars": common}}))
    file = ROOT / "playbooks" / f"{name}.yml" if name.isidentifier() else Path(name)
    return WARM.run(["-i", str(inventory), str(file), *arguments], target.folder, timeout=120)


@pytest.mark.once
@pytest.mark.parametrize("name", PLAYBOOKS)
def test_a_limit_without_the_controller_is_refused_and_says_what_to_write(target, name):
    result = playbook(target, name, "-e", "service=shop revision=main", "--limit", "here")
    assert result.returncode != 0
    assert "--limit 'localhost,here'" in result.stdout + result.stderr
    assert "TASK" not in result.stdout


@pytest.mark.once
def test_a_limited_deploy_swaps_and_reports_the_hosts_of_the_limit(target, digests):
    release = release_of(digests, "v1")
    wanted = f"service=shop revision={release['revision']} digest={release['digest']}"
    result = playbook(target, "deploy", "-e", wanted, "--limit", "localhost,here")
    assert result.returncode == 0, result.stdout + result.stderr
    assert len(target.containers("shop")) == 1
    both = two_services(target)
    status = playbook(target, "status", "--limit", "localhost,here", "-e", both)
    assert status.returncode == 0, status.stdout + status.stderr
    assert row(status, "api").endswith("not deployed"), status.stdout
    assert "here" in status.stdout and "gone" not in status.stdout
    everywhere = playbook(target, "status")
    assert everywhere.returncode != 0 and "gone" in everywhere.stdout
    of_one = playbook(target, "status", "-e", "service=shop")
    assert of_one.returncode != 0 and "gone" in of_one.stdout, of_one.stdout


@pytest.mark.once
def test_a_deploy_is_at_most_five_tasks_on_a_host_whether_it_swaps_or_not(target, digests):
    release = release_of(digests, "v1")
    wanted = f"service=shop revision={release['revision']} digest={release['digest']}"
    for changes in (True, False):
        result = playbook(target, "deploy", "-e", wanted, "--limit", "localhost,here")
        assert result.returncode == 0, result.stdout + result.stderr
        counts = re.search(r"^here +: ok=(\d+) +changed=(\d+) ", result.stdout, re.MULTILINE)
        assert counts is not None, result.stdout
        assert 1 <= int(counts[1]) <= 5 and bool(int(counts[2])) is changes, counts[0]


@pytest.mark.once
def test_going_back_and_looking_need_no_good_definition(target, digests, web):
    for name in ("v1", "v2"):
        assert not target.rollout({**web, **release_of(digests, name)}).failed
    limit = ("-e", "service=shop", "--limit", "localhost,here")
    deploy = playbook(target, "deploy", *limit, "-e", "revision=main", broken=True)
    assert deploy.returncode != 0 and "vault_that_nobody_opened" in deploy.stdout
    back = playbook(target, "rollback", *limit, broken=True)
    assert back.returncode == 0, back.stdout + back.stderr
    assert target.info("shop")["revision"] == release_of(digests, "v1")["revision"]
    status = playbook(target, "status", *limit, broken=True)
    assert status.returncode == 0, status.stdout + status.stderr


@pytest.mark.once
def test_a_service_is_stopped_started_and_restarted_on_all_hosts(target, digests, web):
    assert not target.rollout({**web, **release_of(digests, "v1")}).failed
    limit = ("-e", "service=shop", "--limit", "localhost,here")
    for name, state, generation in (
        ("stop", "stopped", 1),
        ("start", "present", 1),
        ("restart", "present", 2),
    ):
        done = playbook(target, name, *limit, broken=True)
        assert done.returncode == 0, done.stdout + done.stderr
        assert row(done, "here", "Show what came of it"), done.stdout
        found = target.info("shop")
        assert (found["state"], found["generation"]) == (state, generation), name
    # One that is out of reach is told, and no host after it is touched.
    before = target.identities()
    cut = playbook(target, "restart", "-e", "service=shop")
    assert cut.returncode != 0 and "unreachable" in row(cut, "gone", "Show what came of it")
    assert target.identities() == before


def two_services(target: ServiceHost) -> str:
    """Extra variables with a second service, which is deployed nowhere."""
    inventory = json.loads((target.folder / "limited.json").read_text())
    shop = inventory["all"]["vars"]["hundred_services"]["shop"]
    return json.dumps({"hundred_services": {"shop": shop, "api": shop}})


def row(
    result: subprocess.CompletedProcess[str], first: str, task: str = "Show what runs where"
) -> str:
    """The row of the table at the end that begins so, or nothing."""
    lines = result.stdout.partition(f"TASK [{task}]")[2].splitlines()
    return next((line for line in lines if line.startswith(f"{first} ")), "")


@pytest.mark.once
def test_a_host_out_of_reach_ends_in_the_table_and_no_host_after_it_goes_back(target, digests, web):
    for name in ("v1", "v2"):
        assert not target.rollout({**web, **release_of(digests, name)}).failed
    before = target.identities()
    result = playbook(target, "rollback", "-e", "service=shop")
    assert result.returncode != 0
    assert "unreachable" in row(result, "gone"), result.stdout + result.stderr
    assert "not reached" in row(result, "here"), result.stdout + result.stderr
    assert target.identities() == before


@pytest.mark.once
def test_a_host_out_of_reach_ends_in_the_table_and_no_host_is_deployed(target, digests):
    release = release_of(digests, "v1")
    wanted = ("-e", f"service=shop revision={release['revision']} digest={release['digest']}")
    limited = playbook(target, "deploy", *wanted, "--limit", "localhost,gone")
    assert limited.returncode != 0
    assert "unreachable" in row(limited, "gone"), limited.stdout + limited.stderr
    everywhere = playbook(target, "deploy", *wanted)
    assert everywhere.returncode != 0
    assert "unreachable" in row(everywhere, "gone"), everywhere.stdout + everywhere.stderr
    assert "not swapped" in row(everywhere, "here"), everywhere.stdout + everywhere.stderr
    assert target.containers("shop") == {}


@pytest.mark.once
def test_a_frozen_service_is_not_deployed_but_goes_back_and_may_be_overridden(target, digests, web):
    for name in ("v1", "v2"):
        assert not target.rollout({**web, **release_of(digests, name)}).failed
    here = ("-e", "service=shop", "--limit", "localhost,here")
    release = release_of(digests, "v3")
    wanted = (*here, "-e", f"revision={release['revision']} digest={release['digest']}")
    late = playbook(target, "freeze", *here, "-e", "reason=sale end=2020-01-01T00:00:00Z")
    assert late.returncode != 0 and "end: must be in the future" in text(late)
    assert "Have nobody deploy" not in late.stdout, late.stdout
    for name, given, said in (
        ("freeze", {"end": "1h", "reason": " "}, "say why with -e reason=TEXT"),
        ("freeze", {"reason": "sale"}, "say when it ends with -e end=TIME"),
        ("run", {}, "give the command with -e command=TEXT"),
    ):
        missing = playbook(target, name, *here, "-e", json.dumps(given))
        assert missing.returncode != 0 and said in text(missing), text(missing)
        assert "caused by" not in text(missing) and "TASK [Run it]" not in missing.stdout
    unsaid = target.call("service_freeze", {"name": "shop", "reason": "", "end": "1h"})
    assert unsaid.failed and unsaid["msg"] == "reason is empty"
    few = target.call("service_info", {"history": -1})
    assert few.failed and few["msg"] == "history is -1: it must be 0 or more"
    assert not target.info("shop")["freeze"]
    sale = json.dumps({"reason": "the sale", "end": "1h", "owner": "anna"})
    both = ("-e", two_services(target), "-e", "service=shop,api")
    frozen = playbook(target, "freeze", *here, *both, "-e", sale)
    assert frozen.returncode == 0, frozen.stdout + frozen.stderr
    api = "/var/lib/hundred/services/api/freeze.json"
    assert "anna" in target.host.run(["cat", api]).stdout
    for check in ([], ["--check"]):
        refused = playbook(target, "deploy", *wanted, *check)
        assert refused.returncode != 0
        assert "shop is frozen by anna until" in text(refused) and "the sale" in text(refused)
    alone = target.rollout({**web, **release})
    assert alone.failed and "the sale" in alone["msg"]
    status = playbook(target, "status", *here)
    assert "present, frozen" in status.stdout, status.stdout
    back = playbook(target, "rollback", *here)
    assert back.returncode == 0, back.stdout + back.stderr
    assert target.info("shop")["revision"] == release_of(digests, "v1")["revision"]
    why = json.dumps({"override": "hotfix 7"})
    done = playbook(target, "deploy", *wanted, "-e", why)
    assert done.returncode == 0, done.stdout + done.stderr
    past = playbook(target, "history", *here, "-e", "format=json")
    assert past.returncode == 0, past.stdout + past.stderr
    (line,) = [line for line in past.stdout.splitlines() if line.startswith("[{")]
    entries = json.loads(line)
    assert [item["action"] for item in entries[-4:]] == [*(2 * ["rollout"]), "rollback", "rollout"]
    assert entries[-1]["override"] == "hotfix 7"
    assert entries[-1]["to"] == release["revision"]
    operator = pwd.getpwuid(os.getuid()).pw_name
    assert [item["by"] for item in entries[-2:]] == [operator, operator], entries
    # What a table has below it is in the rows already: machines read lines.
    everywhere = playbook(target, "history", "-e", "service=shop", "-e", "format=json")
    assert everywhere.returncode != 0 and "[{" in everywhere.stdout
    assert not [line for line in everywhere.stdout.splitlines() if line.startswith("gone: ")]
    table = playbook(target, "history", *here, "-e", "entries=1")
    newest = row(table, entries[-1]["at"], "Show what was done where")
    assert "rollout" in newest and newest.endswith("override: hotfix 7"), table.stdout
    ended = playbook(target, "thaw", *here, *both)
    assert ended.returncode == 0 and "changed=1" in ended.stdout
    assert target.host.run(["test", "-e", api], check=False).returncode != 0
    again = playbook(target, "thaw", *here)
    assert again.returncode == 0 and "changed=0" in again.stdout
    assert not target.rollout({**web, **release_of(digests, "v1")}).failed


@pytest.mark.once
def test_f4_as_many_hosts_out_of_reach_as_stated_are_skipped_and_named(target, digests):
    release = release_of(digests, "v1")
    wanted = ("-e", f"service=shop revision={release['revision']} digest={release['digest']}")
    skip = ("-e", "hundred_unreachable=skip hundred_unreachable_limit=1")
    done = playbook(target, "deploy", *wanted, *skip)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "skipped" in row(done, "gone") and "swapped" in row(done, "here"), done.stdout
    assert len(target.containers("shop")) == 1
    again = playbook(target, "deploy", *wanted, *skip)
    assert again.returncode == 0 and "unchanged" in row(again, "here"), again.stdout
    too_many = ("-e", "hundred_unreachable=skip hundred_unreachable_limit=0")
    newer = release_of(digests, "v2")
    other = ("-e", f"service=shop revision={newer['revision']} digest={newer['digest']}")
    refused = playbook(target, "deploy", *other, *too_many)
    assert refused.returncode != 0 and "unreachable" in row(refused, "gone"), refused.stdout
    assert "not swapped" in row(refused, "here"), refused.stdout
    assert target.info("shop")["revision"] == release["revision"]
    nobody = playbook(target, "deploy", *wanted, *skip, "--limit", "localhost,gone")
    assert nobody.returncode != 0, nobody.stdout


def text(run) -> str:
    """What a playbook printed, with its line breaks and indents as single spaces."""
    return " ".join((run.stdout + run.stderr).split())


@pytest.mark.once
@pytest.mark.parametrize("name", ["build", "deploy"])
def test_what_cannot_be_built_is_refused_before_any_host_is_touched(target, name):
    wanted = ("-e", "service=shop revision=main")
    result = playbook(target, name, *wanted)
    output = text(result)
    assert result.returncode != 0
    assert "hundred_services.shop.build: is missing" in output, output
    assert "-e digest=sha256:" in output
    away = playbook(target, name, *wanted, "-e", "hundred_build_host=here", build={"source": ".."})
    assert away.returncode != 0
    assert "hundred_services.shop.build.source: must be the absolute path" in text(away)
    unknown = ("-e", "hundred_build_host=hre")
    nowhere = playbook(target, name, *wanted, *unknown, build={"source": "/srv/shop"})
    assert nowhere.returncode != 0
    assert "hundred_build_host: must be" in text(nowhere)
    assert "did you mean here?" in text(nowhere)
    for run in (result, away, nowhere):
        assert run.stdout.count("TASK [") == 1


@pytest.mark.once
@pytest.mark.parametrize(
    ("given", "path"),
    [
        ("revision=v1 digest=sha256:xyz", "digest: must be"),
        ("revision=v1 digest=''", "digest: must be"),
        (f"revision=HEAD~1 digest={ZEROS}", "revision: must be"),
        (f"revision=v1 digest={ZEROS} hundred_proxy_http_port=70000", "http_port: must"),
        (f"revision=v1 digest={ZEROS} hundred_batches=half", "hundred_batches: must be"),
        (f"revision=v1 digest={ZEROS} hundred_batch_pause=confirm", "hundred_batch_pause: confirm"),
        (f"revision=v1 digest={ZEROS} hundred_on_failure=stop", "hundred_on_failure: must be"),
        (f"revision=v1 digest={ZEROS} hundred_unreachable=skip", "hundred_unreachable_limit: is"),
    ],
    ids=["no digest", "empty", "unresolved", "port", "batches", "nobody", "failure", "unreachable"],
)
def test_a_bad_release_is_refused_before_any_host_is_touched(target, given, path):
    result = playbook(target, "deploy", "-e", f"service=shop {given}")
    assert result.returncode != 0
    assert path in text(result), result.stdout + result.stderr
    assert result.stdout.count("TASK [") == 1


@pytest.mark.once
def test_a_command_is_run_once_on_a_host_of_the_service(target, digests, web):
    assert not target.rollout({**web, **release_of(digests, "v1")}).failed
    limit = ("--limit", "localhost,here", "-e", "service=shop")
    host = ("-e", "host=here")
    done = playbook(target, "run", *limit, *host, "-e", "command='cat /app/release'")
    assert done.returncode == 0 and "v1" in done.stdout, done.stdout + done.stderr
    failed = playbook(target, "run", *limit, *host, "-e", "command='cat /no/such'")
    assert failed.returncode != 0 and "ended with exit code 1" in failed.stdout, failed.stdout
    assert "No such file" in failed.stdout
    nowhere = playbook(target, "run", *limit, "-e", "host=other", "-e", "command=true")
    assert nowhere.returncode != 0
    assert "other does not run shop; its hosts: gone, here" in nowhere.stdout + nowhere.stderr


@pytest.mark.once
def test_a_limited_deploy_runs_its_tasks_on_a_host_of_the_limit(target, digests):
    release = release_of(digests, "v1")
    wanted = f"service=shop revision={release['revision']} digest={release['digest']}"
    tasks = {"before": [{"name": "migrate", "command": "cat /app/release"}]}
    limit = ("--limit", "localhost,here")
    assert playbook(target, "deploy", "-e", wanted, *limit, tasks=tasks).returncode == 0
    entries = target.info("shop")["history"][-2:]
    assert [item["action"] for item in entries] == ["run migrate", "rollout"], entries


@pytest.mark.once
def test_a_playbook_that_imports_deploy_names_one_service(target, digests):
    release = release_of(digests, "v1")
    names = {"revision": release["revision"], "digest": release["digest"]}
    file = target.folder / "mine.yml"
    own = {"ansible.builtin.import_playbook": str(ROOT / "playbooks" / "deploy.yml")}
    file.write_text(json.dumps([{**own, "vars": {**names, "service": "shop"}}]))
    limit = ("--limit", "localhost,here")
    done = playbook(target, str(file), *limit)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(target.containers("shop")) == 1
    inventory = json.loads((target.folder / "limited.json").read_text())
    shop = inventory["all"]["vars"]["hundred_services"]["shop"]
    two = {"shop": shop, "api": {**shop, "routes": [{"host": "api.test"}]}}
    several = {"revision": "main", "service": "shop,api", "hundred_services": two}
    for definition in two.values():
        definition["build"] = {"source": str(target.folder)}
    file.write_text(json.dumps([{**own, "vars": several}]))
    more = playbook(target, str(file), *limit)
    assert more.returncode != 0, more.stdout
    assert "named on the command line: -e service=shop,api" in more.stdout + more.stderr
    assert list(target.containers()) == ["shop-g1-1"]
