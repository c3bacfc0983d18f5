# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the supervisor costs while nothing happens, and what ten thousand rounds leave: nothing."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from tests.integration.conftest import clean, release_of

from .test_rollout_cost import show

SERVICES, REPLICAS, SECONDS, ROUNDS = 4, 5, 120, 10_000

# Run on the host: rounds as the daemon makes them, each of all services, and what the process has.
SCRIPT = f"""
import json, os, sys
sys.path.insert(0, os.path.realpath("/usr/local/lib/hundred/current"))
from hundred.command.configuration import read_configuration
from hundred.supervise.daemon import Supervisor
from hundred.supervise.metrics import Metrics

supervisor = Supervisor(read_configuration().settings(), lambda line: None, Metrics(""))

def measure():
    with open("/proc/self/status") as stream:
        rss = next(int(line.split()[1]) for line in stream if line.startswith("VmRSS"))
    files = os.listdir("/proc/self/fd")
    return {{"rss_kib": rss, "files": len(files), "threads": len(os.listdir("/proc/self/task"))}}

found = []
for number in range({ROUNDS} + 1):
    for service in supervisor._services.values():
        service.due = 0.0
    supervisor.step(wait=True)
    if number % 1000 == 0:
        found.append(measure())
print(json.dumps(found))
sys.stdout.flush()
os._exit(0)
"""


def cpu_seconds(host: Any) -> float:
    unit = "hundred-supervisor.service"
    text = host.run(["systemctl", "show", "-p", "MainPID", "--value", unit]).stdout
    fields = host.read_file(f"/proc/{int(text)}/stat").rpartition(")")[2].split()
    ticks = int(host.run(["getconf", "CLK_TCK"]).stdout)
    return (int(fields[11]) + int(fields[12])) / ticks


@pytest.mark.timeout(3600)
def test_twenty_replicas_cost_little_and_ten_thousand_rounds_leave_nothing(
    machines, digests, tmp_path
):
    target = machines.get("bookworm", "haproxy", tmp_path)
    clean(target)
    assert not target.call("host_command", {}).failed
    try:
        for number in range(SERVICES):
            options = {
                "name": f"shop{number}",
                "replicas": REPLICAS,
                "port": 8000,
                "routes": [{"host": f"shop{number}.test"}],
                "health": {"path": "/up"},
                "update": {"monitor": "0s", "parallelism": REPLICAS},
            }
            done = target.rollout({**options, **release_of(digests, "v1")})
            assert not done.failed, done.output
        time.sleep(15)
        before = cpu_seconds(target.host)
        time.sleep(SECONDS)
        share = (cpu_seconds(target.host) - before) / SECONDS * 100
        for number in range(1, SERVICES):
            gone = target.call("service_rollout", {"name": f"shop{number}", "state": "absent"})
            assert not gone.failed, gone.output
        target.host.run(["systemctl", "stop", "hundred-supervisor"])
        target.host.put_file("/tmp/rounds.py", SCRIPT)
        began = time.monotonic()
        output = target.host.run(["python3", "/tmp/rounds.py"], timeout=2400).stdout
        took = time.monotonic() - began
        found = json.loads(output.splitlines()[-1])
    finally:
        clean(target)
        assert not target.call("host_command", {"supervise": False}).failed
    show(
        f"the supervisor with {SERVICES * REPLICAS} replicas of {SERVICES} services",
        [
            (f"idle for {SECONDS} s, per cent of a core", f"{share:.2f}", "at most 1"),
            (f"a round of {REPLICAS} replicas, ms", f"{took / ROUNDS * 1000:.1f}", ""),
            *(
                (f"after {number * 1000 or 1} rounds", json.dumps(facts), "")
                for number, facts in enumerate(found)
                if number in (0, 1, 5, 10)
            ),
        ],
    )
    assert share <= 1.0
    # What a thousand rounds have warmed up is not a leak; what grows from there on is. Its pools
    # begin a thread, with a connection of its own, when all others happen to be at work, and no
    # more than they have probes to make.
    assert found[-1]["files"] <= found[1]["files"] + 2 * REPLICAS, found
    assert found[-1]["threads"] <= found[1]["threads"] + REPLICAS, found
    assert found[-1]["rss_kib"] <= found[1]["rss_kib"] * 1.1, found
