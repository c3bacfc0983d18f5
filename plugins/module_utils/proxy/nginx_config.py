# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The text of nginx's configuration file for a list of backends. Pure.

The file is included in the ``http`` block of the host's own configuration, beside its other sites.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from ipaddress import ip_address

from ..errors import ProxyError
from . import committed
from .protocol import Backend
from .routing import Rule, check_host, http_rules, rules_by_host
from .safe import require_safe, require_safe_settings
from .settings import LOOPBACK, NginxSettings

# Of 47 characters on, nginx 1.22 refuses a server's name with its default of 64 bytes a bucket.
LONGEST_COMMON_HOST = 46

GENERATION_PATH = "/generation"
UPSTREAM_HEADER = "X-Hundred-Upstream"

_GENERATION_MARK = "# hundred-generation "
_GENERATION = re.compile(rf"^{_GENERATION_MARK}([0-9a-f]+)$", re.MULTILINE)


def render(backends: Sequence[Backend], settings: NginxSettings) -> str:
    """The whole file.

    :raises ProxyError: two services claim one route, a service is of ``protocol: tcp``, or a value
        is not safe in a configuration.
    """
    digest = hashlib.sha256(_render(backends, settings, "").encode("utf-8")).hexdigest()[:16]
    return _render(backends, settings, digest)


def generation_in(text: str) -> str | None:
    """The generation that a file's text is; None for a file that has none."""
    found = _GENERATION.search(text)
    return found.group(1) if found else None


def verify_path(service: str) -> str:
    """The path of the status server that passes a health check on to a member of the service."""
    return f"/verify/{service}"


def _render(backends: Sequence[Backend], settings: NginxSettings, generation: str) -> str:
    backends = sorted(backends, key=lambda backend: backend.service)
    require_safe(backends)
    require_safe_settings(settings, names=[settings.status_name])
    for backend in backends:
        if backend.protocol != "http":
            raise ProxyError(
                f"nginx here serves HTTP only, and the service {backend.service} is of protocol "
                f"{backend.protocol}",
                next_step="use the driver haproxy on this host",
            )
    by_service = {backend.service: backend for backend in backends}
    servers = [
        _site(host, rules, by_service, settings)
        for host, rules in rules_by_host(http_rules(backends)).items()
    ]
    sections = [
        f"{_GENERATION_MARK}{generation}\n",
        _maps(settings),
        *_room_for_names(backends),
        *(_upstream(backend) for backend in backends if backend.members),
        _default_server(settings),
        _status_server(backends, settings, generation),
        *servers,
    ]
    return committed.HEADER + committed.encode(backends) + "\n".join(sections)


def _room_for_names(backends: Sequence[Backend]) -> list[str]:
    """What names of hosts need that do not fit into nginx's default of 64 bytes a bucket.

    Only where they need it: nginx refuses a directive that the main configuration has already.
    """
    hosts = [route.host for backend in backends for route in backend.routes if route.host]
    fits = all(len(host) <= LONGEST_COMMON_HOST for host in hosts)
    return [] if fits else ["server_names_hash_bucket_size 512;\n"]


def _block(title: str, lines: Iterable[str]) -> str:
    body = "".join(f"    {line}\n" for part in lines for line in part.splitlines())
    return f"{title} {{\n{body}}}\n"


def _maps(settings: NginxSettings) -> str:
    trusted = [*LOOPBACK, *settings.trusted_proxies]
    return "\n".join(
        [
            _block("geo $hundred_trusted", ["default 0;", *(f"{item} 1;" for item in trusted)]),
            _block(
                'map "$hundred_trusted $http_x_forwarded_for" $hundred_forwarded_for',
                ["default $remote_addr;", '"~^1 (?<hundred_given_for>.+)$" $hundred_given_for;'],
            ),
            _block(
                'map "$hundred_trusted $http_x_forwarded_proto" $hundred_forwarded_proto',
                ["default $scheme;", '"~^1 (?<hundred_given_proto>.+)$" $hundred_given_proto;'],
            ),
            # Without an upgrade a connection per request. One kept open is lost whenever the app
            # closes it just as the next request is sent on it, and many app servers do so after two
            # to five seconds. The price is about 0.3 ms a request (measured with an app in Python).
            # It also makes a count of connections a count of requests.
            _block("map $http_upgrade $hundred_connection", ["default upgrade;", '"" close;']),
        ]
    )


def _upstream(backend: Backend) -> str:
    lines = [
        # Shared by the workers, so that they take turns together and not each for itself. 64k holds
        # 65 members (nginx -t, 1.22); a service may have 100.
        f"zone {_upstream_name(backend.service)} 256k;",
        "least_conn;",
        # Whether a member is alive is decided before it comes here. By itself nginx would shut a
        # member out for ten seconds for one failure, and after two swaps in that time all of them.
        *(f"server {member.endpoint} max_fails=0;" for member in backend.members),
    ]
    return _block(f"upstream {_upstream_name(backend.service)}", lines)


