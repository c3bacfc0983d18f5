# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Between deploys: what dies, hangs or is taken away is brought back by the host itself."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.load.process import LoadProcess

from .conftest import COMBINATIONS, PORTS, Machines, clean, release_of
from .service_host import ServiceHost

OPTIONS: dict[str, Any] = {
    "replicas": 2,
    "port": 8000,
    "routes": [{"host": "shop.test"}],
    "health": {"path": "/up", "interval": "200ms", "timeout": "1s", "healthy_deadline": "20s"},
    "update": {"monitor": "0s", "parallelism": 2},
    "drain_timeout": "3s",
    "stop_grace_period": "2s",
}


CONFIGURATION = {
    "haproxy": "/etc/haproxy/hundred/hundred.cfg",
    "nginx": "/etc/nginx/conf.d/hundred.conf",
}


def wait_for(what: Callable[[], Any], seconds: float, every: float = 0.2) -> Any:
    """What the function returns, once it is true."""
    deadline = time.monotonic() + seconds
    while True:
        found = what()
        if found or time.monotonic() > deadline:
            return found
        time.sleep(every)


def answer(target: ServiceHost) -> str:
    url = f"http://127.0.0.1:{PORTS[target.driver]}/version"
    return target.host.run(
        ["curl", "-sf", "--max-time", "2", "-H", "Host: shop.test", url], check=False
    ).stdout.strip()


def status(target: ServiceHost, service: str = "shop") -> dict[str, Any]:
    rows = json.loads(target.host.run(["hundred", "status", "--json"], check=False).stdout)
    return {row["service"]: row for row in rows}.get(service, {})


def healthy(target: ServiceHost) -> bool:
    row = status(target)
    routed = [item["routed"] for item in row.get("replicas", ())]
    return (
        bool(row) and row["replicas_healthy"] == row["replicas_wanted"] and set(routed) == {"ready"}
    )


def log(target: ServiceHost) -> str:
    return target.host.run("journalctl -u hundred-supervisor --no-pager -o cat | tail -40").stdout


def taken_over(target: ServiceHost) -> bool:
    """Whether the engine leaves to the supervisor what dies."""
    names = sorted(target.containers("shop"))
    form = "{{.HostConfig.RestartPolicy.Name}}"
    return set(target.docker("inspect", "--format", form, *names).split()) == {"no"}


@pytest.fixture(params=COMBINATIONS, ids="-".join, scope="module")
def kept(
    request: pytest.FixtureRequest, machines: Machines, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ServiceHost]:
    """A host with a supervisor; each driver once, each generation once."""
    found = machines.get(*request.param, tmp_path_factory.mktemp("kept"))
    found.driver = request.param[1]
    clean(found)
    done = found.call("host_command", {})
    assert not done.failed and done["supervised"], done.output
    yield found
    clean(found)
    gone = found.call("host_command", {"supervise": False})
    assert not gone.failed, gone.output


@pytest.fixture
def supervised(kept: ServiceHost, digests: dict[str, str]) -> Iterator[ServiceHost]:
    """Two replicas of v1, looked after, that no test before has left in a crash loop."""
    clean(kept)
    # It may not have noticed that the service was gone for a moment, and count its repairs on.
    kept.host.run("systemctl restart hundred-supervisor")
    result = kept.rollout({**OPTIONS, **release_of(digests, "v1")})
    assert not result.failed, result.output
    assert wait_for(lambda: taken_over(kept), 15), log(kept)
    kept.host.run("journalctl --rotate -q; journalctl --vacuum-time=1s -q", check=False)
    yield kept
    print(log(kept))


def process_of(target: ServiceHost, name: str) -> str:
    return target.docker("inspect", "--format", "{{.State.Pid}}", name).strip()


def kill(target: ServiceHost, name: str) -> None:
    """End a replica as a crash does."""
    target.host.run(["kill", "-9", process_of(target, name)])


def wedge(target: ServiceHost, name: str) -> None:
    """Its processes live, and answer nothing."""
    target.host.run(f"pkill -STOP -P {process_of(target, name)}; true")


def load_on(target: ServiceHost) -> LoadProcess:
    url = f"http://{target.host.address}:{PORTS[target.driver]}"
    return LoadProcess(url, "--host", "shop.test", "--rate", "100")


