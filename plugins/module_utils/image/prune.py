# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Removing the images of a repository that nobody on this engine needs any more.

What is removed was built by image_build, which its labels tell. The pure choice is in
``prune_choice.py``.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Callable

from ..engine.client import connect
from ..engine.images import (
    Image,
    bytes_of_layers,
    find_image,
    images_in_use,
    list_images,
    remove_reference,
)
from ..errors import ConflictError, HundredError, NotFoundError, StateError
from ..state.journal import read_journals
from ..state.pulled import PulledImages
from .prune_choice import Choice, choose
from .reference import check_repository

if TYPE_CHECKING:
    from docker import APIClient

# Seconds to wait for the engine's account of its disk: it measures volumes, too, of any size.
_PATIENCE = 20


@dataclass(frozen=True)
class PruneRequest:
    """One repository to prune; the options of the module image_prune.

    :param name: the repository, as its images were built.
    :param keep: how many revisions to keep.
    :param state_dir: where services of this host remember their releases.
    """

    name: str
    keep: int
    state_dir: str
    docker_host: str | None = None

    def __post_init__(self) -> None:
        check_repository(self.name)
        if self.keep < 0:
            raise HundredError(
                f"keep is {self.keep}: it must be 0 or more",
                next_step="with 0, only what containers use and services may need is kept",
            )


def prune(request: PruneRequest, check_mode: bool, report: Callable[[str], None]) -> dict[str, Any]:
    """Remove the images that were built for a repository, but for the newest and the needed ones.

    :param check_mode: say what would be removed.
    :param report: told what the engine refused to remove.
    :returns: the result of the module image_prune.
    :raises StateError: what the services of this host need cannot be read; nothing is removed.
    :raises EngineError: the engine does not answer.
    """
    begun = time.monotonic()
    client = connect(request.docker_host)
    # In this order: a rollout writes down what it is about to pull, and then pulls it.
    images = list_images(client)
    in_use = images_in_use(client)
    remembered = remembered_digests(request.state_dir)
    choices = choose(images, request.name, request.keep, in_use, remembered)
    unneeded = [choice for choice in choices if not choice.reason]
    freed: int | None = 0
    actions: list[str] = []
    if check_mode:
        actions = [action for choice in unneeded for action in _actions(choice)]
        freed = None
    elif unneeded:
        before = bytes_of_layers(client, _PATIENCE)
        for choice in unneeded:
            done, refusal = _remove(client, choice)
            actions += done
            if refusal:
                report(refusal)
                index = choices.index(choice)
                choices[index] = replace(choice, reason="the engine refused to remove it")
        _remove_steps(client, images, choices)
        after = bytes_of_layers(client, _PATIENCE) if before is not None else None
        freed = before - after if before is not None and after is not None else None
    return {
        "changed": bool(actions),
        "actions": actions,
        "name": request.name,
        "removed": [_described(choice) for choice in choices if not choice.reason],
        "kept": [
            {**_described(choice), "reason": choice.reason} for choice in choices if choice.reason
        ],
        "freed": freed,
        "seconds": round(time.monotonic() - begun, 1),
    }


def remembered_digests(state_dir: str) -> dict[str, str]:
    """The digests that services of this host run, may return to, or have had pulled.

    :returns: by digest, the name of a service.
    :raises StateError: the state of one of them cannot be read.
    """
    found: dict[str, str] = {}
    try:
        for journal in read_journals(state_dir):
            place = os.path.join(state_dir, "services", journal.service)
            pulled = PulledImages(os.path.join(place, "pulled.json")).read()
            references = [*pulled, *(release.reference for release in journal.releases())]
            found.update((item.rpartition("@")[2], journal.service) for item in references)
    except StateError as error:
        raise _unreadable(error.message, error.next_step) from error
    return found


def _unreadable(reason: str, next_step: str | None = None) -> StateError:
    return StateError(
        f"no image was removed, since a service may need it: {reason}",
        step="observe",
        next_step=next_step or "work as root on hosts of services (become: true)",
    )


def _actions(choice: Choice) -> list[str]:
    if not choice.references:
        return [f"remove the untagged image {choice.image.id} of {choice.revision}"]
    return [f"remove {reference}" for reference in choice.references]


def _remove(client: APIClient, choice: Choice) -> tuple[Sequence[str], str]:
    """Remove one image, or its names in the repository if others name it, too.

    :returns: what was done, and what the engine said when it refused.
    """
    done: list[str] = []
    for reference, action in zip(choice.references or (choice.image.id,), _actions(choice)):
        # A tag may have moved meanwhile, and a build may have tagged what had none.
        found = find_image(client, reference)
        if found is None and done:
            done.append(action)  # containerd's store removes all names of a digest with it
            continue
        if found is None or found.id != choice.image.id:
            continue
        if not choice.references and (found.tags or found.digests):
            continue
        try:
            remove_reference(client, reference)
        except NotFoundError:
            continue
        except ConflictError as error:
            return done, error.message
        done.append(action)
    return done, ""


def _remove_steps(client: APIClient, images: Sequence[Image], choices: Sequence[Choice]) -> None:
    """Remove what the classic builder made for each step of an image that is gone. Docker's own
    store removes it with the image, containerd's does not.
    """
    left = {image.id: image for image in images}
    for choice in choices:
        gone = choice.image
        if choice.reason or find_image(client, gone.id):
            continue
        left.pop(gone.id, None)
        while (step := left.get(gone.parent)) and not (step.tags or step.digests):
            if any(image.parent == step.id for image in left.values()):
                break
            with suppress(NotFoundError, ConflictError):
                remove_reference(client, step.id)
            gone = left.pop(step.id)


def _described(choice: Choice) -> dict[str, Any]:
    return {
        "image_id": choice.image.id,
        "revision": choice.revision,
        "references": list(choice.references),
    }
