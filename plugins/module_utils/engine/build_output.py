# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The output of a build: its last lines, without secrets, and the step that failed. Pure."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable

from ..errors import BuildError

# Lines of output that a failure shows, and those kept to find them in.
SHOWN = 40
_KEPT = 500

# "Step 3/7 : RUN make" of the classic builder; "#9 [build 3/5] RUN make" of BuildKit, whose lines
# carry the number of the step, as more than one runs at a time.
_CLASSIC_STEP = re.compile(r"^Step \d+/\d+ : .*")
_BUILDKIT_STEP = re.compile(r"^#(\d+) (\[.*\] .*)")
_BUILDKIT_ERROR = re.compile(r"^#(\d+) ERROR: (.*)")
_BUILDKIT_CAUSE = re.compile(r"^ERROR: (?:failed to solve: )?(.*)")
_TERMINAL_CODES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r")
# What an engine says that may not pull a base image.
_NO_LOGIN = re.compile(
    r"unauthorized|no basic auth credentials|authorization failed|pull access denied"
    r"|authentication required"
)

# A secret of fewer characters than this is no secret, and hiding it would spoil every line.
_SHORTEST_SECRET = 4


class BuildOutput:
    """What a builder prints, taken line by line.

    :param secrets: values that must not be shown, whole or one line of them.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        parts = {part.strip() for secret in secrets for part in (secret, *secret.splitlines())}
        self._secrets = sorted(
            (part for part in parts if len(part) >= _SHORTEST_SECRET), key=len, reverse=True
        )
        self._lines: deque[str] = deque(maxlen=_KEPT)
        self._steps: dict[str, str] = {}
        self._failed: str | None = None
        self._cause: str | None = None

    def add(self, text: str) -> None:
        """Take output; it may be several lines, or none."""
        for line in _TERMINAL_CODES.sub("", text).splitlines():
            self._add_line(self._shown(line.rstrip()))

    def _add_line(self, line: str) -> None:
        if line:
            self._lines.append(line)
        if _CLASSIC_STEP.match(line):
            self._failed = line
        elif step := _BUILDKIT_STEP.match(line):
            self._steps[step[1]] = step[2]
        elif error := _BUILDKIT_ERROR.match(line):
            self._failed = self._steps.get(error[1])
            self._cause = error[2]
        elif (cause := _BUILDKIT_CAUSE.match(line)) and not self._cause:
            self._cause = cause[1]

    def failure(self, doing: str, reason: str | None = None) -> BuildError:
        """The error for a build that failed.

        :param doing: what was being built, as in "build registry.example.com/shop".
        :param reason: the engine's words; default: those found in the output.
        """
        cause = self._shown(reason.strip()) if reason else self._cause or "the builder failed"
        details: dict[str, object] = {"output": list(self._lines)[-SHOWN:]}
        message = f"cannot {doing}: {cause}"
        if self._failed:
            details["build_step"] = self._failed
            message += f" (in the step: {self._failed})"
        return BuildError(message, step="build", next_step=_next_step(cause), details=details)

    def _shown(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, "********")
        return text


def _next_step(cause: str) -> str:
    lower = cause.lower()
    if "no space left on device" in lower:
        return "make room on the engine's disk (docker system df) and build again"
    if "requires buildkit" in lower or "--mount option requires" in lower:
        return "install the buildx plugin of Docker's command (docker-buildx) on the build host"
    if "target stage" in lower or "build target" in lower:
        return "name a stage that the Dockerfile has by the option target"
    if "cache export" in lower:
        return (
            "use type=inline, or make a builder that can: docker buildx create --use"
            " --driver docker-container"
        )
    if _NO_LOGIN.search(lower):
        return (
            "check the base image's name; if it is private, log in to its registry (docker login)"
            " as the user of this task, and see the warnings for credential helpers that fail"
        )
    return "read the output, repair the source, commit and build that revision"
