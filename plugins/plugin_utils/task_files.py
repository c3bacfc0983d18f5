# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files with a user's own tasks, read by Ansible's own parser before anything depends on them.

A file that cannot be read when it is included ends the whole run, past every rescue. A task that
loses its host where that is ignored, as in the plays of a deploy, is known by its result only.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from inspect import signature
from typing import Any

from ansible import constants
from ansible.errors import AnsibleError
from ansible.playbook.block import Block
from ansible.playbook.helpers import load_list_of_blocks
from ansible.playbook.task_include import TaskInclude

try:
    # Where a value was read; before 2.19 errors say it themselves.
    from ansible._internal._datatag._tags import Origin
except ImportError:
    Origin = None

# Hosts that are never out of reach.
HERE = ("localhost", "127.0.0.1", "::1")


class TaskFileError(Exception):
    """A file that cannot be included; the text says why, and where in it."""


@dataclass(frozen=True)
class TaskFile:
    """What a deploy has to know of a file with tasks.

    :param registered: the variables in which tasks leave their results.
    :param unwatched: the names of tasks that another host performs, and that leave no result.
    """

    registered: tuple[str, ...]
    unwatched: tuple[str, ...]


class TaskFiles:
    """Reads files as ``include_tasks`` would in a play; runs nothing of them."""

    def __init__(self, play: Any, variable_manager: Any, loader: Any) -> None:
        """The surroundings of the tasks; the loader knows the passwords of vaults."""
        self._play, self._variables, self._loader = play, variable_manager, loader

    @classmethod
    def of(cls, task: Any, loader: Any) -> TaskFiles:
        """Those of the play of a task that runs."""
        parent = task._parent
        while not isinstance(parent, Block):
            parent = parent._parent
        return cls(parent._play, task.get_variable_manager(), loader)

    def read(self, path: str) -> TaskFile:
        """What is in a file, and in those that it names in ``include_tasks`` without a template.

        :raises TaskFileError: Ansible could not include it.
        """
        tasks = list(self._tasks(path, ()))
        registered = [str(task.register) for task in tasks if task.register]
        unwatched = [
            str(task.get_name())
            for task in tasks
            if task.delegate_to not in (None, *HERE) and not task.register and not _decided(task)
        ]
        return TaskFile(tuple(dict.fromkeys(registered)), tuple(dict.fromkeys(unwatched)))

    def _tasks(self, path: str, above: Sequence[str]) -> Iterator[Any]:
        try:
            data = self._load(path)
            if data is None:
                return  # an empty file
            if not isinstance(data, list):
                raise TaskFileError(f"{path} must hold a list of tasks")
            around = {"variable_manager": self._variables, "loader": self._loader}
            include = TaskInclude.load(
                {"include_tasks": path}, block=Block(play=self._play), **around
            )
            blocks = load_list_of_blocks(data, play=self._play, parent_block=include, **around)
        except AnsibleError as error:
            raise TaskFileError(_told(error, path)) from error
        for task in _leaves(blocks):
            yield task
            inner = _included(task, path)
            if inner is not None and inner not in (path, *above):
                yield from self._tasks(inner, (*above, path))

    def _load(self, path: str) -> Any:
        load = self._loader.load_from_file
        # Before 2.19 whatever was read from a file was a template.
        trusted = "trusted_as_template" in signature(load).parameters
        return load(path, trusted_as_template=True) if trusted else load(path)


def _leaves(items: Sequence[Any]) -> Iterator[Any]:
    """The tasks of blocks, whatever part of them they are in."""
    for item in items:
        if isinstance(item, Block):
            yield from _leaves([*item.block, *item.rescue, *item.always])
        else:
            yield item


def _decided(task: Any) -> bool:
    """Whether the task says itself what a host out of reach means."""
    return isinstance(getattr(task, "_ignore_unreachable", None), (bool, str))


def _included(task: Any, path: str) -> str | None:
    """The file that a task includes, if that can be known before it runs."""
    if task.action not in constants._ACTION_INCLUDE_TASKS:
        return None
    named = task.args.get("_raw_params")
    if not isinstance(named, str) or "{{" in named:
        return None
    inner = os.path.join(os.path.dirname(path), named)
    return inner if os.path.isfile(inner) else None


def _told(error: AnsibleError, path: str) -> str:
    """Where and what, in one line; the lines of the file stay out, it may be a vault."""
    place = path
    mark = getattr(error.__cause__, "problem_mark", None)
    origin = Origin.get_tag(getattr(error, "obj", None)) if Origin is not None else None
    if origin is not None and origin.line_num:
        place = f"{origin.path or path}, line {origin.line_num}"
    elif mark is not None:
        place = f"{path}, line {mark.line + 1}"
    return f"{place}: {' '.join(str(error.message).split())}"
