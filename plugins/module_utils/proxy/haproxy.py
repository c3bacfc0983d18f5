# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The driver for HAProxy: members change while it runs, a reload is for new routes and services
only.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

from ..clock import Deadline, wait_until
from ..errors import ProxyError
from . import committed, haproxy_config, haproxy_host
from .file_driver import FileDriver
from .haproxy_answers import Counts, Server
from .haproxy_config import backend_name, server_arguments
from .haproxy_runtime import HAProxyRuntime, ReloadFailed, WorkerGone
from .haproxy_verify import Verification
from .protocol import Backend, Member, Observed, nothing
from .routing import tcp_listeners
from .settings import HAProxySettings

Answer = TypeVar("Answer")

_POLL = 0.02

# A worker that has just chosen a member counts the request before it lets another task run, which
# is well within this time.
_SETTLING = 0.005

# How long the last idle connections of a member that has gone may take to go as well.
_FORGET_SECONDS = 2.0


class HAProxy(FileDriver):
    """HAProxy 2.6 or later in master-worker mode."""

    name = "haproxy"

    def __init__(self, settings: HAProxySettings) -> None:
        super().__init__(settings)
        self._settings = settings
        self._runtime = HAProxyRuntime(settings.master_socket)

    # -- the protocol ----------------------------------------------------------------------------

    def ready(self) -> None:
        """See ``Proxy.ready``."""
        workers = self._runtime.workers()
        haproxy_host.require_loaded(workers.master, self._path)
        self._current()

    def observe(self, service: str) -> Observed:
        """See ``Proxy.observe``."""
        text = self._read()
        backend = committed.find(self._decode(text), service)
        servers = self._servers(service)
        wanted = {item.name: item.endpoint for item in backend.members} if backend else {}
        ready = {item.name: item.address for item in servers.values() if item.state == "ready"}
        return Observed(
            committed=backend,
            serving={item.name: item.state for item in servers.values()},
            addresses={item.name: item.address for item in servers.values()},
            in_step=self._running_mark() == self._mark_in(text) and ready == wanted,
        )

    def admit(self, backend: Backend, members: Sequence[Member]) -> None:
        """See ``Proxy.admit``.

        Where ``commit`` is going to reload there is nothing to do: the new worker starts with the
        new members.
        """
        if not self._will_reload(backend):
            self._on_current(lambda worker: self._admit(worker, backend, members))

    def verify(
        self, backend: Backend, members: Sequence[Member], look: Callable[[], object] = nothing
    ) -> None:
        """See ``Proxy.verify``. Where ``commit`` is going to reload, it verifies."""
        if not self._will_reload(backend):
            self._verification(backend, members).run(members, look, anew=True)

    def drain(self, backend: Backend, members: Sequence[Member]) -> None:
        """See ``Proxy.drain``. Old workers take no request of their own any more."""
        self._on_current(lambda worker: self._withdraw(worker, backend.service, members, "drain"))

    def in_flight(self, backend: Backend, members: Sequence[Member]) -> int:
        """See ``Proxy.in_flight``."""
        names = {member.name for member in members}
        count = self._count(backend.service, names)
        if count == 0:
            time.sleep(_SETTLING)
            count = self._count(backend.service, names)
        return count

    def retire(self, backend: Backend, members: Sequence[Member]) -> None:
        """See ``Proxy.retire``."""
        self._on_current(lambda worker: self._withdraw(worker, backend.service, members, "maint"))

    def forget(self, backend: Backend, members: Sequence[Member]) -> None:
        """See ``Proxy.forget``.

        A member that HAProxy cannot let go of yet stays in maintenance: nothing can pick it, and
        the next reload drops it.
        """
        for member in members:
            self._on_current(partial(self._delete, backend.service, member.name))

    # -- configuration -----------------------------------------------------------------------------

    def _render(self, backends: Sequence[Backend]) -> str:
        return haproxy_config.render(backends, self._settings)

    def _mark_in(self, text: str) -> str | None:
        return haproxy_config.layout_in(text)

    def _running_mark(self) -> str | None:
        return haproxy_config.layout_in(self._ask_current(self._runtime.backends))

    def _check(self, candidate: str) -> None:
        master = self._runtime.workers().master
        self._run_check(*haproxy_host.check_command(self._binary, master, self._path, candidate))
        self._refuse(self._read(candidate))

    def _refuse(self, text: str) -> None:
        http = self._settings.http_port
        tcp = tcp_listeners(self._decode(text), http)
        haproxy_host.require_ports(
            self._current(),
            self._settings.bind_addresses,
            [http, *(listener.port for listener in tcp)],
            self._ask_current(self._runtime.listeners),
        )

    def _load(self, text: str) -> None:
        before = self._runtime.workers()
        said = self._runtime.reload()
        deadline = Deadline(self._settings.reload_deadline)
        while not deadline.passed():
            time.sleep(_POLL)
            try:
                now = self._runtime.workers()
                if now.failed > before.failed:
                    raise ReloadFailed(said)
                if now.current not in (None, before.current):
                    loaded = self._runtime.backends(now.current or 0)
                    if haproxy_config.layout_in(loaded) == self._mark_in(text):
                        return
            except ReloadFailed:
                raise
            except ProxyError:
                # The master starts itself anew for a reload and does not answer meanwhile.
                continue
        raise ReloadFailed(said, self._settings.reload_deadline)

    def _serve(self, backend: Backend, fresh: Sequence[Member], look: Callable[[], object]) -> None:
        self._verification(backend, backend.members).run(fresh, look, anew=False)

    def _will_reload(self, backend: Backend) -> bool:
        return self._needs_reload(self._render(committed.with_backend(self._committed(), backend)))

    # -- the running proxy -------------------------------------------------------------------------

    def _current(self) -> int:
        """The worker that accepts connections; during a reload there may be none for a moment."""
        found: list[int] = []

        def ask() -> bool:
            current = self._runtime.workers().current
            found.extend([] if current is None else [current])
            return bool(found)

        if not wait_until(ask, self._settings.reload_deadline, _POLL):
            raise ProxyError("HAProxy has no worker", next_step="see journalctl -u haproxy")
        return found[0]

    def _ask_current(self, question: Callable[[int], Answer]) -> Answer:
        answers: list[Answer] = []
        self._on_current(lambda worker: answers.append(question(worker)))
        return answers[-1]

    def _on_current(self, action: Callable[[int], object]) -> None:
        """Do ``action`` to the current worker, and again if a reload has replaced it meanwhile.

        :raises ProxyError: what ``action`` raises, or the worker has changed again and again.
        """
        deadline = Deadline(self._settings.reload_deadline)
        while not deadline.passed():
            worker = self._current()
            try:
                action(worker)
            except WorkerGone:
                continue
            if self._current() == worker:
                return
        raise ProxyError("HAProxy is being reloaded again and again by somebody else")

    def _servers(self, service: str) -> dict[str, Server]:
        name = backend_name(service)
        return self._ask_current(lambda worker: self._runtime.servers(worker, name)) or {}

    def _verification(self, backend: Backend, members: Sequence[Member]) -> Verification:
        def admit(worker: int) -> None:
            self._admit(worker, backend, members)

        return Verification(self._runtime, self._settings, backend, self._current, admit)

    def _admit(self, worker: int, backend: Backend, members: Sequence[Member]) -> None:
        name = backend_name(backend.service)
        servers = self._runtime.servers(worker, name)
        if servers is None:
            return
        commands = []
        for member in members:
            server = servers.get(member.name)
            target = f"{name}/{member.name}"
            if server is None:
                commands.append(f"add server {target} {server_arguments(backend, member)}")
            elif server.address != member.endpoint:
                self._readdress(worker, target, member)
                # What checks found out is of the address before.
                commands.append(f"set server {target} health up")
            if server is None or server.state != "ready":
                # HAProxy calls a new server up before any check: whoever admits it has probed it.
                commands.append(f"enable health {target}")
                commands.append(f"set server {target} state ready")
        self._runtime.order(worker, commands)

    def _readdress(self, worker: int, target: str, member: Member) -> None:
        """Give a server the address of the container that has its name now.

        To delete it and add it anew would have to wait for every request that the former container
        holds, as those do that are still to be connected to an address where nobody is. They are
        tried again, with the new address, when that takes too long.
        """
        order = f"set server {target} addr {member.address} port {member.port}"
        answer = self._runtime.ask(worker, order)
        servers = self._runtime.servers(worker, target.partition("/")[0]) or {}
        found = servers.get(member.name)
        if found is None or found.address != member.endpoint:
            raise ProxyError(
                f"HAProxy did not give {member.name} the address {member.endpoint}: "
                + " ".join(answer.split()),
                replica=member.name,
                next_step="reload HAProxy and run again",
            )

    def _withdraw(self, worker: int, service: str, members: Sequence[Member], state: str) -> None:
        """Drain members or put them into maintenance, and see that it is so."""
        name = backend_name(service)
        enough = ("maint",) if state == "maint" else ("drain", "maint")
        names = {member.name for member in members}
        servers = self._runtime.servers(worker, name) or {}
        leaving = [
            item for item in servers.values() if item.name in names and item.state not in enough
        ]
        if not leaving:
            return
        if not any(item.state == "ready" and item.name not in names for item in servers.values()):
            # A reload that read the file just before it was renamed brings the old members back and
            # nobody else. What the file says now must serve before they go.
            backend = committed.find(self._committed(), service)
            staying = (
                [item for item in backend.members if item.name not in names] if backend else []
            )
            if backend is not None and staying:
                self._admit(worker, backend, staying)
        orders = [f"set server {name}/{item.name} state {state}" for item in leaving]
        self._runtime.order(worker, orders)
        servers = self._runtime.servers(worker, name) or {}
        for item in leaving:
            if item.name in servers and servers[item.name].state not in enough:
                raise ProxyError(
                    f"HAProxy did not take {item.name} out: it is {servers[item.name].state}",
                    replica=item.name,
                )

    def _count(self, service: str, names: set[str]) -> int:
        return sum(
            item.in_flight
            for _current, counts in self._counts(service)
            for item in counts.values()
            if item.name in names
        )

    def _counts(self, service: str) -> list[tuple[bool, dict[str, Counts]]]:
        """The counters of a service's members in each worker, those of earlier reloads too, and
        whether it is the current one.
        """
        workers = self._runtime.workers()
        found = []
        for worker in (workers.current, *workers.old):
            if worker is None:
                continue
            try:
                counts = self._runtime.counts(worker, backend_name(service))
            except WorkerGone:
                continue  # it has ended, and with it all it had in flight
            found.append((worker == workers.current, counts))
        return found

    def _delete(self, service: str, name: str, worker: int) -> bool:
        """Delete a server. :returns: whether it is gone."""
        target = f"{backend_name(service)}/{name}"
        server = (self._runtime.servers(worker, backend_name(service)) or {}).get(name)
        if server is None:
            return True
        if server.state != "maint":
            self._runtime.order(worker, [f"set server {target} state maint"])
        # HAProxy before 2.6.16 deletes a server that a stream still points to, and crashes later. A
        # server in maintenance gets no further streams, so it is enough that none of them has it
        # now.
        used = re.compile(rf" be={re.escape(backend_name(service))} srv={re.escape(name)} ")

        def gone() -> bool:
            if used.search(self._runtime.streams(worker)):
                return False
            answer = self._runtime.ask(worker, f"del server {target}")
            return "Server deleted" in answer or "No such server" in answer

        return wait_until(gone, _FORGET_SECONDS)
