# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What runs around the swaps of a deploy, and several services one after the other."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from .conftest import release_of
from .fleet import Fleet, rows, wait_for
from .images.repository import Repository


def shell(name: str, text: str, **more: Any) -> dict[str, Any]:
    """A task of a deploy."""
    return {"name": name, "command": ["sh", "-c", text], **more}


def ran(fleet: Fleet) -> dict[str, list[str]]:
    """What one-off commands each host remembers of this test, with their results."""
    found = {}
    for name, target in fleet.hosts.items():
        services = target.call("service_info", {})["services"]
        history = services[0]["history"] if services else []
        found[name] = [
            f"{item['action'][4:]} {item['result']}"
            for item in history
            if item["action"].startswith("run ") and item["at"] > fleet.began
        ]
    return found


def hook(fleet: Fleet, moment: str, line: str) -> None:
    """Have a hook write a line into a file of the controller, after what it is given to do."""
    file = fleet.folder / f"{moment}.yml"
    append = f"echo '{line}' >>{fleet.folder / 'hooks.log'}"
    task = {"name": "Write it down", "ansible.builtin.shell": append, "delegate_to": "localhost"}
    task["become"] = False
    file.write_text(yaml.safe_dump([task]))
    # Relative to the inventory's folder.
    fleet.variables.setdefault("hundred_hooks", {})[moment] = file.name


def hooks_log(fleet: Fleet) -> list[str]:
    """What hooks wrote down."""
    file = fleet.folder / "hooks.log"
    lines = file.read_text().splitlines() if file.exists() else []
    file.unlink(missing_ok=True)
    return lines


@pytest.mark.timeout(600)
def test_tasks_run_once_a_deploy_before_the_first_swap_and_after_the_last(fleet, digests):
    v1, v2 = release_of(digests, "v1"), release_of(digests, "v2")
    fleet.hosts = {name: fleet.hosts[name] for name in ("web1", "web2")}
    where = "test $(cat /app/release)"
    fleet.services["shop"]["environment"] = {"COLOUR": "green"}
    fleet.services["shop"]["secrets"] = {"TOKEN": "of-the-deploy"}
    before = f"{where} = $WANTED && test $COLOUR = green && test -s /run/secrets/TOKEN"
    fleet.services["shop"]["tasks"] = {
        "before": [shell("migrate", before.replace("$WANTED", "v1"))],
        "after": [shell("warm", f"{where} = v1")],
    }
    first = fleet.deploy(v1)
    assert first.returncode == 0, first.stdout + first.stderr
    assert ran(fleet) == {"web1": ["migrate ok", "warm ok"], "web2": []}
    again = fleet.deploy(v1)
    assert again.returncode == 0 and "changed=0" in again.stdout, again.stdout
    assert ran(fleet)["web1"] == ["migrate ok", "warm ok"], "nothing to swap, nothing to run"
    # One that fails: nothing is swapped, those after it are not run, and every claim ends.
    fleet.services["shop"]["tasks"]["before"] = [
        shell("migrate", "echo no such table >&2; exit 1"),
        shell("never", "true"),
    ]
    failed = fleet.deploy(v2)
    assert failed.returncode != 0
    assert fleet.revisions() == 2 * [v1["revision"]]
    assert "migrate (revision" in failed.stdout and "log: no such table" in failed.stdout
    told = rows(failed)
    assert "failed" in told["web1"] and "not swapped" in told["web2"], failed.stdout
    assert ran(fleet)["web1"][2:] == ["migrate failed"]
    assert fleet.claims() == []
    assert "of-the-deploy" not in failed.stdout + first.stdout
    # While one runs after the last swap, no other deploy begins; and none waits when it has ended.
    fleet.services["shop"]["tasks"] = {"after": [shell("warm", "sleep 6")]}
    process = fleet.begin(v2)
    running = ("ps", "--filter", "label=hundred.run")
    wait_for(process, lambda: "Up" in fleet.hosts["web1"].docker(*running))
    assert fleet.claims() == ["web1"]
    process.communicate(timeout=120)
    assert process.returncode == 0
    assert fleet.revisions() == 2 * [v2["revision"]] and fleet.claims() == []
    assert fleet.deploy(v1).returncode == 0
    # After the last swap it is too late to go back; the exit code tells.
    fleet.services["shop"]["tasks"] = {"after": [shell("warm", "exit 7")]}
    late = fleet.deploy(v2)
    assert late.returncode != 0 and "exit code 7" in late.stdout
    assert "failed after it" in rows(late)["web1"], late.stdout
    assert fleet.revisions() == 2 * [v2["revision"]]


@pytest.mark.timeout(600)
def test_a_task_of_the_only_host_runs_before_its_first_release(fleet, digests):
    fleet.hosts = {"web1": fleet.hosts["web1"]}
    fleet.services["shop"]["tasks"] = {"before": [shell("migrate", "exit 1")]}
    # A digest is enough; without a label its beginning is the name.
    named = ("-e", f"service=shop digest={digests['v1']}")
    short = digests["v1"].removeprefix("sha256:")[:12]
    failed = fleet.run("deploy", *named)
    assert failed.returncode != 0 and "exit code 1" in failed.stdout
    assert f"migrate (revision {short})" in failed.stdout, failed.stdout
    assert fleet.hosts["web1"].containers() == {}
    planned = fleet.run("deploy", *named, "--check")
    assert planned.returncode == 0 and short in planned.stdout, planned.stdout
    assert fleet.hosts["web1"].containers() == {}


