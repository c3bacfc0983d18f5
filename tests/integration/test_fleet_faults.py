# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""F2 to F4 when the controller, the network, a host, an engine or the registry goes away."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import yaml

from .conftest import release_of
from .fleet import PAUSE, Fleet, rows, wait_for
from .images.repository import Repository


@pytest.fixture
def pair(fleet: Fleet) -> Fleet:
    """Two hosts, one of each generation; a swap takes a few seconds, so that it can be hit."""
    fleet.hosts = {name: fleet.hosts[name] for name in ("web1", "web2")}
    fleet.services["shop"].update(replicas=1, update={"monitor": "3s"})
    return fleet


def ended(process: subprocess.Popen[str], within: float = 120) -> str:
    """What a deploy that must fail has printed."""
    output = process.communicate(timeout=within)[0]
    assert process.returncode != 0, output
    return output


def end_controller(process: subprocess.Popen[str], number: int) -> None:
    """End a deploy that goes on, with all its processes, by a signal."""
    os.killpg(process.pid, number)
    process.communicate(timeout=60)
    assert process.returncode != 0


def claimed(fleet: Fleet) -> bool:
    """All hosts are claimed: the prefetch has come that far."""
    return fleet.claims() == ["web1", "web2"]


def migrating(fleet: Fleet) -> bool:
    """A task runs before the first swap."""
    return "Up" in fleet.hosts["web1"].docker("ps", "--filter", "label=hundred.run")


def canary_done(fleet: Fleet) -> bool:
    """The canary is complete, the second host is not; to be asked once all were claimed, since the
    prefetch claims hosts one by one.
    """
    return fleet.claims() == ["web2"]


SIGNALS = [pytest.param(signal.SIGINT, marks=pytest.mark.large, id="SIGINT"), signal.SIGKILL]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: signal.Signals(number).name)
def test_a_controller_that_ends_in_any_phase_leaves_what_the_next_run_completes(
    pair, digests, number
):
    releases = [release_of(digests, name) for name in ("v1", "v2")]
    pair.services["shop"]["tasks"] = {"before": [{"name": "migrate", "command": "sleep 2"}]}
    pair.must_deploy(releases[0])
    for turn, moment in enumerate((claimed, migrating, canary_done), 1):
        release = releases[turn % 2]
        process = pair.begin(release)
        wait_for(process, lambda: claimed(pair), lambda moment=moment: moment(pair))
        end_controller(process, number)
        # No wait for the lease, nobody has to remove a lock, and a swap that goes on is waited for.
        began = time.monotonic()
        done = pair.deploy(release)
        assert done.returncode == 0, (moment, done.stdout + done.stderr)
        assert time.monotonic() - began < 60
        assert pair.revisions() == 2 * [release["revision"]]
        assert pair.claims() == []
        for target in pair.hosts.values():
            assert len(target.containers("shop")) == 1
            assert target.docker("ps", "-aq", "--filter", "label=hundred.run") == ""


def hook_that_waits(fleet: Fleet, moment: str, fails: bool) -> Path:
    """Have a hook wait once the canary is swapped, and perhaps fail then.

    :returns: the file that ends the wait.
    """
    end = fleet.folder / "go on"
    wait = {"path": str(end), "timeout": 150}
    task = {"ansible.builtin.wait_for": wait, "delegate_to": "localhost", "become": False}
    if moment.startswith("before_"):
        task["when"] = "'web1' not in ansible_play_batch"
    tasks = [{"name": "Wait", **task}]
    if fails:
        tasks.append({"name": "Fail", "ansible.builtin.fail": {"msg": "not as hoped"}})
    (fleet.folder / "wait.yml").write_text(yaml.safe_dump(tasks))
    fleet.variables["hundred_hooks"] = {moment: "wait.yml"}
    return end


