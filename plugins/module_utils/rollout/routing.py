# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Routing as a swap sees it: a proxy, or none for a worker."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence

from ..clock import Deadline
from ..definition.model import Definition
from ..engine.containers import Container
from ..proxy.protocol import Backend, Check, Member, Proxy, nothing

# How often the proxy is asked what is still in flight.
POLL_SECONDS = 0.05


def make_backend(definition: Definition, members: Iterable[Member]) -> Backend:
    """What the proxy is told of a service. Pure."""
    health = definition.health
    return Backend(
        service=definition.name,
        protocol=definition.protocol,
        routes=definition.routes,
        check=Check(
            path=health.path if definition.protocol == "http" else None,
            interval=health.interval,
            timeout=health.timeout,
            rise=health.successes,
            fall=health.failures,
        ),
        members=tuple(members),
    )


class Routing:
    """The traffic of one service. Without a proxy every call does nothing: a worker has no traffic.

    :param definition: of the wanted release.
    :param former: of the release that serves, for the members that leave.
    :param ports: the ports of the releases that are known, by generation: after a run that was
        killed the containers that leave may be of several.
    """

    def __init__(
        self,
        proxy: Proxy | None,
        definition: Definition,
        former: Definition | None,
        ports: Mapping[int, int] | None = None,
    ) -> None:
        self._proxy = proxy
        self._definition = definition
        self._former = former or definition
        self._ports = ports or {}

    def _members(self, containers: Iterable[Container], former: bool) -> list[Member]:
        definition = self._former if former else self._definition
        found = []
        for item in containers:
            port = (self._ports.get(item.generation) if former else None) or definition.port
            if port:
                found.append(Member(name=item.name, address=item.address, port=port))
        return found

    def admit(self, containers: Iterable[Container], former: bool = False) -> None:
        """Let replicas take requests, and return when each has answered one through the proxy.

        :param former: they are of the release that served before.
        """
        members = self._members(containers, former)
        if self._proxy is not None and members:
            backend = make_backend(self._former if former else self._definition, members)
            self._proxy.admit(backend, members)

    def verify(
        self,
        containers: Iterable[Container],
        former: bool = False,
        look: Callable[[], object] = nothing,
    ) -> None:
        """Return when each replica has answered a request through the proxy.

        :param look: called while answers are waited for; what it raises ends the wait.
        """
        members = self._members(containers, former)
        if self._proxy is not None and members:
            backend = make_backend(self._former if former else self._definition, members)
            self._proxy.verify(backend, members, look)

    def commit(
        self,
        containers: Iterable[Container],
        former: Iterable[Container] = (),
        back: bool = False,
        look: Callable[[], object] = nothing,
    ) -> None:
        """Make exactly these replicas the ones that the proxy's file names: the commit point.

        :param containers: replicas of the wanted release.
        :param former: replicas of the former release that go on for now.
        :param back: with the former release's routes.
        :param look: as with ``verify``.
        """
        if self._proxy is None:
            return
        definition = self._former if back else self._definition
        if not definition.routes:
            self._proxy.remove(definition.name)
            return
        members = self._members(containers, False) + self._members(former, True)
        self._proxy.commit(make_backend(definition, members), look)

    def drain(self, containers: Iterable[Container], former: bool) -> None:
        """No new request reaches these replicas from now on."""
        members = self._members(containers, former)
        if self._proxy is not None and members:
            self._proxy.drain(make_backend(self._definition, members), members)

    def _in_flight(self, members: Sequence[Member]) -> int:
        """How many requests or connections are still on their way through these replicas."""
        if self._proxy is None or not members:
            return 0
        return self._proxy.in_flight(make_backend(self._definition, members), members)

    def wait_until_drained(
        self,
        containers: Iterable[Container],
        former: bool,
        timeout: float,
        meanwhile: Callable[[], bool] = lambda: True,
    ) -> int:
        """Wait until nothing is in flight and ``meanwhile`` says true, or ``timeout`` seconds have
        passed.

        :param meanwhile: called in every round; it may raise; waiting goes on until it is true,
            whatever the timeout.
        :returns: what was still in flight at the end.
        """
        return self._wait(self._members(containers, former), timeout, meanwhile)

    def _wait(
        self, members: Sequence[Member], timeout: float, meanwhile: Callable[[], bool]
    ) -> int:
        deadline = Deadline(timeout)
        left = self._in_flight(members)
        while True:
            done = meanwhile()
            if done and (left == 0 or deadline.passed()):
                return left
            time.sleep(POLL_SECONDS)
            if left:
                left = self._in_flight(members)

    def drop_strangers(self, known: Iterable[Container], timeout: float) -> None:
        """Take out of the running proxy what is in it and belongs to no container of the service.

        A container that somebody removed leaves its entry there, and its address may be another's
        by now.

        :param known: the containers that are, or still are, members.
        :param timeout: seconds to wait for what is in flight through them.
        """
        if self._proxy is None:
            return
        names = {item.name for item in known}
        observed = self._proxy.observe(self._definition.name)
        if observed.committed is not None:
            names.update(member.name for member in observed.committed.members)
        strangers = []
        for name in sorted(set(observed.serving) - names):
            address, _colon, port = observed.addresses.get(name, "").rpartition(":")
            if address:
                strangers.append(Member(name, address.strip("[]"), int(port)))
        if not strangers:
            return
        backend = make_backend(self._definition, strangers)
        self._proxy.drain(backend, strangers)
        self._wait(strangers, timeout, lambda: True)
        self._proxy.retire(backend, strangers)
        self._proxy.forget(backend, strangers)

    def retire(self, containers: Iterable[Container], former: bool) -> None:
        """Nothing can pick these replicas any more: proved by the proxy's own answer."""
        members = self._members(containers, former)
        if self._proxy is not None and members:
            self._proxy.retire(make_backend(self._definition, members), members)

    def forget(self, containers: Iterable[Container], former: bool) -> None:
        """Remove what the running proxy knows of replicas that are gone."""
        members = self._members(containers, former)
        if self._proxy is not None and members:
            self._proxy.forget(make_backend(self._definition, members), members)