@pytest.mark.timeout(600)
def test_hooks_run_at_their_moments_and_one_that_fails_returns_the_fleet(fleet, digests):
    v1, v2 = release_of(digests, "v1"), release_of(digests, "v2")
    host = "{{ inventory_hostname }} {{ hundred_service_name }} {{ hundred_service_revision[:6] }}"
    for moment in ("before_host", "after_host"):
        hook(fleet, moment, f"{moment} {host}")
    for moment in ("before_batch", "after_batch"):
        hook(fleet, moment, moment + " {{ ansible_play_batch | join(',') }}")
    hook(
        fleet,
        "on_failure",
        "on_failure {{ hundred_service_rows | map(attribute='result') | join(',') }}",
    )
    fleet.variables["hundred_batches"] = [1, 1, "100%"]
    done = fleet.deploy(v1)
    assert done.returncode == 0, done.stdout + done.stderr
    short = v1["revision"][:6]
    lines = hooks_log(fleet)
    assert lines[:8] == [
        *(["before_batch web1", f"before_host web1 shop {short}"]),
        *([f"after_host web1 shop {short}", "after_batch web1"]),
        *(["before_batch web2", f"before_host web2 shop {short}"]),
        *([f"after_host web2 shop {short}", "after_batch web2"]),
    ]
    assert lines[8] == "before_batch web3,web4" and lines[-1] == "after_batch web3,web4"
    assert len(lines) == 14, lines
    unchanged = fleet.deploy(v1)
    assert unchanged.returncode == 0 and hooks_log(fleet) == []
    # One that fails on the second host: it is not swapped, the first returns.
    file: Path = fleet.folder / "before_host.yml"
    fail = {"name": "Ask the pager", "ansible.builtin.fail": {"msg": "nobody is on call"}}
    fail["when"] = "inventory_hostname == 'web2'"
    file.write_text(yaml.safe_dump([fail]))
    failed = fleet.deploy(v2)
    assert failed.returncode != 0
    assert fleet.revisions() == 4 * [v1["revision"]]
    told = rows(failed)
    assert "returned" in told["web1"] and "failed" in told["web2"], failed.stdout
    assert "Ask the pager: nobody is on call" in failed.stdout
    assert "not swapped" in told["web3"] and fleet.claims() == []
    last = hooks_log(fleet)[-1]
    assert last == "on_failure returned,failed,not swapped,not swapped", last
    # One that needs a host out of reach; a batch goes no further than to the hook that fails.
    lost = {"name": "Silence", "ansible.builtin.ping": {}, "register": "silenced"}
    lost.update(delegate_to="gone.invalid", when="inventory_hostname == 'web4'")
    file.write_text(yaml.safe_dump([lost]))
    failed = fleet.deploy(v2, "-e", json.dumps({"hundred_batches": ["100%"]}))
    assert failed.returncode != 0 and fleet.revisions() == 4 * [v1["revision"]], failed.stdout
    told = rows(failed)
    assert "failed" in told["web4"] and "gone.invalid" in failed.stdout, failed.stdout
    assert all("not swapped" in told[f"web{number}"] for number in (1, 2, 3)), failed.stdout
    # One before a batch that fails: none of its hosts is swapped.
    (fleet.folder / "before_host.yml").write_text("[]")
    fail["when"] = "'web3' in ansible_play_batch"
    (fleet.folder / "before_batch.yml").write_text(yaml.safe_dump([fail]))
    failed = fleet.deploy(v2)
    assert failed.returncode != 0
    assert fleet.revisions() == 4 * [v1["revision"]], failed.stdout
    assert "nobody is on call" in failed.stdout


