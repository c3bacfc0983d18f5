# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The floor of a swap: what Docker itself needs, by raw SDK calls on the host. Prints seconds.

    python3 floor.py IMAGE REPLICAS PARALLELISM WINDOW [prepare | swap | remove]

Old replicas are there before; then new ones are created, started and probed until their first
pass; after a window of so many seconds in which nothing is done, the old ones are stopped and
removed. All of it is done for so many at a time. Importing the SDK is not counted. The parts by
themselves are for several hosts, all of which are to be prepared before the first one swaps.
"""

from __future__ import annotations

import http.client
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import docker

PREFIX = "hundred-floor"


def bring_up(client: docker.APIClient, image: str, name: str) -> None:
    """Create, start, and wait for the first passing probe."""
    settings = client.create_host_config(init=True, network_mode="hundred")
    container = client.create_container(image, name=name, host_config=settings)["Id"]
    client.start(container)
    networks = client.inspect_container(container)["NetworkSettings"]["Networks"]
    address = networks["hundred"]["IPAddress"]
    while not passes(address):
        time.sleep(0.01)


def passes(address: str) -> bool:
    """One probe."""
    connection = http.client.HTTPConnection(address, 8000, timeout=1)
    try:
        connection.request("GET", "/up")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def take_down(client: docker.APIClient, name: str) -> None:
    """Stop and remove."""
    client.stop(name, timeout=10)
    client.remove_container(name)


def main() -> None:
    """Measure once."""
    image, replicas, parallelism = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    window = float(sys.argv[4])
    parts = sys.argv[5:] or ["prepare", "swap", "remove"]
    client = docker.APIClient(version="auto")
    old = ["%s-old-%d" % (PREFIX, number) for number in range(replicas)]
    new = ["%s-new-%d" % (PREFIX, number) for number in range(replicas)]
    seconds = 0.0
    with ThreadPoolExecutor(parallelism) as pool:
        if "prepare" in parts:
            list(pool.map(lambda name: bring_up(client, image, name), old))
        if "swap" in parts:
            began = time.monotonic()
            list(pool.map(lambda name: bring_up(client, image, name), new))
            time.sleep(window)
            list(pool.map(lambda name: take_down(client, name), old))
            seconds = time.monotonic() - began
        if "remove" in parts:
            list(pool.map(lambda name: take_down(client, name), new))
    sys.stdout.write("%.3f\n" % seconds)


if __name__ == "__main__":
    main()
