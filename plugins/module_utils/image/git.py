# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls of the git command, the same on every machine, and its failures in words."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from typing import IO

from ..errors import SourceError

# They point git to another repository or index; set where a git hook started us.
_LOCATING = (
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_NAMESPACE",
    "GIT_PREFIX",
    "GIT_SHALLOW_FILE",
    "GIT_GRAFT_FILE",
)

# Whoever runs the build, a commit gives the same files: no attributes or line endings of the user's
# own, and the modes that a check-out with the usual umask has.
_SETTINGS = (
    "core.attributesFile=/dev/null",
    "core.autocrlf=false",
    "core.eol=lf",
    "core.ignoreCase=false",
    "core.bigFileThreshold=512m",
    "core.abbrev=auto",
    "core.quotePath=false",
    "log.showSignature=false",
    "tar.umask=0022",
)

# How the build host comes by the files that Git LFS keeps apart.
LFS_ADVICE = (
    "install git-lfs on the build host, and as the user of this task run git lfs install, and git"
    " lfs fetch --all in the clone"
)

# The file that it did not give, or that its program is missing.
_LFS = re.compile(
    r"^fatal: (.+): smudge filter lfs failed|git-lfs[^'/\n]*: (?:not found|No such file)",
    re.MULTILINE,
)
_DUBIOUS = re.compile(r"dubious ownership in repository at '([^']*)'")


def git(
    where: str,
    *arguments: str,
    output: IO[bytes] | None = None,
    environment: Mapping[str, str] | None = None,
) -> bytes:
    """What a git command prints.

    :param where: ``--git-dir=PATH``, or a folder to start in.
    :param output: a file that gets what git prints, instead of the caller.
    :param environment: further variables.
    :raises SourceError: git is missing or fails; the message is git's own first line.
    """
    command = ["git", "--literal-pathspecs"]
    command += [where] if where.startswith("--") else ["-C", where]
    for setting in _SETTINGS:
        command += ["-c", setting]
    command += arguments
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output or subprocess.PIPE,
            stderr=subprocess.PIPE,
            # Inside a work tree that the repository names (core.worktree, as submodules have) git
            # would look at the folder that it stands in only.
            cwd="/" if where.startswith("--git-dir=") else None,
            env={**_environment(), **(environment or {})},
            check=False,
        )
    except FileNotFoundError as error:
        raise SourceError(
            "git is missing on the build host", next_step="install git there"
        ) from error
    if done.returncode != 0:
        raise _failure(done.stderr.decode(errors="replace"), where)
    return done.stdout or b""


def _environment() -> dict[str, str]:
    environment = {key: value for key, value in os.environ.items() if key not in _LOCATING}
    environment.update(
        # Its messages are matched below.
        LC_ALL="C",
        GIT_TERMINAL_PROMPT="0",
        GIT_OPTIONAL_LOCKS="0",
        GIT_ATTR_NOSYSTEM="1",
        # An image named after a commit holds that commit, not what a replace ref puts in place.
        GIT_NO_REPLACE_OBJECTS="1",
    )
    return environment


def _failure(stderr: str, where: str) -> SourceError:
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    said = next(
        (line for line in lines if line.startswith(("fatal:", "error:"))), "no reason given"
    )
    said = said.partition(": ")[2] or said
    where = where.partition("=")[2] or where
    owned = _DUBIOUS.search(stderr)
    if owned:
        return SourceError(
            f"git refuses the repository {owned[1]}: its owner is another user",
            next_step="build as the owner, or trust it: git config --global --add"
            f" safe.directory {owned[1]}",
        )
    if "No space left on device" in stderr:
        return SourceError(
            f"git failed: {said}", next_step="make room on the disk of the build host"
        )
    lfs = _LFS.search(stderr)
    if lfs:
        what = lfs[1] or "its files"
        return SourceError(
            f"Git LFS does not give the content of {what} in {where}", next_step=LFS_ADVICE
        )
    return SourceError(
        f"git failed in {where}: {said}",
        next_step="check the repository there (git fsck), as the user of this task",
    )
