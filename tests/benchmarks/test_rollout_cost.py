# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a swap costs beside what Docker itself needs, measured in the same run.

``bin/test benchmark`` prints a table. Nothing is asserted about time, since the machine decides it.
A measurement that went wrong fails.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from tests.integration.conftest import PORTS, release_of
from tests.integration.service_host import ROOT, ServiceHost, ansible_command, ansible_environment
from tests.load.process import LoadProcess

ROUNDS = int(os.environ.get("HUNDRED_BENCHMARK_ROUNDS", "5"))
FLOOR = Path(__file__).with_name("floor.py")


def show(title: str, rows: list[tuple[str, str, str]]) -> None:
    """Print a table of what was measured and what the issue allows."""
    width = max(len(row[0]) for row in rows)
    print(f"\n{title}")
    for name, value, limit in rows:
        print(f"  {name:<{width}}  {value:>22}  {limit}")


def figures(values: list[float]) -> str:
    """Minimum, median and maximum, in seconds."""
    return f"{min(values):.2f} / {statistics.median(values):.2f} / {max(values):.2f}"


def web(replicas: int, parallelism: int) -> dict[str, Any]:
    """A routed service, healthy at once, that is not watched after the switch, and is probed as
    often as the floor does it.
    """
    return {
        "replicas": replicas,
        "port": 8000,
        "routes": [{"host": "shop.test"}],
        "health": {"path": "/up", "successes": 1, "start_interval": "10ms"},
        "update": {"monitor": "0s", "parallelism": parallelism},
    }


def floor(
    target: ServiceHost,
    image: str,
    replicas: int,
    parallelism: int,
    *parts: str,
    window: float = 0.0,
) -> float:
    """Seconds that raw SDK calls take for the same replicas, on the same host.

    :param parts: of ``floor.py``, all of them if none is given.
    :param window: seconds between the last start and the first stop.
    """
    target.host.put_file("/tmp/floor.py", FLOOR.read_text())
    counts = [str(replicas), str(parallelism), str(window)]
    command = ["python3", "/tmp/floor.py", image, *counts, *parts]
    return float(target.host.run(command, timeout=900).stdout)


def swaps(target: ServiceHost, digests: dict[str, str], options: dict[str, Any]) -> list[float]:
    """Seconds of the module for some swaps, as it tells them itself."""
    first = target.rollout({**options, **release_of(digests, "v1")})
    assert not first.failed, first.output
    found = []
    for number in range(ROUNDS):
        name = ("v2", "v1")[number % 2]
        result = target.rollout({**options, **release_of(digests, name)})
        assert not result.failed and result.changed, result.output
        found.append(result["seconds"])
    return found


@pytest.mark.parametrize(("replicas", "parallelism"), [(1, 1), (10, 5)])
def test_a_swap_beside_the_floor_of_raw_calls(service, digests, replicas, parallelism):
    options = web(replicas, parallelism)
    image = f"{service.options['image']}@{digests['v1']}"
    module = swaps(service, digests, options)
    raw = [floor(service, image, replicas, parallelism) for _round in range(ROUNDS)]
    low, high = statistics.median(raw), statistics.median(module)
    allowed = f"at most {low + 0.3:.2f}" if replicas == 1 else f"at most {1.2 * low:.2f}"
    show(
        f"{replicas} replica(s), {parallelism} at a time; seconds, min / median / max of {ROUNDS}",
        [
            ("floor: create, start, first pass, stop, remove", figures(raw), ""),
            ("service_rollout", figures(module), allowed),
            ("over the floor", f"{high - low:.2f} s, x {high / low:.2f}", ""),
        ],
    )


def deploy(folder: Path, revision: str, digest: str) -> tuple[float, str]:
    """Seconds of the whole process of a deploy, and what it printed."""
    command = [ansible_command("ansible-playbook"), "-i", str(folder / "inventory.json")]
    command += [str(ROOT / "playbooks" / "deploy.yml"), "-e", "service=shop"]
    command += ["-e", f"revision={revision}", "-e", f"digest={digest}"]
    began = time.monotonic()
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=ansible_environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return time.monotonic() - began, done.stdout


def ping(folder: Path, hosts: str) -> float:
    """Seconds of a play of one trivial task: what Ansible itself takes here."""
    play = {"hosts": hosts, "gather_facts": False, "tasks": [{"ansible.builtin.ping": {}}]}
    (folder / "ping.json").write_text(json.dumps([{**play, "vars": {"ansible_pipelining": True}}]))
    command = [ansible_command("ansible-playbook"), "-i", str(folder / "inventory.json")]
    began = time.monotonic()
    subprocess.run(
        [*command, str(folder / "ping.json")],
        cwd=ROOT,
        env=ansible_environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=300,
        check=True,
    )
    return time.monotonic() - began


def write_inventory(folder: Path, target: ServiceHost, hosts: int) -> None:
    """Hosts of one service; all of them are the same machine, so only the first is ever swapped."""
    names = {f"web{number}": target.host.inventory_vars() for number in range(1, hosts + 1)}
    definition = {"image": target.options["image"], "hosts": "web", **web(1, 1)}
    variables = {
        "hundred_registry_username": target.options["registry_username"],
        "hundred_registry_password": target.options["registry_password"],
        "hundred_proxy_http_port": PORTS["haproxy"],
        "hundred_services": {"shop": definition},
    }
    inventory = {"all": {"children": {"web": {"hosts": names}}, "vars": variables}}
    (folder / "inventory.json").write_text(json.dumps(inventory))


