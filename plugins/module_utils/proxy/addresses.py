# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Addresses and networks in one form, for definitions and for the proxies' settings. Pure."""

from __future__ import annotations

import ipaddress


def plain_address(text: str) -> str:
    """An address in its shortest form.

    :raises ValueError: it is none, or has a zone ("fe80::1%eth0"), which is free text.
    """
    return str(ipaddress.ip_address(_without_zone(text)))


def plain_endpoint(text: str) -> str:
    """An address and a port, as ``127.0.0.1:8405`` or ``[::1]:8405``.

    :raises ValueError: it is not that.
    """
    address, colon, port = str(text).rpartition(":")
    bare = address[1:-1] if address.startswith("[") and address.endswith("]") else address
    number = int(port) if port.isascii() and port.isdigit() else 0
    if not colon or not 1 <= number <= 65535 or (":" in bare) != (bare != address):
        raise ValueError(f"{text!r} is no address with a port")
    plain = plain_address(bare)
    return "%s:%d" % (f"[{plain}]" if ":" in plain else plain, number)


def plain_network(text: str) -> str:
    """An address or a network in CIDR notation, without bits beyond its prefix.

    :raises ValueError: it is none, or has a zone.
    """
    return str(ipaddress.ip_network(_without_zone(text), strict=False))


def _without_zone(text: str) -> str:
    if not isinstance(text, str) or "%" in text:
        raise ValueError(f"{text!r} is no plain address")
    return text
