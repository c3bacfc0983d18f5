# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a proxy's files, sockets and ports are; the defaults are those of Debian's packages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, TypeVar

from ..errors import ProxyError

if TYPE_CHECKING:
    from .protocol import Check, Proxy


LOOPBACK = ("127.0.0.0/8", "::1/128")


@dataclass(frozen=True)
class ProxySettings:
    """What both drivers need. Times are seconds.

    :param config_path: our one file in the proxy's configuration.
    :param binary: the proxy's program, for checking a configuration.
    :param http_port: the port that routes by host name and path listen on.
    :param bind_addresses: addresses to listen on; ``*`` is all of IPv4, ``::`` all of IPv6.
    :param trusted_proxies: addresses or networks of load balancers in front of this one, whose
        ``X-Forwarded-For`` and ``X-Forwarded-Proto`` are kept; from anybody else they are replaced.
        Loopback is always trusted: whoever ends TLS on this host comes from there.
    :param metrics_address: ``address:port`` on which HAProxy's own exporter for Prometheus listens;
        empty: nowhere. nginx has none.
    :param lock_file: the lock of those who write ``config_path``.
    :param timeout_connect: to a replica.
    :param timeout_client: silence of a client in the middle of a request or an answer.
    :param timeout_server: silence of a replica that works on a request.
    :param timeout_keep_alive: silence of a client between two requests. More than the 60 s after
        which common cloud load balancers drop an idle connection, so that it is never us who drop
        one that they are about to use.
    :param timeout_request: for a client to send the head of a request.
    :param timeout_tunnel: silence of a websocket, and of a connection of ``protocol: tcp``.
    :param reload_deadline: for a reload to take effect before the former file is loaded again.
    :param verify_deadline: at least, for the members to answer a request through the proxy.
    """

    config_path: str = ""
    binary: str = ""
    http_port: int = 80
    bind_addresses: tuple[str, ...] = ("*",)
    trusted_proxies: tuple[str, ...] = ()
    metrics_address: str = ""
    lock_file: str = "/var/lib/hundred/proxy.lock"
    timeout_connect: float = 5.0
    timeout_client: float = 60.0
    timeout_server: float = 60.0
    timeout_keep_alive: float = 75.0
    timeout_request: float = 10.0
    timeout_tunnel: float = 3600.0
    reload_deadline: float = 10.0
    verify_deadline: float = 5.0

    def verify_seconds(self, check: Check) -> float:
        """How long members of this health check have to answer a request through the proxy: more
        than one check may take.
        """
        return max(self.verify_deadline, 2 * check.timeout)


@dataclass(frozen=True)
class HAProxySettings(ProxySettings):
    """HAProxy's.

    :param master_socket: the master's command socket, HAProxy's option ``-S``.
    :param verify_socket: a socket of ours, for root only, on which a service is asked for by its
        name.
    :param hard_stop_after: seconds after which an old worker is ended, with what it still serves.
        It is HAProxy's global setting, so without a value it stays what the rest of its
        configuration says.
    """

    config_path: str = "/etc/haproxy/hundred/hundred.cfg"
    binary: str = "/usr/sbin/haproxy"
    master_socket: str = "/run/haproxy-master.sock"
    verify_socket: str = "/run/haproxy/hundred-verify.sock"
    hard_stop_after: float | None = None


@dataclass(frozen=True)
class NginxSettings(ProxySettings):
    """nginx's.

    :param main_config: the file that includes ``config_path`` in its ``http`` block.
    :param pid_file: where the master's process id is.
    :param status_name: the host name of the server block that tells which configuration answers.
    """

    config_path: str = "/etc/nginx/conf.d/hundred.conf"
    binary: str = "/usr/sbin/nginx"
    main_config: str = "/etc/nginx/nginx.conf"
    pid_file: str = "/run/nginx.pid"
    status_name: str = "hundred-status.invalid"


Settings = TypeVar("Settings", bound=ProxySettings)


def open_proxy(mapping: Mapping[str, Any]) -> Proxy:
    """The driver that the settings name; it does nothing yet.

    :param mapping: ``driver`` is ``haproxy`` (the default) or ``nginx``; the other keys are the
        fields of ``HAProxySettings`` or ``NginxSettings``.
    :raises ProxyError: an unknown driver, an unknown key or a value of the wrong type.
    """
    settings = {key: value for key, value in mapping.items() if key != "driver"}
    driver = mapping.get("driver", "haproxy")
    # Imported where they are needed: a driver imports these settings, and a host has one proxy.
    if driver == "haproxy":
        from .haproxy import HAProxy

        return HAProxy(from_mapping(HAProxySettings, settings))
    if driver == "nginx":
        if settings.get("metrics_address"):
            raise ProxyError(
                "nginx has no exporter for Prometheus: metrics_address is for HAProxy",
                next_step="take metrics_address out of hundred_proxy_settings",
            )
        from .nginx import Nginx

        return Nginx(from_mapping(NginxSettings, settings))
    raise ProxyError("unknown proxy driver %r" % driver, next_step="use haproxy or nginx")


def from_mapping(kind: type[Settings], mapping: Mapping[str, Any]) -> Settings:
    """Settings of ``kind`` from plain values; what is not named keeps its default.

    :raises ProxyError: an unknown key or a value of the wrong type.
    """
    defaults = kind()
    known = {field.name: getattr(defaults, field.name) for field in fields(kind)}
    unknown = sorted(set(mapping) - set(known))
    if unknown:
        raise ProxyError(
            "unknown proxy setting %s" % ", ".join(unknown),
            next_step="the settings are: %s" % ", ".join(sorted(known)),
        )
    values: dict[str, Any] = {}
    for key, value in mapping.items():
        values[key] = _converted(key, known[key], value)
    return kind(**values)


def _converted(key: str, default: Any, value: Any) -> Any:
    if default is None and value is None:
        return None
    if isinstance(default, tuple):
        if isinstance(value, (list, tuple)) and all(isinstance(item, str) for item in value):
            return tuple(value)
        raise _wrong(key, "a list of texts", value)
    if isinstance(default, str):
        if isinstance(value, str) and value:
            return value
        raise _wrong(key, "a text", value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise _wrong(key, "a number", value)
    if isinstance(default, int):
        if isinstance(value, int) and 1 <= value <= 65535:
            return value
        raise _wrong(key, "a port", value)
    if value <= 0:
        raise _wrong(key, "more than 0 seconds", value)
    return float(value)


def _wrong(key: str, wanted: str, value: object) -> ProxyError:
    return ProxyError("the proxy setting %s must be %s, not %r" % (key, wanted, value))