@pytest.mark.timeout(300)
def test_i10_a_killed_replica_is_brought_back_and_its_peer_serves(supervised):
    with load_on(supervised) as load:
        kill(supervised, "shop-g1-1")
        assert wait_for(lambda: status(supervised).get("repairs") == 1, 20), log(supervised)
        assert wait_for(lambda: healthy(supervised), 20), log(supervised)
    print(f"a killed replica: {load.result.lost} of {load.result.sent} lost")
    # What it was working on is lost; at this rate that is one request or none.
    assert load.result.lost <= 2, load.result.failures[:5]


@pytest.mark.once
@pytest.mark.timeout(300)
def test_i10_a_replica_that_does_not_come_up_keeps_no_other_one_waiting(supervised, digests):
    command = ["test", "!", "-e", "/data/ill"]
    health = {"command": command, "interval": "200ms", "healthy_deadline": "120s"}
    result = supervised.rollout({**OPTIONS, "health": health, **release_of(digests, "v1")})
    assert not result.failed, result.output
    one, two = sorted(supervised.containers("shop"))
    first = process_of(supervised, one)
    supervised.host.run(f"docker exec {one} touch /data/ill && kill -9 {first}")
    assert wait_for(lambda: process_of(supervised, one) not in ("0", first), 40), log(supervised)
    before = process_of(supervised, two)
    kill(supervised, two)
    assert wait_for(lambda: process_of(supervised, two) not in ("0", before), 40), log(supervised)
    assert wait_for(lambda: "v1" in answer(supervised), 40), log(supervised)
    assert status(supervised)["replicas_healthy"] == 1, log(supervised)
    supervised.docker("exec", one, "rm", "/data/ill")
    assert wait_for(lambda: healthy(supervised), 60), log(supervised)


@pytest.mark.once
@pytest.mark.timeout(300)
def test_i10_a_removed_replica_is_made_again(supervised):
    supervised.docker("rm", "-f", "shop-g1-1")
    assert wait_for(lambda: healthy(supervised), 20), log(supervised)
    assert set(supervised.containers("shop")) == {"shop-g1-1", "shop-g1-2"}


@pytest.mark.timeout(300)
def test_i10_no_request_reaches_a_foreign_container_at_the_address_of_a_replica(supervised):
    name = "shop-g1-1"
    form = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
    address = supervised.docker("inspect", "--format", form, name).strip()
    image = supervised.docker("inspect", "--format", "{{.Image}}", name).strip()
    seen = set()
    # It answers probes too, and says that it is somebody else.
    supervised.host.run(
        f"docker rm -f {name} && docker run -d --name foreign --network hundred --ip {address} "
        f"-e APP_RELEASE=foreign {image}",
    )
    try:
        ask = ["curl", "-s", f"http://{address}:8000/version"]
        assert wait_for(lambda: "foreign" in supervised.host.run(ask, check=False).stdout, 10)
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            seen.add(answer(supervised).partition(",")[0])
        assert healthy(supervised), log(supervised)
        assert not any("foreign" in text for text in seen), (seen, log(supervised))
    finally:
        supervised.docker("rm", "-f", "foreign")


@pytest.mark.once
@pytest.mark.timeout(300)
def test_i10_a_wedged_replica_is_replaced_and_its_peer_is_not_touched(supervised):
    before = supervised.identities()
    wedge(supervised, "shop-g1-1")
    began = time.monotonic()
    assert wait_for(lambda: supervised.identities().get("/shop-g1-1") != before["/shop-g1-1"], 60)
    assert wait_for(lambda: healthy(supervised), 60), log(supervised)
    print(f"a wedged replica: whole after {time.monotonic() - began:.1f} s")
    assert supervised.identities()["/shop-g1-2"] == before["/shop-g1-2"]


@pytest.mark.timeout(300)
def test_i10_what_a_probe_foresees_costs_no_request(supervised, digests):
    health = {"command": ["test", "!", "-e", "/tmp/ill"], "interval": "200ms"}
    result = supervised.rollout({**OPTIONS, "health": health, **release_of(digests, "v1")})
    assert not result.failed, result.output
    before = supervised.identities()
    with load_on(supervised) as load:
        supervised.docker("exec", "shop-g1-1", "touch", "/tmp/ill")
        assert wait_for(
            lambda: supervised.identities().get("/shop-g1-1") not in (None, before["/shop-g1-1"]),
            40,
        ), log(supervised)
        assert wait_for(lambda: healthy(supervised), 20), log(supervised)
    lost = [item for item in load.result.failures if item.outcome != "reset reused"]
    assert not lost if supervised.driver == "nginx" else load.result.lost == 0, lost[:5]


