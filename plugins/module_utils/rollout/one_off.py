# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A one-off command in a service's image, with its environment, secrets, volumes and limits.

It takes no lock of the service and touches no replica: a rollout may go on beside it.
"""

from __future__ import annotations

import secrets as randomness
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from ..arguments import DEFINITION_ARGUMENTS
from ..definition import names
from ..definition.model import Definition, Task
from ..definition.problems import DefinitionError, Place, Problem
from ..definition.schema import SHORTEST_RUN
from ..definition.shapes import apply, command
from ..definition.stored import from_mapping
from ..definition.units import Duration
from ..engine.containers import LABEL_REVISION, Engine, Spec
from ..engine.images import find_image
from ..engine.networks import Network
from ..engine.one_off import (
    LABEL_RUN,
    LABEL_TITLE,
    Ended,
    Written,
    attend,
    time_labels,
)
from ..engine.users import user_ids
from ..errors import HundredError, RolloutError, StateError
from ..state.history import make_entry
from .choice import choose_release
from .goal import served
from .host import ServiceHost
from .options import make_wanted
from .present import named, pull
from .unattended import await_former, run_secrets
from .watched import LOG_LINES

# What has no title is told apart by its container's name only.
UNTITLED = "command"

# Why a command has failed whose attendant was ended by a signal.
ENDED = "was ended from outside"


@dataclass(frozen=True)
class Image:
    """What a command runs in.

    :param definition: that of the release, with the values of its secrets.
    """

    definition: Definition
    digest: str
    revision: str

    @property
    def reference(self) -> str:
        """The image by digest."""
        return f"{self.definition.image}@{self.digest}"


def make_task(params: Mapping[str, Any]) -> Task:
    """The command in the options of ``service_run``.

    :raises DefinitionError: a value is refused, with its path.
    """
    problems: list[Problem] = []
    arguments = apply(command, Place("command", problems), params["command"])
    timeout = apply(Duration(SHORTEST_RUN), Place("timeout", problems), params["timeout"])
    title = params["title"]
    if title is not None:
        apply(names.task, Place("title", problems), title)
    if problems:
        raise DefinitionError(problems)
    return Task(title or UNTITLED, arguments, timeout)


def make_image(host: ServiceHost, params: Mapping[str, Any], check: bool) -> Image:
    """The image in the options of ``service_run``, for a release that this host need not know.

    :param check: only a plan is wanted, so the image need not be built yet.
    :raises HundredError: the definition, the digest or the revision is refused, or the image, which
        is pulled where only its digest is given, is not to be had.
    """
    keys = dict.fromkeys(DEFINITION_ARGUMENTS)
    options = {**params, **keys, "secrets": params["secrets"], "proxy": None}
    wanted = make_wanted(options, check)
    wanted, _pulled = named(host, wanted, check)
    return Image(wanted.definition, wanted.digest, wanted.revision)


def remembered(host: ServiceHost, revision: str | None, generation: int | None = None) -> Image:
    """The release that serves on this host, or an earlier one that is kept here. From now on
    ``host`` means the network of that release: its command talks to what the replicas talk to.

    :param revision: the beginning of its revision; None: that of the release that serves.
    :param generation: its number, where several are of one revision.
    :raises RolloutError: the host has no such release, or several.
    """
    release = choose_release(served(host), revision, generation)
    if release.network:
        host.use_network(Network(**release.network))
    values = host.secrets.read(release.release)
    definition = from_mapping(release.definition, values)
    missing = sorted(set(definition.secrets) - set(values))
    if missing:
        raise RolloutError(
            f"the secrets of revision {release.revision[:12]} are not on this host any more",
            step="secrets",
            next_step="deploy the revision",
        )
    return Image(definition, release.digest, release.revision)


def run_once(
    host: ServiceHost,
    image: Image,
    task: Task,
    title: str | None,
    written: Written | None = None,
) -> Ended:
    """Run a command to its end, and remember in the history that it was run.

    A command of the same title that is still at work, since nobody attends it any more, is waited
    for until its time is up: two migrations at a time are worse than a late one.

    :param task: ``name`` is for messages only.
    :param written: called with what the command writes, while it runs, and whether that was to its
        standard error.
    :raises HundredError: it did not end with 0 within its time; ``details`` has its output.
    """
    deploy = host.settings.deploy
    with host.untouched(time.monotonic()):
        if deploy is not None:
            # As long as it may take, nothing else is heard of the deploy.
            host.lease_file.extend(deploy.id, time.time() + task.timeout + deploy.lease)
        await_former(host, title)
        with remembered_run(host, image, f"run {task.name}") as facts:
            ended = perform(host, image, task, title, partial(attend, written=written))
            facts["exit_code"] = ended.exit_code
            if ended.exit_code != 0:
                raise failed(task, image, ended)
            return ended


@contextmanager
def remembered_run(host: ServiceHost, image: Image, action: str) -> Iterator[dict[str, Any]]:
    """Remember in the history what is done in here, and how it ended.

    :returns: takes further keys of the entry.
    """
    began = time.monotonic()
    reason: str | None = None
    facts: dict[str, Any] = {}
    try:
        yield facts
    except HundredError as error:
        reason = error.message
        raise
    except (SystemExit, KeyboardInterrupt, OSError):
        reason = ENDED
        raise
    finally:
        seconds = round(time.monotonic() - began, 3)
        with suppress(StateError):
            # A full disk: what the command did is done, and its result is not to be lost.
            entry = make_entry(host.settings.by, action, seconds, reason, revision=image.revision)
            host.history.add({**entry, **facts})


def _create(host: ServiceHost, spec: Spec) -> str:
    """Create the container, with secrets of its own: those of a release may be removed with it
    while a command is at work.
    """
    with run_secrets(host) as secrets:
        if not spec.definition.secrets:
            return host.engine.create(spec)
        path = secrets.write(spec.name, spec.definition.secrets)
        container = host.engine.create(replace(spec, secrets_dir=path))
        secrets.give(spec.name, *user_ids(host.engine, container))
        return container


def perform(
    host: ServiceHost,
    image: Image,
    task: Task,
    title: str | None,
    attending: Callable[[Engine, str, float, float], Ended] = attend,
    interactive: bool = False,
) -> Ended:
    """Run a command to its end.

    :param attending: starts the container and waits for its end: engine, container, the time limit
        and the seconds from SIGTERM to SIGKILL after it.
    :param interactive: with a terminal and an input.
    :raises HundredError: it could not be run.
    """
    host.networks.ensure()
    if find_image(host.engine.client, image.reference) is None:
        pull(host, image.definition.image, image.digest)
    name = f"{host.service}-run-{randomness.token_hex(4)}"
    definition = replace(image.definition, command=task.command)
    grace = definition.stop_grace_period
    labels = {
        LABEL_RUN: host.service,
        LABEL_TITLE: title or "",
        LABEL_REVISION: image.revision,
        **time_labels(task.timeout + grace),
    }
    spec = Spec(
        name=name,
        image=image.reference,
        network=host.networks.network.name,
        address=None,
        labels=labels,
        definition=definition,
        secrets_dir=None,
        one_off=True,
        interactive=interactive,
        log_labels=(LABEL_RUN, LABEL_TITLE, LABEL_REVISION),
    )
    try:
        return attending(host.engine, _create(host, spec), task.timeout, grace)
    except HundredError as error:
        error.step = error.step or "run"
        raise
    finally:
        # What cannot be removed now, since the engine is away, goes with the next command.
        with suppress(HundredError), run_secrets(host):
            pass


def failed(task: Task, image: Image, ended: Ended) -> RolloutError:
    """The error of a command that did not end with 0 within its time."""
    how = (
        f"did not end within {task.timeout:g} s, and was stopped"
        if ended.exit_code is None
        else f"ended with exit code {ended.exit_code}"
    )
    return RolloutError(
        f"{task.name} (revision {image.revision[:12]}) {how}",
        step="run",
        next_step="mend the cause, and see what the command has done before it is run again",
        details={
            "exit_code": ended.exit_code,
            "logs": list(ended.output[-LOG_LINES:]),
            "output": list(ended.output),
        },
    )