def _default_server(settings: NginxSettings) -> str:
    """The first of ours: hosts of nobody end here, unless another site is the port's default."""
    return _block(
        "server",
        [
            *_listen(settings),
            f"server_name {_default_name(settings)};",
            # Also the time for which a silent new client of an old worker can hold up a swap.
            f"client_header_timeout {_seconds(settings.timeout_request)};",
            f"keepalive_timeout {_seconds(settings.timeout_keep_alive)};",
            _not_found(),
        ],
    )


def _status_server(backends: Sequence[Backend], settings: NginxSettings, generation: str) -> str:
    own = [f"allow {address};" for address in settings.bind_addresses if _is_specific(address)]
    lines = [
        *_listen(settings),
        f"server_name {settings.status_name};",
        "allow 127.0.0.1;",
        "allow ::1;",
        *own,
        "deny all;",
        "access_log off;",
        # "return" would answer before "deny" is looked at; a file that is not there does not.
        _block(
            f"location = {GENERATION_PATH}",
            [
                "default_type text/plain;",
                "try_files /hundred-no-such-file @hundred_generation;",
            ],
        ),
        _block(
            "location @hundred_generation",
            ["default_type text/plain;", f'return 200 "{generation} $pid\\n";'],
        ),
        *(_verify_location(backend, settings) for backend in backends if backend.members),
    ]
    return _block("server", lines)


def _verify_location(backend: Backend, settings: NginxSettings) -> str:
    # The path of the health check and no other: this is no way around the routes.
    path = backend.check.path or "/"
    return _block(
        f'location = "{verify_path(backend.service)}"',
        [
            *_proxying(settings, f'"{check_host(backend.service, backend.routes)}"'),
            f"add_header {UPSTREAM_HEADER} $upstream_addr always;",
            f'proxy_pass "http://{_upstream_name(backend.service)}{path}";',
        ],
    )


def _site(
    host: str | None,
    rules: Sequence[Rule],
    backends: dict[str, Backend],
    settings: NginxSettings,
) -> str:
    # A pattern that takes every name comes behind all sites with a name, whoever wrote them, and
    # does not claim to be the port's default server, which another site may be.
    name = '"~^"' if host is None else f'"{host}"'
    locations = []
    for rule in rules:
        backend = backends[rule.service]
        body = (
            f"proxy_pass http://{_upstream_name(rule.service)};"
            if backend.members
            else "return 503;"
        )
        if rule.path == "/":
            locations.append(_block("location /", [body]))
        else:
            # At a segment's end only: "/api" takes "/api" and "/api/x", not "/apis".
            locations.append(_block(f'location = "{rule.path}"', [body]))
            locations.append(_block(f'location ^~ "{rule.path}/"', [body]))
    if all(rule.path != "/" for rule in rules):
        locations.append(_not_found())
    return _block(
        "server", [*_listen(settings), f"server_name {name};", *_proxying(settings), *locations]
    )


def _proxying(settings: NginxSettings, host: str = "$http_host") -> list[str]:
    return [
        "proxy_http_version 1.1;",
        f"proxy_set_header Host {host};",
        "proxy_set_header Connection $hundred_connection;",
        "proxy_set_header Upgrade $http_upgrade;",
        "proxy_set_header X-Forwarded-For $hundred_forwarded_for;",
        "proxy_set_header X-Forwarded-Proto $hundred_forwarded_proto;",
        f"proxy_connect_timeout {_seconds(settings.timeout_connect)};",
        f"proxy_send_timeout {_seconds(settings.timeout_server)};",
        f"proxy_read_timeout {_seconds(settings.timeout_server)};",
        # A request that may have side effects is never sent twice: nginx tries another member for
        # those only while it has sent nothing of it.
        "proxy_next_upstream error;",
        "proxy_next_upstream_tries 3;",
        "proxy_redirect off;",
        # Streams and long polls arrive as they are sent, and the app decides on the size of
        # uploads.
        "proxy_buffering off;",
        "client_max_body_size 0;",
        f"client_body_timeout {_seconds(settings.timeout_client)};",
        f"send_timeout {_seconds(settings.timeout_client)};",
        f"keepalive_timeout {_seconds(settings.timeout_keep_alive)};",
    ]


def _not_found() -> str:
    text = "No service of this host has this host name and path.\\n"
    return _block("location /", ["default_type text/plain;", f'return 404 "{text}";'])


def _listen(settings: NginxSettings) -> list[str]:
    port = settings.http_port
    lines = []
    for address in settings.bind_addresses:
        if address == "*":
            lines.append(f"listen {port};")
        elif ":" in address:
            lines.append(f"listen [{address}]:{port};")
        else:
            lines.append(f"listen {address}:{port};")
    return lines


def _is_specific(address: str) -> bool:
    return address != "*" and not ip_address(address).is_unspecified


def _default_name(settings: NginxSettings) -> str:
    return f"default.{settings.status_name}"


def _upstream_name(service: str) -> str:
    return f"hundred_{service}"


def _seconds(seconds: float) -> str:
    return "%dms" % max(1, round(seconds * 1000))
