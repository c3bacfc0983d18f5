# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a deploy goes over the hosts: what the inventory's variables ask for, checked."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from ..module_utils.definition.problems import REFUSED, Place, Problem, nearest
from ..module_utils.definition.units import LONGEST, parse_duration
from .task_files import TaskFile, TaskFileError

# What is not said: one host alone, a quarter of all, the rest.
DEFAULTS: Mapping[str, Any] = {
    "batches": [1, "25%", "100%"],
    "batch_pause": None,
    "on_failure": "rollback",
    "unreachable": "fail",
    "unreachable_limit": None,
    "lease": "30m",
    "force": False,
}

# The variables that set them, for messages.
VARIABLES: Mapping[str, str] = {
    "batches": "hundred_batches",
    "batch_pause": "hundred_batch_pause",
    "on_failure": "hundred_on_failure",
    "unreachable": "hundred_unreachable",
    "unreachable_limit": "hundred_unreachable_limit",
    "lease": "hundred_deploy_lease",
    "force": "force",
}

_COUNT = re.compile(r"[1-9][0-9]{0,5}")
_SHARE = re.compile(r"(?:[1-9][0-9]?|100)%")
_NUMBER = re.compile(r"[0-9]{1,6}")


def check_policy(
    raw: Mapping[str, Any], problems: list[Problem], terminal: bool = True
) -> dict[str, Any]:
    """The policy in ``raw``, whose missing and empty keys have their defaults, and the seconds
    after which claims are to be renewed.

    :param terminal: whether there is somebody to ask. Ansible's own pause goes on without an answer
        when there is not, which is not what a confirmation is for.
    :param problems: takes what is wrong, by the names of the inventory's variables.
    """
    given = {key: value for key, value in raw.items() if value not in (None, "")}
    for key in given:
        if key not in DEFAULTS:
            advice = nearest(key, list(DEFAULTS))
            Place("deploy", problems).refuse(
                f"must have the keys {', '.join(DEFAULTS)}", key, advice
            )
    policy: dict[str, Any] = dict(DEFAULTS)
    for key, check in CHECKS.items():
        if key in given:
            policy[key] = check(Place(VARIABLES[key], problems), given[key])
    if policy["batch_pause"] == "confirm" and not terminal:
        place = Place(VARIABLES["batch_pause"], problems)
        place.note("confirm needs a terminal, and there is none", None, "give a number of seconds")
    if policy["unreachable"] == "skip" and policy["unreachable_limit"] is None:
        place = Place(VARIABLES["unreachable_limit"], problems)
        place.note("is missing: with hundred_unreachable: skip, how many hosts may be out of reach")
    if policy["unreachable"] == "fail":
        policy["unreachable_limit"] = 0
    if not problems and policy["batch_pause"] not in (None, "confirm"):
        # A pause that was asked for costs no claim. Of the longest ones, which no host would take
        # for a lease, the end may.
        seconds = parse_duration(policy["lease"]) + policy["batch_pause"]
        policy["lease"] = f"{min(seconds, LONGEST):g}s"
    if not problems:
        policy["renew_after"] = parse_duration(policy["lease"]) / 3
    return policy


# The moments of a deploy at which a user's own tasks can run.
HOOKS = ("before_batch", "after_batch", "before_host", "after_host", "on_failure")


def check_hooks(
    raw: Any,
    problems: list[Problem],
    absolute: Callable[[str], str],
    read: Callable[[str], TaskFile],
) -> tuple[dict[str, str], dict[str, list[str]]]:
    """The paths of the task files to run at moments of a deploy, and by the same moments the
    variables in which their tasks leave results.

    :param raw: moments to paths, as ``hundred_hooks`` has them.
    :param problems: takes what is wrong, a file that cannot be included as well.
    :param absolute: makes a path absolute that is relative to the inventory.
    :param read: reads a file with tasks, or raises :class:`TaskFileError`.
    """
    place = Place("hundred_hooks", problems)
    if not isinstance(raw, Mapping):
        place.refuse("must be a mapping of moments to task files", raw)
        return {}, {}
    hooks, results = {}, {}
    for moment, path in raw.items():
        spot = place.at(moment)
        if moment not in HOOKS:
            spot.note("is not a known moment", None, nearest(str(moment), list(HOOKS)))
        elif not isinstance(path, str) or not path:
            spot.refuse("must be the path of a file with tasks", path)
        elif not os.path.isfile(absolute(path)):
            spot.refuse("must be a file; a relative path begins in the inventory's folder", path)
        else:
            hooks[moment] = absolute(path)
            results[moment] = _read_hook(spot, hooks[moment], read, moment != "on_failure")
    return hooks, results


