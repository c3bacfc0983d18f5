# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A ready registry: Debian's docker-registry with TLS and a password."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import ssl
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from .command import docker
from .errors import LabError
from .paths import private_folder, write_private

PORT = 5000
# An engine reads the certificates in this folder at every request: no restart is needed.
CERTIFICATES = Path("/etc/docker/certs.d")
READY_TIMEOUT = 30.0

# The registry is not its container's first process: a stopped container's address answers nothing
# at all, and an engine takes 15 s to notice, where a refused connection is told at once.
_LOG = "/var/log/docker-registry.log"
_START = (
    "pgrep -x docker-registry >/dev/null || exec setsid docker-registry serve "
    f"/etc/docker/registry/config.yml >>{_LOG} 2>&1 </dev/null &"
)
_STOP = "pkill -x docker-registry; while pgrep -x docker-registry >/dev/null; do sleep 0.05; done"

_CONFIGURATION = """\
version: 0.1
log: {level: warn}
storage:
  filesystem: {rootdirectory: /var/lib/docker-registry}
  delete: {enabled: true}
http:
  addr: ":5000"
  tls: {certificate: /etc/docker/registry/server.crt, key: /etc/docker/registry/server.key}
auth:
  htpasswd: {realm: hundred-lab, path: /etc/docker/registry/htpasswd}
"""


@dataclass(frozen=True)
class Registry:
    """The registry of a lab. The engines of its ``full`` hosts trust it from their start.

    :param container: the outer engine's name of it.
    :param address: ``IP:port``, for this machine and for all hosts of the lab.
    :param ca_cert: the file with the certificate of the CA that signed its certificate.
    :param folder: the lab's private folder.
    """

    container: str
    volume: str
    address: str
    username: str
    password: str
    password_file: Path
    ca_cert: Path
    folder: Path

    def start(self) -> None:
        """Starts the registry (again), with the data that it had, and waits until it answers."""
        docker("start", self.container)
        docker("exec", self.container, "sh", "-c", _START)
        self.wait_ready()

    def stop(self) -> None:
        """Stops the registry; its address then refuses connections. Its data stays."""
        docker("exec", self.container, "sh", "-c", _STOP)

    def wait_ready(self, timeout: float = READY_TIMEOUT) -> None:
        """Waits until the registry asks for a password over TLS.

        :param timeout: seconds until that is an error.
        :raises LabError: what it answered instead.
        """
        deadline = time.monotonic() + timeout
        while True:
            answer = self._answer()
            if answer == "401":
                return
            if time.monotonic() > deadline:
                log = docker("exec", self.container, "tail", "-n", "20", _LOG, check=False).stdout
                raise LabError(f"registry {self.address}: {answer} after {timeout:g} s\n{log}")
            time.sleep(0.05)

    def _answer(self) -> str:
        context = ssl.create_default_context(cafile=str(self.ca_cert))
        try:
            with urllib.request.urlopen(
                f"https://{self.address}/v2/", timeout=5, context=context
            ) as response:
                return str(response.status)
        except urllib.error.HTTPError as error:
            return str(error.code)
        except OSError as error:
            return str(error)

    def trust_here(self) -> None:
        """Makes the outer engine trust the registry's CA; undone when the lab is destroyed.

        :raises LabError: this user may not write to the engine's folder of certificates.
        """
        folder = CERTIFICATES / self.address
        try:
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(self.ca_cert, folder / "ca.crt")
        except PermissionError as error:
            raise LabError(f"cannot write to {folder}; root can") from error

    def push(self, image: str, repository: str, tag: str = "latest") -> str:
        """Pushes an image of the outer engine; needs :meth:`trust_here`.

        :param image: the image as the outer engine knows it.
        :returns: the reference to deploy, ``address/repository@sha256:...``.
        :raises LabError: the engine refused, or the registry does not answer.
        """
        target = f"{self.address}/{repository}:{tag}"
        docker("tag", image, target)
        try:
            pushed = docker("push", target, timeout=300, env=self._engine_login())
        finally:
            docker("image", "rm", target, check=False)
        digest = re.search(r"digest: (sha256:[0-9a-f]{64})", pushed.stdout)
        if digest is None:
            raise LabError(f"no digest in what docker push said:\n{pushed.stdout}")
        return f"{self.address}/{repository}@{digest.group(1)}"

    def docker_config(self) -> str:
        """The text of a docker ``config.json`` that is logged in to the registry."""
        token = base64.b64encode(f"{self.username}:{self.password}".encode()).decode()
        return json.dumps({"auths": {self.address: {"auth": token}}})

    def _engine_login(self) -> dict[str, str]:
        folder = private_folder(self.folder / "docker")
        write_private(folder / "config.json", self.docker_config())
        return {**os.environ, "DOCKER_CONFIG": str(folder)}


def configuration(registry: Registry, image: str, key: str, certificate: str) -> Path:
    """Writes the files of ``/etc/docker/registry`` into the lab's folder and returns where.

    :param image: an image that has ``htpasswd``.
    :param key: the server's TLS key, PEM.
    :param certificate: its certificate, PEM.
    """
    # The lowest cost that bcrypt has at htpasswd: the registry pays it for every request.
    hashed = docker(
        *["run", "--rm", "--interactive", "--network=none", image],
        *["htpasswd", "-n", "-i", "-B", "-C", "4", registry.username],
        input=registry.password,
    )
    folder = private_folder(registry.folder / "registry")
    write_private(folder / "config.yml", _CONFIGURATION)
    write_private(folder / "server.key", key)
    write_private(folder / "server.crt", certificate)
    write_private(folder / "htpasswd", hashed.stdout)
    return folder
