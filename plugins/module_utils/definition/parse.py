# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what a user writes to definitions, or to every problem in it at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from . import names
from .combinations import check_definition, check_services
from .model import Definition
from .placement import UnknownHostsError, hosts_of
from .problems import REFUSED, DefinitionError, Place, Problem
from .schema import DEFINITION, SECTIONS, hosts
from .shapes import apply

# The variable that definitions stand in; paths in messages start with it.
VARIABLE = "hundred_services"

# Every key that a definition may have now, for the options of modules.
KEYS: tuple[str, ...] = tuple(key for key in DEFINITION.keys if key != "cron")


def parse_services(
    raw: Any,
    proxy: str | None = None,
    http_port: int | None = None,
    groups: Mapping[str, Sequence[str]] | None = None,
    found: Sequence[Problem] = (),
) -> dict[str, Definition]:
    """The definitions of all services, checked each by itself and against each other.

    :param raw: a mapping of names to definitions as a user writes them.
    :param proxy: the kind of proxy on the hosts, ``haproxy`` or ``nginx``, when it is known.
    :param http_port: the proxy's port of all services with ``protocol: http``, when it is known.
    :param groups: the inventory's groups and their hosts; when they are not known, services with
        the same ``hosts`` share their hosts and others do not.
    :param found: problems that were found when ``raw`` was read.
    :raises DefinitionError: with every problem of every service.
    """
    problems = list(found)
    place = Place(VARIABLE, problems)
    definitions = _read_services(place, raw)
    placement = {
        name: _hosts(place.at(name), definition, groups) for name, definition in definitions.items()
    }
    check_services(place, definitions, placement, proxy, http_port)
    if problems:
        raise DefinitionError(problems)
    return definitions


def parse_placement(
    raw: Mapping[str, Any], groups: Mapping[str, Sequence[str]], found: Sequence[Problem] = ()
) -> dict[str, list[str]]:
    """The hosts of services whose definitions are not read otherwise.

    :param raw: what is written as ``hosts``, by the services' names.
    :param groups: the inventory's groups and their hosts.
    :param found: problems that were found when ``raw`` was read.
    :raises DefinitionError: with every problem of every ``hosts``.
    """
    problems = list(found)
    placement: dict[str, list[str]] = {}
    for name, pattern in raw.items():
        spot = Place(VARIABLE, problems).at(name).at("hosts")
        checked = hosts(spot, pattern)
        if checked is not REFUSED:
            placement[name] = _placed(spot, checked, groups)
    if problems:
        raise DefinitionError(problems)
    return placement


def parse_definition(name: str, raw: Any, path: str | None = None) -> Definition:
    """The definition of one service.

    :param raw: what a user writes below the service's name; ``hosts`` is not required here.
    :param path: the path of ``raw`` in messages; default ``hundred_services.<name>``.
    :raises DefinitionError: with every problem.
    """
    problems: list[Problem] = []
    place = Place(VARIABLE, problems).at(name) if path is None else Place(path, problems)
    names.service(place if place.path else place.at("name"), name)
    definition = _read(place, name, raw)
    if problems:
        raise DefinitionError(problems)
    return definition


def parse_options(name: str, options: Mapping[str, Any]) -> Definition:
    """The definition in a module's options: as ``parse_definition``, where None is a key not given.

    :param options: the options named in ``KEYS``; others are refused as unknown keys.
    :raises DefinitionError: with every problem; the paths are those of options.
    """
    given = _without_none(options)
    for key in SECTIONS:
        if isinstance(given.get(key), Mapping):
            given[key] = _without_none(given[key])
    if isinstance(given.get("routes"), (list, tuple)):
        given["routes"] = [
            _without_none(route) if isinstance(route, Mapping) else route
            for route in given["routes"]
        ]
    return parse_definition(name, given, path="")


def _read_services(place: Place, raw: Any) -> dict[str, Definition]:
    if place.leftover(raw):
        return {}
    if not isinstance(raw, Mapping):
        place.hidden().refuse("must be a mapping of the services' names to definitions", raw)
        return {}
    definitions: dict[str, Definition] = {}
    for name, body in raw.items():
        spot = place.at(name)
        checked = names.service(spot, name)
        definition = _read(spot, str(name), body)
        if isinstance(body, Mapping) and "hosts" not in body:
            spot.at("hosts").note("is missing: the inventory group whose hosts run the service")
        if checked is not REFUSED:
            definitions[checked] = definition
    return definitions


def _read(place: Place, name: str, raw: Any) -> Definition:
    """A definition; where something is refused it has the default, and ``place`` the problem."""
    keys = apply(DEFINITION, place, raw)
    if keys is REFUSED:
        keys = {}
    elif "image" not in raw:
        place.at("image").note("is missing: the repository of the service's image")
    definition = Definition(name=name, **{"image": "", **keys})
    check_definition(place, definition)
    return definition


def _hosts(
    place: Place, definition: Definition, groups: Mapping[str, Sequence[str]] | None
) -> frozenset[str]:
    if definition.hosts is None:
        return frozenset()
    if groups is None:
        return frozenset((definition.hosts,))
    return frozenset(_placed(place.at("hosts"), definition.hosts, groups))


def _placed(spot: Place, pattern: str, groups: Mapping[str, Sequence[str]]) -> list[str]:
    try:
        return hosts_of(pattern, groups)
    except UnknownHostsError as error:
        spot.refuse(error.must, pattern, error.advice)
        return []


def _without_none(options: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in options.items() if value is not None}
