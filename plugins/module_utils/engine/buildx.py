# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""BuildKit, by the buildx plugin of Docker's command: for secrets and caches.

The API offers BuildKit only over a session that no Python SDK speaks. Secrets and credentials reach
the plugin as files in memory that have no name, so nothing is left of them however we end.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..errors import BuildError
from .build_output import BuildOutput
from .classic_builder import Recipe
from .client import DEFAULT_SOCKET
from .docker_config import account_key, config_folder, config_with, file_in_memory
from .images import Credentials, find_image

if TYPE_CHECKING:
    from docker import APIClient

# Seconds that the plugin has to end after SIGTERM; it cancels the build at the engine.
_STOP_PATIENCE = 5


@dataclass(frozen=True)
class BuildKitOptions:
    """What only BuildKit can do.

    :param secrets: by id; a step gets them with ``RUN --mount=type=secret,id=...``.
    :param cache_from: where to take cached layers from, as ``docker buildx build --cache-from``.
    :param cache_to: where to keep them, as ``--cache-to``.
    """

    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    cache_from: Sequence[str] = ()
    cache_to: Sequence[str] = ()

    def __bool__(self) -> bool:
        """Whether any is asked for."""
        return bool(self.secrets or self.cache_from or self.cache_to)


def missing_for_buildx() -> str | None:
    """What this host lacks for BuildKit, in words; None when it has all."""
    try:
        done = subprocess.run(
            ["docker", "buildx", "version"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
        )
    except FileNotFoundError:
        return "Docker's command (docker) and its buildx plugin are"
    return None if done.returncode == 0 else "the buildx plugin of Docker's command is"


def build_with_buildx(
    client: APIClient,
    folder: str,
    context: str,
    recipe: Recipe,
    options: BuildKitOptions,
    docker_host: str | None,
    host: str | None,
    credentials: Credentials | None,
) -> str:
    """Build and leave the image untagged in the engine.

    :param client: the engine that gets the image, to find it there.
    :param folder: a private folder for what the plugin writes.
    :param context: the folder to build in.
    :param host: the registry that the credentials are for; the build may take base images there.
    :returns: the image's id.
    :raises BuildError: the build failed; it has the last lines and the step.
    """
    metadata = os.path.join(folder, "metadata.json")
    environment = dict(os.environ)
    environment.update(
        # The engine that everything else here talks to, whatever context the command has chosen.
        DOCKER_HOST=docker_host or os.environ.get("DOCKER_HOST") or DEFAULT_SOCKET,
        DOCKER_CLI_HINTS="false",
        # An attestation would make the image an index, whose id is not that of the image.
        BUILDX_NO_DEFAULT_ATTESTATIONS="1",
    )
    with ExitStack() as files:
        command = ["docker", "buildx", "build", "--load", "--progress=plain"]
        command += ["--metadata-file", metadata, "--file", recipe.dockerfile]
        command += _options(recipe, options)
        for identifier, value in options.secrets.items():
            path = files.enter_context(file_in_memory(value))
            command += ["--secret", f"id={identifier},src={path}"]
        if credentials and host:
            text = _command_config(host, credentials)
            config = files.enter_context(file_in_memory(text))
            environment.update(_configured(folder, config))
        _run([*command, context], environment, recipe.doing, BuildOutput(options.secrets.values()))
    return _built_image(client, metadata, recipe.doing)


def _built_image(client: APIClient, metadata: str, doing: str) -> str:
    """The id of the image that buildx has left in the engine.

    An image's id is the digest of its configuration, or with containerd's image store that of its
    manifest.
    """
    with open(metadata, encoding="utf-8") as file:
        said = json.load(file)
    for key in ("containerimage.config.digest", "containerimage.digest"):
        image = find_image(client, said[key]) if key in said else None
        if image:
            return image.id
    raise BuildError(
        f"buildx has built, but the engine has no such image ({doing})",
        step="build",
        next_step="check which builder buildx uses (docker buildx ls), and that it can load"
        " images into this engine",
    )


def _options(recipe: Recipe, options: BuildKitOptions) -> list[str]:
    arguments: list[str] = []
    if recipe.target:
        arguments += ["--target", recipe.target]
    if recipe.platform:
        arguments += ["--platform", recipe.platform]
    for option, pairs in (("--label", recipe.labels), ("--build-arg", recipe.args)):
        for key, value in pairs.items():
            arguments += [option, f"{key}={value}"]
    for option, values in (
        ("--cache-from", options.cache_from),
        ("--cache-to", options.cache_to),
    ):
        for value in values:
            arguments += [option, value]
    return arguments


def _command_config(host: str, credentials: Credentials) -> str:
    config = config_with(host, credentials)
    if config.get("credsStore"):
        # No helper for this registry, so that the command looks into "auths" and not the store.
        config["credHelpers"] = {**(config.get("credHelpers") or {}), account_key(host): ""}
    return json.dumps(config)


def _configured(folder: str, config: str) -> dict[str, str]:
    """The environment that has Docker's command read ``config``, and the rest where it is."""
    private = os.path.join(folder, "docker-config")
    os.mkdir(private, 0o700)
    os.symlink(config, os.path.join(private, "config.json"))
    for name in ("cli-plugins", "contexts"):
        os.symlink(os.path.join(config_folder(), name), os.path.join(private, name))
    own = os.environ.get("BUILDX_CONFIG") or os.path.join(config_folder(), "buildx")
    return {"DOCKER_CONFIG": private, "BUILDX_CONFIG": own}


def _run(
    command: Sequence[str], environment: Mapping[str, str], doing: str, output: BuildOutput
) -> None:
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment,
        text=True,
        errors="replace",
    ) as process:
        try:
            for line in process.stdout or ():
                output.add(line)
            code = process.wait()
        finally:
            if process.poll() is None:  # the time limit, or an interrupt
                process.terminate()
                try:
                    process.wait(_STOP_PATIENCE)
                except subprocess.TimeoutExpired:
                    process.kill()
    if code != 0:
        raise output.failure(doing)