@pytest.mark.timeout(600)
def test_several_services_in_order_each_a_transaction(fleet, digests):
    v1 = release_of(digests, "v1")
    fleet.hosts = {name: fleet.hosts[name] for name in ("web1", "web2")}
    # Without a build each would need a digest of its own: the images are built here before.
    for name in ("api", "jobs"):
        fleet.services[name] = fleet.service(routes=[{"host": f"{name}.test"}], replicas=1)
    refused = fleet.run("deploy", "-e", f"service=shop,api revision=x digest={v1['digest']}")
    assert refused.returncode != 0 and "each has an image of its own" in refused.stdout
    for name in ("shop", "api", "jobs"):
        single = f"service={name} revision={v1['revision']} digest={v1['digest']}"
        assert fleet.run("deploy", "-e", single).returncode == 0
    repository = Repository(fleet.folder / "source")
    repository.commit({"Dockerfile": "FROM hundred-test-app:v2\nCOPY Dockerfile /tmp/one\n"})
    for definition in fleet.services.values():
        definition["build"] = {"source": str(repository.path), "dockerfile": "Dockerfile"}
    fleet.variables["hundred_build_host"] = "localhost"
    done = fleet.run("deploy", "-e", "service=api,shop revision=main")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("TASK [Show what runs where]") == 2
    table = done.stdout.rpartition("TASK [Show what runs where]")[2]
    order = [line.split()[0] for line in table.splitlines() if " swapped" in line]
    assert order == ["api", "api", "shop", "shop"], table
    new = fleet.revisions("api")[0]
    assert fleet.revisions("api") == fleet.revisions("shop") == [new, new]
    assert fleet.revisions("jobs") == 2 * [v1["revision"]]
    # By its digest alone it is the same release: its label has the revision.
    digest = fleet.hosts["web1"].info("api")["image"].rpartition("@")[2]
    named = ("-e", f"service=jobs digest={digest}")
    planned = fleet.run("deploy", *named, "--check")
    assert planned.returncode == 0 and new[:12] in rows(planned)["web1"], planned.stdout
    assert fleet.run("deploy", *named).returncode == 0
    assert fleet.revisions("jobs") == [new, new]
    same = fleet.run("deploy", *named)
    assert same.returncode == 0 and "changed=0" in same.stdout, same.stdout
    single = f"service=jobs revision={v1['revision']} digest={v1['digest']} force=true"
    assert fleet.run("deploy", "-e", single).returncode == 0
    # The second one fails: it returns, the first keeps its new release, the third is not begun.
    repository.commit({"Dockerfile": "FROM hundred-test-app:v2\nCOPY Dockerfile /tmp/two\n"})
    target: Any = fleet.hosts["web2"]
    image = target.docker("images", "-q").split()[0]
    generation = target.info("api")["generation"] + 1
    target.docker("create", "--name", f"api-g{generation}-1", image)
    failed = fleet.run("deploy", "-e", "service=all revision=main")
    assert failed.returncode != 0
    table = failed.stdout.rpartition("TASK [Show what runs where]")[2]
    assert fleet.revisions("api") == [new, new], failed.stdout
    assert fleet.revisions("jobs") == 2 * [v1["revision"]]
    assert new not in fleet.revisions("shop") and None not in fleet.revisions("shop")
    cells = [line.split() for line in table.splitlines()]
    assert sum(cell[:3] == ["jobs", "all", "hosts"] for cell in cells) == 1, table
    assert sum(cell[:1] == ["shop"] and "swapped" in cell for cell in cells) == 2, table
    fleet.mend()
    finished = fleet.run("deploy", "-e", "service=all revision=main")
    assert finished.returncode == 0, finished.stdout
    assert len({*fleet.revisions("shop"), *fleet.revisions("api"), *fleet.revisions("jobs")}) == 1
    # The commit before, by ancestry, since both may be of the same second.
    older = repository.git("rev-parse", "main~1")
    stale = fleet.run("deploy", "-e", f"service=jobs revision={older}")
    assert stale.returncode != 0 and "is older than revision" in stale.stdout, stale.stdout
    assert older not in fleet.revisions("jobs") and fleet.claims() == []
    forced = fleet.run("deploy", "-e", f"service=jobs revision={older} force=true")
    assert forced.returncode == 0, forced.stdout
    assert fleet.revisions("jobs") == [older, older]
    # What serves is asked: a commit that descends from it is newer whatever the clocks said.
    repository.git("checkout", "--quiet", "-b", "skewed", older)
    past = {"GIT_COMMITTER_DATE": "2001-01-01T00:00:00Z"}
    skewed = repository.commit({"Dockerfile": "FROM hundred-test-app:v2\n"}, environment=past)
    assert fleet.run("deploy", "-e", f"service=jobs revision={skewed}").returncode == 0
    assert fleet.revisions("jobs") == [skewed, skewed]
    # And the commit before one that serves is older whatever the clocks said.
    stale = fleet.run("deploy", "-e", f"service=jobs revision={older}")
    assert stale.returncode != 0 and "is older than revision" in stale.stdout, stale.stdout
    assert fleet.revisions("jobs") == [skewed, skewed]
    # A build that fails after another service is done: no host of its service is asked.
    last = fleet.revisions("shop")
    # In a repository of its own: an image that another service has built is not built again.
    fleet.services["shop"]["image"] += "-broken"
    fleet.services["shop"]["build"] = {"source": str(repository.path), "dockerfile": "Broken"}
    good, broken = "COPY Dockerfile /tmp/three\n", "RUN exit 3\n"
    lines = {"Dockerfile": good, "Broken": broken}
    repository.commit({key: f"FROM hundred-test-app:v2\n{line}" for key, line in lines.items()})
    hook(fleet, "on_failure", "{{ hundred_service_rows | map(attribute='result') | join(',') }}")
    unbuilt = fleet.run("deploy", "-e", "service=jobs,shop revision=skewed")
    assert unbuilt.returncode != 0
    assert hooks_log(fleet) == ["swapped,swapped,build failed,not begun,not begun"], unbuilt.stdout
    assert "localhost: " in unbuilt.stdout.rpartition("TASK [Show what runs where]")[2]
    assert fleet.revisions("shop") == last and fleet.claims() == []
