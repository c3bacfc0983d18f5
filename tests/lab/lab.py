# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A lab: hosts and a registry on a network of their own, under one name."""

from __future__ import annotations

import fcntl
import ipaddress
import re
import shutil
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from . import cgroups
from .command import docker
from .credentials import Credentials
from .errors import LabError
from .host import Host
from .images import ensure_image
from .recipes import KINDS, SUITES, Kind, Suite, host_recipe, registry_recipe
from .registry import CERTIFICATES, PORT, Registry, configuration

LABEL = "hundred.lab"
# Hosts' own networks are elsewhere: Docker's 172.16.0.0/12 and the collection's 10.213.0.0/20.
_NETWORKS = ipaddress.ip_network("10.212.0.0/16")
_REGISTRY_NUMBER = 2
_FIRST_HOST_NUMBER = 10
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?")

# What systemd needs in a container, on machines with control groups version 1. --privileged would
# ask for CAP_SYS_RESOURCE, which some virtual machines do not have.
_RUN_OPTIONS = (
    "--cap-add=ALL --security-opt=seccomp=unconfined "
    "--security-opt=apparmor=unconfined --security-opt=systempaths=unconfined --cgroupns=host "
    "--volume=/sys/fs/cgroup:/sys/fs/cgroup:rw"
).split()
# To engines before 23.0, all capabilities are those that Linux knows. To later ones they are those
# that this machine has, and one that it has not may not be dropped either.
_DROPPED = "--cap-drop=SYS_RESOURCE"
_ONLY_WHAT_IS_THERE = (1, 42)
# Version 2: nested engines need a tree of their own.
_RUN_OPTIONS_CGROUPS_2 = ["--privileged", "--cgroupns=private"]
# Debian 13's systemd has to be asked to accept version 1.
_LEGACY_CGROUPS = (
    "SYSTEMD_PROC_CMDLINE=systemd.unified_cgroup_hierarchy=0 SYSTEMD_CGROUP_ENABLE_LEGACY_FORCE=1"
)


# A host takes six to eight inotify instances (measured: systemd, its services, the engine). The
# kernel's default for a user, 128, is used up by some eighteen hosts; then systemd does not start.
INOTIFY_LIMIT = Path("/proc/sys/fs/inotify/max_user_instances")
INOTIFY_INSTANCES = 1024


def allow_many_hosts() -> None:
    """Raise this machine's limit of inotify instances, until its next boot."""
    if int(INOTIFY_LIMIT.read_text()) >= INOTIFY_INSTANCES:
        return
    try:
        INOTIFY_LIMIT.write_text(str(INOTIFY_INSTANCES))
    except OSError:
        return  # not ours to change here: the default is enough for one lab


