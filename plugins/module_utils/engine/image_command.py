# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running one command in an image, in a container that is gone afterwards."""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import EngineError, NotFoundError
from .client import engine_errors

if TYPE_CHECKING:
    from docker import APIClient

# When (seconds since 1970) a container has outlived its command's limit, so that one whose module
# was killed is found and removed by the next build.
LABEL_DEADLINE = "hundred.test-deadline"
_GRACE = 60

# What a shell says of a command that it cannot run, or cannot find.
NOT_RUNNABLE = 126
NOT_FOUND = 127

# Lines of output that are read from a finished container.
_LINES = 200


@dataclass(frozen=True)
class CommandRun:
    """How a command ended.

    :param exit_code: the command's; None when its time was up.
    :param output: its last lines, standard output and error together.
    :param seconds: how long it ran.
    """

    exit_code: int | None
    output: tuple[str, ...]
    seconds: float

    @property
    def passed(self) -> bool:
        """Whether the command ended with 0."""
        return self.exit_code == 0


def run_in_image(client: APIClient, image: str, command: Sequence[str], limit: int) -> CommandRun:
    """Run a command in a container of its own, with the image's user, environment and folder.

    The command replaces the image's entry point. The container has the engine's default network,
    and no volumes that outlive it.

    :param limit: seconds after which the command is killed.
    :raises EngineError: the engine cannot create or run the container.
    """
    doing = f"run {' '.join(command)} in {image}"
    with engine_errors(doing):
        container = _create(client, image, command, limit)
    try:
        return _run(client, container, doing, limit)
    finally:
        with engine_errors(f"remove the test container {container}"):
            client.remove_container(container, force=True, v=True)


def remove_stale(client: APIClient) -> int:
    """Remove the test containers that a killed module has left, once their time is over.

    :returns: how many were removed.
    """
    removed = 0
    with engine_errors("list the test containers"):
        rows = client.containers(all=True, filters={"label": LABEL_DEADLINE})
    for row in rows:
        deadline = (row.get("Labels") or {}).get(LABEL_DEADLINE, "")
        if not deadline.isdigit() or time.time() < int(deadline):
            continue
        try:
            with engine_errors(f"remove the test container {row['Id']}"):
                client.remove_container(row["Id"], force=True, v=True)
        except NotFoundError:  # another build was faster
            continue
        removed += 1
    return removed


def _create(client: APIClient, image: str, command: Sequence[str], limit: int) -> str:
    from docker.types import LogConfig

    # Readable whatever the engine's default log driver is.
    logs = LogConfig(type="json-file", config={"max-size": "1m", "max-file": "1"})
    created = client.create_container(
        image,
        entrypoint=[command[0]],
        command=list(command[1:]),
        name=f"hundred-test-{uuid.uuid4().hex[:12]}",
        labels={LABEL_DEADLINE: str(int(time.time()) + limit + _GRACE)},
        healthcheck={"test": ["NONE"]},
        host_config=client.create_host_config(log_config=logs),
    )
    return str(created["Id"])


def _run(client: APIClient, container: str, doing: str, limit: int) -> CommandRun:
    from requests.exceptions import ConnectionError as NoAnswer
    from requests.exceptions import ReadTimeout

    begun = time.monotonic()
    try:
        with engine_errors(doing):
            client.start(container)
    except EngineError as error:
        code = _shell_code(error.message)
        if code is None:
            raise
        return CommandRun(code, (error.message,), 0.0)
    exit_code: int | None = None
    try:
        exit_code = int(client.wait(container, timeout=limit)["StatusCode"])
    except (ReadTimeout, NoAnswer):
        # Over the engine's socket the SDK reports a time-out as either. If it is the engine that
        # is gone, the next call says so.
        with engine_errors(f"stop {doing}"):
            client.stop(container, timeout=0)
    with engine_errors(f"read the output of {doing}"):
        text = client.logs(container, tail=_LINES).decode(errors="replace")
    return CommandRun(exit_code, tuple(text.splitlines()), round(time.monotonic() - begun, 1))


def _shell_code(message: str) -> int | None:
    if "executable file not found" in message or "no such file or directory" in message:
        return NOT_FOUND
    if "permission denied" in message or "exec format error" in message:
        return NOT_RUNNABLE
    return None
