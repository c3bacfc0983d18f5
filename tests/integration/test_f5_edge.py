# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""F5: a host is drained at all edges in front of it, and always put back or reported."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator

import pytest
import yaml

from tests.load.process import LoadProcess

from .conftest import release_of
from .fleet import NAMES, Fleet

STATE = "/var/lib/hundred/edge/server-state"


@pytest.fixture
def edged(fleet: Fleet, lab, digests) -> Iterator[Fleet]:
    """A service on two hosts behind two edges, one of each generation."""
    fleet.hosts = {name: fleet.hosts[name] for name in ("web1", "web2")}
    fleet.edges = {
        name: lab.ensure(name, suite, "bare")
        for name, suite in (("edge1", "bookworm"), ("edge2", "trixie"))
    }
    addresses = [host.address for host in fleet.edges.values()]
    fleet.variables["hundred_proxy_settings"] = {"trusted_proxies": addresses}
    fleet.variables["hundred_edge_health"] = {"interval": "500ms"}
    fleet.must_deploy(release_of(digests, "v1"))
    fleet.set_up_edges()
    yield fleet
    for host in fleet.edges.values():
        host.run("systemctl start haproxy")


def work(fleet: Fleet, *tasks: dict[str, object]) -> tuple[str, ...]:
    """The arguments of a maintenance of the second host that does these tasks."""
    (fleet.folder / "work.yml").write_text(yaml.safe_dump(list(tasks)))
    return ("maintenance", "-e", "host=web2", "-e", "maintenance_tasks=work.yml")


def load(fleet: Fleet, edge: str) -> LoadProcess:
    """Load through an edge."""
    return LoadProcess(
        f"http://{fleet.edges[edge].address}", "--host", "shop.test", "--rate", "100"
    )


def drained(fleet: Fleet) -> list[str]:
    """The edges whose state keeps the second host out."""
    found = []
    for name, host in fleet.edges.items():
        if " web2 " in host.run(f"cat {STATE} 2>/dev/null || true").stdout:
            found.append(name)
    return found


def served_by(fleet: Fleet, edge: str, requests: int = 40) -> set[str]:
    """The hosts that answer through an edge: every answer names its replica, a container's id."""
    url = f"http://{fleet.edges[edge].address}/version"
    answers = (
        fleet.edges[edge]
        .run(f"for i in $(seq {requests}); do curl -fsS -H 'Host: shop.test' {url}; echo; done")
        .stdout.splitlines()
    )
    replicas = {json.loads(line)["replica"] for line in answers if line.strip()}
    return {
        name
        for name, target in fleet.hosts.items()
        if replicas & set(target.docker("ps", "-q").split())
    }


@pytest.mark.timeout(600)
def test_f5_no_request_is_lost_in_a_deploy_or_in_a_maintenance_behind_an_edge(edged, digests):
    # As ansible.builtin.reboot does for a host that is no container.
    restart = f"docker restart --time 60 {edged.hosts['web2'].host.container}"
    reboot = {"name": "Reboot it", "ansible.builtin.command": restart}
    reboot.update(delegate_to="localhost", become=False)
    with load(edged, "edge1") as first, load(edged, "edge2") as second:
        time.sleep(2)
        edged.must_deploy(release_of(digests, "v2"))
        done = edged.run(*work(edged, reboot))
        time.sleep(2)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "maintenance of web2" in done.stdout and "healthy" in done.stdout
    for result in (first.result, second.result):
        assert result.sent > 1000 and result.lost == 0, result.total
    assert drained(edged) == []
    assert served_by(edged, "edge1") == {"web1", "web2"}


@pytest.mark.timeout(600)
def test_f5_a_host_is_put_back_when_the_work_fails_and_stays_drained_when_it_is_ill(edged):
    fail = {"name": "Upgrade it", "ansible.builtin.fail": {"msg": "held packages"}}
    failed = edged.run(*work(edged, fail))
    assert failed.returncode != 0
    assert "Upgrade it: held packages" in failed.stdout and "STILL DRAINED" not in failed.stdout
    assert drained(edged) == [] and served_by(edged, "edge2") == {"web1", "web2"}
    # Work that cannot reach a host ends there, and the host is put back.
    lost = {"name": "Ask", "ansible.builtin.ping": {}, "delegate_to": "gone.invalid"}
    touch = {"name": "Touch it", "ansible.builtin.command": "touch /tmp/went-on"}
    failed = edged.run(*work(edged, lost, touch))
    assert failed.returncode != 0 and "could not reach the host" in failed.stdout, failed.stdout
    assert re.search(r"^web2 +- +failed +healthy", failed.stdout, re.MULTILINE), failed.stdout
    host = edged.hosts["web2"].host
    assert host.run("test -e /tmp/went-on", check=False).returncode != 0
    assert drained(edged) == [] and served_by(edged, "edge2") == {"web1", "web2"}
    # A plan says what would be.
    plan = edged.run(*work(edged, touch), "--check")
    assert plan.returncode == 0 and drained(edged) == [], plan.stdout
    for line in (r"edge1 +would be +- +- +would be", "web2 +- +would be done"):
        assert re.search(f"^{line}", plan.stdout, re.MULTILINE), plan.stdout
    # Work that leaves the service ill: it is not given to clients, and that is told.
    ill = {"name": "Break it", "ansible.builtin.command": "docker pause shop-g1-1"}
    left = edged.run(*work(edged, ill), "-e", "hundred_maintenance_healthy_timeout=6s")
    assert left.returncode != 0, left.stdout
    assert "web2 IS STILL DRAINED at edge1, edge2" in left.stdout, left.stdout
    assert "shop is present, 1/2 healthy" in left.stdout
    assert drained(edged) == ["edge1", "edge2"] and served_by(edged, "edge1") == {"web1"}
    # The last host that serves is not drained as well, unless that is wanted.
    last = ("maintenance", "-e", "host=web1", "-e", "only=drain")
    alone = edged.run(*last)
    assert alone.returncode != 0, alone.stdout
    assert "web1 is the only host that serves shop here" in alone.stdout, alone.stdout
    assert edged.run(*last, "--check", "-e", "force=true").returncode == 0
    # Neither a reload by anybody, nor a restart, nor the role puts it back.
    edged.edges["edge1"].run("systemctl reload haproxy")
    edged.edges["edge2"].run("systemctl restart haproxy")
    time.sleep(1)
    edged.variables["hundred_edge_health"] = {"interval": "600ms"}
    edged.set_up_edges()
    for name in edged.edges:
        assert served_by(edged, name) == {"web1"}
    edged.hosts["web2"].docker("unpause", "shop-g1-1")
    # Nor is it put back while its replicas are well and its proxy is not.
    host.run("systemctl stop haproxy")
    put = ("maintenance", "-e", "host=web2", "-e", "only=put_back")
    silent = edged.run(*put, "-e", "hundred_maintenance_healthy_timeout=2s")
    host.run("systemctl start haproxy")
    assert silent.returncode != 0 and "web2: shop: HAProxy" in silent.stdout, silent.stdout
    assert drained(edged) == ["edge1", "edge2"]
    back = edged.run("maintenance", "-e", "host=web2", "-e", "only=put_back")
    assert back.returncode == 0, back.stdout
    assert drained(edged) == [] and served_by(edged, "edge1") == {"web1", "web2"}


