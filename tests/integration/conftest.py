# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the integration tests share: the lab, images of the test application, hosts with a proxy."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

from tests.lab.command import docker
from tests.lab.host import Host
from tests.lab.images import build_lock
from tests.lab.lab import Lab
from tests.lab.registry import Registry

from .fleet import HOSTS, NAMES, Fleet
from .service_host import PORTS, ROOT, WARM, ServiceHost

# Every driver and every generation of engine, SDK and proxy, in two runs instead of four.
COMBINATIONS = [("bookworm", "haproxy"), ("trixie", "nginx")]
ALL_COMBINATIONS = [*COMBINATIONS, ("bookworm", "nginx"), ("trixie", "haproxy")]

RELEASES = ("v1", "v2", "v3")


@pytest.fixture(scope="session")
def digests(registry: Registry, python_image: str) -> dict[str, str]:
    """The test application in three releases, pushed to the lab's registry."""
    application = ROOT / "tests" / "app"
    found = {}
    for release in RELEASES:
        tag = f"hundred-test-app:{release}"
        command = ["build", "-q", "-t", tag, "--build-arg", f"BASE_IMAGE={python_image}"]
        command += ["--build-arg", f"RELEASE={release}", str(application)]
        # One after the other, so that the cache gives all processes of the tests the same image.
        with build_lock():
            docker(*command)
        found[release] = registry.push(tag, "app", release).rpartition("@")[2]
    return found


def set_up_proxy(host: Host, driver: str, folder: Path, access_log: bool) -> None:
    """Apply the role ``proxy`` to a lab host, as a user would.

    :param access_log: whether HAProxy logs each request, as it does by Debian's configuration.
    """
    if not access_log:
        # The journal took up to 14 % of the processors for it (measured), and no test reads it.
        shorter = r"s|^\s*log\s*/dev/log\s*local0$|& notice|"
        host.run(["sed", "-i", shorter, "/etc/haproxy/haproxy.cfg"])
    play = {
        "hosts": "all",
        "gather_facts": False,
        "roles": ["hundred.containers.proxy"],
        "vars": {"hundred_proxy": driver, "hundred_proxy_http_port": PORTS[driver]},
    }
    playbook = folder / "proxy.yml"
    playbook.write_text(json.dumps([play]))
    inventory = folder / "inventory.json"
    inventory.write_text(json.dumps({"all": {"hosts": {host.name: host.inventory_vars()}}}))
    result = WARM.run(["-i", str(inventory), str(playbook)], folder, timeout=300)
    assert result.returncode == 0, result.stdout


class Machines:
    """Lab hosts with their proxies, each set up once a session.

    :param access_log: whether HAProxy logs each request.
    """

    def __init__(
        self, lab: Lab, registry: Registry, folder: Path, access_log: bool = False
    ) -> None:
        self._lab, self._registry, self._folder = lab, registry, folder
        self._access_log = access_log
        self._ready: set[tuple[str, str]] = set()

    def get(self, suite: str, driver: str, folder: Path, name: str | None = None) -> ServiceHost:
        """A host of that suite whose services are routed by that driver.

        :param name: of the host, where one of the suite is not enough.
        """
        name = name or suite
        host = self._lab.ensure(name, suite)  # type: ignore[arg-type]
        options: dict[str, Any] = {
            "name": "shop",
            "image": f"{self._registry.address}/app",
            "registry_username": self._registry.username,
            "registry_password": self._registry.password,
            "proxy": {"driver": driver, "http_port": PORTS[driver]},
        }
        found = ServiceHost(host, folder, options)
        if (name, driver) not in self._ready:
            place = self._folder / f"{name}-{driver}"
            place.mkdir()
            set_up_proxy(host, driver, place, self._access_log)
            # As the role docker_host does, so rollouts are run by the host's own copy of the core.
            done = found.call("host_command", {"supervise": False})
            assert not done.failed, done.output
            self._ready.add((name, driver))
        return found


@pytest.fixture(scope="session")
def machines(
    lab: Lab,
    registry: Registry,
    tmp_path_factory: pytest.TempPathFactory,
) -> Machines:
    """The lab hosts by suite and driver."""
    return Machines(lab, registry, tmp_path_factory.mktemp("machines"))


def clean(target: ServiceHost) -> None:
    """Remove every service from a host through the module itself; nothing is left then."""
    services = target.host.run("ls /var/lib/hundred/services 2>/dev/null || true").stdout.split()
    for name in services:
        folder = f"/var/lib/hundred/services/{name}"
        known = target.host.run(f"ls {folder}/journal.json {folder}/deploy.json", check=False)
        if known.stdout:
            result = target.call("service_rollout", {"name": name, "state": "absent"})
            assert not result.failed, result.output
    assert target.containers() == {}


