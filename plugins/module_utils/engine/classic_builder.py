# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine's own builder, which every engine has: the API's build call."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Callable

from ..errors import BuildError, EngineError
from .build_output import BuildOutput
from .client import engine_errors
from .credential_helpers import config_of_accounts
from .docker_config import file_in_memory
from .images import Credentials

if TYPE_CHECKING:
    from docker import APIClient


@dataclass(frozen=True)
class Recipe:
    """What to build, for either builder.

    :param doing: the build in words, as in "build registry.example.com/shop:1234".
    :param dockerfile: its path: in the context (classic builder), or on disk (buildx).
    """

    doing: str
    dockerfile: str
    labels: Mapping[str, str]
    args: Mapping[str, str]
    target: str | None = None
    platform: str | None = None


def build_classic(
    client: APIClient,
    context: IO[bytes],
    recipe: Recipe,
    host: str | None,
    credentials: Credentials | None,
    report: Callable[[str], None],
) -> str:
    """Build and leave the image untagged.

    :param context: a tar archive, open for reading at its start.
    :param host: the registry that the credentials are for; the build may take base images there.
    :param report: told of credential helpers that fail.
    :returns: the image's id.
    :raises BuildError: the build failed; it has the last lines and the step.
    """
    # The engine gets the accounts of all registries, as it may pull base images from any of them.
    config = config_of_accounts(host, credentials, report)
    if config:
        with file_in_memory(json.dumps(config)) as path:
            client.reload_config(path)
    output = BuildOutput()
    image = ""
    try:
        with engine_errors(recipe.doing):
            for event in client.build(
                fileobj=context,
                custom_context=True,
                dockerfile=recipe.dockerfile,
                labels=dict(recipe.labels),
                buildargs=dict(recipe.args),
                target=recipe.target,
                platform=recipe.platform,
                # As Docker's command does: the proxies of its configuration.
                use_config_proxy=True,
                rm=True,
                forcerm=True,
                decode=True,
            ):
                output.add(event.get("stream") or event.get("status") or "")
                if "error" in event:
                    raise output.failure(recipe.doing, str(event["error"]))
                image = (event.get("aux") or {}).get("ID") or image
    except EngineError as error:
        # The engine refuses what it cannot even begin, as a Dockerfile that does not parse.
        raise output.failure(recipe.doing, error.message.partition(": ")[2]) from error
    if not image:
        raise BuildError(
            f"the engine did not say which image it built ({recipe.doing})",
            step="build",
            next_step="run again; if it stays so, read the engine's log (journalctl -u docker)",
        )
    return image
