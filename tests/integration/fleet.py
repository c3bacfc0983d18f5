# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A fleet of lab hosts, and the playbooks over it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tests.lab.host import Host

from .service_host import PORTS, ROOT, ServiceHost, ansible_command, ansible_environment
from .warm_ansible import WarmAnsible

# Two engine generations, each twice; the first is the canary.
HOSTS = {"web1": "trixie", "web2": "bookworm", "web3": "trixie", "web4": "bookworm"}
NAMES = {"web1": "trixie", "web2": "bookworm", "web3": "second-trixie", "web4": "second-bookworm"}

# Seconds between two looks at a host: without, they would take a processor.
PAUSE = 0.05


class Fleet:
    """Hosts of one service, and the playbooks over them."""

    def __init__(self, hosts: dict[str, ServiceHost], folder: Path, controller: Path) -> None:
        self.hosts, self.folder, self.controller = hosts, folder, controller
        self.services: dict[str, dict[str, Any]] = {"shop": self.service()}
        self.variables: dict[str, Any] = {}
        self.edges: dict[str, Host] = {}
        self.began = time.time()
        # The path of a socket is short.
        self.connections = tempfile.mkdtemp(prefix="hundred-")
        self._ansible: WarmAnsible | None = None

    def service(self, **more: Any) -> dict[str, Any]:
        """The definition of a service on all hosts."""
        options = self.hosts["web1"].options
        found: dict[str, Any] = {"image": options["image"], "hosts": "web", "port": 8000}
        found.update(routes=[{"host": "shop.test"}], update={"monitor": "0s", "parallelism": 2})
        found["health"] = {"path": "/up", "interval": "200ms", "start_interval": "50ms"}
        return {**found, "replicas": 2, **more}

    def command(self, name: str, *arguments: str) -> list[str]:
        """That of a playbook of the collection or of a path; the inventory is written.

        :param name: of the playbook, or a path that ends in .yml.
        """
        options = self.hosts["web1"].options
        common = {
            "hundred_services": self.services,
            "hundred_proxy_http_port": PORTS["haproxy"],
            "hundred_registry_username": options["registry_username"],
            "hundred_registry_password": options["registry_password"],
            **self.variables,
        }
        hosts = {name: target.host.inventory_vars() for name, target in self.hosts.items()}
        groups: dict[str, Any] = {"web": {"hosts": hosts}}
        if self.edges:
            edges = {name: host.inventory_vars() for name, host in self.edges.items()}
            groups["edge"] = {"hosts": edges}
        inventory = {"all": {"children": groups, "vars": common}}
        (self.folder / "fleet.json").write_text(json.dumps(inventory))
        command = [ansible_command("ansible-playbook"), "-i", str(self.folder / "fleet.json")]
        playbook = ROOT / "playbooks" / f"{name}.yml" if name.isidentifier() else Path(name)
        return [*command, str(playbook), *arguments]

    def environment(self) -> dict[str, str]:
        """A controller of our own, so that tests do not know each other's deploys."""
        # As docs/operations.md has it, with shorter times: a connection that was cut is noticed.
        alive = "-o ConnectTimeout=5 -o ServerAliveInterval=2 -o ServerAliveCountMax=2"
        return {
            **ansible_environment(),
            "ANSIBLE_HOME": str(self.controller),
            "ANSIBLE_SSH_ARGS": f"-o ControlMaster=auto -o ControlPersist=60s {alive}",
            # Connections of its own: those of other tests were begun without signs of life.
            "ANSIBLE_SSH_CONTROL_PATH_DIR": self.connections,
        }

    def run(self, name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a playbook to its end."""
        if self._ansible is None:
            self._ansible = WarmAnsible(self.environment())
        return self._ansible.run(self.command(name, *arguments)[1:], ROOT, timeout=240)

    def end(self) -> None:
        """Leave nothing of the controller behind."""
        if self._ansible is not None:
            self._ansible.end()
        shutil.rmtree(self.connections, ignore_errors=True)

    def deploy(self, release: Mapping[str, str], *more: str) -> subprocess.CompletedProcess[str]:
        """Deploy a release that is in the registry."""
        return self.run("deploy", *wanted(release), *more)

    def begin(self, release: Mapping[str, str] | str) -> subprocess.Popen[str]:
        """Begin to deploy, in a process group that can be killed.

        :param release: one that is in the registry, or a revision that is to be built.
        """
        return subprocess.Popen(
            self.command("deploy", *wanted(release)),
            env=self.environment(),
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def set_up_edges(self) -> None:
        """Run the role ``edge`` on the edges."""
        playbook = self.folder / "edge.yml"
        role = {"role": "hundred.containers.edge"}
        play = {"hosts": "edge", "gather_facts": False, "roles": [role]}
        playbook.write_text(json.dumps([play]))
        done = self.run(str(playbook))
        assert done.returncode == 0, done.stdout + done.stderr

    def must_deploy(self, release: dict[str, str]) -> None:
        """Deploy, and do without a failure."""
        done = self.deploy(release)
        assert done.returncode == 0, done.stdout + done.stderr

    def revisions(self, name: str = "shop") -> list[str | None]:
        """What each host's journal has committed."""
        found = []
        for target in self.hosts.values():
            services = target.call("service_info", {})["services"]
            of_name = [item["revision"] for item in services if item["service"] == name]
            found.append(of_name[0] if of_name else None)
        return found

    def claims(self) -> list[str]:
        """The hosts on which a deploy is incomplete."""
        path = "/var/lib/hundred/services/shop/deploy.json"
        return [
            name
            for name, target in self.hosts.items()
            if target.host.run(f"test -e {path}", check=False).returncode == 0
        ]

    def sabotage(self, host: str, generation: int) -> None:
        """Have the next release fail on one host: the name of its replica is somebody else's."""
        target = self.hosts[host]
        image = target.docker("images", "-q").split()[0]
        target.docker("create", "--name", f"shop-g{generation}-1", image)

    def mend(self) -> None:
        """Remove what is not ours."""
        for target in self.hosts.values():
            known = target.containers()
            for name in target.docker("ps", "-a", "--format", "{{.Names}}").split():
                if name not in known:
                    target.docker("rm", "-f", name)


def wait_for(process: subprocess.Popen[Any], *moments: Callable[[], bool]) -> None:
    """Wait for moments of a deploy that goes on, one after the other."""
    deadline = time.monotonic() + 60
    for moment in moments:
        while not moment():
            assert process.poll() is None, process.communicate()[0]
            assert time.monotonic() < deadline
            time.sleep(PAUSE)


def wanted(release: Mapping[str, str] | str) -> tuple[str, str]:
    """The extra variables that name a release, or a revision."""
    if isinstance(release, str):
        return ("-e", f"service=shop revision={release}")
    return ("-e", f"service=shop revision={release['revision']} digest={release['digest']}")


def rows(result: subprocess.CompletedProcess[str]) -> dict[str, str]:
    """The table's lines, by host."""
    lines = result.stdout.partition("TASK [Show what runs where]")[2].splitlines()
    found = {}
    for line in lines:
        cells = line.split()
        if cells and re.fullmatch(r"web\d+", cells[0]) and not line.startswith(f"{cells[0]}:"):
            found.setdefault(cells[0], line)
    return found
