# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a digest in the registry to an image here, before anything needs it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Callable

from ..engine.client import connect
from ..engine.images import Credentials, find_image, find_manifest, pull_image
from ..engine.room import refuse_full
from ..errors import NotFoundError
from .reference import check_digest, check_repository, named_host
from .retry import retrying


@dataclass(frozen=True)
class PullRequest:
    """One image to pull; the options of the module image_pull.

    :param name: the repository, with the registry's host.
    :param digest: ``sha256:`` and 64 hexadecimal digits.
    :param retries: how often a transient failure of the registry is tried again.
    """

    name: str
    digest: str
    retries: int = 5
    credentials: Credentials | None = None
    docker_host: str | None = None

    def __post_init__(self) -> None:
        check_repository(self.name)
        check_digest(self.digest)


def pull(request: PullRequest, check_mode: bool, report: Callable[[str], None]) -> dict[str, Any]:
    """Pull an image by digest, unless it is here.

    :param check_mode: say what would be done, having asked the registry.
    :param report: told of failures that are tried again.
    :returns: the result of the module image_pull.
    :raises NotFoundError: the registry has no such digest.
    :raises RegistryError: it refuses or does not answer.
    :raises EngineError: the engine's disk has no room.
    """
    begun = time.monotonic()
    reference = f"{request.name}@{request.digest}"
    client = connect(request.docker_host)
    image = find_image(client, reference)
    actions = []
    if image is None:
        host = named_host(request.name)
        actions.append(f"pull {reference}")
        refuse_full(client)

        def ask_or_pull() -> None:
            if not check_mode:
                pull_image(client, request.name, request.digest, host, request.credentials)
            elif find_manifest(client, reference, host, request.credentials) is None:
                raise NotFoundError(f"cannot pull {reference}: the registry has no such digest")

        try:
            retrying(ask_or_pull, request.retries, report)
        except NotFoundError as error:
            error.next_step = "push the image first (image_push), and use the digest it returns"
            raise
        image = find_image(client, reference)
    return {
        "changed": bool(actions),
        "actions": actions,
        "name": request.name,
        "digest": request.digest,
        "image": reference,
        "image_id": image.id if image else None,
        "size": image.size if image else None,
        "seconds": round(time.monotonic() - begun, 1),
    }
