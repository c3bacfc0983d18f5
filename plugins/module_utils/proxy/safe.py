# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nothing reaches a proxy's configuration or command socket that is not of a known safe form.

Definitions are validated on the controller with good messages. This is the second fence: a space, a
quote, a semicolon or a line end in a configuration would be somebody else's directive.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from ..errors import ProxyError
from .addresses import plain_address, plain_endpoint, plain_network
from .protocol import Backend
from .settings import ProxySettings

_SERVICE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")
_MEMBER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")
_HOST = re.compile(r"(\*\.)?([A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\.)*[A-Za-z0-9_-]{1,63}")
_PATH = re.compile(r"/[A-Za-z0-9._~!&+,=:@/-]*")
_CHECK_PATH = re.compile(r"/[A-Za-z0-9._~!&+,=:@/?%-]*")
# Empty segments, "." and "..": proxies differ in what they make of them.
_ODD_SEGMENT = re.compile(r"//|/\.{1,2}(?:/|$)")
_FILE = re.compile(r"/[A-Za-z0-9._/@+-]+")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def require_safe(backends: Sequence[Backend]) -> None:
    """Refuse backends with a value that is not of a known safe form.

    :raises ProxyError: naming the service and the value.
    """
    seen = set()
    for backend in backends:
        if backend.service in seen:
            raise ProxyError("the service %r is there twice" % backend.service)
        seen.add(backend.service)
        _match(_SERVICE, backend.service, "service name", backend.service)
        _require_safe_routes(backend)
        _require_safe_check(backend)
        _require_safe_members(backend)


def _require_safe_routes(backend: Backend) -> None:
    if backend.protocol not in ("http", "tcp"):
        raise _refused("protocol", backend.protocol, backend.service)
    for route in backend.routes:
        if route.host is not None:
            _match(_HOST, route.host, "host", backend.service)
        _match(_PATH, route.path, "path", backend.service)
        if _ODD_SEGMENT.search(route.path):
            raise _refused("path", route.path, backend.service)
        if route.published is not None:
            _port(route.published, backend.service)


def _require_safe_check(backend: Backend) -> None:
    check = backend.check
    if check.path is not None:
        _match(_CHECK_PATH, check.path, "path of the health check", backend.service)
    for seconds in (check.interval, check.timeout):
        if not math.isfinite(seconds) or seconds <= 0:
            raise _refused("time of the health check", seconds, backend.service)
    for count in (check.rise, check.fall):
        if count < 1:
            raise _refused("count of the health check", count, backend.service)


def _require_safe_members(backend: Backend) -> None:
    names = set()
    for member in backend.members:
        _match(_MEMBER, member.name, "name of a member", backend.service)
        if member.name in names:
            raise ProxyError("the member %s of %s is there twice" % (member.name, backend.service))
        names.add(member.name)
        _address(member.address, "address of %s" % member.name, backend.service)
        _port(member.port, backend.service)


def require_safe_settings(
    settings: ProxySettings, files: Sequence[str] = (), names: Sequence[str] = ()
) -> None:
    """Refuse settings that a configuration must not contain.

    :param files: paths among the settings that are written into the configuration.
    :param names: names among the settings that are.
    :raises ProxyError: naming the value.
    """
    for path in files:
        _match(_FILE, path, "path", None)
    for name in names:
        _match(_NAME, name, "name", None)
    if not settings.bind_addresses:
        raise ProxyError("the proxy has no address to listen on: bind_addresses is empty")
    for address in settings.bind_addresses:
        if address != "*":
            _address(address, "address to listen on", None)
    if settings.metrics_address:
        try:
            plain_endpoint(settings.metrics_address)
        except ValueError as error:
            raise _refused("address of metrics", settings.metrics_address, None) from error
    for network in settings.trusted_proxies:
        try:
            plain_network(network)
        except ValueError as error:
            raise _refused("trusted proxy", network, None) from error


def _match(pattern: re.Pattern[str], value: str, what: str, service: str | None) -> None:
    if not pattern.fullmatch(value):
        raise _refused(what, value, service)


def _address(value: str, what: str, service: str | None) -> None:
    try:
        plain_address(value)
    except ValueError as error:
        raise _refused(what, value, service) from error


def _port(value: int, service: str | None) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 65535:
        raise _refused("port", value, service)


def _refused(what: str, value: object, service: str | None) -> ProxyError:
    where = " of the service %r" % service if service is not None else ""
    return ProxyError("the %s %r%s cannot be in a proxy's configuration" % (what, value, where))
