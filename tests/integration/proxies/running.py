# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real HAProxy or nginx, started beside the one of this machine on ports and paths of its own.

Both have a site of their user's in their configuration, as a host has before we come.
"""

from __future__ import annotations

import http.client
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

from ansible_collections.hundred.containers.plugins.module_utils.definition.model import Route
from ansible_collections.hundred.containers.plugins.module_utils.proxy.protocol import (
    Backend,
    Check,
    Member,
    Proxy,
)
from ansible_collections.hundred.containers.plugins.module_utils.proxy.settings import open_proxy

from tests.ports import free_port

USERS_HOST = "users-own.example.com"

_HAPROXY = """
global
    log /dev/log local0
    maxconn 2000
    chroot /var/lib/haproxy
    user haproxy
    group haproxy
    stats socket {folder}/users.sock mode 600 level admin
defaults
    mode http
    timeout connect 5s
    timeout client 50s
    timeout server 50s
frontend users_own
    bind 127.0.0.1:{users_port}
    http-request return status 200 content-type text/plain string "the user's"
"""

_NGINX = """
daemon off;
worker_processes 2;
pid {folder}/nginx.pid;
error_log {folder}/error.log notice;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/conf.d/*.conf;
    server {{
        listen 127.0.0.1:{users_port};
        listen {http_port};
        server_name users-own.example.com;
        location / {{ return 200 "the user's\\n"; }}
    }}
}}
"""


class ProxyUnderTest:
    """ "with ProxyUnderTest("haproxy") as proxy": it runs, set up for us, serving nothing of ours.

    driver: the driver under test, opened on it.
    """

    def __init__(self, name: str, **settings: Any) -> None:
        self.name = name
        # Not pytest's own folder: the path of a Unix socket has less than 108 characters.
        self.folder = Path(tempfile.mkdtemp(prefix="hundred-proxy-", dir="/tmp"))
        self.folder.chmod(0o755)
        self.http_port, self.users_port = free_port(), free_port()
        self.settings: dict[str, Any] = {
            "driver": name,
            "http_port": self.http_port,
            "lock_file": str(self.folder / "proxy.lock"),
            **self._write_configuration(),
            **settings,
        }
        self.config = Path(self.settings["config_path"])
        self.process: subprocess.Popen[bytes] | None = None

    def _write_configuration(self) -> dict[str, str]:
        values = {
            "folder": self.folder,
            "users_port": self.users_port,
            "http_port": self.http_port,
        }
        (self.folder / "conf.d").mkdir()
        if self.name == "haproxy":
            self.users_config = self.folder / "haproxy.cfg"
            self.users_config.write_text(_HAPROXY.format(**values))
            config = self.folder / "conf.d" / "hundred.cfg"
            config.touch()
            return {
                "config_path": str(config),
                "master_socket": str(self.folder / "master.sock"),
                "verify_socket": str(self.folder / "verify.sock"),
            }
        self.users_config = self.folder / "nginx.conf"
        self.users_config.write_text(_NGINX.format(**values))
        config = self.folder / "conf.d" / "hundred.conf"
        config.touch()
        return {
            "config_path": str(config),
            "main_config": str(self.users_config),
            "pid_file": str(self.folder / "nginx.pid"),
        }

    @property
    def driver(self) -> Proxy:
        """A new driver: nothing is remembered between two calls, as between two runs."""
        return open_proxy(self.settings)

    def start(self) -> None:
        """Start the proxy and wait until it answers."""
        if self.name == "haproxy":
            master = self.settings["master_socket"]
            command = ["haproxy", "-W", "-S", master, "-f", str(self.users_config)]
            command += ["-f", str(self.config), "-p", str(self.folder / "haproxy.pid")]
        else:
            command = ["nginx", "-c", str(self.users_config)]
        with (self.folder / "output").open("ab") as output:
            self.process = subprocess.Popen(
                command, stdout=output, stderr=output, start_new_session=True
            )
        wait_for(lambda: self.get("/", port=self.users_port)[0] == 200)

    def stop(self) -> None:
        """End the proxy as its init script does."""
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(10)
            self.process = None

    def kill(self) -> None:
        """End all of the proxy's processes as a power cut does."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(10)
        self.process = None

    def foreign_reload(self) -> None:
        """Reload as an administrator does, and return when old workers have been told to stop."""
        assert self.process is not None
        self.process.send_signal(signal.SIGUSR2 if self.name == "haproxy" else signal.SIGHUP)
        time.sleep(0.5)

    def __enter__(self) -> ProxyUnderTest:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
        if error is not None:
            print(self.output)
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def output(self) -> str:
        """What the proxy has said."""
        names = [self.folder / "output", self.folder / "error.log"]
        return "".join(name.read_text() for name in names if name.exists())

    def get(
        self,
        path: str,
        host: str | None = None,
        port: int | None = None,
        headers: dict[str, str] | None = None,
    ) -> tuple[int, str]:
        """(status, body) of a GET request on a connection of its own; (0, "") without an answer."""
        connection = http.client.HTTPConnection("127.0.0.1", port or self.http_port, timeout=10)
        try:
            own = {"Host": host} if host is not None else {}
            connection.request("GET", path, headers={**own, **(headers or {})})
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        except OSError:
            return 0, ""
        finally:
            connection.close()

    def release(self, host: str, path: str = "/version") -> str | None:
        """The release that answers, None when none of ours does."""
        connection = http.client.HTTPConnection("127.0.0.1", self.http_port, timeout=10)
        try:
            connection.request("GET", path, headers={"Host": host})
            answer = connection.getresponse()
            answer.read()
            return answer.headers.get("X-Release")
        finally:
            connection.close()


def backend(
    service: str,
    members: Sequence[Member] = (),
    routes: Sequence[Route] | None = None,
    protocol: str = "http",
    path: str | None = "/up",
    interval: float = 1.0,
) -> Backend:
    """A backend with the host <service>.example.com."""
    return Backend(
        service=service,
        protocol=protocol,
        routes=tuple(routes if routes is not None else [Route(f"{service}.example.com")]),
        check=Check(path=path if protocol == "http" else None, interval=interval),
        members=tuple(members),
    )


def deploy(proxy: Proxy, wanted: Backend) -> bool:
    """The first half of a swap, up to the commit point; returns whether there was a reload."""
    proxy.admit(wanted, wanted.members)
    proxy.verify(wanted, wanted.members)
    return proxy.commit(wanted)


def drained(proxy: Proxy, wanted: Backend, old: Sequence[Member], seconds: float = 30.0) -> int:
    """The second half, up to the old ones' stop. :returns: what was still in flight at the end."""
    proxy.drain(wanted, old)
    deadline = time.monotonic() + seconds
    left = proxy.in_flight(wanted, old)
    while left and time.monotonic() < deadline:
        time.sleep(0.05)
        left = proxy.in_flight(wanted, old)
    proxy.retire(wanted, old)
    return left


def wait_for(condition: Any, seconds: float = 10.0) -> None:
    """Wait until the condition is true; raises TimeoutError."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {seconds:g} s")
        time.sleep(0.02)


@contextmanager
def request_under_way(port: int, host: str, path: str, **headers: str) -> Iterator[socket.socket]:
    """A GET request that has been sent and whose answer has not been read."""
    with socket.create_connection(("127.0.0.1", port), timeout=15) as connection:
        lines = [f"GET {path} HTTP/1.1", f"Host: {host}"]
        lines += [f"{name.replace('_', '-')}: {text}" for name, text in headers.items()]
        connection.sendall("\r\n".join([*lines, "", ""]).encode())
        yield connection
