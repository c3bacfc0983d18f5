# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked of a build, checked before anything is touched."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..definition.schema import TEST_ADVICE
from ..definition.shell import ADVICE, shell_syntax
from ..engine.buildx import BuildKitOptions
from ..engine.images import LABEL_CREATED, LABEL_REVISION, LABEL_SOURCE, Credentials
from ..errors import BuildError
from .reference import check_repository, check_tag, registry_host

_RESERVED = (LABEL_REVISION, LABEL_SOURCE, LABEL_CREATED)
_SECRET_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
# What buildx takes.
_LARGEST_SECRET = 500 * 1024


@dataclass(frozen=True)
class BuildRequest:
    """One image to build; the options of the module image_build.

    :param name: the repository, without tag.
    :param revision: whatever git resolves to one commit.
    :param tests: commands that must succeed in the image before it is tagged.
    :param builder: ``auto``, ``classic`` or ``buildkit``.
    :param lookup: where an image of the revision is looked for: ``registry``, ``local``, or
        ``auto`` for the registry if the name names one.
    :param timeout: seconds for the export and the build.
    :param test_timeout: seconds for each test.
    :param retries: how often a transient failure of the registry is tried again.
    :param crontab: the path of a crontab in the source, whose content the image is to carry.
    """

    name: str
    source: str
    revision: str
    dockerfile: str = "Dockerfile"
    context: str = "."
    target: str | None = None
    args: Mapping[str, str] = field(default_factory=dict)
    tags: Sequence[str] = ()
    platform: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    source_url: str | None = None
    tests: Sequence[Sequence[str]] = ()
    buildkit: BuildKitOptions = field(default_factory=BuildKitOptions)
    builder: str = "auto"
    lookup: str = "auto"
    force: bool = False
    timeout: int = 3600
    test_timeout: int = 600
    retries: int = 5
    credentials: Credentials | None = None
    docker_host: str | None = None
    crontab: str | None = None

    def __post_init__(self) -> None:
        check_repository(self.name)
        for tag in self.tags:
            check_tag(tag)
        for key in self.labels:
            if key in _RESERVED or key.startswith("hundred."):
                raise BuildError(
                    f"the label {key} is set by the build itself",
                    next_step="choose another key; for the source there is the option source_url",
                )
        for option, seconds in (("timeout", self.timeout), ("test_timeout", self.test_timeout)):
            if seconds < 1:
                raise BuildError(f"{option} is {seconds}: it must be at least 1 second")
        for identifier in self.buildkit.secrets:
            if not _SECRET_ID.fullmatch(identifier):
                raise BuildError(f"{identifier!r} is no id of a secret: use letters, digits, _.-")

    @property
    def host(self) -> str | None:
        """The registry that the name names."""
        return registry_host(self.name)

    @property
    def asks_registry(self) -> bool:
        """Whether the registry is asked for an image of the revision."""
        return self.lookup == "registry" or (self.lookup == "auto" and self.host is not None)


def commands(tests: Sequence[Any]) -> list[list[str]]:
    """The commands of the option ``test``: lists of words, or strings in a shell's quoting.

    :raises BuildError: one is neither, or empty.
    """
    return [_command(test, f"test[{index}]") for index, test in enumerate(tests)]


def text_values(values: Mapping[str, Any], option: str) -> dict[str, str]:
    """The mapping with numbers and booleans written as YAML would.

    :raises BuildError: a value is a list, a mapping or nothing.
    """
    texts = {}
    for key, value in values.items():
        if isinstance(value, bool):
            texts[str(key)] = "true" if value else "false"
        elif isinstance(value, (str, int, float)):
            texts[str(key)] = str(value)
        else:
            raise BuildError(f"{option}.{key} must be text or a number")
    return texts


def all_secrets(values: Mapping[str, str], files: Mapping[str, str]) -> dict[str, str]:
    """The secrets by id, those in files read.

    :raises BuildError: an id is given twice, or a file cannot be read or is too large.
    """
    secrets = dict(values)
    for identifier, path in files.items():
        if identifier in secrets:
            raise BuildError(f"the secret {identifier} is both in secrets and in secret_files")
        try:
            with open(path, encoding="utf-8", newline="") as file:
                secrets[identifier] = file.read(_LARGEST_SECRET + 1)
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
            raise BuildError(f"cannot read the secret {identifier} in {path}: {reason}") from error
        if len(secrets[identifier]) > _LARGEST_SECRET:
            raise BuildError(f"the secret {identifier} in {path} is larger than 500 KiB")
    return secrets


def _command(test: Any, where: str) -> list[str]:
    if isinstance(test, str):
        try:
            words: list[Any] = list(shlex.split(test))
        except ValueError as error:
            raise BuildError(f"{where} is not a command: {error}") from error
        syntax = shell_syntax(test)
        if syntax is not None:
            raise BuildError(f"{where} has {syntax}, and no shell runs it", next_step=ADVICE)
    elif isinstance(test, (list, tuple)):
        words = list(test)
    else:
        raise BuildError(f"{where} must be a command: a list of words, as in [pytest, -q]")
    if not words or not all(
        isinstance(word, (str, int, float)) and not isinstance(word, bool) for word in words
    ):
        raise BuildError(f"{where} must be a list of words, as in [pytest, -q]; quote true and no")
    if str(words[0]).startswith("-"):
        raise BuildError(
            f"{where} starts with an option, not with the program to run",
            next_step=TEST_ADVICE,
        )
    return [str(word) for word in words]
