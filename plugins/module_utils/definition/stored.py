# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A definition as plain data: to hand it to a module, and to keep a committed one as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import StateError
from .model import (
    Build,
    Cron,
    Definition,
    Health,
    Logging,
    Resources,
    Route,
    Task,
    Tasks,
    Update,
    Volume,
)
from .paths import volume_parts

_SECTIONS: Mapping[str, Any] = {
    "resources": Resources,
    "health": Health,
    "update": Update,
    "logging": Logging,
    "build": Build,
    "cron": Cron,
}
# The keys of definitions and sections whose lists are tuples in the model.
_TUPLES = (
    "command",
    "entrypoint",
    "tmpfs",
    "cap_drop",
    "cap_add",
    "dns",
    "dns_search",
    "dns_options",
    "secret_environment",
    "tags",
    "cache_from",
    "cache_to",
)


def to_mapping(definition: Definition, secrets: bool = False) -> dict[str, Any]:
    """The definition as plain data that JSON can carry; keys without a value are left out.

    :param secrets: whether ``secrets`` maps names to values; otherwise it is a list of names, and
        the values of build secrets are left out too.
    """
    mapping = _plain(definition)
    mapping["routes"] = [_plain(route) for route in definition.routes]
    mapping["volumes"] = [volume_text(volume) for volume in definition.volumes]
    for key in _SECTIONS:
        part = getattr(definition, key)
        if part is not None:
            mapping[key] = _plain(part)
    if definition.tasks is not None:
        mapping["tasks"] = {
            moment: [_plain(task) for task in listed]
            for moment, listed in vars(definition.tasks).items()
        }
    if not secrets:
        mapping["secrets"] = sorted(definition.secrets)
        if definition.build is not None:
            mapping["build"]["secrets"] = sorted(definition.build.secrets)
    return mapping


def from_mapping(mapping: Any, secrets: Mapping[str, str] | None = None) -> Definition:
    """The definition that ``to_mapping`` made ``mapping`` of.

    A committed definition must stay readable: nothing is validated again, and keys that this
    version does not know are ignored.

    :param secrets: the values of its secrets, where they are known; a secret whose value is not
        known has an empty one.
    :raises StateError: it is not what ``to_mapping`` makes.
    """
    if not isinstance(mapping, Mapping) or "name" not in mapping or "image" not in mapping:
        raise StateError("a stored definition is damaged: it has no name or no image")
    try:
        keys = _known(Definition, mapping)
        keys["routes"] = tuple(Route(**_known(Route, route)) for route in mapping.get("routes", ()))
        keys["volumes"] = tuple(_volume(text) for text in mapping.get("volumes", ()))
        for key, make in _SECTIONS.items():
            if mapping.get(key) is not None:
                keys[key] = make(**_section(make, mapping[key]))
        if mapping.get("tasks") is not None:
            keys["tasks"] = Tasks(
                **{
                    moment: tuple(Task(**_known(Task, item)) for item in listed)
                    for moment, listed in _known(Tasks, mapping["tasks"]).items()
                }
            )
        keys["secrets"] = _with_values(mapping.get("secrets", ()), secrets)
        return Definition(**keys)
    except (TypeError, ValueError, AttributeError) as error:
        raise StateError(
            "the stored definition of {} is damaged: {}".format(mapping["name"], error)
        ) from error


def volume_text(volume: Volume) -> str:
    """A volume as it is written in a definition."""
    return "{}:{}{}".format(volume.source, volume.target, ":ro" if volume.read_only else "")


def _volume(text: str) -> Volume:
    source, target, mode = volume_parts(text)
    return Volume(source=source, target=target, read_only=mode == "ro")


def _plain(part: Any) -> dict[str, Any]:
    """The fields of a model's object that have a value; nested objects are the caller's."""
    return {
        key: _list(value)
        if isinstance(value, tuple)
        else dict(value)
        if isinstance(value, Mapping)
        else value
        for key, value in vars(part).items()
        if value is not None
    }


def _list(values: Any) -> list[Any]:
    return [_list(value) if isinstance(value, tuple) else value for value in values]


def _known(make: Any, mapping: Mapping[str, Any]) -> dict[str, Any]:
    """The keys that an object of the model has, with tuples where it has tuples."""
    if not isinstance(mapping, Mapping):
        raise TypeError(f"no mapping for {make.__name__}")
    return {
        key: tuple(mapping[key]) if key in _TUPLES and mapping[key] is not None else mapping[key]
        for key in make.__dataclass_fields__
        if key in mapping
    }


def _section(make: Any, mapping: Mapping[str, Any]) -> dict[str, Any]:
    keys = _known(make, mapping)
    if "test" in keys:
        keys["test"] = tuple(tuple(arguments) for arguments in keys["test"])
    if "secrets" in keys:
        keys["secrets"] = _with_values(keys["secrets"], None)
    return keys


def _with_values(names: Any, values: Mapping[str, str] | None) -> dict[str, str]:
    if isinstance(names, Mapping):
        return dict(names)
    return {str(name): (values or {}).get(name, "") for name in names}
