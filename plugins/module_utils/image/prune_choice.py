# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which images of a repository nobody needs any more. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from ..engine.images import LABEL_IMAGE, LABEL_REVISION, Image, committed_at, familiar


@dataclass(frozen=True)
class Choice:
    """What becomes of one image that was built for the repository.

    :param references: its tags and digests in the repository; none if a build has left it untagged.
    :param reason: why it is kept; empty if it is to be removed.
    """

    image: Image
    references: tuple[str, ...]
    reason: str

    @property
    def revision(self) -> str:
        """The commit that it was built from."""
        return self.image.labels[LABEL_REVISION]


def choose(
    images: Sequence[Image],
    name: str,
    keep: int,
    in_use: Mapping[str, str],
    remembered: Mapping[str, str],
) -> list[Choice]:
    """Decide on each image that image_build made for a repository, the newest first.

    Images that it did not make are not among them, nor those that only other repositories name.

    :param images: all that the engine has.
    :param keep: how many revisions to keep, the newest by the time of their commit.
    :param in_use: ids of images that have containers, and the name of one.
    :param remembered: digests that a service may return to, and the service's name.
    """
    ours = [image for image in images if _built_for(image, name)]
    referenced = [image for image in ours if references_of(image, name)]
    newest = _newest(referenced, keep)
    choices = [
        Choice(image, references_of(image, name), _reason(image, newest, in_use, remembered))
        for image in referenced
    ]
    choices += [
        Choice(image, (), _reason(image, (), in_use, remembered))
        for image in _left_untagged(ours, images)
    ]
    choices = _keep_what_others_are_built_on(choices, images)
    return sorted(choices, key=lambda choice: (*_age(choice.image), choice.image.id), reverse=True)


def references_of(image: Image, name: str) -> tuple[str, ...]:
    """The image's tags and digests in a repository, its digests first."""
    known = familiar(name)
    digests = [item for item in image.digests if item.rpartition("@")[0] == known]
    tags = [item for item in image.tags if item.rpartition(":")[0] == known]
    # With the last tag of a repository the engine removes its digests as well.
    return (*sorted(digests), *sorted(tags))


def _built_for(image: Image, name: str) -> bool:
    """Whether it has the labels that image_build gives to what it builds for that repository."""
    labels = image.labels
    return labels.get(LABEL_IMAGE) == name and bool(labels.get(LABEL_REVISION)) and _dated(image)


def _dated(image: Image) -> bool:
    try:
        _age(image)
    except ValueError:
        return False
    return True


def _age(image: Image) -> tuple[datetime, str]:
    """What orders images: the time of their commit, then the commit.

    :raises ValueError: the label has no time.
    """
    moment = committed_at(image.labels)
    if moment is None:
        raise ValueError("no commit time")
    return moment, image.labels[LABEL_REVISION]


def _newest(images: Sequence[Image], keep: int) -> Collection[str]:
    """The newest revisions."""
    ordered = [age[1] for age in sorted(map(_age, images), reverse=True)]
    return list(dict.fromkeys(ordered))[:keep]


def _reason(
    image: Image,
    newest: Collection[str],
    in_use: Mapping[str, str],
    remembered: Mapping[str, str],
) -> str:
    """Why an image is kept, what holds it most firmly first; nothing if nobody needs it."""
    if image.id in in_use:
        return f"the container {in_use[image.id]} uses it"
    for digest in image.digests:
        service = remembered.get(digest.rpartition("@")[2])
        if service is not None:
            return f"the service {service} may need it"
    return "among the newest" if image.labels[LABEL_REVISION] in newest else ""


def _left_untagged(ours: Sequence[Image], images: Sequence[Image]) -> list[Image]:
    """What builds ended with and did not tag.

    The classic builder makes an image of each step: those are not among them, as the engine removes
    them with the last one.
    """
    known = {image.id: image for image in images}
    steps = {image.parent for image in images}
    ends = [item for item in ours if not (item.tags or item.digests or item.id in steps)]
    return [image for image in ends if not _inherits(image, known)]


def _inherits(image: Image, known: Mapping[str, Image]) -> bool:
    """Whether it has its labels from a finished image below it: somebody's own build on ours."""
    below = known.get(image.parent)
    while below is not None and below.labels.get(LABEL_REVISION) == image.labels[LABEL_REVISION]:
        if below.tags or below.digests:
            return True
        below = known.get(below.parent)
    return False


def _keep_what_others_are_built_on(
    choices: Sequence[Choice], images: Sequence[Image]
) -> list[Choice]:
    """The engine cannot remove what an image that stays was built on."""
    decided = list(choices)
    while True:
        leaving = {choice.image.id for choice in decided if not choice.reason}
        needed = {image.parent for image in images if image.id not in leaving}
        if not leaving & needed:
            return decided
        decided = [
            replace(choice, reason="another image is built on it")
            if choice.image.id in leaving & needed
            else choice
            for choice in decided
        ]