@pytest.mark.once
@pytest.mark.timeout(300)
def test_i10_stopped_by_name_stays_stopped_over_a_reboot(supervised):
    supervised.host.run(["hundred", "stop", "shop"])
    supervised.host.reboot()
    assert wait_for(lambda: "begins" in log(supervised), 20)
    time.sleep(8)
    assert set(supervised.containers("shop").values()) == {"exited"}, log(supervised)
    assert status(supervised)["state"] == "stopped"
    supervised.host.run(["hundred", "start", "shop"])
    assert healthy(supervised), log(supervised)


# As apt has dpkg upgrade the engine, with packages that the lab's image keeps. Debian's containerd
# restarts; dockerd goes on until somebody restarts it, as needrestart does.
UPGRADE = (
    "cd /var/cache/apt/archives && export DEBIAN_FRONTEND=noninteractive && "
    "dpkg --install docker.io_*.deb containerd_*.deb runc_*.deb && systemctl restart docker"
)

DISASTERS = {
    "reboot": lambda host: host.reboot(),
    "power": lambda host: host.power_loss(),
    "containerd": lambda host: host.run("pkill -9 -x containerd"),
    "daemon": lambda host: host.run("pkill -9 -x dockerd"),
    "upgrade": lambda host: host.run(UPGRADE, timeout=200),
    "proxy": lambda host: host.run("pkill -9 -x 'haproxy|nginx'"),
}


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "what",
    [
        "reboot",
        "power",
        "daemon",
        "proxy",
        pytest.param("containerd", marks=[pytest.mark.once, pytest.mark.large]),
        pytest.param("upgrade", marks=pytest.mark.once),
    ],
)
def test_i10_after_a_disaster_it_serves_again_by_itself(supervised, registry, what):
    registry.stop()
    try:
        DISASTERS[what](supervised.host)
        began = time.monotonic()
        assert wait_for(lambda: "v1" in answer(supervised), 60), log(supervised)
        serving = time.monotonic() - began
        assert wait_for(lambda: healthy(supervised), 60), log(supervised)
        print(f"{what}: serves after {serving:.1f} s, whole after {time.monotonic() - began:.1f} s")
        rows = {row["name"]: row["address"] for row in status(supervised)["replicas"]}
        assert endpoints(supervised) == sorted(f"{address}:8000" for address in rows.values())
        if supervised.driver == "haproxy":
            lines = supervised.host.read_file(CONFIGURATION["haproxy"])
            assert all(f"server {name} {rows[name]}:8000 " in lines for name in rows), lines
    finally:
        registry.start()


def endpoints(target: ServiceHost) -> list[str]:
    """Where the proxy's file has it send requests."""
    text = target.host.read_file(CONFIGURATION[target.driver])
    return sorted(set(re.findall(r"server (?:shop-\S+ )?((?:[0-9]+[.]){3}[0-9]+:8000) ", text)))


@pytest.mark.once
@pytest.mark.timeout(300)
def test_i10_a_full_disk_that_empties_again(supervised):
    # A small file system of its own for the state, full to the last byte.
    state = "/var/lib/hundred"
    supervised.host.run(
        "systemctl stop hundred-supervisor; mkdir -p /srv/state; rm -rf /srv/state/*; "
        f"mount -t tmpfs -o size=2m tmpfs /srv/state && cp -a {state}/. /srv/state && "
        f"mount --bind /srv/state {state}; systemctl start hundred-supervisor; "
        f"dd if=/dev/zero of={state}/filler bs=1k 2>/dev/null; sync; df {state} | tail -1"
    )
    try:
        assert wait_for(lambda: taken_over(supervised), 15)
        supervised.docker("rm", "-f", "shop-g1-1")
        assert wait_for(lambda: "No space left" in log(supervised), 30), log(supervised)
        assert "v1" in answer(supervised)
        found = supervised.host.run(["hundred", "doctor"], check=False)
        assert "disk of the state" in found.stdout and "WRONG" in found.stdout, found.stdout
        supervised.host.run(["rm", f"{state}/filler"])
        assert wait_for(lambda: healthy(supervised), 90), log(supervised)
    finally:
        supervised.host.run(
            f"systemctl stop hundred-supervisor; umount {state}; cp -a /srv/state/. {state}; "
            "umount /srv/state; systemctl start hundred-supervisor"
        )