def claim_on(fleet: Fleet, name: str) -> dict[str, Any]:
    """The claim that a host remembers."""
    path = "/var/lib/hundred/services/shop/deploy.json"
    found: dict[str, Any] = json.loads(fleet.hosts[name].host.run(f"cat {path}").stdout)
    return found


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("moment", "fails"), [("before_batch", False), ("after_batch", False), ("after_batch", True)]
)
def test_a_deploy_that_was_silent_for_longer_than_its_lease_gives_way_to_one_that_came_between(
    pair, digests, moment, fails
):
    v1, v2, v3 = (release_of(digests, name) for name in ("v1", "v2", "v3"))
    pair.services["shop"]["update"] = {"monitor": "0s"}
    pair.must_deploy(v1)
    end = hook_that_waits(pair, moment, fails)
    pair.variables["hundred_deploy_lease"] = "5s"
    silent = pair.begin(v2)
    wait_for(silent, lambda: claimed(pair), lambda: pair.revisions()[0] == v2["revision"])
    # With a hook after swaps the canary's claim is kept, and taken over with the other one.
    assert pair.claims() == (["web2"] if moment == "before_batch" else ["web1", "web2"])
    wait_for(
        silent, lambda: all(claim_on(pair, name)["until"] < time.time() for name in pair.claims())
    )
    pair.variables.clear()
    pair.must_deploy(v3)
    assert pair.claims() == []
    end.touch()
    output = ended(silent)
    told = rows(subprocess.CompletedProcess([], 1, output))
    assert pair.revisions() == 2 * [v3["revision"]] and pair.claims() == [], output
    for target in pair.hosts.values():
        assert list(target.containers("shop").values()) == ["running"]
    if fails:
        assert "failed after it" in told["web1"] and "not swapped" in told["web2"], output
    else:
        assert "failed" in told["web2"] and "claim on this host is gone" in output, output


@pytest.mark.timeout(600)
def test_a_deploy_that_another_is_completing_returns_nothing_that_the_other_counts_on(
    pair, digests
):
    v1, v2 = release_of(digests, "v1"), release_of(digests, "v2")
    pair.services["shop"]["update"] = {"monitor": "8s"}
    pair.must_deploy(v1)
    end = hook_that_waits(pair, "before_batch", fails=False)
    pair.variables["hundred_deploy_lease"] = "3s"
    silent = pair.begin(v2)
    wait_for(silent, lambda: claimed(pair), lambda: canary_done(pair))
    first = claim_on(pair, "web2")
    wait_for(silent, lambda: first["until"] < time.time())
    pair.variables.clear()
    # The same revision once more, for which nothing is to be done on the canary.
    second = pair.begin(v2)
    wait_for(second, lambda: "shop-g2-1" in pair.hosts["web2"].containers("shop"))
    assert claim_on(pair, "web2")["adopted"] == [first["deploy"]]
    end.touch()
    output = ended(silent)
    told = rows(subprocess.CompletedProcess([], 1, output))
    assert "swapped" in told["web1"] and "returned" not in told["web1"], output
    assert "another deploy is under way" in output and second.poll() is None, output
    said, _errors = second.communicate(timeout=120)
    assert second.returncode == 0, said
    assert pair.revisions() == 2 * [v2["revision"]] and pair.claims() == [], output


