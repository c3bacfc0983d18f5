# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One host of a lab."""

from __future__ import annotations

import posixpath
import shlex
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from subprocess import CompletedProcess

from . import cgroups
from .command import docker, failure, run
from .errors import LabError
from .namespaces import ENVIRONMENT, enter
from .recipes import Kind, Suite

# A host is up 1 to 2 s after its start here; a loaded machine may take much longer.
READY_TIMEOUT = 90.0
# A shutdown waits for the nested containers, which have 10 s each by Docker's default.
SHUTDOWN_TIMEOUT = 60

# Says on standard output what is not there yet. An engine is waited for where one is enabled.
_READINESS = """
state=$(systemctl is-system-running 2>/dev/null)
case $state in running|degraded) ;; *) echo "systemd is ${state:-not up}"; exit 1 ;; esac
systemctl is-enabled --quiet docker.service 2>/dev/null || exit 0
docker version --format '{{.Server.Version}}' >/dev/null 2>&1 ||
{ echo "dockerd does not answer"; systemctl status --no-pager docker.service; exit 1; }
"""


@dataclass(frozen=True)
class Host:
    """A Debian machine as a container of the outer engine, reached as root over SSH.

    :param name: the host's name within its lab, and its hostname.
    :param container: the outer engine's name of it.
    :param address: its IP address, reachable from this machine and all hosts of the lab; it
        outlives reboots.
    :param private_key: the file with the key that root accepts.
    """

    name: str
    suite: Suite
    kind: Kind
    container: str
    volume: str
    address: str
    private_key: Path

    def run(
        self,
        command: str | Sequence[str],
        *,
        check: bool = True,
        timeout: float = 60,
        input: str | bytes | None = None,
    ) -> CompletedProcess[str]:
        """Runs a program on the host as root, without SSH; a string is a line for ``sh``.

        :param timeout: seconds until the program is killed, there too (exit code 137).
        :raises LabError: it failed (with check).
        """
        argv = ["sh", "-c", command] if isinstance(command, str) else list(command)
        return run(
            enter(self.container, ["timeout", "--signal=KILL", f"{timeout:g}", *argv]),
            input=input,
            check=check,
            timeout=timeout + 15,
            env=ENVIRONMENT,
        )

    @property
    def ssh_options(self) -> list[str]:
        """Options for ssh, scp and Ansible: the key to use, and no host key checking."""
        return [
            "-o", "IdentitiesOnly=yes",
            "-o", "StrictHostKeyChecking=no",
            "-o", "UserKnownHostsFile=/dev/null",
            "-o", "LogLevel=ERROR",
            "-o", "ConnectTimeout=10",
        ]  # fmt: skip

    @property
    def ssh_command(self) -> list[str]:
        """``ssh ... root@address``, to which a remote command may be added."""
        key = ["-i", str(self.private_key), "-o", "BatchMode=yes"]
        return ["ssh", *key, *self.ssh_options, f"root@{self.address}"]

    def inventory_vars(self) -> dict[str, str]:
        """What Ansible needs to reach the host."""
        return {
            "ansible_host": self.address,
            "ansible_user": "root",
            "ansible_ssh_private_key_file": str(self.private_key),
            "ansible_ssh_common_args": shlex.join(self.ssh_options),
            "ansible_python_interpreter": "/usr/bin/python3",
        }

    def put_file(self, path: str, content: str | bytes, mode: int = 0o644) -> None:
        """Writes a file of root's in one step (rename), making its folder when it is missing."""
        folder, temporary = posixpath.dirname(path), f"{path}.lab-new"
        self.run(
            f"umask 077; mkdir -p -m 0755 {shlex.quote(folder)}; cat > {shlex.quote(temporary)} "
            f"&& chmod {mode:o} {shlex.quote(temporary)} "
            f"&& mv -f {shlex.quote(temporary)} {shlex.quote(path)}",
            input=content,
        )

    def read_file(self, path: str) -> str:
        """The text of a file.

        :raises LabError: there is none.
        """
        return self.run(["cat", path]).stdout

    def load_image(self, reference: str) -> None:
        """Copies an image of the outer engine into the host's, by ``docker save`` and ``load``."""
        identity = "{{.Id}}"
        wanted = docker("image", "inspect", "--format", identity, reference).stdout
        there = self.run(["docker", "image", "inspect", "-f", identity, reference], check=False)
        if there.stdout == wanted:
            return
        # A shell for its pipe: an image does not belong in this process's memory.
        run(
            [
                "sh",
                "-c",
                'docker save "$1" | docker exec -i "$2" docker load --quiet',
                "load_image",
                reference,
                self.container,
            ],
            timeout=300,
        )

    def use_containerd_store(self) -> None:
        """Has the engine keep images in containerd's store, as Docker 29 does unless told
        otherwise. Debian 13's engine can, Debian 12's cannot. Images that it had are not seen then.
        """
        store = self.run(["docker", "info", "--format", "{{.DriverStatus}}"]).stdout
        if "io.containerd.snapshotter" in store:
            return
        # On the volume: an overlay cannot lie on the overlay that the host itself is.
        folder = "/var/lib/docker/containerd"
        self.put_file("/etc/containerd/config.toml", f'version = 2\nroot = "{folder}"\n')
        self.put_file("/etc/docker/daemon.json", '{"features": {"containerd-snapshotter": true}}\n')
        self.run("systemctl restart containerd docker")

    @property
    def running(self) -> bool:
        """Whether the host is on."""
        state = docker("inspect", "--format", "{{.State.Running}}", self.container).stdout
        return state.strip() == "true"

    def wait_ready(self, timeout: float = READY_TIMEOUT) -> None:
        """Waits until systemd has booted, sshd greets and, where enabled, dockerd answers.

        :param timeout: seconds until that is an error.
        :raises LabError: what was still missing.
        """
        deadline = time.monotonic() + timeout
        while True:
            missing = self._missing()
            if missing is None:
                return
            if time.monotonic() > deadline:
                raise LabError(f"{self.container} not ready after {timeout:g} s: {missing}")
            time.sleep(0.1)

    def _missing(self) -> str | None:
        booted = self.run(_READINESS, check=False, timeout=30)
        if booted.returncode != 0:
            return failure(booted)
        try:
            with socket.create_connection((self.address, 22), timeout=2) as connection:
                greeting = connection.recv(4)
        except OSError as error:
            return f"sshd: {error}"
        return None if greeting == b"SSH-" else f"sshd greets with {greeting!r}"

    def reboot(self) -> None:
        """Shuts the host down in order, starts it again and waits until it is ready."""
        self.power_off()
        self.power_on()

    def power_loss(self) -> None:
        """Kills everything on the host at once, starts it again and waits until it is ready."""
        docker("kill", self.container)
        self.power_on()

    def power_off(self) -> None:
        """Shuts the host down in order; it is unreachable until :meth:`power_on`."""
        docker("stop", "--time", str(SHUTDOWN_TIMEOUT), self.container, timeout=120)

    def power_on(self) -> None:
        """Starts the host and waits until it is ready."""
        docker("start", self.container)
        self.wait_ready()

    def destroy(self) -> None:
        """Removes the host and its data."""
        nested = self.run("ls /var/lib/docker/containers", check=False).stdout.split()
        cgroups.thaw(nested)
        docker("rm", "--force", "--volumes", self.container)
        docker("volume", "rm", "--force", self.volume)
        cgroups.remove_leftovers(nested)