def test_a_deploy_as_a_whole_process(service, digests, tmp_path):
    image = f"{service.options['image']}@{digests['v1']}"
    write_inventory(tmp_path, service, 1)
    names = ("v1", "v2")
    for name in names:
        deploy(tmp_path, **release_of(digests, name))
    swapped, unchanged, ten, trivial, trivial_ten = [], [], [], [], []
    for number in range(ROUNDS):
        target = release_of(digests, names[number % 2])
        swapped.append(deploy(tmp_path, **target)[0])
        seconds, said = deploy(tmp_path, **target)
        assert "changed=0" in said and "unchanged" in said, said
        unchanged.append(seconds)
        trivial.append(ping(tmp_path, "web1"))
    raw = [floor(service, image, 1, 1) for _round in range(ROUNDS)]
    write_inventory(tmp_path, service, 10)
    for _round in range(ROUNDS):
        ten.append(deploy(tmp_path, **target)[0])
        trivial_ten.append(ping(tmp_path, "web"))
    low = statistics.median(raw)
    show(
        f"deploy over SSH as a whole process; seconds, min / median / max of {ROUNDS}",
        [
            ("floor of the swap itself", figures(raw), ""),
            ("a play of one trivial task", figures(trivial), "0.83 where the limits were set"),
            ("the same on ten hosts", figures(trivial_ten), ""),
            ("a swap of one replica on one host", figures(swapped), f"at most {low + 1.8:.2f}"),
            ("unchanged, one host", figures(unchanged), "at most 1.80"),
            (
                "unchanged, ten hosts",
                figures(ten),
                f"at most {2 * statistics.median(unchanged):.2f}",
            ),
        ],
    )


def p99s(load: LoadProcess, moments: list[tuple[float, float]]) -> list[float]:
    """The p99 of the requests due in each of these times, in ms."""
    return [load.result.between(begin, end).latency.p99 * 1000 for begin, end in moments]


def just_ended(seconds: float) -> tuple[float, float]:
    """When what took so long, by its own account, was going on.

    A call ends with it, and begins earlier: Ansible starts, or Python and the SDK do.
    """
    now = time.monotonic()
    return now - seconds, now


def shown(values: list[float]) -> str:
    """The median, and all values."""
    return f"{statistics.median(values):.1f} ({', '.join(f'{value:.1f}' for value in values)})"


@pytest.mark.parametrize("priority", [[], ["--real-time"]], ids=["ordinary", "real-time"])
@pytest.mark.parametrize("replicas", [1, 2])
def test_latency_during_a_swap(service, digests, replicas, priority):
    """Swaps by a definition that says nothing of ``update``, each beside a time of the same length
    without one and raw calls that make and remove as many containers at the same pace; and swaps of
    all at once without the window, beside raw calls.

    The raw calls of the first kind switch nothing and look at nothing between. So what they do to
    the requests is the engine's, and not a matter of a swap's order.

    The client shares the processors with the engine, which nobody's user does. As an ordinary
    program it waits for one itself while the engine works; at real-time priority it does not.
    """
    options = {key: value for key, value in web(replicas, 1).items() if key != "update"}
    options["health"] = {"path": "/up"}
    first = service.rollout({**options, **release_of(digests, "v1")})
    assert not first.failed, first.output
    url = f"http://{service.host.address}:{PORTS['haproxy']}"
    image = f"{service.options['image']}@{digests['v1']}"
    steady, swapped, paced, hurried, raw = [], [], [], [], []
    with LoadProcess(url, "--host", "shop.test", "--rate", "300", *priority) as load:
        time.sleep(2)
        for number in range(ROUNDS):
            began = time.monotonic()
            time.sleep(6.4)
            steady.append((began, time.monotonic()))
            result = service.rollout({**options, **release_of(digests, ("v2", "v1")[number % 2])})
            assert not result.failed and result.changed, result.output
            swapped.append(just_ended(result["seconds"]))
            time.sleep(1)
            floor(service, image, replicas, 1, "prepare")
            time.sleep(1)
            paced.append(just_ended(floor(service, image, replicas, 1, "swap", window=5.0)))
            floor(service, image, replicas, 1, "remove")
            time.sleep(1)
        for name in ("v1", "v2", "v1"):
            at_once = {
                **web(replicas, replicas),
                **release_of(digests, name),
                "environment": {"ROUND": name},
            }
            result = service.rollout(at_once)
            assert not result.failed and result.changed, result.output
            hurried.append(just_ended(result["seconds"]))
            time.sleep(1)
        for _round in range(3):
            began = time.monotonic()
            floor(service, image, replicas, replicas)
            raw.append((began, time.monotonic()))
            time.sleep(1)
    allowed = 1.5 * statistics.median(p99s(load, steady))
    show(
        "p99 of 300 requests/s through HAProxy, ms, median (each); "
        f"{replicas} replica(s); the load client is "
        + ("served first" if priority else "one program of all"),
        [
            ("steady", shown(p99s(load, steady)), ""),
            ("during swaps", shown(p99s(load, swapped)), f"at most {allowed:.1f}"),
            ("during raw calls at that pace", shown(p99s(load, paced)), ""),
            ("during swaps of all at once, monitor: 0s", shown(p99s(load, hurried)), ""),
            ("while raw calls do that", shown(p99s(load, raw)), ""),
            ("lost", str(load.result.lost), "0"),
            ("the client's own lag, p99", f"{load.result.own_lag.p99 * 1000:.1f}", ""),
        ],
    )
    assert load.result.lost == 0
