# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The edge's HAProxy as it runs: its file put in place, hosts drained and put back."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..clock import Deadline
from ..errors import ProxyError, StateError
from ..proxy import haproxy_host
from ..proxy.haproxy import HAProxy
from ..proxy.haproxy_config import backend_name
from ..proxy.protocol import Backend, FileChange
from ..state.files import replace_file
from ..state.folders import make_private_folder
from ..state.lock import file_lock
from . import certificates
from .config import EdgeSettings, certificates_in, drained_lines, render

_POLL = 0.1

# A connection that HAProxy has just taken may not be counted yet.
_QUIET_SECONDS = 0.3


@dataclass(frozen=True)
class HostState:
    """A host in the edge's backends.

    :param backends: the services that it is a server of.
    :param states: ``ready``, ``drain`` or ``maint`` in each of them.
    :param down: the services whose check it does not pass, with what the check saw.
    :param in_flight: requests and connections at work or queued for it.
    """

    backends: tuple[str, ...]
    states: tuple[str, ...]
    down: Mapping[str, str]
    in_flight: int


class Edge(HAProxy):
    """HAProxy in master-worker mode that balances over the hosts of services."""

    def __init__(self, settings: EdgeSettings) -> None:
        super().__init__(settings)
        self._edge = settings

    # -- the file ----------------------------------------------------------------------------------

    def preview_all(self, backends: Sequence[Backend]) -> FileChange:
        """What :meth:`apply` would do."""
        return self._preview(self._read(), render(backends, self._edge))

    def apply(self, backends: Sequence[Backend], contents: Sequence[str]) -> None:
        """Have the edge balance over these backends and no others. Hosts that are drained stay so.

        :param contents: of the PEM files of its certificates.
        :raises ProxyError: HAProxy refuses the file or a certificate; it goes on with the former
            ones.
        """
        with file_lock(self._edge.lock_file):
            drained = self.drained()
            self._remember(drained)
            before = self._read()
            certificates.write(contents)
            try:
                self._change(before, render(backends, self._edge), lambda: None)
            finally:
                # Those that the file names now: after a refusal that is the former one.
                certificates.keep_only(certificates_in(self._read()))
            # A service that is new here was not in the file of states.
            for host in drained:
                self._order(host, "drain")
            if drained:
                self._remember(drained)

    def _render(self, backends: Sequence[Backend]) -> str:
        return render(backends, self._edge)

    def _check(self, candidate: str) -> None:
        master = self._runtime.workers().master
        self._run_check(*haproxy_host.check_command(self._binary, master, self._path, candidate))
        haproxy_host.require_ports(
            self._current(),
            self._edge.bind_addresses,
            self._edge.ports,
            self._ask_current(self._runtime.listeners),
        )

    # -- hosts -------------------------------------------------------------------------------------

    def drained(self) -> list[str]:
        """The hosts that are drained in a backend of the running edge."""
        found = {}
        for service in self._services():
            for server in self._servers(service).values():
                if server.state != "ready":
                    found[server.name] = True
        return sorted(found)

    def look(self, host: str) -> HostState:
        """A host in the running edge; without backends if none has it, as if it runs workers."""
        services, states = [], []
        down: dict[str, str] = {}
        in_flight = 0
        for service in self._services():
            servers = self._servers(service)
            if host not in servers:
                continue
            services.append(service)
            states.append(servers[host].state)
            for current, members in self._counts(service):
                counts = members.get(host)
                if counts is None:
                    continue  # a worker of an earlier reload that did not have the host
                in_flight += counts.in_flight
                if current and not counts.status.startswith(("UP", "no check", "DRAIN")):
                    down[service] = counts.last_check or counts.status
        return HostState(tuple(services), tuple(states), down, in_flight)

    def require_others(self, host: str) -> None:
        """Refuse to go on where requests for a service would find no host without this one.

        A service that the host does not get requests for, as it is ill or drained, loses nothing.

        :raises ProxyError: naming the services.
        """
        alone = []
        for service in self._services():
            servers = self._servers(service)
            serving = {
                name
                for current, members in self._counts(service)
                if current
                for name, counts in members.items()
                if counts.status.startswith(("UP", "no check"))
                and name in servers
                and servers[name].state == "ready"
            }
            if serving == {host}:
                alone.append(service)
        if alone:
            raise ProxyError(
                f"{host} is the only host that serves {', '.join(alone)} here: drained, every "
                "request for it would be refused",
                step="drain",
                next_step="bring another host of it back first, or drain this one all the same "
                "with force: true (-e force=true for the playbook maintenance)",
            )

    def drain_host(self, host: str, timeout: float, force: bool) -> int:
        """Send a host no new request, and wait until what it has in flight has ended.

        :param force: also where no other host would be left for a service.
        :returns: what was left after ``timeout`` seconds.
        :raises ProxyError: HAProxy does not do it, or as ``require_others``.
        """
        with file_lock(self._edge.lock_file):
            # Within the lock: two hosts that are drained at once would each count on the other.
            if not force:
                self.require_others(host)
            self._order(host, "drain")
            self._remember(self.drained())
        deadline = Deadline(timeout)
        quiet: Deadline | None = None
        while True:
            left = self.look(host).in_flight
            quiet = (quiet or Deadline(_QUIET_SECONDS)) if left == 0 else None
            if deadline.passed() or (quiet is not None and quiet.passed()):
                return left
            time.sleep(_POLL)

    def put_host_back(self, host: str, timeout: float) -> None:
        """Send a host requests again, and wait until it passes its checks in every backend.

        :raises ProxyError: it does not within ``timeout`` seconds; it stays to be put into traffic
            by HAProxy itself when it does.
        """
        with file_lock(self._edge.lock_file):
            self._order(host, "ready")
            self._remember(self.drained())
        deadline = Deadline(timeout)
        while True:
            found = self.look(host)
            if not found.down and set(found.states) <= {"ready"}:
                return
            if deadline.passed():
                what = "; ".join(f"{service}: {seen}" for service, seen in found.down.items())
                raise ProxyError(
                    f"{host} does not pass the edge's checks within {timeout:g} s: {what}",
                    step="put back",
                    next_step="see the services and the proxy on the host; the edge sends it "
                    "requests as soon as it passes",
                )
            time.sleep(_POLL)

    def _services(self) -> list[str]:
        prefix = backend_name("")
        names = self._ask_current(self._runtime.backends).split()
        return [name[len(prefix) :] for name in names if name.startswith(prefix)]

    def _order(self, host: str, state: str) -> None:
        """Tell every worker, those of earlier reloads too, and see that the current one obeys."""
        services = [name for name in self._services() if host in self._servers(name)]
        commands = [f"set server {backend_name(name)}/{host} state {state}" for name in services]
        workers = self._runtime.workers()
        for worker in workers.old:
            try:
                self._runtime.order(worker, commands)
            except ProxyError:
                continue  # one that ends, or that knew other hosts; it has what it still serves
        self._on_current(lambda worker: self._runtime.order(worker, commands))
        for name in services:
            now = self._servers(name)[host].state
            if now != state:
                raise ProxyError(f"HAProxy did not set {host} of {name} to {state}: it is {now}")

    def _remember(self, drained: Sequence[str]) -> None:
        """Write down which servers are drained, for whoever reloads or restarts HAProxy."""
        answer = self._ask_current(lambda worker: self._runtime.ask(worker, "show servers state"))
        path = self._edge.state_file
        try:
            make_private_folder(os.path.dirname(path))
            replace_file(path, "\n".join(drained_lines(answer, drained)) + "\n", 0o600)
        except StateError as error:
            raise ProxyError(error.message, next_step=error.next_step) from error


def resolve(name: str, address: str) -> str:
    """The address of a host, as HAProxy is to have it: a name of DNS may change under it.

    :param name: of the host, for messages.
    :raises ProxyError: it cannot be resolved.
    """
    try:
        found = socket.getaddrinfo(address, None, type=socket.SOCK_STREAM)
    except OSError as error:
        raise ProxyError(
            f"the edge cannot resolve {address}, the address of {name}: {error.strerror or error}",
            next_step=f"set hundred_edge_address of {name} to its address",
        ) from error
    return str(found[0][4][0])
