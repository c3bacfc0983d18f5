# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an unchanged deploy costs as the inventory grows.

All hosts of the inventory are one machine, reached over SSH under as many names: what is measured
is the controller, and one machine that answers for all.
"""

from __future__ import annotations

import os
import re
import resource
import time
from collections.abc import Mapping
from pathlib import Path

from tests.integration.conftest import release_of

from .test_rollout_cost import deploy, ping, write_inventory

SIZES = (1, 5, 10, 50, 100)
FORKS = (5, 20)

# What a further host may take more of the controller where there are many: the cost is to grow with
# the hosts, and not with their square. The first hosts say little, since forks are idle there, and
# the wall clock says what else the machine does.
MOST = 1.3


def cpu() -> float:
    """CPU seconds of all children that have ended, their own children included."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def tasks_per_host(output: str) -> float:
    """Tasks that were run on a host of the service, by Ansible's recap."""
    rows = re.findall(r"^web\d+ +: ok=(\d+)", output, re.MULTILINE)
    return sum(map(int, rows)) / len(rows)


def further(found: Mapping[tuple[int, int], float], forks: int, few: int, many: int) -> float:
    """CPU seconds that each further host takes, from one size of the fleet to another."""
    return (found[forks, many] - found[forks, few]) / (many - few)


def test_an_unchanged_deploy_as_the_fleet_grows(service, digests, tmp_path: Path, monkeypatch):
    wanted = release_of(digests, "v1")
    write_inventory(tmp_path, service, 1)
    deploy(tmp_path, **wanted)
    print("\nan unchanged deploy of one service; all hosts are one machine")
    print("  forks  hosts  seconds  s/host  tasks/host  controller CPU s  a trivial play s")
    found: dict[tuple[int, int], float] = {}
    for forks in FORKS:
        monkeypatch.setenv("ANSIBLE_FORKS", str(forks))
        for size in SIZES:
            write_inventory(tmp_path, service, size)
            before = cpu()
            seconds, said = deploy(tmp_path, **wanted)
            used = cpu() - before
            assert "changed=0" in said and said.count("unchanged") >= size, said
            found[forks, size] = used
            trivial = ping(tmp_path, "web")
            row = f"  {forks:>5}  {size:>5}  {seconds:>7.2f}  {seconds / size:>6.3f}"
            print(f"{row}  {tasks_per_host(said):>10.1f}  {used:>16.2f}  {trivial:>16.2f}")
            time.sleep(0.5)
    growths = {}
    for forks in FORKS:
        few, many = further(found, forks, 10, 50), further(found, forks, 50, 100)
        growths[forks] = many / few
        print(
            f"  forks {forks}: CPU s of a further host: {few:.3f} up to 50, {many:.3f} up to 100:"
        )
        row = f"    x {growths[forks]:.2f}"
        print(f"{row} (linear is 1.0, the square 2.5, the most that is allowed {MOST})")
    largest = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
    print(f"  largest process of the controller: {largest} MiB; processors: {os.cpu_count()}")
    assert max(growths.values()) <= MOST, growths
