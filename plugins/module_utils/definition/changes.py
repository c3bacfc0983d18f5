# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which keys differ between two definitions, in words, and never the value of a secret."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Callable

from .model import Definition, Route
from .stored import volume_text
from .units import format_duration, format_size

_Format = Callable[[Any], str]


def route_text(route: Route) -> str:
    """A route as a person says it: ``shop.example.com/api``, ``*/``, ``port 5432``."""
    if route.published is not None:
        return f"port {route.published}"
    return "{}{}".format(route.host or "*", route.path)


# Keys whose values may be shown, in the order of the design's example.
_SHOWN: Mapping[str, _Format] = {
    "image": str,
    "replicas": str,
    "user": str,
    "working_dir": str,
    "init": lambda value: str(value).lower(),
    "read_only": lambda value: str(value).lower(),
    "no_new_privileges": lambda value: str(value).lower(),
    "stop_signal": str,
    "port": str,
    "protocol": str,
    "drain_timeout": format_duration,
    "stop_grace_period": format_duration,
    "retain": str,
}
_SECTIONS: Mapping[str, Mapping[str, _Format]] = {
    "resources": {"cpus": "{:g}".format, "memory": format_size, "pids": str},
    "health": {
        "path": str,
        "interval": format_duration,
        "start_interval": format_duration,
        "timeout": format_duration,
        "successes": str,
        "failures": str,
        "healthy_deadline": format_duration,
    },
    "update": {
        "order": str,
        "parallelism": str,
        "delay": format_duration,
        "monitor": format_duration,
        "failure_action": str,
    },
    "logging": {"driver": str},
}
_LISTS: Mapping[str, _Format] = {
    "routes": route_text,
    "volumes": volume_text,
    "tmpfs": str,
    "cap_drop": str,
    "cap_add": str,
    "dns": str,
    "dns_search": str,
    "dns_options": str,
    "secret_environment": str,
}


def spec_changes(old: Definition, new: Definition) -> list[str]:
    """One line for each key that differs: ``resources.memory: 512M -> 1G``.

    Values of environment, secrets, commands and log options are not shown, since passwords are
    found in each of them. A secret whose value is not known (it is empty) counts as unchanged.
    ``hosts`` and ``build`` mean nothing to a host that runs the service, and are left out.
    """
    lines = _shown("", _SHOWN, old, new)
    for key in ("command", "entrypoint"):
        lines += _hidden(key, getattr(old, key), getattr(new, key))
    lines += _names("environment", old.environment, new.environment)
    lines += _names("secrets", old.secrets, new.secrets)
    lines += _names("ulimits", old.ulimits, new.ulimits)
    lines += _names("extra_hosts", old.extra_hosts, new.extra_hosts)
    for section, formats in _SECTIONS.items():
        lines += _shown(section + ".", formats, getattr(old, section), getattr(new, section))
    lines += _hidden("health.command", old.health.command, new.health.command)
    lines += _names("logging.options", old.logging.options, new.logging.options)
    for key, form in _LISTS.items():
        lines += _members(key, form, getattr(old, key), getattr(new, key))
    return lines


def _shown(prefix: str, formats: Mapping[str, _Format], old: Any, new: Any) -> list[str]:
    lines = []
    for key, form in formats.items():
        before, after = getattr(old, key), getattr(new, key)
        if before != after:
            texts = ["none" if value is None else form(value) for value in (before, after)]
            lines.append("{}{}: {} -> {}".format(prefix, key, *texts))
    return lines


def _hidden(key: str, before: Any, after: Any) -> list[str]:
    if before == after:
        return []
    verb = "is new" if before is None else "is removed" if after is None else "changes"
    return [f"{key}: {verb}"]


def _names(key: str, before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    words = []
    for name in sorted({**before, **after}):
        if name not in before:
            words.append(f"{name} is new")
        elif name not in after:
            words.append(f"{name} is removed")
        elif before[name] != after[name] and (key != "secrets" or (before[name] and after[name])):
            words.append(f"{name} changes")
    return ["{}: {}".format(key, ", ".join(words))] if words else []


def _members(key: str, form: _Format, before: Any, after: Any) -> list[str]:
    old, new = [form(item) for item in before], [form(item) for item in after]
    words = [f"{text} is new" for text in new if text not in old]
    words += [f"{text} is removed" for text in old if text not in new]
    return ["{}: {}".format(key, ", ".join(words))] if words else []