@pytest.mark.once
@pytest.mark.timeout(300)
def test_i10_a_supervisor_that_is_killed_in_a_repair_goes_on_with_it(supervised):
    supervised.docker("kill", "shop-g1-1", "shop-g1-2")
    assert wait_for(lambda: "is exited" in log(supervised), 10, 0.05), log(supervised)
    supervised.host.run("systemctl kill -s KILL hundred-supervisor")
    assert wait_for(lambda: healthy(supervised), 60), log(supervised)
    journal = supervised.read_json("/var/lib/hundred/services/shop/journal.json")
    assert (journal["phase"], journal["desired"]) == ("idle", None)


@pytest.mark.once
@pytest.mark.timeout(300)
def test_i10_an_upgrade_of_the_supervisor_costs_no_request(supervised):
    before = supervised.identities()
    with load_on(supervised) as load:
        for path in ("/var/run/x.prom", "/var/run/y.prom"):
            done = supervised.call("host_command", {"metrics_file": path})
            assert done.changed and "restart the supervisor" in done["actions"], done.output
        again = supervised.call("host_command", {"metrics_file": "/var/run/y.prom"})
        assert not again.changed, again.output
    assert load.result.lost == 0, load.result.failures[:5]
    assert supervised.identities() == before
    text = wait_for(lambda: supervised.host.run("cat /var/run/y.prom", check=False).stdout, 30)
    assert 'hundred_replicas_healthy{service="shop"} 2' in text, text
    assert 'hundred_last_change_success{service="shop",action="rollout"} 1' in text, text


@pytest.mark.once
@pytest.mark.timeout(400)
def test_i10_a_crash_loop_is_slow_and_visible_and_a_deploy_ends_it(supervised, digests):
    # Well for long enough to be taken into service, then it dies, again and again: in the window in
    # which a rollout would return to the release before it.
    app = "test ! -e /data/bad || export APP_EXIT_AFTER=3; exec python3 -S -E /app/app.py"
    bad = {**OPTIONS, "replicas": 1, "command": ["sh", "-c", app], "update": {}}
    result = supervised.rollout({**bad, **release_of(digests, "v2")})
    assert not result.failed, result.output
    name = next(iter(supervised.containers("shop")))
    supervised.docker("exec", name, "touch", "/data/bad")
    kill(supervised, name)
    first = wait_for(lambda: status(supervised).get("repairs"), 30)
    assert first, log(supervised)
    time.sleep(60)
    row = status(supervised)
    print(f"a crash loop: {row['repairs'] - first} repairs in a minute")
    # With waits that do not grow it would be twelve.
    assert 2 <= row["repairs"] - first <= 6, log(supervised)
    assert row["state"] == "present", row
    assert wait_for(lambda: any("in a row" in t for t in status(supervised)["problems"]), 60)
    begun = time.monotonic()
    mended = supervised.rollout({**OPTIONS, **release_of(digests, "v1")})
    assert not mended.failed, mended.output
    print(f"a deploy during a crash loop: {time.monotonic() - begun:.1f} s")
    assert healthy(supervised) and not status(supervised)["problems"], status(supervised)


@pytest.mark.once
@pytest.mark.timeout(300)
def test_i10_a_rollout_that_was_killed_is_ended_by_the_supervisor(supervised, digests):
    for kill_at, expected in (("started", "v1"), ("committed", "v2")):
        options = {**supervised.options, **OPTIONS, **release_of(digests, "v2")}
        supervised.call("service_rollout", options, kill_at=kill_at)
        assert status(supervised)["state"] == "interrupted"
        assert wait_for(lambda: status(supervised)["state"] == "present", 60), log(supervised)
        assert healthy(supervised) and expected in answer(supervised), kill_at
        assert len(supervised.containers("shop")) == 2, kill_at


