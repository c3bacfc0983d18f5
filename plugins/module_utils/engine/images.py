# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images as a build, a push and a pull need them: found, tagged, moved to and from a registry.

Questions to a registry go through the engine, so its trust in certificate authorities counts, and
so do the credentials given here or those of Docker's own configuration.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from ..errors import EngineError, NotFoundError, RegistryError
from .client import engine_errors
from .registry_errors import (
    TransientRegistryError,
    login_refused,
    only_spoken_to_without_tls,
    registry_error,
)

if TYPE_CHECKING:
    from docker import APIClient

LABEL_IMAGE = "hundred.image"
# The crontab of the source, and its path there: the host that runs it need not have the source.
LABEL_CRONTAB = "hundred.crontab"
LABEL_CRONTAB_FILE = "hundred.crontab-file"
LABEL_REVISION = "org.opencontainers.image.revision"
LABEL_SOURCE = "org.opencontainers.image.source"
LABEL_CREATED = "org.opencontainers.image.created"

_PUSHED = re.compile(r": digest: (sha256:[0-9a-f]{64}) size: [0-9]+$")

# Seconds a push or pull may be silent: a registry on slow storage needs long to take a large layer.
SILENCE = 600


@dataclass(frozen=True)
class Credentials:
    """An account at a registry."""

    username: str
    password: str = field(repr=False)

    @classmethod
    def given(cls, username: str | None, password: str | None) -> Credentials | None:
        """The account, or None to leave it to Docker's own configuration."""
        return cls(username, password) if username and password else None

    def as_header(self) -> dict[str, str]:
        """The account as the SDK takes it."""
        return {"username": self.username, "password": self.password}


@dataclass(frozen=True)
class Image:
    """An image that the engine has.

    :param tags: ``repository:tag`` of each of its tags.
    :param digests: ``repository@digest`` for each registry that it was pushed to or pulled from.
    :param size: bytes on disk, layers shared with other images included.
    :param platform: operating system and architecture, as in ``linux/amd64``; empty in a list.
    :param parent: id of the image that the classic builder made it from; empty if that is not
        known, as with BuildKit, a pull and a load.
    """

    id: str
    tags: tuple[str, ...]
    digests: tuple[str, ...]
    labels: Mapping[str, str]
    size: int
    platform: str
    parent: str = ""

    def is_known_as(self, name: str, digest: str) -> bool:
        """Whether the engine knows that a registry has this image under a digest."""
        return f"{familiar(name)}@{digest}" in self.digests


@dataclass(frozen=True)
class Manifest:
    """What a registry has under a tag or digest.

    :param platforms: those it was made for, as in ``linux/amd64``; empty if it does not say.
    """

    digest: str
    platforms: tuple[str, ...]


def committed_at(labels: Mapping[str, str]) -> datetime | None:
    """The time of the commit in an image's labels; None without a good one. Pure.

    A time without a zone is one of UTC.
    """
    try:
        # Python learned in 3.11 to read the Z that git writes for UTC.
        moment = datetime.fromisoformat(labels.get(LABEL_CREATED, "").replace("Z", "+00:00"))
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=timezone.utc)


def find_image(client: APIClient, reference: str) -> Image | None:
    """The image of that id, tag or digest, or None if the engine has none.

    :raises EngineError: the engine does not answer.
    """
    untyped: Any = client  # the SDK's type stubs lack this call
    try:
        with engine_errors(f"inspect the image {reference}"):
            facts: dict[str, Any] = untyped.inspect_image(reference)
    except NotFoundError:
        return None
    return Image(
        id=facts["Id"],
        tags=tuple(facts.get("RepoTags") or ()),
        digests=tuple(facts.get("RepoDigests") or ()),
        labels=(facts.get("Config") or {}).get("Labels") or {},
        size=facts.get("Size") or 0,
        platform=f"{facts.get('Os', '')}/{facts.get('Architecture', '')}",
        parent=facts.get("Parent") or "",
    )


