# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A registry of this machine's own for tests: Debian's docker-registry with TLS and a password.

The program is the lab's: the package itself would start a registry on this machine.
"""

from __future__ import annotations

import base64
import json
import socket
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from tests.lab.command import docker, run
from tests.lab.images import ensure_image
from tests.lab.recipes import registry_recipe
from tests.ports import free_port

USERNAME = "ci"
PASSWORD = "s3cret-of-the-registry"
_READY = 15.0
# As Docker's own store pushes them, and as containerd's does.
_MANIFESTS = (
    "application/vnd.docker.distribution.manifest.v2+json, "
    "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json"
)

_CONFIGURATION = """\
version: 0.1
log: {{level: warn}}
storage: {{filesystem: {{rootdirectory: {folder}/data}}}}
http:
  addr: {address}
  tls: {{certificate: {folder}/cert.pem, key: {folder}/key.pem}}
auth: {{htpasswd: {{realm: test, path: {folder}/htpasswd}}}}
"""


class PrivateRegistry:
    """A registry on a free port; on the loopback, engines take it without a known authority.

    :param folder: an empty folder for its data; it is gone with the folder.
    :param host: the address of this machine to listen on.
    """

    def __init__(self, folder: Path, host: str = "127.0.0.1") -> None:
        self.folder = folder
        self.address = f"{host}:{free_port(host)}"
        self._process: subprocess.Popen[bytes] | None = None
        run(
            [
                *"openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=test".split(),
                *["-addext", f"subjectAltName=IP:{host}"],
                *["-keyout", folder / "key.pem", "-out", folder / "cert.pem"],
            ]
        )
        image = ensure_image(registry_recipe())
        _copy_out(image, "/usr/bin/docker-registry", folder)
        # The lowest cost that bcrypt has: the registry pays it for every request.
        htpasswd = f"htpasswd -n -i -B -C 4 {USERNAME}".split()
        entry = docker("run", "--rm", "--interactive", image, *htpasswd, input=PASSWORD).stdout
        (folder / "htpasswd").write_text(entry)
        (folder / "config.yml").write_text(
            _CONFIGURATION.format(folder=folder, address=self.address)
        )

    @property
    def account(self) -> dict[str, str]:
        """The credentials as options of our modules."""
        return {"registry_username": USERNAME, "registry_password": PASSWORD}

    def docker_config(self, folder: Path) -> Path:
        """Write a configuration of Docker's command that is logged in: a DOCKER_CONFIG."""
        token = base64.b64encode(f"{USERNAME}:{PASSWORD}".encode()).decode()
        folder.mkdir(exist_ok=True)
        config = {"auths": {self.address: {"auth": token}}}
        (folder / "config.json").write_text(json.dumps(config))
        return folder

    def start(self) -> None:
        """Start it (again), with the data that it had, and wait until it asks for a password."""
        with open(self.folder / "log", "ab") as log:
            self._process = subprocess.Popen(
                [self.folder / "docker-registry", "serve", self.folder / "config.yml"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + _READY
        while self._answer("", "", login=False)[0] != 401:
            if time.monotonic() > deadline:
                raise TimeoutError(f"no registry at {self.address}: see {self.folder}/log")
            time.sleep(0.05)

    def stop(self) -> None:
        """Stop it: its port refuses connections. Its data stays."""
        if self._process:
            self._process.terminate()
            self._process.wait(10)
            self._process = None

    def come_back_after_a_failure(self) -> None:
        """Fail the next request, refuse all for a second, and start again."""
        host, _unused, port = self.address.partition(":")
        with socket.create_server((host, int(port))) as door:
            door.settimeout(_READY)
            door.accept()[0].close()
        time.sleep(1)
        self.start()

    def digest(self, repository: str, tag: str) -> str | None:
        """The digest that it has under a tag, or None; asked of it directly."""
        status, headers, _body = self._answer(repository, f"manifests/{tag}")
        return headers["Docker-Content-Digest"] if status == 200 else None

    def tags(self, repository: str) -> list[str]:
        """The tags that a repository has; asked of it directly."""
        status, _headers, body = self._answer(repository, "tags/list")
        return (json.loads(body)["tags"] or []) if status == 200 else []

    def _answer(self, repository: str, path: str, login: bool = True) -> tuple[int, Any, bytes]:
        url = f"https://{self.address}/v2/" + (f"{repository}/{path}" if repository else "")
        request = urllib.request.Request(url, headers={"Accept": _MANIFESTS})
        if login:
            token = base64.b64encode(f"{USERNAME}:{PASSWORD}".encode()).decode()
            request.add_header("Authorization", f"Basic {token}")
        trust = ssl.create_default_context(cafile=str(self.folder / "cert.pem"))
        try:
            with urllib.request.urlopen(request, timeout=5, context=trust) as response:
                return response.status, response.headers, response.read()
        except urllib.error.HTTPError as error:
            return error.code, error.headers, b""
        except OSError:
            return 0, {}, b""


def _copy_out(image: str, path: str, folder: Path) -> None:
    """Copy one file of an image into a folder."""
    container = docker("create", image).stdout.strip()
    try:
        docker("cp", f"{container}:{path}", folder)
    finally:
        docker("rm", container)
