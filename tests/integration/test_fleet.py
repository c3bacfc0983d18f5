# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""F1 to F4: a deploy over several engines is one transaction."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import time
from typing import Any

import pytest

from tests.load.process import LoadProcess

from .conftest import release_of
from .fleet import Fleet, rows, wait_for, wanted
from .service_host import ROOT


@pytest.mark.timeout(900)
@pytest.mark.parametrize("which", ["fleet", pytest.param("ten", marks=pytest.mark.large)])
def test_f1_f2_f3_a_failed_batch_stops_the_fleet_and_all_return(request, lab, digests, which):
    fleet = request.getfixturevalue(which)
    hosts = len(fleet.hosts)
    fleet.edges = {"edge1": lab.ensure("edge1", "bookworm", "bare")}
    v1, v2 = release_of(digests, "v1"), release_of(digests, "v2")
    fleet.services["shop"]["replicas"] = 1
    first = fleet.deploy(v1, "-e", "hundred_batch_pause=1")
    assert first.returncode == 0, first.stdout + first.stderr
    # Batches of one, a quarter, and the rest.
    assert first.stdout.count("Pausing for 1 seconds") == 2, first.stdout
    assert all("swapped" in line for line in rows(first).values()), first.stdout
    fleet.set_up_edges()
    # The canary, one in the second batch, the last host.
    second = 2 if hosts == 4 else 3
    reached = {"web1": 1, f"web{second}": second, f"web{hosts}": hosts}
    edge = fleet.edges["edge1"].address
    with LoadProcess(f"http://{edge}", "--host", "shop.test", "--rate", "100") as load:
        for bad, number in reached.items():
            fleet.sabotage(bad, fleet.hosts[bad].info("shop")["generation"] + 1)
            failed = fleet.deploy(v2)
            assert failed.returncode != 0, failed.stdout
            told = rows(failed)
            assert len(told) == hosts and "failed" in told[bad], failed.stdout
            before = [told[f"web{index}"] for index in range(1, number)]
            assert all("returned" in line for line in before), failed.stdout
            after = [told[f"web{index}"] for index in range(number + 1, hosts + 1)]
            assert all("not swapped" in line for line in after), failed.stdout
            assert all(line.endswith(f"since {bad} failed") for line in (*before, *after))
            assert told[bad].split()[1] == v1["revision"][:12], failed.stdout
            assert fleet.revisions() == hosts * [v1["revision"]], (bad, failed.stdout)
            assert fleet.claims() == []
            fleet.mend()
        done = fleet.deploy(v2)
    assert done.returncode == 0, done.stdout + done.stderr
    assert fleet.revisions() == hosts * [v2["revision"]]
    assert load.result.sent > 2000 and load.result.lost == 0, load.result.total
    again = fleet.deploy(v2)
    assert again.returncode == 0 and "changed=0" in again.stdout, again.stdout
    assert all("unchanged" in line for line in rows(again).values())


@pytest.mark.large
@pytest.mark.timeout(600)
def test_f3_a_first_deploy_that_fails_leaves_nothing(fleet, digests):
    image: Any = {**release_of(digests, "v1"), "prefetch": True}
    assert not fleet.hosts["web3"].rollout(image).failed
    fleet.sabotage("web3", 1)
    failed = fleet.deploy(release_of(digests, "v1"))
    assert failed.returncode != 0, failed.stdout
    assert fleet.revisions() == 4 * [None], failed.stdout
    assert fleet.claims() == []


@pytest.mark.large
@pytest.mark.timeout(600)
def test_a_batch_begins_when_it_is_confirmed_at_a_terminal(fleet, digests):
    v1, v2 = release_of(digests, "v1"), release_of(digests, "v2")
    fleet.must_deploy(v1)
    confirm = ("-e", "hundred_batch_pause=confirm")
    status, said = at_terminal(fleet, [*wanted(v2), *confirm], [b"\r", b"\r"])
    assert status == 0, said
    assert fleet.revisions() == 4 * [v2["revision"]]
    status, said = at_terminal(fleet, [*wanted(v1), *confirm], [b"\x03a"])
    assert status != 0, said
    assert fleet.revisions() == 4 * [v2["revision"]], said


def at_terminal(fleet: Fleet, arguments: list[str], answers: list[bytes]) -> tuple[int, str]:
    """Deploy at a terminal of its own, answering what is asked between batches."""
    command, environment = fleet.command("deploy", *arguments), fleet.environment()
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(ROOT)
        os.execve(command[0], command, environment)
    said, asked = b"", 0
    while True:
        try:
            said += os.read(terminal, 4096)
        except OSError:  # its end, on Linux
            break
        if said.count(b"Enter goes on") > asked and said.endswith((b":", b": ", b"\n")):
            asked += 1
            time.sleep(0.5)
            for key in answers.pop(0):
                os.write(terminal, bytes([key]))
                time.sleep(0.2)
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), said.decode(errors="replace")


