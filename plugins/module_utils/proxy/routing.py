# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which service a request belongs to: the order of routes, the same for every driver. Pure.

The most specific host wins: an exact name, then the longest wildcard, then any host; for
one host the longest path wins. A request that no route of its host takes falls to the next host's.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ..definition.model import Route
from ..errors import ProxyError
from .protocol import Backend


class Rule(NamedTuple):
    """One route in a proxy's words.

    :param host: in lower case; ``*.example.com`` for any name below it, None for every host.
    :param path: without a slash at its end, except ``/`` itself.
    """

    host: str | None
    path: str
    service: str


class Listener(NamedTuple):
    """A port of its own for a service of ``protocol: tcp``."""

    port: int
    service: str


def http_rules(backends: Sequence[Backend]) -> list[Rule]:
    """The routes of all HTTP services, the most specific first.

    :raises ProxyError: two services claim the same host and path.
    """
    rules: dict[tuple[str | None, str], Rule] = {}
    for backend in backends:
        if backend.protocol != "http":
            continue
        for route in backend.routes:
            host = route.host.lower() if route.host else None
            rule = Rule(host, route.path.rstrip("/") or "/", backend.service)
            other = rules.setdefault((rule.host, rule.path), rule)
            if other.service != rule.service:
                raise ProxyError(
                    "the services %s and %s both claim the route %s%s"
                    % (other.service, rule.service, rule.host or "(any host)", rule.path),
                    next_step="take the route from one of them; to move it, deploy the service "
                    "that loses it first",
                )
    return sorted(rules.values(), key=_specificity)


def tcp_listeners(backends: Sequence[Backend], http_port: int) -> list[Listener]:
    """The published ports of all TCP services, in order.

    :raises ProxyError: a port is claimed twice or is the HTTP port.
    """
    listeners: dict[int, Listener] = {}
    for backend in backends:
        if backend.protocol != "tcp":
            continue
        for route in backend.routes:
            if route.published is None:
                raise ProxyError(
                    "a route of the TCP service %s has no published port" % backend.service
                )
            other = listeners.setdefault(
                route.published, Listener(route.published, backend.service)
            )
            if other.service != backend.service or route.published == http_port:
                raise ProxyError(
                    "the port %d of the service %s is taken by %s"
                    % (
                        route.published,
                        backend.service,
                        "HTTP" if route.published == http_port else "the service " + other.service,
                    ),
                    next_step="publish another port",
                )
    return [listeners[port] for port in sorted(listeners)]


def rules_by_host(rules: Sequence[Rule]) -> dict[str | None, list[Rule]]:
    """For proxies that choose the host first and then the longest path: all rules of each host.

    A host's list has the rules of the less specific hosts that cover it too, except those that it
    shadows, so that choosing the longest path in the list gives what the order of ``http_rules``
    gives.

    :param rules: from ``http_rules``.
    """
    table: dict[str | None, list[Rule]] = {}
    for host in dict.fromkeys(rule.host for rule in rules):
        chosen: list[Rule] = []
        for rule in rules:
            shadowed = any(
                rule.host != other.host and path_covers(other.path, rule.path) for other in chosen
            )
            if host_covers(rule.host, host) and not shadowed:
                chosen.append(rule)
        table[host] = sorted(chosen, key=lambda rule: (-len(rule.path), rule.path))
    return table


def host_covers(pattern: str | None, host: str | None) -> bool:
    """Whether every request for ``host``, a name or itself a pattern, is one for ``pattern``."""
    if pattern is None or pattern == host:
        return True
    return host is not None and pattern.startswith("*.") and host.endswith(pattern[1:])


def path_covers(prefix: str, path: str) -> bool:
    """Whether ``path`` is ``prefix`` or below it: ``/api`` covers ``/api/x`` but not ``/apis``."""
    return prefix == "/" or path == prefix or path.startswith(prefix + "/")


def check_host(service: str, routes: Iterable[Route]) -> str:
    """The ``Host`` to name in checks: the first exact host of the routes, else the service's name.

    Frameworks with a list of allowed hosts refuse anything else.
    """
    for route in routes:
        if route.host and not route.host.startswith("*"):
            return route.host.lower()
    return service


def _specificity(rule: Rule) -> tuple[int, int, str, int, str]:
    host = rule.host or ""
    kind = 2 if not host else 1 if host.startswith("*.") else 0
    return (kind, -len(host) if kind == 1 else 0, host, -len(rule.path), rule.path)