@pytest.fixture(params=COMBINATIONS, ids="-".join)
def target(
    request: pytest.FixtureRequest, machines: Machines, tmp_path: Path
) -> Iterator[ServiceHost]:
    """An empty host with a proxy: each driver once, each generation once."""
    found = machines.get(*request.param, tmp_path)
    found.driver = request.param[1]
    clean(found)
    yield found
    clean(found)


@pytest.fixture
def web(target: ServiceHost, digests: dict[str, str]) -> dict[str, Any]:
    """Options of a routed service of two replicas; a digest and a revision are to be added."""
    return {
        "replicas": 2,
        "port": 8000,
        "routes": [{"host": "shop.test"}],
        "health": {"path": "/up", "interval": "200ms"},
        "update": {"monitor": "1s", "parallelism": 2},
        "drain_timeout": "10s",
        "stop_grace_period": "5s",
    }


@pytest.fixture
def fleet(machines: Machines, tmp_path: Path) -> Iterator[Fleet]:
    """Four empty hosts with HAProxy."""
    hosts = {
        name: machines.get(suite, "haproxy", tmp_path, NAMES[name]) for name, suite in HOSTS.items()
    }
    found = Fleet(hosts, tmp_path, tmp_path / "controller")
    for target in hosts.values():
        target.driver = "haproxy"
        clean(target)
    yield found
    found.end()
    found.mend()
    for target in hosts.values():
        clean(target)


@pytest.fixture
def ten(machines: Machines, digests: dict[str, str], tmp_path: Path) -> Iterator[Fleet]:
    """Ten hosts, each with an engine of its own, of both generations."""
    suites = ("trixie", "bookworm")
    hosts = {}
    for number in range(1, 11):
        suite = suites[number % 2]
        # The four of the other tests are among them.
        name = {1: "bookworm", 2: "trixie", 3: "second-bookworm", 4: "second-trixie"}.get(number)
        hosts[f"web{number}"] = machines.get(suite, "haproxy", tmp_path, name or f"ten-{number}")
    found = Fleet(hosts, tmp_path, tmp_path / "controller")
    for target in hosts.values():
        target.driver = "haproxy"
        clean(target)
    yield found
    found.end()
    found.mend()
    for target in hosts.values():
        clean(target)


def release_of(digests: dict[str, str], name: str) -> dict[str, str]:
    """The options that name a release; its revision looks like a commit's SHA."""
    return {"digest": digests[name], "revision": hashlib.sha1(name.encode()).hexdigest()}


# Files whose tests need several hosts. A host costs as much to set up as two tests to run, so one
# process has them all.
FLEETS = ("test_fleet", "test_fleet_order", "test_fleet_faults", "test_f5_edge")
# Files that take longest, in that order: what takes long begins early, so that no process is left
# with it at the end.
LONGEST = (
    *FLEETS,
    "test_i4_crash_safe",
    "test_i1_zero_drop",
    "test_supervisor",
    "test_i4_odd_states",
)
# These build on this machine's engine, where one test's clean-up could take a layer from another's
# cache while it builds.
IMAGES = "tests/integration/images/"
# Files whose tests put the greatest load on the machine: both combinations one after the other.
LOUD = ("test_i1_zero_drop",)


class Lanes(LoadScopeScheduling):
    """What runs in one process when tests run in several: those of a file, on one host."""

    def _split_scope(self, nodeid: str) -> str:
        return lane(nodeid)


def lane(nodeid: str) -> str:
    """The lane of a test."""
    path = nodeid.partition("::")[0]
    if path.startswith(IMAGES):
        return IMAGES
    if Path(path).stem in FLEETS:
        return "fleets"
    if Path(path).stem not in LOUD:
        for combination in map("-".join, COMBINATIONS):
            if combination in nodeid:
                return f"{path}-{combination}"
    return path


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Lanes:
    """Share the lanes out among pytest-xdist's workers, in the order of the collection."""
    config.option.loadscopereorder = False
    return Lanes(config, log)


def urgency(item: pytest.Item) -> int:
    """What takes longest begins first."""
    stem = item.path.stem
    return LONGEST.index(stem) if stem in LONGEST else len(LONGEST)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave tests marked ``large``, and the second combination of tests marked ``once``, to runs
    with HUNDRED_TEST_ALL=1.
    """
    second = "-".join(COMBINATIONS[1])
    if not os.environ.get("HUNDRED_TEST_ALL"):
        left = {item for item in items if item.get_closest_marker("once") and second in item.nodeid}
        left |= {item for item in items if item.get_closest_marker("large")}
        if left:
            config.hook.pytest_deselected(items=list(left))
            items[:] = [item for item in items if item not in left]
    if os.environ.get("PYTEST_XDIST_WORKER"):
        items.sort(key=urgency)
