# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a rollout asks of a proxy: one small protocol with two drivers, HAProxy and nginx.

The order of a swap is the caller's (``rollout/swap.py``). It calls, for the replicas of a new
release::

    proxy.admit(backend, new)      # they take requests next to the old ones (nginx: no-op)
    proxy.verify(backend, new)     # proved by requests through the proxy itself (nginx: no-op)
    proxy.commit(backend)          # the file is renamed: the commit point (nginx: reload, proof)
    proxy.drain(backend, old)      # no new request can pick them (nginx: true already)
    proxy.in_flight(backend, old)  # asked until it is 0 or drain_timeout has passed
    proxy.retire(backend, old)     # nothing can pick them, whatever happens
    ... SIGTERM, removal of the containers ...
    proxy.forget(backend, old)     # no trace is left in the running proxy

and to go back: ``admit(old)``, ``verify(old)``, ``commit(backend with old)``, ``drain(new)`` and
so on. Every call is idempotent: what is so already is left alone, since a killed run is continued
by the next one.

A reload by somebody else, for another service or by hand, may come at any moment. The running proxy
then is what the file says, and each call makes good what such a reload has undone.

HAProxy changes members while it runs and reloads for new routes, checks and services only; then
``admit`` and ``verify`` do nothing, and ``commit`` proves the new members itself, as it always does
with nginx. ``commit`` asks for proof of those members only that the file did not have before.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Protocol

from ..definition.model import Route


def endpoint(address: str, port: int | str) -> str:
    """``address:port``, with brackets around an IPv6 address in its shortest form.

    :raises ValueError: ``address`` is not an address.
    """
    parsed = ip_address(address)
    return f"[{parsed}]:{port}" if parsed.version == 6 else f"{parsed}:{port}"


@dataclass(frozen=True)
class Member:
    """A replica as the proxy sees it: its container's name, its address and its port."""

    name: str
    address: str
    port: int

    @property
    def endpoint(self) -> str:
        """Address and port in one word, the same for all ways to write an IPv6 address."""
        return endpoint(self.address, self.port)


@dataclass(frozen=True)
class Check:
    """The proxy's own health check of a member (HAProxy only; nginx has no active checks).

    Times in seconds. ``path`` None: a TCP connect is enough.
    """

    path: str | None = None
    interval: float = 1.0
    timeout: float = 2.0
    rise: int = 2
    fall: int = 3


@dataclass(frozen=True)
class Backend:
    """All that the proxy must know about one service. Member order is kept, names are unique."""

    service: str
    protocol: str = "http"
    routes: tuple[Route, ...] = ()
    check: Check = field(default_factory=Check)
    members: tuple[Member, ...] = ()


@dataclass(frozen=True)
class Observed:
    """What the proxy has about one service now.

    :param committed: the backend in the configuration file, None when the file does not have the
        service.
    :param serving: the running proxy's members by name: ``ready``, ``drain`` or ``maint``; for
        nginx the committed
        members are ``ready``. Empty when the running proxy does not know the service.
    :param addresses: the address of each running member, as ``address:port``.
    :param in_step: whether the running proxy is exactly what the file says.
    """

    committed: Backend | None = None
    serving: dict[str, str] = field(default_factory=dict)
    addresses: dict[str, str] = field(default_factory=dict)
    in_step: bool = False


@dataclass(frozen=True)
class FileChange:
    """What committing a backend would do: the file before and after, and whether a reload is
    needed.
    """

    path: str
    before: str
    after: str
    reload: bool

    @property
    def changed(self) -> bool:
        """Whether the file would be another one."""
        return self.before != self.after


def nothing() -> None:
    """What there is to look at while one waits, if the caller does not say."""


class Proxy(Protocol):
    """One driver. Every method may raise ``ProxyError`` with what the proxy said."""

    name: str

    def ready(self) -> None:
        """Raise ``ProxyError`` when the proxy is not running or not set up for us (says what to
        do).
        """

    def observe(self, service: str) -> Observed:
        """What the file and the running proxy have about ``service``."""

    def preview(self, backend: Backend) -> FileChange:
        """What ``commit`` would do to the file; changes nothing. Raises ``ProxyError`` when a port
        that it would need is taken (HAProxy; nginx finds out when it reloads).
        """

    def preview_removal(self, service: str) -> FileChange:
        """What ``remove`` would do to the file; changes nothing."""

    def addresses(self) -> frozenset[str]:
        """The addresses of all members of all services in the file."""

    def admit(self, backend: Backend, members: Sequence[Member]) -> None:
        """Let ``members`` take requests next to those that do already."""

    def verify(
        self, backend: Backend, members: Sequence[Member], look: Callable[[], object] = nothing
    ) -> None:
        """Return when each of ``members`` has answered a request through the proxy; raise
        ``ProxyError`` otherwise.

        :param look: called while answers are waited for; what it raises ends the wait.
        """

    def commit(self, backend: Backend, look: Callable[[], object] = nothing) -> bool:
        """Make the file say exactly ``backend`` for its service, by an atomic rename; reload only
        if needed.

        A configuration that the proxy's own check refuses is never put in place. When a reload
        does not take
        effect, the former file is put back and loaded again before ``ProxyError`` is raised.

        :param look: as with ``verify``.
        :returns: whether the proxy was reloaded.
        """

    def drain(self, backend: Backend, members: Sequence[Member]) -> None:
        """No new request picks ``members``; those in flight go on. nginx takes those out of the
        file that are still in it. Of ``backend`` only the service matters, here and below.
        """

    def in_flight(self, backend: Backend, members: Sequence[Member]) -> int:
        """Requests or connections still in flight to ``members`` in any process of the proxy, old
        ones included; with nginx also clients that an old process may still lead to them.
        """

    def retire(self, backend: Backend, members: Sequence[Member]) -> None:
        """Nothing can pick ``members`` any more, persistent clients included; proved, or
        ``ProxyError``.
        """

    def forget(self, backend: Backend, members: Sequence[Member]) -> None:
        """Remove what the running proxy still knows of ``members``, once their containers are
        gone.
        """

    def remove(self, service: str) -> bool:
        """Take the service out of the file and the running proxy. :returns: whether the proxy was
        reloaded.
        """
