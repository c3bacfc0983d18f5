# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What does not go together: in one definition, and between the services of the same hosts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from .log_options import check_log_options
from .model import Build, Definition, Route
from .problems import Place, shown
from .shapes import LONGEST_ARGUMENT, size
from .units import format_duration


def check_definition(place: Place, definition: Definition) -> None:
    """Record at ``place`` what keys of one definition contradict each other.

    Keys in which something was refused already take no part, so that nothing is reported twice.
    """
    if place.sound("port", "protocol", "routes"):
        _check_routes(place, definition)
    if place.sound("health", "port", "protocol"):
        _check_probe(place.at("health"), definition)
    if place.sound("health"):
        _check_times(place.at("health"), definition)
    if place.sound("volumes", "tmpfs"):
        _check_mounts(place, definition)
    if place.sound("secrets"):
        _check_secret_environment(place.at("secret_environment"), definition)
    if place.sound("logging"):
        log = definition.logging
        check_log_options(place.at("logging").at("options"), log.driver, log.options)
    _check_names(place, definition)


def _check_routes(place: Place, definition: Definition) -> None:
    if definition.port is None:
        if definition.routes:
            place.at("routes").note("need port: what a replica listens on")
        if definition.protocol == "tcp":
            place.at("protocol").note("needs port: what a replica listens on")
    seen: dict[tuple[object, ...], int] = {}
    for index, route in enumerate(definition.routes):
        spot = place.at("routes").item(index)
        if definition.protocol == "tcp":
            if route.published is None:
                spot.note("must have published, the proxy's port, with protocol: tcp")
            elif route != Route(published=route.published):
                spot.note("must have published only: protocol: tcp knows no host and path")
        elif route.published is not None:
            spot.note("must not have published with protocol: http", None, "use host and path")
        first = seen.setdefault((route.host, route.path, route.published), index)
        if first != index:
            spot.note(f"is the same as routes[{first}]")


def _check_probe(place: Place, definition: Definition) -> None:
    health = definition.health
    if health.path is None:
        return
    if health.command is not None:
        place.note("must have path or command, not both")
    if definition.port is None:
        place.at("path").note("needs port: what a replica listens on", None, "or use command")
    if definition.protocol == "tcp":
        place.at("path").note("needs protocol: http", None, "use command, or neither to connect")


def _check_times(place: Place, definition: Definition) -> None:
    health = definition.health
    deadline = format_duration(health.healthy_deadline)
    if health.timeout >= health.healthy_deadline:
        place.at("timeout").note(
            f"must be shorter than healthy_deadline, {deadline}", format_duration(health.timeout)
        )
    needed = health.successes * health.start_interval
    if needed > health.healthy_deadline:
        place.at("healthy_deadline").note(
            f"must be at least successes x start_interval, {format_duration(needed)}", deadline
        )


def _check_mounts(place: Place, definition: Definition) -> None:
    seen: dict[str, str] = {}
    mounts = [("volumes", index, v.target) for index, v in enumerate(definition.volumes)]
    mounts += [("tmpfs", index, t.split(":")[0]) for index, t in enumerate(definition.tmpfs)]
    for key, index, target in mounts:
        spot = f"{key}[{index}]"
        first = seen.setdefault(target, spot)
        if first != spot:
            place.at(key).item(index).note(f"mounts over {target} of {first}")


def _check_secret_environment(place: Place, definition: Definition) -> None:
    for index, name in enumerate(definition.secret_environment):
        value = definition.secrets.get(name)
        spot = place.item(index)
        if name in definition.secret_environment[:index]:
            spot.note("is named twice", shown(name))
        elif value is None:
            spot.note("must be the name of one of secrets", shown(name))
        elif "\0" in value:
            spot.note("must name a secret without a NUL character", shown(name))
        elif size(name) + 1 + size(value) >= LONGEST_ARGUMENT:
            must = f"must name a secret that is shorter than {LONGEST_ARGUMENT} bytes with its name"
            spot.note(must, shown(name), "read it from its file")