@pytest.mark.once
@pytest.mark.timeout(300)
def test_a_worker_that_may_not_run_twice_is_repaired_without_a_second_one(supervised, digests):
    only = {
        "name": "worker",
        "replicas": 1,
        "environment": {"APP_MODE": "worker", "APP_TICK_SECONDS": "1"},
        "health": {
            "command": ["test", "!", "-e", "/tmp/ill"],
            "interval": "200ms",
            "healthy_deadline": "5s",
        },
        "update": {"order": "stop-first", "monitor": "0s"},
        "stop_grace_period": "5s",
    }
    result = supervised.rollout({**only, **release_of(digests, "v1")})
    assert not result.failed, result.output
    try:
        before = supervised.identities()["/worker-g1-1"]
        watch = supervised.host.run(
            "docker exec worker-g1-1 touch /tmp/ill; for i in $(seq 100); do "
            "docker ps -q --filter label=hundred.service=worker | wc -l; sleep 0.15; done"
        ).stdout.split()
        assert set(watch) <= {"0", "1"}, watch
        assert wait_for(lambda: supervised.identities().get("/worker-g1-1") != before, 20)
        assert wait_for(lambda: supervised.info("worker")["replicas_healthy"] == 1, 20)
    finally:
        gone = supervised.call("service_rollout", {"name": "worker", "state": "absent"})
        assert not gone.failed, gone.output


def runtime(target: ServiceHost, command: str) -> str:
    """What HAProxy answers to a command on its own socket, as an operator would give it."""
    program = (
        "import socket, sys; s = socket.socket(socket.AF_UNIX); "
        "s.connect('/run/haproxy/admin.sock'); s.sendall(sys.argv[1].encode() + b'\\n'); "
        "print(s.makefile().read())"
    )
    return target.host.run(["python3", "-c", program, command]).stdout


def server_states(target: ServiceHost) -> dict[str, int]:
    """The administrative states of the servers of the service: 0 is ready, 1 is maintenance."""
    rows = [line.split() for line in runtime(target, "show servers state").splitlines()]
    return {row[3]: int(row[6]) for row in rows if len(row) > 6 and row[3].startswith("shop-")}


@pytest.mark.once
@pytest.mark.timeout(300)
def test_a_server_in_maintenance_is_put_back(supervised):
    if supervised.driver != "haproxy":
        pytest.skip("nginx has no such state")
    before = supervised.identities()
    states = server_states(supervised)
    assert set(states.values()) == {0} and len(states) == 2, states
    shown = runtime(supervised, "show servers state")
    backend = next(line.split()[1] for line in shown.splitlines() if "shop-g1-2" in line)
    runtime(supervised, f"set server {backend}/shop-g1-2 state maint")
    assert server_states(supervised)["shop-g1-2"] == 1
    began = time.monotonic()
    assert wait_for(lambda: set(server_states(supervised).values()) == {0}, 20), log(supervised)
    print(f"a server in maintenance: ready after {time.monotonic() - began:.1f} s")
    assert healthy(supervised) and supervised.identities() == before


@pytest.mark.timeout(300)
def test_a_service_that_is_gone_from_the_proxys_file_is_put_back(supervised):
    before = supervised.identities()
    path = CONFIGURATION[supervised.driver]
    supervised.host.run(f"test -s {path} && : > {path} && systemctl reload {supervised.driver}")
    assert wait_for(lambda: not answer(supervised), 5, 0.05), log(supervised)
    began = time.monotonic()
    assert wait_for(lambda: "v1" in answer(supervised), 20), log(supervised)
    print(f"gone from the proxy's file: serves after {time.monotonic() - began:.1f} s")
    assert wait_for(lambda: healthy(supervised), 20), log(supervised)
    assert supervised.identities() == before


@pytest.mark.once
@pytest.mark.timeout(300)
def test_nothing_is_repaired_while_somebody_holds_the_services_lock(supervised):
    lock = "/var/lib/hundred/services/shop/lock"
    holder = ["systemd-run", "--quiet", "--collect", "--unit=holder", "flock", lock, "sleep", "298"]

    def dead() -> bool:
        return supervised.containers("shop")["shop-g1-1"] == "exited"

    supervised.host.run(holder)
    try:
        held = ["pgrep", "-xf", "sleep 298"]  # what flock begins once it has the lock
        assert wait_for(lambda: supervised.host.run(held, check=False).stdout, 5)
        kill(supervised, "shop-g1-1")
        assert wait_for(dead, 5)
        after = supervised.identities()
        # It would be repaired within a second, and within a period whatever is overheard.
        deadline = time.monotonic() + 8
        while time.monotonic() < deadline:
            assert supervised.identities() == after, log(supervised)
            time.sleep(0.2)
        assert "repaired" not in log(supervised)
    finally:
        supervised.host.run(["systemctl", "stop", "holder"])
    assert wait_for(lambda: not dead(), 5), log(supervised)
    assert wait_for(lambda: healthy(supervised), 20), log(supervised)


