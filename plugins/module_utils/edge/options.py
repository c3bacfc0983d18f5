# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the options of the ``edge_*`` modules to what the core takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..definition import stored
from ..definition.problems import DefinitionError, Place, Problem
from ..definition.shapes import Section, Whole
from ..definition.units import Duration
from ..errors import HundredError
from ..proxy.options import read_settings
from ..proxy.protocol import Backend, Check
from ..proxy.settings import from_mapping
from .certificates import folder_of
from .config import EdgeSettings, make_backend
from .haproxy import resolve

_HEALTH = Section(
    {
        "interval": Duration(0.01),
        "timeout": Duration(0.01),
        "successes": Whole(1, 1000),
        "failures": Whole(1, 1000),
    },
    "settings of the edge's checks",
)


def make_settings(params: Mapping[str, Any]) -> EdgeSettings:
    """The settings in the options of ``edge_proxy``.

    :raises DefinitionError: some are refused, each with its path.
    """
    problems: list[Problem] = []
    settings = read_settings(Place("settings", problems), params["settings"])
    if problems:
        raise DefinitionError(problems)
    return replace(
        from_mapping(EdgeSettings, settings),
        http_port=params["http_port"],
        https_port=params["https_port"],
        certificates=folder_of(params["certificates"]),
        redirect=params["redirect"],
    )


def make_backends(params: Mapping[str, Any]) -> list[Backend]:
    """The backends of all routed services.

    :raises HundredError: a check's setting is refused, or a host has no address.
    """
    problems: list[Problem] = []
    health = _HEALTH(Place("health", problems), params["health"])
    if problems:
        raise DefinitionError(problems)
    # Slower than a host's own checks: an edge asks every host for every service.
    given = {"interval": 2.0, "timeout": 2.0, "successes": 2, "failures": 3, **health}
    check = Check(None, given["interval"], given["timeout"], given["successes"], given["failures"])
    addresses: dict[str, str] = {}
    backends = []
    for name, service in params["services"].items():
        definition = stored.from_mapping({**service["definition"], "name": name})
        if not definition.routes or definition.protocol != "http":
            continue
        for host in service["hosts"]:
            if host not in addresses:
                addresses[host] = resolve(host, _address(host, params["addresses"]))
        hosts = {host: addresses[host] for host in service["hosts"]}
        backends.append(make_backend(definition, hosts, params["host_port"], check))
    return backends


def _address(host: str, addresses: Mapping[str, Any]) -> str:
    if not addresses.get(host):
        raise HundredError(
            f"the host {host} has no address", next_step="set its hundred_edge_address"
        )
    return str(addresses[host])