def list_images(client: APIClient) -> list[Image]:
    """Every image that the engine has, those that others were built on included.

    :raises EngineError: the engine does not answer.
    """
    with engine_errors("list the images"):
        rows = client.images(all=True)
    return [
        Image(
            id=row["Id"],
            tags=_named(row.get("RepoTags")),
            digests=_named(row.get("RepoDigests")),
            labels=row.get("Labels") or {},
            size=row.get("Size") or 0,
            platform="",
            parent=row.get("ParentId") or "",
        )
        for row in rows
    ]


def images_in_use(client: APIClient) -> dict[str, str]:
    """The images that containers were made from, running or not: their ids, and of each the name of
    its first container.

    :raises EngineError: the engine does not answer.
    """
    with engine_errors("list the containers"):
        rows = client.containers(all=True)
    named = [((row.get("Names") or [row["Id"]])[0].lstrip("/"), row["ImageID"]) for row in rows]
    return {image: name for name, image in sorted(named, reverse=True)}


def bytes_of_layers(client: APIClient, patience: int) -> int | None:
    """Bytes that the layers of all images take on disk, or None if the engine does not tell.

    :param patience: seconds; the engine measures its volumes at the same time, which may take long.
    """
    usual = client.timeout
    client.timeout = patience
    try:
        with engine_errors("measure the images"):
            return _count(client.df().get("LayersSize"))
    except EngineError:
        return None
    finally:
        client.timeout = usual


def find_manifest(
    client: APIClient, reference: str, host: str, credentials: Credentials | None
) -> Manifest | None:
    """What the registry has under a tag or digest, or None if it has no such thing.

    :param host: the registry's name and port, for messages.
    :raises RegistryError: it does not answer, or refuses to.
    """
    untyped: Any = client  # the SDK's type stubs lack this call
    doing = f"ask the registry for {reference}"
    try:
        with registry_errors(doing, host):
            facts = untyped.inspect_distribution(
                reference, auth_config=credentials.as_header() if credentials else None
            )
    except NotFoundError:
        return None
    except RegistryError as error:
        if not only_spoken_to_without_tls(error.message):
            raise
        # It may be a login that failed, too, which the engine does not tell here. Of an account
        # that Docker's own configuration names, who pushes or pulls is told.
        if credentials:
            _check_login(client, credentials, host, doing)
        return None
    platforms = tuple(
        f"{row.get('os', '')}/{row.get('architecture', '')}" for row in facts.get("Platforms") or ()
    )
    return Manifest(facts["Descriptor"]["digest"], platforms)


def _check_login(client: APIClient, credentials: Credentials, host: str, doing: str) -> None:
    """Ask the registry whether it takes a login, where the engine's words do not tell.

    :raises RegistryError: it does not, or does not answer any more.
    """
    try:
        with registry_errors(doing, host):
            client.login(credentials.username, credentials.password, registry=host, reauth=True)
    except TransientRegistryError:
        raise
    except RegistryError as error:
        raise login_refused(doing, credentials.username, host) from error


def tag_image(client: APIClient, image: str, name: str, tag: str) -> None:
    """Give an image a tag; one of the same name moves to it.

    :raises EngineError: the engine refuses.
    """
    with engine_errors(f"tag {name}:{tag}"):
        client.tag(image, name, tag, force=True)


def remove_reference(client: APIClient, reference: str) -> None:
    """Remove a tag or digest, and the image with its last one; or by its id one that has none.

    Images without a tag that it was built on go with it, unless something else needs them.

    :raises NotFoundError: it is gone already.
    :raises ConflictError: a container uses the image, or another one was built on it.
    :raises EngineError: the engine refuses.
    """
    with engine_errors(f"remove the reference {reference}"):
        client.remove_image(reference)