# While /tmp/flap is there, two probes of three fail; /tmp/probes counts them.
FLAPS = """test ! -e /tmp/ill || exit 1
test -e /tmp/flap || exit 0
count=$(cat /tmp/probes 2>/dev/null || echo 0)
echo $((count + 1)) > /tmp/probes
test $((count % 3)) = 2
"""


@pytest.mark.once
@pytest.mark.timeout(300)
def test_a_replica_that_fails_now_and_then_is_left_and_one_that_goes_on_failing_is_not(
    supervised, digests
):
    health = {"command": ["sh", "-c", FLAPS], "interval": "200ms", "failures": 3}
    result = supervised.rollout({**OPTIONS, "health": health, **release_of(digests, "v1")})
    assert not result.failed, result.output
    before = supervised.identities()
    name = min(supervised.containers("shop"))
    supervised.docker("exec", name, "touch", "/tmp/flap")

    def probes() -> int:
        counted = supervised.docker("exec", name, "cat", "/tmp/probes", check=False)
        return int(counted.strip() or 0)

    # Six failures and more, never three in a row. Nobody else probes: the counts are theirs.
    assert wait_for(lambda: probes() >= 9, 60), log(supervised)
    assert supervised.identities() == before, log(supervised)
    assert "fails its probe" not in log(supervised)
    supervised.docker("exec", name, "touch", "/tmp/ill")
    assert wait_for(lambda: "fails its probe" in log(supervised), 20), log(supervised)
    assert wait_for(lambda: supervised.identities().get(f"/{name}") != before[f"/{name}"], 20)
    assert wait_for(lambda: healthy(supervised), 20), log(supervised)
    others = {key: value for key, value in before.items() if key != f"/{name}"}
    assert others.items() <= supervised.identities().items()


@pytest.mark.once
@pytest.mark.timeout(300)
def test_a_supervisor_needs_no_systemd(supervised):
    supervised.host.run(["systemctl", "stop", "hundred-supervisor"])
    lines = "/tmp/supervise.log"
    pid = ""
    try:
        assert not taken_over(supervised)
        started = f"hundred supervise > {lines} 2>&1 < /dev/null & echo $!"
        pid = supervised.host.run(started).stdout.strip()
        assert wait_for(lambda: taken_over(supervised), 15), supervised.host.read_file(lines)
        second = supervised.host.run(["hundred", "supervise"], check=False)
        assert second.returncode != 0
        assert "another supervisor looks after this host" in second.stdout + second.stderr
        before = supervised.identities()["/shop-g1-1"]
        kill(supervised, "shop-g1-1")
        assert wait_for(lambda: supervised.identities().get("/shop-g1-1") != before, 20)
        assert wait_for(lambda: healthy(supervised), 20), supervised.host.read_file(lines)
        # A replica serves a moment before its repair has come to its end.
        repaired = "shop: repaired in"
        assert wait_for(lambda: repaired in supervised.host.read_file(lines), 20), lines
        supervised.host.run(["kill", pid])
        assert wait_for(lambda: supervised.host.read_file(lines).rstrip().endswith("ends"), 15)
        # What dies is left to the engine again.
        assert not taken_over(supervised)
    finally:
        supervised.host.run(f"kill -9 {pid} 2>/dev/null; rm {lines}", check=False)
        supervised.host.run(["systemctl", "start", "hundred-supervisor"])
    assert log(supervised).count("repaired") == 0


