# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The bridge network of the replicas and the static addresses on it.

A static address outside the network's dynamic range holds through restarts of the container, the
daemon and the host; ephemeral ports and dynamic addresses do not. So each replica gets one, and the
proxy can be told of it once.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ..errors import EngineError, NotFoundError
from ..state.lock import file_lock
from .client import engine_errors
from .containers import Engine

NETWORK_LABEL = "hundred.network"


@dataclass(frozen=True)
class Network:
    """The network that replicas are attached to.

    :param subnet: the whole network, in CIDR notation.
    :param ip_range: the part from which the engine itself gives addresses to anything else.
    """

    name: str = "hundred"
    subnet: str = "10.213.0.0/20"
    ip_range: str = "10.213.8.0/21"

    def check(self) -> None:
        """Refuse what the engine would refuse later, or accept and break.

        :raises EngineError: not CIDR notation, or the range is no proper part of the subnet.
        """
        try:
            subnet = ipaddress.IPv4Network(self.subnet)
            dynamic = ipaddress.IPv4Network(self.ip_range)
        except ValueError as error:
            raise EngineError(f"network: {error}") from error
        if not dynamic.subnet_of(subnet) or dynamic.num_addresses == subnet.num_addresses:
            raise EngineError(
                f"network: ip_range {self.ip_range} must be a part of subnet {self.subnet}"
                " and leave some of it for replicas"
            )


def static_addresses(network: Network) -> Iterator[str]:
    """The addresses that are ours to give: in the subnet, outside the dynamic range, not the
    gateway.

    Pure. The engine takes the first host address for its gateway.
    """
    subnet = ipaddress.ip_network(network.subnet)
    dynamic = ipaddress.ip_network(network.ip_range)
    gateway = subnet.network_address + 1
    for address in subnet.hosts():
        if address != gateway and address not in dynamic:
            yield str(address)


def free_addresses(network: Network, taken: Iterable[str], count: int) -> list[str]:
    """The lowest ``count`` static addresses that nothing has. Pure.

    :raises EngineError: the static part of the network is used up.
    """
    used = set(taken)
    found: list[str] = []
    for address in static_addresses(network):
        if len(found) == count:
            break
        if address not in used:
            found.append(address)
    if len(found) < count:
        raise EngineError(
            "the network %s (%s) has no free address left for %d more replicas"
            % (network.name, network.subnet, count - len(found)),
            next_step="give hundred_network_subnet a larger network, or remove what is not needed",
        )
    return found


class Networks:
    """The engine's side of the network."""

    def __init__(self, engine: Engine, network: Network, state_dir: str) -> None:
        self._engine = engine
        self.network = network
        self._lock_path = state_dir + "/addresses.lock"
        self._reserved: frozenset[str] = frozenset()

    def reserve(self, addresses: Iterable[str]) -> None:
        """Give these to no container: requests may still be sent there.

        A container that somebody removed stays a member in the proxy until the next rollout of its
        service, and another service at its address would get its requests.
        """
        self._reserved |= frozenset(addresses)

    def exists(self) -> bool:
        """Whether the network is there.

        :raises EngineError: one of that name is there with another subnet.
        """
        try:
            with engine_errors(f"look at the network {self.network.name}"):
                row = self._engine.client.inspect_network(self.network.name)
        except NotFoundError:
            return False
        subnets = [pool.get("Subnet") for pool in (row.get("IPAM") or {}).get("Config") or []]
        if self.network.subnet not in subnets:
            raise EngineError(
                "the network {} exists with the subnet {}, not {}".format(
                    self.network.name, ", ".join(map(str, subnets)) or "none", self.network.subnet
                ),
                next_step="set hundred_network_subnet and hundred_network_ip_range to what is "
                "there, or choose another hundred_network_name",
            )
        return True

    def ensure(self) -> None:
        """Create the network if it is not there."""
        if self.exists():
            return
        from docker.types import IPAMConfig, IPAMPool

        pool = IPAMPool(subnet=self.network.subnet, iprange=self.network.ip_range)
        with engine_errors(f"create the network {self.network.name} ({self.network.subnet})"):
            self._engine.client.create_network(
                self.network.name,
                driver="bridge",
                ipam=IPAMConfig(pool_configs=[pool]),
                labels={NETWORK_LABEL: "1"},
                check_duplicate=True,
            )

    @contextmanager
    def allocate(self, count: int) -> Iterator[list[str]]:
        """Free static addresses, with the host's allocation locked until the containers are
        created.

        Stopped containers hold no address in the engine's own books, so ours are read from their
        labels.
        """
        with file_lock(self._lock_path):
            yield self.peek(count)

    def occupied(self) -> dict[str, str]:
        """The addresses that running containers have in the network, and their names."""
        try:
            with engine_errors(f"look at the network {self.network.name}"):
                row = self._engine.client.inspect_network(self.network.name)
        except NotFoundError:
            return {}
        return _endpoints(row)

    def peek(self, count: int) -> list[str]:
        """The addresses that would be given now; nothing is locked or reserved.

        The engine is not asked when none is wanted, as in every call that finds nothing to do.
        """
        if not count:
            return []
        taken = {container.address for container in self._engine.containers()} | self._reserved
        if self.exists():
            with engine_errors(f"look at the network {self.network.name}"):
                row = self._engine.client.inspect_network(self.network.name)
            taken.update(_endpoints(row))
            for pool in (row.get("IPAM") or {}).get("Config") or []:
                taken.add(str(pool.get("Gateway") or ""))
        return free_addresses(self.network, taken, count)


def _endpoints(row: Mapping[str, Any]) -> dict[str, str]:
    """The names of the containers that have an address in an inspected network, by address."""
    return {
        str(endpoint.get("IPv4Address") or "").partition("/")[0]: str(endpoint.get("Name"))
        for endpoint in (row.get("Containers") or {}).values()
    }
