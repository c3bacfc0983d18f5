# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A hundred containers: ten hosts of ten replicas, swapped under load through an edge.

Ten engines share the processors of one machine, and so do the controller, the edge and the load
client: the floor is what the same containers take by raw calls on all ten at once.
"""

from __future__ import annotations

import os
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.integration.conftest import release_of
from tests.integration.fleet import Fleet, wanted
from tests.integration.service_host import ROOT
from tests.load.process import LoadProcess

from .test_rollout_cost import floor, show

REPLICAS, PARALLELISM, RATE = 10, 5, 50
HOSTS = 10


def measured(fleet: Fleet, release: dict[str, str]) -> tuple[float, float, int, str]:
    """Seconds of a deploy, the controller's CPU seconds, its largest process in MiB, its output."""
    log = fleet.folder / "deploy.log"
    began = time.monotonic()
    with log.open("w") as output:
        process = subprocess.Popen(
            fleet.command("deploy", *wanted(release)),
            env={**fleet.environment(), "ANSIBLE_FORKS": str(HOSTS)},
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        # With what its children have used, all that the deploy took here.
        status, used = os.wait4(process.pid, 0)[1:]
    seconds = time.monotonic() - began
    text = log.read_text()
    assert os.waitstatus_to_exitcode(status) == 0, text[-5000:]
    return seconds, used.ru_utime + used.ru_stime, used.ru_maxrss // 1024, text


@pytest.mark.timeout(3600)
def test_a_hundred_containers_swapped_under_load(ten, lab, digests):
    fleet = ten
    fleet.edges = {"edge1": lab.ensure("edge1", "bookworm", "bare")}
    fleet.services["shop"].update(
        replicas=REPLICAS,
        update={"monitor": "0s", "parallelism": PARALLELISM},
        health={"path": "/up", "successes": 1, "interval": "2s", "start_interval": "100ms"},
    )
    fleet.variables["hundred_batches"] = [1, "25%", "100%"]
    v1, v2 = release_of(digests, "v1"), release_of(digests, "v2")
    first = measured(fleet, v1)
    fleet.set_up_edges()
    edge = fleet.edges["edge1"].address
    with LoadProcess(f"http://{edge}", "--host", "shop.test", "--rate", str(RATE)) as load:
        time.sleep(2)
        swapped = measured(fleet, v2)
        time.sleep(2)
    again = measured(fleet, v2)
    assert "changed=0" in again[3]
    running = sum(len(target.containers("shop")) for target in fleet.hosts.values())
    assert running == HOSTS * REPLICAS
    image = f"{fleet.hosts['web1'].options['image']}@{digests['v1']}"
    taken = {}
    with ThreadPoolExecutor(HOSTS) as pool:
        for part in ("prepare", "swap", "remove"):
            taken[part] = list(
                pool.map(
                    lambda target, part=part: floor(target, image, REPLICAS, PARALLELISM, part),
                    fleet.hosts.values(),
                )
            )
    # They begin together, and the last one to end has had the machine's two cores with the others.
    raw = max(taken["swap"])
    show(
        f"{HOSTS} hosts of {REPLICAS} replicas, {PARALLELISM} at a time, batches 1, 25 %, 100 %",
        [
            ("floor: raw calls for all of them, ten hosts at once", f"{raw:.1f} s", ""),
            ("first deploy", f"{first[0]:.1f} s", ""),
            ("swap of all, under load", f"{swapped[0]:.1f} s", f"x {swapped[0] / raw:.2f}"),
            ("  the controller's CPU", f"{swapped[1]:.1f} s", ""),
            ("  its largest process", f"{swapped[2]} MiB", ""),
            ("second run, unchanged", f"{again[0]:.1f} s", ""),
            ("  the controller's CPU", f"{again[1]:.1f} s", ""),
            ("  its largest process", f"{again[2]} MiB", ""),
            (f"requests at {RATE}/s: sent", str(load.result.sent), ""),
            ("requests lost", str(load.result.lost), "0"),
            ("p99 of all, ms", f"{load.result.total.latency.p99 * 1000:.0f}", ""),
        ],
    )
    assert load.result.lost == 0, load.result.total