def push_image(
    client: APIClient, name: str, tag: str, host: str, credentials: Credentials | None
) -> str:
    """Push a tag once, without retries.

    :returns: the digest that the registry now has under the tag.
    :raises RegistryError: the registry refuses or fails.
    """
    digest = ""
    with _patient(client), registry_errors(f"push {name}:{tag}", host):
        for event in client.push(
            name,
            tag,
            stream=True,
            decode=True,
            auth_config=credentials.as_header() if credentials else None,
        ):
            _check_event(event, f"push {name}:{tag}", host)
            digest = pushed_digest(event) or digest
    if not digest:
        raise RegistryError(
            f"the engine did not say under which digest it pushed {name}:{tag}",
            next_step="run again; if it stays so, read the engine's log (journalctl -u docker)",
        )
    return digest


def pushed_digest(event: Mapping[str, Any]) -> str | None:
    """The digest that an event of a push tells, if it does. Pure.

    Engines with Docker's own image store tell it as a value and in words, those with containerd's
    (the default from 29 on) in words only.
    """
    told = (event.get("aux") or {}).get("Digest")
    if told:
        return str(told)
    words = _PUSHED.search(str(event.get("status") or ""))
    return words.group(1) if words else None


def pull_image(
    client: APIClient, name: str, digest: str, host: str, credentials: Credentials | None
) -> None:
    """Pull by digest once, without retries.

    :raises NotFoundError: the registry has no such digest.
    :raises RegistryError: the registry refuses or fails.
    """
    doing = f"pull {name}@{digest}"
    with _patient(client), registry_errors(doing, host):
        for event in client.pull(
            name,
            digest,
            stream=True,
            decode=True,
            auth_config=credentials.as_header() if credentials else None,
        ):
            _check_event(event, doing, host)


@contextmanager
def registry_errors(doing: str, host: str) -> Iterator[None]:
    """Translate the errors of a call that has the engine talk to a registry.

    :param doing: what was being done, as in "push registry.example.com/shop:v1".
    :param host: the registry's name and port.
    :raises EngineError: see :func:`registry_errors.registry_error`.
    """
    from docker.errors import APIError, DockerException
    from requests.exceptions import RequestException

    try:
        with credential_errors(doing):
            yield
    except APIError as error:
        raise registry_error(doing, str(error.explanation or error), host) from error
    except DockerException as error:
        raise EngineError(f"cannot {doing}: {error}") from error
    except RequestException as error:
        raise EngineError(
            f"cannot {doing}: no answer from the engine: {error}",
            next_step=f"check that it runs (systemctl status docker), and that {host} answers it",
        ) from error


@contextmanager
def credential_errors(doing: str) -> Iterator[None]:
    """Translate the failures of the credential helpers that Docker's configuration names.

    :param doing: what was being done, as in "push registry.example.com/shop:v1".
    :raises RegistryError: a helper is missing or fails.
    """
    from docker.credentials.errors import StoreError
    from docker.errors import DockerException

    try:
        yield
    except (StoreError, DockerException) as error:
        # The SDK wraps the helper's error in its own in some calls and not in others.
        if not isinstance(error, StoreError) and "Credentials store error" not in str(error):
            raise
        raise RegistryError(
            f"cannot {doing}: the credential helper of Docker's configuration fails: {error}",
            next_step="repair it (credsStore or credHelpers in ~/.docker/config.json), or give"
            " registry_username and registry_password",
        ) from error


def familiar(name: str) -> str:
    """A repository as the engine writes it: without Docker Hub's host and default namespace."""
    for prefix in ("docker.io/", "index.docker.io/"):
        if name.startswith(prefix):
            return name.removeprefix(prefix).removeprefix("library/")
    return name


def _named(references: Sequence[str] | None) -> tuple[str, ...]:
    """References without those that older engines list where there is none."""
    return tuple(text for text in references or () if "<none>" not in text)


def _count(value: object) -> int | None:
    return value if isinstance(value, int) else None


def _check_event(event: Mapping[str, Any], doing: str, host: str) -> None:
    if "error" in event:
        raise registry_error(doing, str(event["error"]), host)


@contextmanager
def _patient(client: APIClient) -> Iterator[None]:
    usual = client.timeout
    client.timeout = SILENCE
    try:
        yield
    finally:
        client.timeout = usual