@pytest.mark.timeout(600)
def test_f5_an_edge_that_cannot_drain_keeps_the_host_from_being_touched(edged, machines, tmp_path):
    third = machines.get("trixie", "haproxy", tmp_path, NAMES["web3"])
    edged.edges["edge2"].run("systemctl stop haproxy")
    touch = {"name": "Touch it", "ansible.builtin.command": "touch /tmp/was-touched"}
    refused = edged.run(*work(edged, touch))
    assert refused.returncode != 0
    assert "not done" in refused.stdout and "does not answer" in refused.stdout, refused.stdout
    host = edged.hosts["web2"].host
    assert host.run("test -e /tmp/was-touched", check=False).returncode != 0
    assert "edge1" not in drained(edged)
    assert served_by(edged, "edge1") == {"web1", "web2"}
    edged.edges["edge2"].run("systemctl start haproxy")
    # A request that takes longer than there is time to drain is not cut unless that is asked for.
    url = f"http://{edged.edges['edge1'].address}/slow?seconds=25"
    slow = f"for i in 1 2 3 4; do curl -s -m 30 -H 'Host: shop.test' '{url}' >/dev/null & done"
    edged.edges["edge1"].run(f'systemd-run --quiet sh -c "{slow}; wait"')
    soon = ("-e", "hundred_maintenance_drain_timeout=1s")
    late = edged.run(*work(edged, touch), *soon)
    assert late.returncode != 0 and "not in time" in late.stdout, late.stdout
    assert host.run("test -e /tmp/was-touched", check=False).returncode != 0
    assert drained(edged) == []
    cut = edged.run(*work(edged, touch), *soon, "-e", "hundred_maintenance_in_flight=cut")
    assert cut.returncode == 0 and " cut" in cut.stdout, cut.stdout
    assert host.run("rm /tmp/was-touched", check=False).returncode == 0
    # A host that runs workers only is behind no edge.
    edged.hosts["web3"] = third
    edged.services["shop"]["hosts"] = "web1:web2"
    edged.services["jobs"] = {"image": edged.services["shop"]["image"], "hosts": "web3"}
    arguments = [item.replace("host=web2", "host=web3") for item in work(edged, touch)]
    away = edged.run(*arguments)
    assert away.returncode == 0 and away.stdout.count("not behind it") == 4, away.stdout
    assert third.host.run("rm /tmp/was-touched", check=False).returncode == 0
    for wrong, said in (
        (("host=web9",), "web9 is no host of a service; those are web1, web2, web3"),
        (("host=web2",), "say what to do with -e maintenance_tasks=FILE"),
        (("host=web2", "maintenance_tasks=gone.yml"), "gone.yml is no file"),
        (("host=web2", "maintenance_tasks=fleet.json"), "fleet.json must hold a list of tasks"),
        (("host=web2", "only=drain", "hundred_maintenance_in_flight=no"), "must be fail or cut"),
        (("host=web2", "only=drain", "force=maybe"), "force: must be true or false"),
        (
            ("host=web2", "only=drain", "hundred_maintenance_drain_timeout=soon"),
            "hundred_maintenance_drain_timeout: must be a duration such as 500ms, 10s, 1m30s",
        ),
        (("host=web2", "only=half"), "only must be drain or put_back"),
    ):
        options = [word for item in wrong for word in ("-e", item)]
        bad = edged.run("maintenance", *options)
        assert bad.returncode != 0 and said in bad.stdout, bad.stdout
    part = edged.run(*work(edged, touch), "--limit", "localhost,web2,edge1")
    assert part.returncode != 0 and "leaves out edge2" in part.stdout, part.stdout