@pytest.mark.timeout(600)
def test_claims_of_hosts_that_wait_are_renewed_and_keep_others_out_for_longer_than_the_lease(
    pair, digests
):
    v1, v2, v3 = (release_of(digests, name) for name in ("v1", "v2", "v3"))
    pair.must_deploy(v1)
    end = hook_that_waits(pair, "before_host", fails=False)
    pair.services["shop"]["update"] = {"monitor": "12s"}
    pair.variables["hundred_deploy_lease"] = "20s"
    slow = pair.begin(v2)
    wait_for(slow, lambda: claimed(pair))
    ends = claim_on(pair, "web2")["until"]
    # The canary takes more than a third of the lease; web2 waits in its hook, before its own swap.
    wait_for(slow, lambda: pair.revisions() == [v2["revision"], v1["revision"]])
    wait_for(slow, lambda: claim_on(pair, "web2")["until"] > ends)
    time.sleep(max(0.0, ends - time.time()))
    refused = pair.deploy(v3, "--limit", "localhost,web2")
    asked_at = time.time()
    end.touch()
    output, _errors = slow.communicate(timeout=120)
    assert asked_at > ends and refused.returncode != 0, refused.stdout
    assert "another deploy is under way" in refused.stdout, refused.stdout
    assert slow.returncode == 0, output
    assert pair.revisions() == 2 * [v2["revision"]] and pair.claims() == []


@pytest.mark.timeout(600)
def test_a_renewal_that_does_not_reach_a_host_stops_nothing(fleet, digests):
    v1, v2 = release_of(digests, "v1"), release_of(digests, "v2")
    fleet.must_deploy(v1)
    fleet.services["shop"]["update"] = {"monitor": "3s"}
    fleet.variables.update(hundred_deploy_lease="3s", hundred_batches=1)
    slow = fleet.begin(v2)
    # All have their image by then, and the next thing that web4 hears of is the renewal.
    wait_for(slow, lambda: "shop-g2-1" in fleet.hosts["web1"].containers("shop"))
    with cut_off(fleet, "web4"):
        wait_for(slow, lambda: fleet.claims() == ["web3", "web4"])
    output, _errors = slow.communicate(timeout=120)
    assert slow.returncode == 0, output
    # On a busy machine the claims are renewed for the first batch, too.
    renewals = output.split("Renew the claims of the hosts that wait]")[1:]
    told = [renewal.partition("TASK")[0] for renewal in renewals]
    assert any("item=web3" in renewal and "UNREACHABLE" in renewal for renewal in told), output
    assert fleet.revisions() == 4 * [v2["revision"]] and fleet.claims() == []


def works(command: str) -> bool:
    """A process with exactly these arguments runs on this machine, in a container or not."""
    wanted = command.replace(" ", "\0").encode() + b"\0"
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):  # it has ended
            if file.read_bytes() == wanted:
                return True
    return False


@pytest.mark.timeout(600)
@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: signal.Signals(number).name)
def test_a_controller_that_ends_in_a_build_leaves_what_the_next_run_completes(
    pair, digests, number
):
    v1 = release_of(digests, "v1")
    pair.must_deploy(v1)
    repository = Repository(pair.folder / "source")
    # Its own, or the engine would have the layers of another run.
    lines = [f"# {uuid.uuid4()}", "FROM hundred-test-app:v2", "COPY Dockerfile /tmp/built"]
    lines.append("RUN sleep 3.25")
    revision = repository.commit({"Dockerfile": "\n".join(lines)})
    pair.services["shop"]["build"] = {"source": str(repository.path), "test": [["sleep", "3.75"]]}
    pair.variables["hundred_build_host"] = "localhost"
    for phase in ("sleep 3.25", "sleep 3.75"):
        process = pair.begin("main")
        wait_for(process, lambda phase=phase: works(phase))
        end_controller(process, number)
        # No host was asked, so none is changed and none is claimed.
        assert pair.claims() == [] and pair.revisions() == 2 * [v1["revision"]]
    done = pair.run("deploy", "-e", "service=shop revision=main")
    assert done.returncode == 0, done.stdout + done.stderr
    assert pair.revisions() == 2 * [revision] and pair.claims() == []
    # The module outlives its controller, and removes the container of its test.
    listed = ["docker", "ps", "-a", "--format", "{{.Names}} {{.Command}}"]
    assert "sleep 3.75" not in subprocess.check_output(listed, text=True)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: signal.Signals(number).name)
