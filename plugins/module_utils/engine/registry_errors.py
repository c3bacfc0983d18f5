# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the engine says when a registry fails it, read: absent, transient or permanent. Pure.

The engine hands on the registry's words, with a status that differs between its versions (a missing
login is 500 or 401), so the words decide. They were collected from engines 20.10, 26.1 and 29.1.
"""

from __future__ import annotations

import re

from ..errors import EngineError, NotFoundError, RegistryError


class TransientRegistryError(RegistryError):
    """A failure of the registry or of the way to it that another try may cure."""


_ABSENT = re.compile(
    r"manifest unknown|name unknown|manifest for \S+ not found"
    # Containerd's, where it keeps the images.
    r"|failed to resolve reference \S+: \S+: not found"
    # Harbor's words.
    r"|\b(?:artifact|repository) \S+ not found",
    re.IGNORECASE,
)
_DISK_FULL = re.compile(r"no space left on device|disk quota exceeded", re.IGNORECASE)
_UNKNOWN_AUTHORITY = re.compile(r"signed by unknown authority|unknown certificate authority")
_BAD_CERTIFICATE = re.compile(r"x509|tls: failed to verify", re.IGNORECASE)
_NOT_TLS = re.compile(r"server gave HTTP response to HTTPS client", re.IGNORECASE)
_NO_LOGIN = re.compile(
    r"unauthorized|authentication required|no basic auth credentials|denied|forbidden",
    re.IGNORECASE,
)
_NO_HOST = re.compile(r"no such host", re.IGNORECASE)
_TRANSIENT = re.compile(
    r"connection refused|connection reset|broken pipe|\bEOF\b|timeout|timed out"
    r"|deadline exceeded|request canceled|no route to host|network is unreachable"
    r"|server misbehaving|temporary failure|blob upload unknown|toomanyrequests"
    r"|\b429\b|\b5\d\d [A-Z]|HTTP status:? 5\d\d|closed idle connection",
    re.IGNORECASE,
)


def only_spoken_to_without_tls(text: str) -> bool:
    """Whether the engine's words are those of its second try at a registry that speaks TLS. Pure.

    Where a registry is on this machine (``localhost``), an engine whose first try failed makes a
    second one without TLS. From some version on (seen: 29.1) it tells of that one only, also when
    the first was answered, namely that there is no such thing.
    """
    return "Client sent an HTTP request to an HTTPS server" in text


def registry_error(doing: str, text: str, host: str) -> EngineError:
    """The error for a failed call that had the engine talk to a registry.

    :param doing: what was being done, as in "push registry.example.com/shop:v1".
    :param text: the engine's words.
    :param host: the registry's name and port.
    :returns: :class:`TransientRegistryError` when another try may help, :class:`NotFoundError` when
        the registry has no such thing, :class:`RegistryError` for what must be put right first, and
        :class:`EngineError` when a disk is full.
    """
    message = f"cannot {doing}: {text.strip()}"
    if _ABSENT.search(text):
        return NotFoundError(message)
    if _DISK_FULL.search(text):
        return EngineError(
            message,
            next_step="make room on the disk of the engine (docker system df) or of the registry",
        )
    for pattern, next_step in (
        (
            _UNKNOWN_AUTHORITY,
            f"put the registry's CA certificate at /etc/docker/certs.d/{host}/ca.crt on this host",
        ),
        (_BAD_CERTIFICATE, f"check the certificate of {host}: its names and its dates"),
        (_NOT_TLS, f"the registry {host} speaks no TLS: give it a certificate"),
        (_NO_LOGIN, _login_advice(host)),
        (_NO_HOST, f"check the name {host} and that this host can resolve it"),
    ):
        if pattern.search(text):
            return RegistryError(message, next_step=next_step)
    kind = TransientRegistryError if _TRANSIENT.search(text) else RegistryError
    return kind(message, next_step=f"check that the registry {host} is up and reachable from here")


def login_refused(doing: str, username: str, host: str) -> RegistryError:
    """The error for an account that the registry does not take.

    :param doing: what was being done, as in "push registry.example.com/shop:v1".
    :param host: the registry's name and port.
    """
    return RegistryError(
        f"cannot {doing}: unauthorized: {host} refuses the login as {username}",
        next_step=_login_advice(host),
    )


def _login_advice(host: str) -> str:
    return (
        "give registry_username and registry_password (in the inventory: "
        "hundred_registry_username and hundred_registry_password) of an account that may do "
        f"this at {host}, or log in there (docker login {host}) as the user of this task"
    )