@pytest.mark.timeout(600)
def test_a_paused_fleet_is_continued_by_the_next_deploy(fleet, digests):
    v1, v2 = release_of(digests, "v1"), release_of(digests, "v2")
    fleet.must_deploy(v1)
    pause = ("-e", "hundred_on_failure=pause")
    missing = fleet.deploy({**v2, "digest": "sha256:" + 64 * "0"}, *pause)
    assert missing.returncode != 0
    assert fleet.claims() == [], missing.stdout  # nothing was swapped, so nothing is incomplete
    fleet.sabotage("web2", 2)
    paused = fleet.deploy(v2, *pause)
    assert paused.returncode != 0
    assert fleet.revisions() == [v2["revision"], *(3 * [v1["revision"]])], paused.stdout
    assert fleet.claims() == ["web2", "web3", "web4"]
    fleet.mend()
    # Whoever goes on need not wait, on whichever controller.
    fleet.controller = fleet.folder / "colleague"
    # One that is refused before it begins changes no host, and leaves what is to be gone on with.
    refused = fleet.deploy({**v1, "digest": "sha256:" + 64 * "0"})
    assert refused.returncode != 0
    assert fleet.revisions() == [v2["revision"], *(3 * [v1["revision"]])], refused.stdout
    assert not [line for line in rows(refused).values() if "returned" in line], refused.stdout
    done = fleet.deploy(v2)
    assert done.returncode == 0, done.stdout + done.stderr
    assert fleet.revisions() == 4 * [v2["revision"]]
    assert fleet.claims() == []


@pytest.mark.timeout(600)
def test_f3_a_paused_fleet_goes_back_to_what_it_had(fleet, digests):
    v1, v2, v3 = (release_of(digests, name) for name in ("v1", "v2", "v3"))
    fleet.must_deploy(v1)
    fleet.must_deploy(v2)
    fleet.sabotage("web2", 3)
    assert fleet.deploy(v3, "-e", "hundred_on_failure=pause").returncode != 0
    fleet.mend()
    assert fleet.revisions() == [v3["revision"], *(3 * [v2["revision"]])]
    fleet.controller = fleet.folder / "colleague"
    back = fleet.run("rollback", "-e", "service=shop")
    assert back.returncode == 0, back.stdout + back.stderr
    assert fleet.revisions() == 4 * [v2["revision"]], back.stdout
    assert fleet.claims() == []
    # One that leaves hosts behind is returned from where it was.
    some = ("--limit", "localhost,web1,web2")
    assert fleet.deploy(v3, *some).returncode == 0
    back = fleet.run("rollback", "-e", "service=shop")
    assert back.returncode == 0, back.stdout + back.stderr
    assert fleet.revisions() == 4 * [v2["revision"]], back.stdout
    assert "unchanged" in rows(back)["web3"] and "swapped" in rows(back)["web2"], back.stdout
    # Complete, and so the next one goes back a release on every host, but where there is none.
    web1 = fleet.hosts["web1"]
    assert not web1.call("service_rollout", {"name": "shop", "state": "absent"}).failed
    fleet.must_deploy(v2)
    back = fleet.run("rollback", "-e", "service=shop")
    assert back.returncode != 0 and "has no earlier good release" in back.stdout, back.stdout
    assert fleet.revisions() == [v2["revision"], *(3 * [v1["revision"]])], back.stdout


@pytest.mark.timeout(600)
@pytest.mark.parametrize("then", ["v3", pytest.param("v2", marks=pytest.mark.large)])
def test_f3_a_deploy_whose_controller_was_killed_is_returned_from_as_a_whole(fleet, digests, then):
    v1, v2 = release_of(digests, "v1"), release_of(digests, "v2")
    fleet.must_deploy(v1)
    process = subprocess.Popen(
        fleet.command("deploy", *wanted(v2)),
        env=fleet.environment(),
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    # All are claimed; then the canary is complete.
    wait_for(process, lambda: len(fleet.claims()) == 4, lambda: len(fleet.claims()) == 3)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    time.sleep(3)  # what runs on a host goes on to its end
    assert v2["revision"] in fleet.revisions() and v1["revision"] in fleet.revisions()
    assert "web4" in fleet.claims()
    # The next one completes it, or replaces it; when it fails, all return, those of the killed one
    # too: not to its release, which the others never had.
    fleet.sabotage("web4", 2)
    failed = fleet.deploy(release_of(digests, then))
    assert failed.returncode != 0
    assert fleet.revisions() == 4 * [v1["revision"]], failed.stdout
    assert fleet.claims() == []


@pytest.mark.timeout(600)
def test_two_deploys_at_once_the_second_is_refused_by_name(fleet, digests):
    v1, v2 = release_of(digests, "v1"), release_of(digests, "v2")
    fleet.must_deploy(v1)
    target: Any = fleet.hosts["web3"]
    # It began long before, by its name.
    elsewhere = {"prefetch": True, "deploy": {"id": "1999-elsewhere"}, "started_by": "boris"}
    assert not target.rollout({**v2, **elsewhere, "port": 8000}).failed
    refused = fleet.deploy(v2)
    assert refused.returncode != 0
    assert "boris" in refused.stdout and "ends by itself at" in refused.stdout
    assert fleet.revisions() == 4 * [v1["revision"]]
    assert fleet.claims() == ["web3"]
    # One that began at the same moment, but later, gives up as it is refused elsewhere.
    undo = {"name": "shop", "undo": ["1999-elsewhere"]}
    assert not target.call("service_rollback", undo).failed
    later = {**elsewhere, "deploy": {"id": "9999-later"}}
    assert not target.rollout({**v2, **later, "port": 8000}).failed
    both = subprocess.Popen(
        fleet.command("deploy", *wanted(v2)),
        env=fleet.environment(),
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    wait_for(both, lambda: fleet.claims() == ["web1", "web2", "web3", "web4"])
    release = {"name": "shop", "undo": ["9999-later"], "claims": "release"}
    assert not target.call("service_rollback", release).failed
    output = both.communicate(timeout=120)[0]
    assert both.returncode == 0, output
    assert fleet.revisions() == 4 * [v2["revision"]] and fleet.claims() == []