def test_f3_a_controller_that_ends_in_the_return_leaves_what_the_next_run_completes(
    pair, digests, number
):
    v1, v2 = release_of(digests, "v1"), release_of(digests, "v2")
    pair.must_deploy(v1)
    pair.sabotage("web2", 2)
    process = pair.begin(v2)
    # The canary is swapped, the second one fails, the canary gets its former release again.
    wait_for(process, lambda: claimed(pair), lambda: canary_done(pair))
    web1 = pair.hosts["web1"]
    wait_for(process, lambda: "shop-g3-1" in web1.containers("shop"))
    end_controller(process, number)
    pair.mend()
    done = pair.deploy(v2)
    assert done.returncode == 0, done.stdout + done.stderr
    assert pair.revisions() == 2 * [v2["revision"]] and pair.claims() == []
    for target in pair.hosts.values():
        assert list(target.containers("shop").values()) == ["running"]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: signal.Signals(number).name)
def test_a_controller_that_ends_in_a_task_after_the_last_swap_leaves_a_complete_fleet(
    pair, digests, number
):
    v1, v2 = release_of(digests, "v1"), release_of(digests, "v2")
    pair.must_deploy(v1)
    pair.services["shop"]["tasks"] = {"after": [{"name": "warm", "command": "sleep 4"}]}
    process = pair.begin(v2)
    wait_for(process, lambda: claimed(pair), lambda: migrating(pair))
    end_controller(process, number)
    assert pair.revisions() == 2 * [v2["revision"]] and pair.claims() == ["web1"]
    left = claim_on(pair, "web1")
    planned = pair.deploy(v2, "--check")
    assert "item=warm" in planned.stdout and claim_on(pair, "web1") == left, planned.stdout
    # What was missed runs once, though nothing is swapped.
    done = pair.deploy(v2)
    assert done.returncode == 0, done.stdout + done.stderr
    assert [line.split()[-1] for line in rows(done).values()] == 2 * ["unchanged"], done.stdout
    assert done.stdout.count("item=warm") == 1, done.stdout
    assert pair.revisions() == 2 * [v2["revision"]] and pair.claims() == []
    again = pair.deploy(v2)
    assert again.returncode == 0 and "item=warm" not in again.stdout, again.stdout
    assert "changed=1" not in again.stdout and pair.claims() == [], again.stdout
    deadline = time.monotonic() + 20
    for target in pair.hosts.values():
        while target.docker("ps", "-aq", "--filter", "label=hundred.run"):
            assert time.monotonic() < deadline
            time.sleep(PAUSE)


@pytest.mark.timeout(600)
def test_one_host_alone_is_given_what_was_missed_after_its_swap_and_keeps_no_claim(pair, digests):
    del pair.hosts["web2"]
    v1, v2 = release_of(digests, "v1"), release_of(digests, "v2")
    pair.services["shop"]["tasks"] = {"after": [{"name": "warm", "command": "sleep 4"}]}
    pair.must_deploy(v1)
    unchanged = pair.deploy(v1)
    assert unchanged.returncode == 0 and "item=warm" not in unchanged.stdout, unchanged.stdout
    assert pair.claims() == []
    for _turn in range(2):  # whoever does what was missed may die in it as well
        process = pair.begin(v2)
        wait_for(process, lambda: migrating(pair))
        end_controller(process, signal.SIGKILL)
        while migrating(pair):
            time.sleep(PAUSE)
    assert pair.claims() == ["web1"]
    done = pair.deploy(v2)
    assert done.returncode == 0 and done.stdout.count("item=warm") == 1, done.stdout
    assert "unchanged" in rows(done)["web1"] and pair.claims() == [], done.stdout
    process = pair.begin(v1)
    wait_for(process, lambda: migrating(pair))
    end_controller(process, signal.SIGKILL)
    back = pair.run("rollback", "-e", "service=shop")
    assert back.returncode == 0 and pair.revisions() == [v2["revision"]], back.stdout
    done = pair.deploy(v2)
    assert done.returncode == 0 and "item=warm" not in done.stdout, done.stdout