class Lab:
    """Makes hosts and finds them again by their labels; nothing starts before it is asked for.

    Labs of different names do not meet: each has its own network, keys and registry. Processes
    that share a lab see the same hosts.

    :param name: lower-case letters, digits and dashes.
    :raises LabError: the name is none.
    """

    def __init__(self, name: str = "test") -> None:
        self.name = _checked(name)
        self._credentials = Credentials(self.name)

    def create(self, name: str, suite: Suite = "bookworm", kind: Kind = "full") -> Host:
        """Starts a new host and waits until it is ready.

        :param suite: ``bookworm`` (Debian 12) or ``trixie`` (Debian 13).
        :param kind: ``full`` has engine, SDK and both proxies installed, and trusts the lab's
            registry; ``bare`` has systemd, sshd and Python.
        :raises LabError: there is such a host already, or it does not come up.
        """
        if suite not in SUITES or kind not in KINDS:
            raise LabError(f"no such host: suite {suite!r} of {SUITES}, kind {kind!r} of {KINDS}")
        image = ensure_image(host_recipe(suite, kind))
        container = self._object_name(_checked(name))
        labels = {"host": name, "suite": suite, "kind": kind}
        command = [
            f"--name={container}",
            f"--hostname={name}",
            f"--volume={container}:/var/lib/docker",
        ]
        command += ["--tmpfs=/run", "--tmpfs=/run/lock", "--env=container=docker"]
        command += ["--stop-signal=SIGRTMIN+3", *_systemd_options(suite)]
        with self._lock():
            network = self._network()
            self._volume(container)
            address = self._free_address(network)
            docker(
                "create",
                *command,
                *self._labels(**labels, address=address),
                f"--network={self._object_name()}",
                f"--ip={address}",
                image,
            )
        host = Host(name, suite, kind, container, container, address, self._credentials.private_key)
        allow_many_hosts()
        docker("start", container)
        self._introduce(host, network)
        host.wait_ready()
        return host

    def ensure(self, name: str, suite: Suite = "bookworm", kind: Kind = "full") -> Host:
        """The host of that name, made when it is not there or its recipe has changed, and ready.

        What earlier users left on the host is still there.
        """
        host = self.find(name)
        if host is not None and _image_of(host.container) != host_recipe(suite, kind).tag:
            host.destroy()
            host = None
        if host is None:
            return self.create(name, suite, kind)
        with self._lock():
            network = self._network()
        if not host.running:
            docker("start", host.container)
        self._introduce(host, network)
        host.wait_ready()
        return host

    def hosts(self) -> list[Host]:
        """The hosts of the lab by name, running or not."""
        keys = ("host", "suite", "kind", "address")
        columns = "\t".join(f'{{{{.Label "{LABEL}.{key}"}}}}' for key in keys)
        lines = docker(
            *["ps", "--all", "--filter", f"label={LABEL}={self.name}"],
            *["--filter", f"label={LABEL}.host", "--format", columns],
        ).stdout.splitlines()
        found = []
        for line in sorted(lines):
            name, suite, kind, address = line.split("\t")
            container = self._object_name(name)
            key = self._credentials.private_key
            found.append(
                Host(name, cast(Suite, suite), cast(Kind, kind), container, container, address, key)
            )
        return found

    def find(self, name: str) -> Host | None:
        """The host of that name, running or not, or None."""
        return next((host for host in self.hosts() if host.name == name), None)

    def host(self, name: str) -> Host:
        """The host of that name.

        :raises LabError: there is none.
        """
        host = self.find(name)
        if host is None:
            raise LabError(f"lab {self.name} has no host {name!r}")
        return host

    def registry(self) -> Registry:
        """The lab's registry, made when it is not there or its recipe has changed, and started."""
        container = self._object_name("registry", role=True)
        image = ensure_image(registry_recipe())
        with self._lock():
            registry = self._describe_registry(container, _registry_address(self._network()))
            if _image_of(container) != image:
                docker("rm", "--force", container, check=False)
                self._create_registry(registry, image)
        registry.start()
        return registry

    def inventory(self) -> dict[str, Any]:
        """An Ansible inventory of the lab's hosts, as the YAML inventory plugin reads it."""
        return {"all": {"hosts": {host.name: host.inventory_vars() for host in self.hosts()}}}

    def destroy(self) -> None:
        """Removes the lab: hosts, registry, data, network, keys, and the trust in its CA here."""
        for host in self.hosts():
            host.destroy()
        mine = ("--filter", f"label={LABEL}={self.name}")
        for container in docker("ps", "--all", "--quiet", *mine).stdout.split():
            docker("rm", "--force", "--volumes", container)
        for volume in docker("volume", "ls", "--quiet", *mine).stdout.split():
            docker("volume", "rm", "--force", volume)
        if self._network_exists():
            address = _registry_address(self._network())
            shutil.rmtree(CERTIFICATES / address, ignore_errors=True)
            docker("network", "rm", self._object_name())
        shutil.rmtree(self._credentials.folder, ignore_errors=True)

    def _introduce(self, host: Host, network: ipaddress.IPv4Network) -> None:
        """Lets the lab's key in, and makes an engine that is there trust the lab's registry."""
        host.put_file("/root/.ssh/authorized_keys", self._credentials.public_key, mode=0o600)
        if host.kind == "full":
            certificate = self._credentials.ca_cert.read_text()
            host.put_file(f"{CERTIFICATES}/{_registry_address(network)}/ca.crt", certificate)

    def _describe_registry(self, container: str, address: str) -> Registry:
        return Registry(
            container=container,
            volume=container,
            address=address,
            username="lab",
            password=self._credentials.registry_password,
            password_file=self._credentials.registry_password_file,
            ca_cert=self._credentials.ca_cert,
            folder=self._credentials.folder,
        )

    def _create_registry(self, registry: Registry, image: str) -> None:
        address = registry.address.rpartition(":")[0]
        self._volume(registry.volume)
        docker(
            "create",
            f"--name={registry.container}",
            "--hostname=registry",
            # Reaps the registry when it is stopped.
            "--init",
            f"--volume={registry.volume}:/var/lib/docker-registry",
            *self._labels(role="registry", address=address),
            f"--network={self._object_name()}",
            f"--ip={address}",
            image,
        )
        key, certificate = self._credentials.server_certificate(address)
        folder = configuration(registry, image, key, certificate)
        docker("cp", f"{folder}/.", f"{registry.container}:/etc/docker/registry/")

    def _object_name(self, name: str = "", role: bool = False) -> str:
        """The outer engine's name: no host's name has a dot, so nothing else has the same."""
        parts = [LABEL.replace(".", "-"), self.name, *([name] if name else [])]
        return ".".join([*parts, "service"] if role else parts)

    def _labels(self, **labels: str) -> list[str]:
        marks = [f"--label={LABEL}={self.name}"]
        return marks + [f"--label={LABEL}.{key}={value}" for key, value in labels.items()]

    def _volume(self, name: str) -> None:
        docker("volume", "create", *self._labels(), name)

    @contextmanager
    def _lock(self) -> Iterator[None]:
        """Held while names and addresses are chosen and keys are made."""
        self._credentials.make_folder()
        with (self._credentials.folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self._credentials.generate()
            yield

    def _network_exists(self) -> bool:
        return docker("network", "inspect", self._object_name(), check=False).returncode == 0

    def _network(self) -> ipaddress.IPv4Network:
        """The lab's network, made when it is not there on the first range that is free."""
        name = self._object_name()
        ranges = list(_NETWORKS.subnets(new_prefix=24))
        first = zlib.crc32(self.name.encode()) % len(ranges)
        refusal = ""
        for candidate in ranges[first:] + ranges[:first]:
            subnet = docker(
                *["network", "inspect", "--format", "{{(index .IPAM.Config 0).Subnet}}", name],
                check=False,
            )
            if subnet.returncode == 0:
                return ipaddress.IPv4Network(subnet.stdout.strip())
            made = docker(
                *["network", "create", f"--subnet={candidate}", *self._labels(), name], check=False
            )
            refusal = made.stderr
            if made.returncode != 0 and "overlap" not in refusal:
                break
        raise LabError(f"no network for the lab {self.name}: {refusal}")

    def _free_address(self, network: ipaddress.IPv4Network) -> str:
        taken = {host.address for host in self.hosts()}
        numbers = range(_FIRST_HOST_NUMBER, network.num_addresses - 1)
        for address in (str(network[number]) for number in numbers):
            if address not in taken:
                return address
        raise LabError(f"lab {self.name}: no address left in {network}")


def destroy_all(lab: str) -> None:
    """Removes everything that carries the lab's label, and its keys. No lab, no error."""
    Lab(lab).destroy()


def all_labs() -> list[str]:
    """The names of the labs that have a host or a registry."""
    names = docker(
        "ps", "--all", "--filter", f"label={LABEL}", "--format", f'{{{{.Label "{LABEL}"}}}}'
    )
    return sorted(set(names.stdout.split()))


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise LabError(f"{name!r} is no name: lower-case letters, digits, dashes; up to 32")
    return name


def _image_of(container: str) -> str:
    """The name of the image that a container was made from; empty when there is none."""
    shown = docker("inspect", "--format", "{{.Config.Image}}", container, check=False)
    return shown.stdout.strip()


def _registry_address(network: ipaddress.IPv4Network) -> str:
    return f"{network[_REGISTRY_NUMBER]}:{PORT}"


def _systemd_options(suite: Suite) -> list[str]:
    if cgroups.version() == "2":
        return _RUN_OPTIONS_CGROUPS_2
    options = list(_RUN_OPTIONS)
    if _api_version() < _ONLY_WHAT_IS_THERE:
        options.append(_DROPPED)
    if suite == "trixie":
        options += ["--env", _LEGACY_CGROUPS]
    return options


def _api_version() -> tuple[int, ...]:
    """That of the outer engine."""
    told = docker("version", "--format", "{{.Server.APIVersion}}").stdout
    return tuple(int(part) for part in told.strip().split("."))