def _check_names(place: Place, definition: Definition) -> None:
    for name in definition.secrets:
        if name in definition.environment:
            place.at("secrets").at(name).note("must not be a name in environment as well")
    if place.sound("cap_add", "cap_drop"):
        for name in sorted(set(definition.cap_add) & set(definition.cap_drop)):
            place.at("cap_add").note("must not name what cap_drop names", name)
    if definition.init and definition.resources.pids == 1 and place.sound("init", "resources"):
        place.at("resources").at("pids").note("must be at least 2 with init: true", "1")


def check_services(
    place: Place,
    definitions: Mapping[str, Definition],
    placement: Mapping[str, frozenset[str]],
    proxy: str | None,
    http_port: int | None,
) -> None:
    """Record at ``place`` what services on the same host take from each other.

    :param definitions: the services by name; their own contradictions are known already.
    :param placement: the hosts of each service.
    :param proxy: the kind of proxy, ``haproxy`` or ``nginx``, None when it is not known.
    :param http_port: the port of all services with ``protocol: http``, None when it is not known.
    """
    _check_shared_images(place, definitions)
    claims: dict[tuple[object, ...], list[str]] = {}
    for name, definition in definitions.items():
        spot = place.at(name)
        if not spot.sound("routes", "protocol"):
            continue
        if definition.protocol == "tcp" and definition.routes and proxy == "nginx":
            spot.at("protocol").note("must be http with the proxy nginx", '"tcp"', "or use haproxy")
        for index, route in enumerate(definition.routes):
            claim = (route.published,) if route.published else (route.host, route.path)
            _check_claim(
                spot.at("routes").item(index), name, claims.setdefault(claim, []), placement
            )
            if route.published is not None and route.published == http_port:
                spot.at("routes").item(index).at("published").note(
                    "must not be the port of the services with protocol: http", str(http_port)
                )


def _content(build: Build) -> Build:
    """A build without what changes nothing in its image."""
    return replace(build, tags=(), cache_from=(), cache_to=())


def _check_shared_images(place: Place, definitions: Mapping[str, Definition]) -> None:
    """Record where services have one repository and do not build the same: a revision has one tag
    in it, so that whichever was built first would be taken for both.
    """
    first: dict[str, str] = {}
    for name, definition in definitions.items():
        spot = place.at(name)
        if definition.build is None or not spot.sound("image", "build", "cron"):
            continue
        other = definitions[first.setdefault(definition.image, name)]
        if other.build is not None and _content(definition.build) != _content(other.build):
            spot.at("build").note(
                f"must be the same as that of the service {other.name}, which has the same image",
                None,
                "give what is built otherwise an image, that is a repository, of its own",
            )
    files: dict[str, tuple[str, str]] = {}
    for name, definition in definitions.items():
        spot = place.at(name)
        if definition.build is None or definition.cron is None or not spot.sound("image", "cron"):
            continue
        if definition.cron.file is None:
            continue
        owner, file = files.setdefault(definition.image, (name, definition.cron.file))
        if definition.cron.file != file:
            spot.at("cron").note(
                f"must name the same file as that of the service {owner}, which has the same image",
                None,
                "an image carries one crontab: give this service an image of its own, or cron.text",
            )


def _check_claim(
    spot: Place, name: str, others: list[str], placement: Mapping[str, frozenset[str]]
) -> None:
    """Record when one of the ``others``, who claim the same route, shares a host with ``name``."""
    for other in others:
        shared = placement[name] & placement[other]
        if other != name and shared:
            spot.note(f"is taken by the service {other} on the same hosts", _some(sorted(shared)))
            break
    others.append(name)


def _some(hosts: Sequence[str]) -> str:
    """At most three hosts by name: the first one is enough to find the mistake."""
    return ", ".join(hosts[:3]) + (", ..." if len(hosts) > 3 else "")