# The kernel's clock is this machine's as well, so only the supervisor's own jumps; what counts from
# the boot goes on, as it does on a real machine. (Not by libfaketime: under its 0.9.10 time.sleep
# fails since Python 3.11, which asks clock_nanosleep for a moment and not for a length.)
CLOCK = "/run/clock-of-the-supervisor"
JUMPING = f"""\
import runpy, sys, time

real = time.time

def jumping():
    with open("{CLOCK}") as stream:
        return real() + float(stream.read())

time.time = jumping
time.time_ns = lambda: int(jumping() * 1e9)
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""
UNIT = """\
[Service]
ExecStart=
ExecStart=/usr/bin/python3 -Es /run/jumping.py /usr/local/bin/hundred supervise
"""


def restart_supervisor(target: ServiceHost) -> None:
    target.host.run("systemctl daemon-reload && systemctl restart hundred-supervisor")
    assert wait_for(lambda: taken_over(target), 15), log(target)


@pytest.fixture
def jump(supervised: ServiceHost) -> Iterator[Callable[[int], None]]:
    """Sets the supervisor's wall clock so many days off the host's."""
    drop_in = "/run/systemd/system/hundred-supervisor.service.d/clock.conf"

    def set_off(days: int) -> None:
        supervised.host.put_file(CLOCK, str(days * 86400))

    set_off(0)
    supervised.host.put_file("/run/jumping.py", JUMPING)
    supervised.host.put_file(drop_in, UNIT)
    restart_supervisor(supervised)
    yield set_off
    supervised.host.run(["rm", drop_in])
    restart_supervisor(supervised)


def supervisor_process(target: ServiceHost) -> str:
    show = ["systemctl", "show", "--property=MainPID,NRestarts", "hundred-supervisor"]
    return target.host.run(show).stdout


def seconds_until_replaced(target: ServiceHost, name: str, before: dict[str, str]) -> float:
    """From now until it runs anew; nothing else was touched."""
    began, one = time.monotonic(), f"/{name}"

    def replaced() -> bool:
        now = target.identities().get(one, "")
        return now.endswith("running") and now != before[one]

    assert wait_for(replaced, 60), log(target)
    seconds = time.monotonic() - began
    assert {**target.identities(), one: ""} == {**before, one: ""}, log(target)
    assert wait_for(lambda: healthy(target), 20), log(target)
    return seconds


@pytest.mark.once
@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("days", "restarted"),
    [
        pytest.param(1, False, id="ahead"),
        pytest.param(-1, False, id="back"),
        pytest.param(-1, True, id="back and a restart"),
        pytest.param(365, False, id="a year ahead", marks=pytest.mark.large),
    ],
)
def test_i10_a_jump_of_the_clock_ends_nothing_and_keeps_nothing_waiting(
    supervised, jump, days, restarted
):
    one, two = sorted(supervised.containers("shop"))
    # A repair whose wait is under way, and a command that has a time limit.
    kill(supervised, one)
    assert wait_for(lambda: status(supervised).get("repairs"), 20), log(supervised)
    assert wait_for(lambda: healthy(supervised), 20), log(supervised)
    run = ["systemd-run", "--quiet", "--collect", "--unit=command"]
    supervised.host.run([*run, "hundred", "run", "shop", "--", "sleep", "900"])
    try:
        assert wait_for(lambda: "Up" in one_off(supervised), 20), one_off(supervised)
        before, process = supervised.identities(), supervisor_process(supervised)
        repairs = status(supervised)["repairs"]
        jump(days)
        if restarted:
            restart_supervisor(supervised)
            process = supervisor_process(supervised)
        # Two of its rounds, and two looks at what has outlived its time.
        deadline = time.monotonic() + 12
        while time.monotonic() < deadline:
            assert supervised.identities() == before, log(supervised)
            time.sleep(0.5)
        assert status(supervised)["repairs"] == repairs, log(supervised)
        assert supervisor_process(supervised) == process, log(supervised)
        kill(supervised, two)
        killed = seconds_until_replaced(supervised, two, before)
        known = supervised.read_json("/var/lib/hundred/services/shop/repairs.json")
        assert abs(known["last_at"] - time.time() - 86400 * days) < 3600, "its clock did not jump"
        # Nobody tells it of this one: it has to look when it is time to.
        before = supervised.identities()
        wedge(supervised, one)
        wedged = seconds_until_replaced(supervised, one, before)
        print(f"{days:+d} days: killed {killed:.1f} s, wedged {wedged:.1f} s")
        assert killed < 15 and wedged < 30, log(supervised)
        assert "Up" in one_off(supervised), log(supervised)
    finally:
        supervised.host.run(["systemctl", "stop", "command"])


def one_off(target: ServiceHost) -> str:
    """Whether a one-off command runs, in the engine's words."""
    return target.docker("ps", "-a", "--filter", "label=hundred.run", "--format", "{{.Status}}")