@pytest.mark.timeout(600)
def test_f3_a_return_that_fails_is_reported_and_not_tried_again(pair, digests):
    v1, v2 = release_of(digests, "v1"), release_of(digests, "v2")
    pair.must_deploy(v1)
    # Somebody else's container has the name that web1 would need for its return.
    pair.sabotage("web2", 2)
    pair.sabotage("web1", 3)
    failed = pair.deploy(v2)
    assert failed.returncode != 0
    told = rows(failed)
    assert "not returned" in told["web1"] and "failed" in told["web2"], failed.stdout
    assert failed.stdout.count("TASK [Return to what the deploy found here]") == 1, failed.stdout
    # What serves goes on, and is told.
    assert pair.revisions() == [v2["revision"], v1["revision"]], failed.stdout
    assert v2["revision"][:12] in told["web1"].split("not returned")[0]
    pair.mend()
    back = pair.run("rollback", "-e", "service=shop")
    assert back.returncode == 0, back.stdout + back.stderr
    assert pair.revisions() == 2 * [v1["revision"]] and pair.claims() == []


@pytest.mark.timeout(600)
def test_of_two_controllers_at_once_one_deploys_and_the_other_names_it(pair, digests):
    v1, v2, v3 = (release_of(digests, name) for name in ("v1", "v2", "v3"))
    pair.must_deploy(v1)
    mine = pair.begin(v2)
    pair.controller = pair.folder / "colleague"
    theirs = pair.begin(v3)
    said = [process.communicate(timeout=120)[0] for process in (mine, theirs)]
    codes = [process.returncode for process in (mine, theirs)]
    assert sorted(code != 0 for code in codes) == [False, True], said
    won, lost = ((v2, said[1]), (v3, said[0]))[codes[1] == 0]
    assert pair.revisions() == 2 * [won["revision"]] and pair.claims() == []
    assert won["revision"][:12] in lost and "another" in lost, lost


@contextmanager
def cut_off(fleet: Fleet, name: str) -> Iterator[None]:
    """No packet between the controller's SSH and a host."""
    host = fleet.hosts[name].host
    rule = ["INPUT", "-p", "tcp", "--dport", "22", "-j", "DROP"]
    host.run(["iptables", "-I", *rule])
    try:
        yield
    finally:
        host.run(["iptables", "-D", *rule])


@pytest.mark.timeout(600)
def test_f2_f3_a_host_whose_network_is_cut_stops_the_fleet_and_the_next_run_converges(
    pair, digests
):
    v1, v2 = release_of(digests, "v1"), release_of(digests, "v2")
    pair.must_deploy(v1)
    process = pair.begin(v2)
    wait_for(process, lambda: claimed(pair), lambda: canary_done(pair))
    with cut_off(pair, "web2"):
        output = ended(process)
    told = rows(subprocess.CompletedProcess([], 1, output))
    assert "returned" in told["web1"], output
    assert told["web1"].endswith("since web2 could not be reached"), output
    assert "web2" in told and "swapped" not in told["web2"].replace("not swapped", ""), output
    assert pair.revisions()[0] == v1["revision"]
    done = pair.deploy(v2)
    assert done.returncode == 0, done.stdout
    assert pair.revisions() == 2 * [v2["revision"]] and pair.claims() == []
    # A task that is cut off is told as one that failed, and none after it is begun.
    pair.services["shop"]["tasks"] = {"after": [{"name": "warm", "command": "sleep 9"}]}
    pair.services["shop"]["tasks"]["after"].append({"name": "never", "command": "true"})
    process = pair.begin(v1)
    wait_for(process, lambda: claimed(pair), lambda: migrating(pair))
    with cut_off(pair, "web1"):
        output = ended(process)
    told = rows(subprocess.CompletedProcess([], 1, output))
    assert "swapped, failed after it" in told["web1"] and "item=never" not in output, output


