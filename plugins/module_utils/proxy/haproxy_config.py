# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The text of HAProxy's configuration file for a list of backends. Pure.

The file is loaded behind the host's own configuration, so all it says is in sections of its own.
"""

from __future__ import annotations

import hashlib
import ipaddress
import re
from collections.abc import Iterable, Sequence

from . import committed
from .protocol import Backend, Member, endpoint
from .routing import Listener, Rule, check_host, http_rules, tcp_listeners
from .safe import require_safe, require_safe_settings
from .settings import LOOPBACK, HAProxySettings

LAYOUT_BACKEND = "hundred:layout:"
_LAYOUT = re.compile(LAYOUT_BACKEND + r"([0-9a-f]+)")
SERVICE_HEADER = "X-Hundred-Service"


def render(backends: Sequence[Backend], settings: HAProxySettings) -> str:
    """The whole file.

    :raises ProxyError: two services claim one route or port, or a value is not safe in a
        configuration.
    """
    return _render(backends, settings, layout(backends, settings))


def layout(backends: Sequence[Backend], settings: HAProxySettings) -> str:
    """A digest of everything in the file but the members.

    A worker says which layout it has loaded. Members can be changed while it runs; a change of
    anything else needs a reload.

    :raises ProxyError: as ``render``.
    """
    text = _render(committed.without_members(backends), settings, "")
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:16]


def layout_in(text: str) -> str | None:
    """The layout that a file has, or that a worker has loaded by its list of backends; None for
    none.
    """
    found = _LAYOUT.search(text)
    return found.group(1) if found else None


def is_ours(frontend: str) -> bool:
    """Whether a frontend of this name is one of this file."""
    return frontend.startswith("hundred:")


def backend_name(service: str) -> str:
    """The name of a service's backend section."""
    return f"hundred_{service}"


def server_arguments(backend: Backend, member: Member) -> str:
    """What follows the server's name, in the file and in the command ``add server`` alike."""
    check = backend.check
    # Where a check has just changed its mind the next ones come sooner, so that rise and fall
    # take moments and not as many intervals.
    fast = min(check.interval, 0.5)
    return "%s check inter %s fastinter %s rise %d fall %d" % (
        member.endpoint,
        milliseconds(check.interval),
        milliseconds(fast),
        check.rise,
        check.fall,
    )


def milliseconds(seconds: float) -> str:
    """A time as HAProxy reads it, at least one millisecond."""
    return "%dms" % max(1, round(seconds * 1000))


def _render(backends: Sequence[Backend], settings: HAProxySettings, mark: str) -> str:
    backends = sorted(backends, key=lambda backend: backend.service)
    require_safe(backends)
    require_safe_settings(settings, files=[settings.verify_socket])
    rules = http_rules(backends)
    listeners = tcp_listeners(backends, settings.http_port)
    protocols = {backend.service: backend.protocol for backend in backends}
    sections = [
        *_global(settings),
        defaults_section(settings),
        _http_frontend(rules, settings),
        _verify_frontend([name for name in protocols if protocols[name] == "http"], settings),
        *metrics_frontend(settings),
        *(_tcp_frontend(listener, settings) for listener in listeners),
        *(backend_section(backend, settings) for backend in backends),
        _relay_backend(settings),
        no_service_backend(),
        # Nothing goes there. A worker's list of backends says with it which layout the worker has
        # loaded.
        f"backend {LAYOUT_BACKEND}{mark} from hundred\n",
    ]
    return committed.HEADER + committed.encode(backends) + "\n" + "\n".join(sections)


def section(title: str, lines: Iterable[str]) -> str:
    """A section of the file."""
    return title + "\n" + "".join(f"    {line}\n" for line in lines)


def _global(settings: HAProxySettings) -> list[str]:
    if settings.hard_stop_after is None:
        return []
    return [section("global", [f"hard-stop-after {milliseconds(settings.hard_stop_after)}"])]


def defaults_section(settings: HAProxySettings) -> str:
    """The defaults of all sections of the file."""
    lines = [
        "log global",
        "mode http",
        "retries 3",
        # Each retry goes to another server at once, and not to the one that has just failed.
        "option redispatch 1",
        f"timeout connect {milliseconds(settings.timeout_connect)}",
        f"timeout queue {milliseconds(settings.timeout_connect)}",
        f"timeout client {milliseconds(settings.timeout_client)}",
        f"timeout server {milliseconds(settings.timeout_server)}",
        f"timeout http-request {milliseconds(settings.timeout_request)}",
        f"timeout http-keep-alive {milliseconds(settings.timeout_keep_alive)}",
        f"timeout tunnel {milliseconds(settings.timeout_tunnel)}",
    ]
    return section("defaults hundred", lines)


def _http_frontend(rules: Sequence[Rule], settings: HAProxySettings) -> str:
    trusted = " ".join([*LOOPBACK, *_own_addresses(settings), *settings.trusted_proxies])
    lines = [
        *binds(settings, settings.http_port),
        "option httplog",
        # At a reload the old worker answers one more request on an idle connection and says that it
        # closes it, instead of closing it while that request is on its way.
        "option idle-close-on-response",
        f"acl hundred_trusted src {trusted}",
        "http-request set-header X-Forwarded-For %[src]"
        " unless hundred_trusted { req.hdr(X-Forwarded-For) -m found }",
        "http-request set-header X-Forwarded-Proto http"
        " unless hundred_trusted { req.hdr(X-Forwarded-Proto) -m found }",
        "http-request set-var(txn.hundred_host) req.hdr(host),host_only,rtrim(.)",
        "use_backend hundred:relay if { stopping }",
        *(f"use_backend {backend_name(rule.service)}{condition(rule)}" for rule in rules),
        "default_backend hundred:none",
    ]
    return section("frontend hundred:http from hundred", lines)


