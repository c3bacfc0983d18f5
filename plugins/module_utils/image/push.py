# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From an image here to a digest in the registry. A revision's tag never moves by accident."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Callable

from ..engine.client import connect
from ..engine.images import (
    LABEL_REVISION,
    Credentials,
    Image,
    Manifest,
    find_image,
    find_manifest,
    pull_image,
    push_image,
    remove_reference,
    tag_image,
)
from ..errors import ConflictError, HundredError, NotFoundError, RegistryError
from .reference import check_digest, check_repository, check_revision, check_tag, named_host
from .retry import retrying

if TYPE_CHECKING:
    from docker import APIClient


@dataclass(frozen=True)
class PushRequest:
    """One image to push; the options of the module image_push.

    :param name: the repository, with the registry's host.
    :param revision: full SHA: the tag to push, which must not move.
    :param tag: the tag to push if there is no revision; it may move.
    :param digest: what the registry has already, under the revision's tag if there is a revision:
        nothing of this engine is pushed under that tag, and the further tags name this digest.
    :param tags: further tags that the image gets in the registry; they may move.
    :param force: move the revision's tag to this image, whatever it names now.
    :param retries: how often a transient failure of the registry is tried again.
    """

    name: str
    revision: str | None = None
    tag: str | None = None
    digest: str | None = None
    tags: Sequence[str] = ()
    force: bool = False
    retries: int = 5
    credentials: Credentials | None = None
    docker_host: str | None = None

    def __post_init__(self) -> None:
        check_repository(self.name)
        for tag in self.tags:
            check_tag(tag)
        if self.revision is not None:
            check_revision(self.revision)
        if self.tag is not None:
            check_tag(self.tag)
        if self.digest is not None:
            check_digest(self.digest)
            if self.force:
                raise HundredError(
                    "force and digest exclude each other: force moves the revision's tag to the"
                    " image here, and with digest that of the registry counts",
                    next_step="leave out one of them",
                )
        if self.revision is None and self.tag is None and self.digest is None:
            raise HundredError("revision, tag or digest must say what to push")
        named_host(self.name)

    @property
    def first_tag(self) -> str:
        """The revision, or the tag given instead; empty if only the digest says what is meant."""
        return self.revision or self.tag or ""

    @property
    def reference(self) -> str:
        """The image that the further tags get: by its first tag, else by its digest."""
        return f"{self.name}:{self.first_tag}" if self.first_tag else f"{self.name}@{self.digest}"


def push(request: PushRequest, check_mode: bool, report: Callable[[str], None]) -> dict[str, Any]:
    """Push an image, unless the registry has it.

    :param check_mode: say what would be done, having asked the registry.
    :param report: told of failures that are tried again.
    :returns: the result of the module image_push.
    :raises NotFoundError: there is no such image, neither here nor in the registry.
    :raises ConflictError: the revision's tag names another image in the registry.
    :raises RegistryError: the registry refuses or does not answer.
    """
    begun = time.monotonic()
    work = _Push(request, connect(request.docker_host), check_mode, report)
    if request.digest:
        work.take_digest(request.digest)
    else:
        work.push_first_tag()
    work.push_extra_tags()
    return work.result(time.monotonic() - begun)


