# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which hosts of the inventory a definition's ``hosts`` stands for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase

from .problems import nearest


class UnknownHostsError(Exception):
    """``hosts`` stands for no host; ``must`` and ``advice`` are for a problem's message."""

    def __init__(self, must: str, advice: str | None = None) -> None:
        super().__init__(must)
        self.must = must
        self.advice = advice


def hosts_of(pattern: str, groups: Mapping[str, Sequence[str]]) -> list[str]:
    """The hosts of a group or of a pattern of Ansible's, in the inventory's order.

    Understood are names of groups and hosts, wildcards (``web*``), unions (``web:db``,
    ``web,db``), intersections (``web:&berlin``) and exclusions (``web:!web3``).

    :param groups: the inventory's groups, ``all`` among them, as Ansible's variable has them.
    :raises UnknownHostsError: a name is not in the inventory, or no host is left.
    """
    every = list(groups.get("all", ()))
    parts = [pattern] if pattern in groups or pattern in every else _split(pattern)
    wanted: set[str] = set()
    required: list[set[str]] = []
    excluded: set[str] = set()
    for part in parts:
        if part.startswith("&"):
            required.append(_named(part[1:], groups, every))
        elif part.startswith("!"):
            excluded |= _named(part[1:], groups, every)
        else:
            wanted |= _named(part, groups, every)
    if parts and all(part[0] in "&!" for part in parts):
        wanted = set(every)
    chosen = wanted.intersection(*required) - excluded
    if not chosen:
        raise UnknownHostsError("must stand for at least one host of the inventory")
    known = [*every, *(host for hosts in groups.values() for host in hosts)]
    return [host for host in dict.fromkeys(known) if host in chosen]


def _split(pattern: str) -> list[str]:
    parts = pattern.split("," if "," in pattern else ":")
    return [part.strip() for part in parts if part.strip()]


def _named(name: str, groups: Mapping[str, Sequence[str]], every: Sequence[str]) -> set[str]:
    """The hosts of one name or wildcard."""
    if name in groups:
        return set(groups[name])
    if name in every:
        return {name}
    if name.startswith("~") or "[" in name:
        raise UnknownHostsError("must not have a regular expression or brackets")
    matching = [group for group in groups if fnmatchcase(group, name)]
    chosen = {host for group in matching for host in groups[group]}
    chosen |= {host for host in every if fnmatchcase(host, name)}
    if not chosen:
        raise UnknownHostsError(
            "must be a group or a host of the inventory", nearest(name, [*groups, *every])
        )
    return chosen