def condition(rule: Rule) -> str:
    """When a request belongs to a rule, as the end of a ``use_backend``."""
    tests = []
    if rule.host is not None and rule.host.startswith("*."):
        tests.append("{ var(txn.hundred_host) -m end '%s' }" % rule.host[1:])
    elif rule.host is not None:
        tests.append("{ var(txn.hundred_host) -m str '%s' }" % rule.host)
    if rule.path != "/":
        # With a slash at its end "/api" is a prefix of "/api/" and of "/api/x/", not of "/apis/".
        tests.append("{ path,concat(/) -m beg '%s/' }" % rule.path)
    return " if " + " ".join(tests) if tests else ""


def _verify_frontend(services: Sequence[str], settings: HAProxySettings) -> str:
    """On a socket that only root can open: a header that picks a service must not be public."""
    lines = [
        f"bind unix@{settings.verify_socket} mode 600",
        "no log",
        f"http-request set-var(txn.hundred_service) req.hdr({SERVICE_HEADER})",
        f"http-request del-header {SERVICE_HEADER}",
        *(
            f"use_backend {backend_name(service)}"
            f" if {{ var(txn.hundred_service) -m str '{service}' }}"
            for service in services
        ),
        "default_backend hundred:none",
    ]
    return section("frontend hundred:verify from hundred", lines)


def metrics_frontend(settings: HAProxySettings) -> list[str]:
    """HAProxy's own exporter for Prometheus, where it is wanted."""
    if not settings.metrics_address:
        return []
    lines = [
        f"bind {settings.metrics_address}",
        "no log",
        "http-request use-service prometheus-exporter if { path /metrics }",
        "http-request deny deny_status 404",
    ]
    return [section("frontend hundred:metrics from hundred", lines)]


def _tcp_frontend(listener: Listener, settings: HAProxySettings) -> str:
    lines = [
        *binds(settings, listener.port),
        "mode tcp",
        "option tcplog",
        f"timeout client {milliseconds(settings.timeout_tunnel)}",
        f"default_backend {backend_name(listener.service)}",
    ]
    return section(f"frontend hundred:tcp:{listener.port} from hundred", lines)


def backend_section(
    backend: Backend,
    settings: HAProxySettings,
    host: str | None = None,
    further: Sequence[str] = (),
) -> str:
    """The backend of a service, with its members.

    :param host: the ``Host`` that checks name; None: that of the service's routes.
    :param further: lines for this backend only.
    """
    lines = [
        # Requests of a web app differ much in length: the replica with the fewest at work gets the
        # next. Those with equally many take turns.
        "balance leastconn",
        f"timeout check {milliseconds(backend.check.timeout)}",
    ]
    if backend.protocol == "tcp":
        lines += ["mode tcp", f"timeout server {milliseconds(settings.timeout_tunnel)}"]
    else:
        lines += [
            # Only a connection that was never made is tried again, so nothing is ever done twice.
            "retry-on conn-failure",
            # A connection per request. One kept open is lost whenever the app closes it just as the
            # next request is sent on it, and many app servers do so after two to five seconds. The
            # price is about 0.3 ms a request (measured with an app in Python).
            "option http-server-close",
        ]
    if backend.protocol == "http" and backend.check.path is not None:
        lines += [
            "option httpchk",
            f"http-check send meth GET uri '{backend.check.path}' ver HTTP/1.1"
            f" hdr Host '{host or check_host(backend.service, backend.routes)}'"
            " hdr User-Agent hundred.containers",
            "http-check expect status 200-399",
        ]
    lines += further
    lines += [f"server {item.name} {server_arguments(backend, item)}" for item in backend.members]
    return section(f"backend {backend_name(backend.service)} from hundred", lines)


def _relay_backend(settings: HAProxySettings) -> str:
    """Where a worker that is being replaced sends what still reaches it: to its successor.

    Such a worker knows the members it had when it was current, and they cannot be changed any more.
    A client with an idle connection to it may send its next request a minute later, when those
    members are gone. Through the public port the request finds the members of that moment.
    """
    address = settings.bind_addresses[0]
    target = {"*": "127.0.0.1", "::": "::1"}.get(address, address)
    return section(
        "backend hundred:relay from hundred",
        [
            "retry-on conn-failure",
            "option http-server-close",
            f"server successor {endpoint(target, settings.http_port)}",
        ],
    )


def no_service_backend() -> str:
    """Where requests go that no rule takes."""
    text = "No service of this host has this host name and path.\\n"
    answer = f'http-request return status 404 content-type text/plain string "{text}"'
    return section("backend hundred:none from hundred", [answer])


def binds(settings: HAProxySettings, port: int) -> list[str]:
    """The ``bind`` lines for a port, on each of the addresses to listen on."""
    lines = []
    for address in settings.bind_addresses:
        if address == "*":
            lines.append(f"bind *:{port}")
        else:
            only = " v6only" if address == "::" else ""
            lines.append(f"bind {endpoint(address, port)}{only}")
    return lines


def _own_addresses(settings: HAProxySettings) -> list[str]:
    """Addresses from which this host reaches its own listeners, beside loopback."""
    return [
        address
        for address in settings.bind_addresses
        if address != "*" and not ipaddress.ip_address(address).is_unspecified
    ]
