# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The configuration of an edge: HAProxy that balances over the proxies of hosts. Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from ..definition.model import Definition, Route
from ..errors import ProxyError
from ..proxy import committed
from ..proxy.haproxy_config import (
    LAYOUT_BACKEND,
    backend_name,
    backend_section,
    binds,
    condition,
    defaults_section,
    metrics_frontend,
    no_service_backend,
    section,
)
from ..proxy.protocol import Backend, Check, Member
from ..proxy.routing import Rule, check_host, http_rules, path_covers
from ..proxy.safe import require_safe, require_safe_settings
from ..proxy.settings import HAProxySettings

# Where the hosts stay that are drained, so that a reload or a restart does not put them back.
STATE_FILE = "/var/lib/hundred/edge/server-state"

_CERTIFICATES = re.compile(r" ssl crt (\S+) ")


@dataclass(frozen=True)
class EdgeSettings(HAProxySettings):
    """An edge's; ``http_port`` is where it listens itself.

    :param https_port: where it ends TLS.
    :param certificates: the folder of its certificates with their keys; empty: no TLS.
    :param redirect: send clients that come without TLS there.
    :param state_file: HAProxy's own file of server states; it has drained servers only.
    """

    https_port: int = 443
    certificates: str = ""
    redirect: bool = True
    state_file: str = STATE_FILE

    @property
    def ports(self) -> tuple[int, ...]:
        """All ports that it listens on."""
        return (self.http_port, self.https_port) if self.certificates else (self.http_port,)


def make_backend(
    definition: Definition, hosts: Mapping[str, str], port: int, check: Check
) -> Backend:
    """A service as the edge sees it: its members are the proxies of its hosts.

    A host is asked for the service's own health path through its proxy, so that what is down there
    gets no requests; for a path that no route of the service takes, a connection must do.

    :param hosts: the addresses of its hosts by their names in the inventory.
    :param port: the port of the hosts' proxies.
    :param check: interval, timeout, rise and fall; its path is passed over.
    """
    path = definition.health.path
    if path is not None and _route_of_check(definition.routes, path) is None:
        path = None
    members = tuple(Member(name, address, port) for name, address in hosts.items())
    return Backend(definition.name, "http", definition.routes, replace(check, path=path), members)


def render(backends: Sequence[Backend], settings: EdgeSettings) -> str:
    """The whole file.

    :raises ProxyError: two services claim one route, or a value is not safe in a configuration.
    """
    text = _render(backends, settings, "")
    return _render(backends, settings, hashlib.sha256(text.encode()).hexdigest()[:16])


def certificates_in(text: str) -> str:
    """The folder of certificates that a file names; empty when it has none."""
    found = _CERTIFICATES.search(text)
    return found.group(1) if found else ""


def drained_lines(answer: str, drained: Iterable[str]) -> list[str]:
    """The lines about these servers in an answer to ``show servers state``, with its heading.

    HAProxy's file has the same form, with the version of the format first.
    """
    names = set(drained)
    lines = [line for line in answer.splitlines() if line.strip()]
    heading = next((index for index, line in enumerate(lines) if line.startswith("# ")), None)
    if heading is None:
        raise ProxyError("HAProxy answered what is not a state of servers: %r" % answer[:200])
    columns = lines[heading][2:].split()
    at = columns.index("srv_name")
    rows = [line for line in lines[heading + 1 :] if line.split()[at] in names]
    return ["1", lines[heading], *rows]


def _render(backends: Sequence[Backend], settings: EdgeSettings, mark: str) -> str:
    backends = sorted(backends, key=lambda backend: backend.service)
    require_safe(backends)
    files = [settings.state_file, *([settings.certificates] if settings.certificates else [])]
    require_safe_settings(settings, files=files)
    rules = http_rules(backends)
    sections = [
        section("global", [f"server-state-file {settings.state_file}"]),
        defaults_section(settings),
        _frontend("http", rules, settings),
        *([_frontend("https", rules, settings)] if settings.certificates else []),
        *metrics_frontend(settings),
        *(_backend(backend, settings) for backend in backends),
        no_service_backend(),
        # Nothing goes there: a worker tells by it which file it has loaded.
        f"backend {LAYOUT_BACKEND}{mark} from hundred\n",
    ]
    return committed.HEADER + committed.encode(backends) + "\n" + "\n".join(sections)


def _frontend(scheme: str, rules: Sequence[Rule], settings: EdgeSettings) -> str:
    if scheme == "https":
        tls = f" ssl crt {settings.certificates} alpn h2,http/1.1 ssl-min-ver TLSv1.2"
        lines = [line + tls for line in binds(settings, settings.https_port)]
    else:
        lines = binds(settings, settings.http_port)
    lines += [
        "option httplog",
        # At a reload the old worker answers one more request on an idle connection and says that it
        # closes it, instead of closing it while that request is on its way.
        "option idle-close-on-response",
    ]
    if scheme == "http" and settings.certificates and settings.redirect:
        port = "" if settings.https_port == 443 else f":{settings.https_port}"
        # 308 keeps the method and the body of a request. "capture.req.uri" would end after
        # tune.http.logurilen characters, 1024 by default.
        target = f"https://%[req.hdr(host),host_only]{port}%[pathq]"
        lines += [
            "http-request deny deny_status 400 unless { req.hdr(host),host_only -m len gt 0 }",
            f"http-request redirect location {target} code 308",
        ]
        return section("frontend hundred:edge:http from hundred", lines)
    lines += [
        # Clients say what they like in these headers; what is behind trusts the edge.
        "http-request set-header X-Forwarded-For %[src]",
        f"http-request set-header X-Forwarded-Proto {scheme}",
        "http-request set-var(txn.hundred_host) req.hdr(host),host_only,rtrim(.)",
        *(f"use_backend {backend_name(rule.service)}{condition(rule)}" for rule in rules),
        "default_backend hundred:none",
    ]
    return section(f"frontend hundred:edge:{scheme} from hundred", lines)


def _backend(backend: Backend, settings: EdgeSettings) -> str:
    path = backend.check.path
    route = _route_of_check(backend.routes, path) if path is not None else None
    host = _host_of(backend.service, route) if route is not None else None
    return backend_section(backend, settings, host, ["load-server-state-from-file global"])


def _route_of_check(routes: Iterable[Route], path: str) -> Route | None:
    """The route by which a check reaches the service: one with an exact host where there is one."""
    plain = path.partition("?")[0]
    covering = [route for route in routes if path_covers(route.path, plain)]
    exact = [route for route in covering if route.host and not route.host.startswith("*")]
    return next(iter([*exact, *covering]), None)


def _host_of(service: str, route: Route) -> str:
    if route.host is not None and route.host.startswith("*."):
        return "edge-check" + route.host[1:].lower()
    return check_host(service, [route])