def _read_hook(spot: Place, path: str, read: Callable[[str], TaskFile], watched: bool) -> list[str]:
    """The variables that the tasks of a hook register.

    :param watched: a host that a task loses has to be noticed.
    """
    try:
        found = read(path)
    except TaskFileError as error:
        spot.note(f"cannot be included: {error}")
        return []
    if watched and found.unwatched:
        spot.note(
            f"has tasks for another host that register nothing: {', '.join(found.unwatched)}",
            None,
            "with register: NAME the deploy notices when that host is out of reach",
        )
    return list(found.registered)


def _batches(place: Place, value: Any) -> Any:
    sizes = _written(value) if isinstance(value, str) else value
    sizes = sizes if isinstance(sizes, list) else [sizes]
    sizes = [size.strip() if isinstance(size, str) else size for size in sizes]
    must = 'must be numbers of hosts or shares, such as [1, "25%", "100%"]'
    wrong = [index for index, size in enumerate(sizes) if not _is_batch(size)]
    if len(sizes) < 2:
        return place.refuse(must, value) if wrong or not sizes else sizes
    for index in wrong:
        place.item(index).refuse(must, sizes[index])
    return REFUSED if wrong else sizes


def _is_batch(size: Any) -> bool:
    if isinstance(size, bool) or not isinstance(size, (int, str)):
        return False
    return bool(_COUNT.fullmatch(str(size)) or _SHARE.fullmatch(str(size)))


def _written(text: str) -> Any:
    """A list as the command line's ``-e`` writes one: JSON, or with commas."""
    if text.strip().startswith("["):
        try:
            return json.loads(text)
        except ValueError:
            return text
    return [part.strip() for part in text.split(",")]


def _pause(place: Place, value: Any) -> Any:
    if value == "confirm":
        return value
    if not isinstance(value, bool) and _NUMBER.fullmatch(str(value)):
        return int(value)
    with suppress(ValueError):
        seconds = parse_duration(value)
        if seconds == int(seconds):
            return int(seconds)
    return place.refuse("must be whole seconds, such as 30 or 2m, or confirm", value)


def _limit(place: Place, value: Any) -> Any:
    if not isinstance(value, bool) and _NUMBER.fullmatch(str(value)):
        return int(value)
    return place.refuse("must be a whole number of hosts", value)


def _lease(place: Place, value: Any) -> Any:
    try:
        if parse_duration(value) >= 1:
            return value
    except ValueError:
        pass
    return place.refuse("must be a duration of at least 1s, such as 30m", value)


def flag(place: Place, value: Any) -> Any:
    """A boolean, or how the command line's ``-e`` writes one."""
    words = {"true": True, "yes": True, "on": True, "1": True}
    words.update({"false": False, "no": False, "off": False, "0": False})
    found = words.get(str(value).lower())
    return place.refuse("must be true or false", value) if found is None else found


def one_of(*choices: str) -> Callable[[Place, Any], Any]:
    """A check for one of these words."""

    def check(place: Place, value: Any) -> Any:
        if value in choices:
            return value
        must = "must be " + " or ".join(choices)
        return place.refuse(must, value, nearest(str(value), list(choices)))

    return check


CHECKS: Mapping[str, Callable[[Place, Any], Any]] = {
    "batches": _batches,
    "batch_pause": _pause,
    "on_failure": one_of("rollback", "pause"),
    "unreachable": one_of("fail", "skip"),
    "unreachable_limit": _limit,
    "lease": _lease,
    "force": flag,
}
