# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Proof by requests through HAProxy itself that it serves certain members."""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from ..clock import Deadline
from ..connection import connect
from ..errors import ProxyError
from .haproxy_answers import Counts
from .haproxy_config import SERVICE_HEADER, backend_name
from .haproxy_runtime import HAProxyRuntime, WorkerGone
from .http_request import send_get
from .protocol import Backend, Member
from .routing import check_host
from .settings import HAProxySettings

_POLL = 0.01

# A batch of requests that is not answered within this time is followed by another one.
_PATIENCE = 1.0


class Verification:
    """One proof: requests through the proxy until every member in question has answered one.

    HAProxy chooses the member, so each batch has as many requests at once as there are members, and
    what counts is what HAProxy has counted. Requests of others are as good a proof as ours.

    :param current: asks for the current worker.
    :param admit: makes sure that a worker has the members; called for each worker that turns up,
        since a reload by somebody else forgets what is not in the file.
    """

    def __init__(
        self,
        runtime: HAProxyRuntime,
        settings: HAProxySettings,
        backend: Backend,
        current: Callable[[], int],
        admit: Callable[[int], None],
    ) -> None:
        self._runtime = runtime
        self._settings = settings
        self._backend = backend
        self._name = backend_name(backend.service)
        self._current = current
        self._admit = admit
        self._seconds = settings.verify_seconds(backend.check)

    def run(self, members: Sequence[Member], look: Callable[[], object], anew: bool) -> None:
        """Return when all of ``members`` have answered.

        :param look: called in every round; what it raises ends the proof.
        :param anew: what they answered before this call does not count.
        :raises ProxyError: naming a member that has not within the settings' ``verify_deadline``.
        """
        deadline = Deadline(self._seconds)
        worker: int | None = None
        base: Mapping[str, Counts] = {}
        with _Batch(self._open) as batch:
            while True:
                counts: Mapping[str, Counts] = {}
                with suppress(WorkerGone):
                    current = self._current()
                    if current != worker:
                        self._admit(current)
                        base = self._runtime.counts(current, self._name) if anew else {}
                        anew, worker = True, current
                    counts = self._runtime.counts(current, self._name)
                waiting = [item for item in members if not self._served(item, counts, base)]
                if not waiting:
                    return
                look()
                if deadline.passed():
                    raise self._unserved(waiting[0], counts.get(waiting[0].name))
                batch.renew(len(counts))
                time.sleep(_POLL)

    def _served(
        self, member: Member, counts: Mapping[str, Counts], base: Mapping[str, Counts]
    ) -> bool:
        now, before = counts.get(member.name), base.get(member.name)
        if now is None or not now.status.startswith(("UP", "no check")):
            return False
        if self._backend.protocol == "tcp":
            # HAProxy counts a connection when it begins to make it, so its own check has to agree.
            return now.answered > (before.answered if before else 0) and "L4OK" in now.last_check
        if self._backend.check.path is None:
            return now.answered > (before.answered if before else 0)
        return now.passed > (before.passed if before else 0)

    def _open(self) -> socket.socket:
        timeout = self._seconds
        if self._backend.protocol == "tcp":
            return connect(self._published(), timeout)
        connection = connect(self._settings.verify_socket, timeout)
        host = check_host(self._backend.service, self._backend.routes)
        headers = {"Host": host, SERVICE_HEADER: self._backend.service}
        send_get(connection, self._backend.check.path or "/", headers)
        return connection

    def _published(self) -> tuple[str, int]:
        address = self._settings.bind_addresses[0]
        port = next((route.published for route in self._backend.routes), None)
        if port is None:
            raise ProxyError(f"the TCP service {self._backend.service} has no route")
        return ({"*": "127.0.0.1", "::": "::1"}.get(address, address), port)

    def _unserved(self, member: Member, counts: Counts | None) -> ProxyError:
        seen = (
            f"HAProxy sees it {counts.status} ({counts.last_check})" if counts else "unknown to it"
        )
        path = self._backend.check.path
        asked = f"no 2xx or 3xx for GET {path}" if path else "no answer"
        return ProxyError(
            f"{member.name} ({member.endpoint}) gave {asked} through HAProxy within "
            f"{self._seconds:g} s; {seen}",
            step="verify",
            replica=member.name,
            next_step="look at the replica's log; it must answer on its port with the header "
            f"Host: {check_host(self._backend.service, self._backend.routes)}",
        )


class _Batch:
    """Requests under way at the same time, closed when nobody needs their answers any more."""

    def __init__(self, make: Callable[[], socket.socket]) -> None:
        self._make = make
        self._open: list[socket.socket] = []
        self._age = Deadline(0)

    def __enter__(self) -> _Batch:
        return self

    def __exit__(self, *_unused: object) -> None:
        self._close()

    def renew(self, size: int) -> None:
        """Send ``size`` new requests if those before are answered or have been waited for long
        enough.
        """
        if self._open:
            readable, _unused, _unused = select.select(self._open, [], [], 0)
            for connection in readable:
                connection.close()
                self._open.remove(connection)
        if self._open and not self._age.passed():
            return
        self._close()
        self._age = Deadline(_PATIENCE)
        for _turn in range(max(1, size)):
            try:
                self._open.append(self._make())
            except OSError as error:
                raise ProxyError(
                    f"HAProxy does not take a request: {error}", step="verify"
                ) from error

    def _close(self) -> None:
        for connection in self._open:
            connection.close()
        self._open.clear()