@pytest.mark.timeout(600)
def test_f4_a_host_that_was_left_behind_lags_until_the_next_deploy(pair, digests):
    v1, v2 = release_of(digests, "v1"), release_of(digests, "v2")
    pair.must_deploy(v1)
    skip = ("-e", "hundred_unreachable=skip hundred_unreachable_limit=1")
    with cut_off(pair, "web2"):
        done = pair.deploy(v2, *skip)
    assert done.returncode == 0, done.stdout + done.stderr
    told = rows(done)
    assert "swapped" in told["web1"] and "skipped" in told["web2"], done.stdout
    assert pair.revisions() == [v2["revision"], v1["revision"]] and pair.claims() == []
    status = pair.run("status", "-e", "service=shop")
    line = [line for line in status.stdout.splitlines() if line.split()[:2] == ["shop", "web2"]]
    assert len(line) == 1 and "behind" in line[0], status.stdout
    done = pair.deploy(v2)
    assert done.returncode == 0, done.stdout + done.stderr
    told = rows(done)
    assert "unchanged" in told["web1"] and "swapped" in told["web2"], done.stdout
    assert pair.revisions() == 2 * [v2["revision"]]
    assert "behind" not in pair.run("status", "-e", "service=shop").stdout


@pytest.mark.timeout(600)
def test_f2_f3_a_host_that_reboots_in_its_swap_stops_the_fleet_and_the_next_run_converges(
    pair, digests
):
    v1, v2 = release_of(digests, "v1"), release_of(digests, "v2")
    pair.must_deploy(v1)
    process = pair.begin(v2)
    target = pair.hosts["web2"]
    wait_for(process, lambda: "shop-g2-1" in target.containers("shop"))
    target.host.reboot()
    output = ended(process)
    assert pair.revisions()[0] == v1["revision"], output
    done = pair.deploy(v2)
    assert done.returncode == 0, done.stdout
    assert pair.revisions() == 2 * [v2["revision"]] and pair.claims() == []
    assert list(target.containers("shop").values()) == ["running"]


@pytest.mark.timeout(600)
def test_f2_an_engine_or_a_registry_that_is_down_is_found_before_any_swap(pair, digests, registry):
    v1, v2 = release_of(digests, "v1"), release_of(digests, "v2")
    pair.must_deploy(v1)
    before = [target.identities() for target in pair.hosts.values()]
    host = pair.hosts["web2"].host
    host.run("systemctl stop docker.socket docker")
    try:
        down = pair.deploy(v2)
        past = pair.run("history", "-e", "service=shop")
    finally:
        host.run("systemctl start docker")
    assert down.returncode != 0
    # What was done on a host is read without its engine.
    assert past.returncode == 0 and "not known" not in past.stdout, past.stdout
    done = [line.split() for line in past.stdout.splitlines() if " rollout " in line]
    assert {"web1", "web2"} <= {line[2] for line in done}, past.stdout
    told = rows(down)
    assert "not swapped" in told["web1"] and "failed" in told["web2"], down.stdout
    assert "does not answer" in down.stdout and "systemctl start docker" in down.stdout
    for target in pair.hosts.values():
        for name in ("v2", "v3"):
            target.docker("rmi", "-f", f"{target.options['image']}@{digests[name]}", check=False)
    registry.stop()
    try:
        gone = pair.deploy(v2)
        unchanged = pair.deploy(v1)
    finally:
        registry.start()
        registry.wait_ready()
    assert gone.returncode != 0
    assert all("failed" in line for line in rows(gone).values()), gone.stdout
    # What is on the hosts already needs no registry.
    assert unchanged.returncode == 0, unchanged.stdout
    assert pair.hosts["web1"].identities() == before[0]
    assert pair.revisions() == 2 * [v1["revision"]] and pair.claims() == []
