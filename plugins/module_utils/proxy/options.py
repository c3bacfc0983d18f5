# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a user may set of a proxy beside its port, checked; everything else is the driver's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..definition.paths import absolute
from ..definition.problems import REFUSED, Place
from ..definition.shapes import ListOf, Parsed, Section
from ..definition.units import Duration
from .addresses import plain_address, plain_endpoint, plain_network

# A connection that takes longer than this to be silent is nobody's wish; the proxies count in
# milliseconds.
_SHORTEST = 0.01


_NETWORK = Parsed(plain_network, "must be an address or a network such as 10.0.0.0/8")
_ADDRESS = Parsed(plain_address, "must be an address, or * for all of IPv4", words=("*",))
_ENDPOINT = Parsed(plain_endpoint, "must be an address and a port such as 127.0.0.1:8405")


def _addresses(place: Place, value: Any) -> Any:
    checked = ListOf(_ADDRESS, "addresses")(place, value)
    if checked == ():
        return place.refuse("must have an address", value)
    return checked


SETTINGS = Section(
    {
        "trusted_proxies": ListOf(_NETWORK, "addresses and networks"),
        "bind_addresses": _addresses,
        "metrics_address": _ENDPOINT,
        "master_socket": absolute,
        "timeout_connect": Duration(_SHORTEST),
        "timeout_client": Duration(_SHORTEST),
        "timeout_server": Duration(_SHORTEST),
        "timeout_keep_alive": Duration(_SHORTEST),
        "timeout_request": Duration(_SHORTEST),
        "timeout_tunnel": Duration(_SHORTEST),
    },
    "settings of a proxy",
    {"http_port": "it is hundred_proxy_http_port"},
)


def read_settings(place: Place, value: Any) -> dict[str, Any]:
    """The settings as plain data that the driver takes; times are seconds.

    :param place: takes what is wrong with them.
    """
    checked = SETTINGS(place, value)
    if checked is REFUSED:
        return {}
    found: Mapping[str, Any] = checked
    return {key: list(item) if isinstance(item, tuple) else item for key, item in found.items()}