class _Push:
    """One push, with what is known of it so far."""

    def __init__(
        self,
        request: PushRequest,
        client: APIClient,
        check_mode: bool,
        report: Callable[[str], None],
    ) -> None:
        self.request = request
        self.client = client
        self.check_mode = check_mode
        self.report = report
        self.host = named_host(request.name)
        self.local: Image | None = None
        self.digest: str | None = None
        self.actions: list[str] = []
        self.changed = False

    def take_digest(self, digest: str) -> None:
        """Take what the registry has under the digest, whatever this engine has of the revision."""
        request = self.request
        there = self._look_up(request.reference)
        if there is None:
            raise NotFoundError(
                f"the registry has no {request.reference}",
                step="push",
                next_step="take the digest that image_build or image_push returned; if the image"
                " was removed from the registry, push it again without the option digest",
            )
        if there.digest != digest:
            raise ConflictError(
                f"{request.reference} names {there.digest} in the registry, not {digest}",
                step="push",
                next_step="somebody else may have pushed it meanwhile: build again, which tells the"
                " digest that is there (image_build)",
                details={"digest": there.digest},
            )
        self.digest = digest
        self.local = find_image(self.client, f"{request.name}@{digest}")

    def push_first_tag(self) -> None:
        """Push the revision's tag, or the one given instead, unless the registry has the image."""
        reference = self.request.reference
        there = self._look_up(reference)
        self.local = find_image(self.client, reference)
        if self.local is None:
            self._do_without_image(there)
            return
        self._check_label(self.local)
        if there and self.local.is_known_as(self.request.name, there.digest):
            self.digest = there.digest
        elif there and self.request.revision and not self.request.force:
            self._compare(there)
        else:
            self._push(self.request.first_tag, there)

    def _do_without_image(self, there: Manifest | None) -> None:
        """The image is not here: the registry's serves, or in check mode one that is to come."""
        reference = self.request.reference
        if there and self.request.revision:
            self.digest = there.digest
        elif self.check_mode:  # so is the build before it
            self._note(f"push {reference}, once it is built", there)
        else:
            raise NotFoundError(
                f"there is no image {reference} to push",
                step="push",
                next_step="build it first (image_build), on this host",
            )

    def push_extra_tags(self) -> None:
        """Have the further tags name the image that the first one names."""
        for tag in self.request.tags:
            there = self._look_up(self._reference(tag))
            if there and there.digest == self.digest:
                continue
            if self.local is None and not self.check_mode:
                self.local = self._pull(self.digest or "")
            if self.local and not self.check_mode:
                tag_image(self.client, self.local.id, self.request.name, tag)
            self._push(tag, there)

    def result(self, seconds: float) -> dict[str, Any]:
        """The result of the module."""
        return {
            "changed": self.changed,
            "actions": self.actions,
            "name": self.request.name,
            "reference": self.request.reference,
            "digest": self.digest,
            "image": f"{self.request.name}@{self.digest}" if self.digest else None,
            "image_id": self.local.id if self.local else None,
            "seconds": round(seconds, 1),
        }

    def _push(self, tag: str, there: Manifest | None) -> None:
        reference = self._reference(tag)
        action = f"push {reference}"
        if self.check_mode:
            self._note(action, there)
            return
        digest = retrying(
            lambda: push_image(
                self.client, self.request.name, tag, self.host, self.request.credentials
            ),
            self.request.retries,
            self.report,
        )
        if there is None or there.digest != digest:
            self._note(action, there)
        if tag == self.request.first_tag:
            self.digest = digest
            self._check_pushed(digest)
        elif digest != self.digest:
            self.report(
                f"{reference} has the content of {self.digest}, but names {digest}: the engine"
                " pushes images of other tools with a manifest of its own"
            )

    def _note(self, action: str, there: Manifest | None) -> None:
        was = f", which names {there.digest} there" if there else ""
        self.actions.append(action + was)
        self.changed = True

    def _check_pushed(self, digest: str) -> None:
        there = self._look_up(self.request.reference)
        if there is None or there.digest != digest:
            raise RegistryError(
                f"{self.request.reference} was pushed as {digest}, but the registry"
                f" has {there.digest if there else 'nothing'} under it",
                step="push",
                next_step="somebody else pushed it at the same time: run again",
            )

    def _compare(self, there: Manifest) -> None:
        """The registry has the revision under a digest that this engine does not know it by."""
        reference = self.request.reference
        digested = f"{self.request.name}@{there.digest}"
        # In containerd's store a digest is an image's id, also when its last name has moved.
        known = find_image(self.client, digested) or find_image(self.client, there.digest)
        if self.check_mode and known is None:
            self.digest = there.digest
            self.report(
                f"the registry has {reference} as {there.digest}; whether that is the image here"
                " is seen only by pulling it, which check mode does not: if it is not, the run"
                " will refuse to move the tag"
            )
            return
        other = known or self._pull(there.digest)
        if self.local and other.id == self.local.id:
            self.digest = there.digest
            return
        if known is None:  # otherwise it may be a release of this host
            remove_reference(self.client, digested)
        raise ConflictError(
            f"{reference} names other content in the registry: {there.digest} (image {other.id}),"
            f" not the image here ({self.local.id if self.local else 'none'})",
            step="push",
            next_step="deploy the digest that is there (to give it further tags, set digest to it),"
            " or, if it is wrong, set force to move the revision's tag",
            details={"digest": there.digest},
        )

    def _pull(self, digest: str) -> Image:
        retrying(
            lambda: pull_image(
                self.client, self.request.name, digest, self.host, self.request.credentials
            ),
            self.request.retries,
            self.report,
        )
        image = find_image(self.client, f"{self.request.name}@{digest}")
        if image is None:
            raise NotFoundError(
                f"{self.request.name}@{digest} has vanished after its pull",
                step="push",
                next_step="something removes images on this host (docker image prune): run again",
            )
        return image

    def _look_up(self, reference: str) -> Manifest | None:
        return retrying(
            lambda: find_manifest(self.client, reference, self.host, self.request.credentials),
            self.request.retries,
            self.report,
        )

    def _check_label(self, image: Image) -> None:
        built_from = image.labels.get(LABEL_REVISION)
        wanted = self.request.revision
        if wanted and built_from not in (None, wanted) and not self.request.force:
            raise ConflictError(
                f"the image here under {self.request.reference} was built from {built_from}",
                step="push",
                next_step="build the revision (image_build), or set force if you mean it",
            )

    def _reference(self, tag: str) -> str:
        return f"{self.request.name}:{tag}"
