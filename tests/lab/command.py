# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs programs on this machine: the docker CLI, ssh-keygen, openssl, mmdebstrap.

The lab uses the standard library and the docker CLI only, so that it works from any Python 3.11,
without a virtual environment.
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from .errors import LabError


def run(
    argv: Sequence[str | Path],
    *,
    input: str | bytes | None = None,
    check: bool = True,
    timeout: float = 120,
    env: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Runs a program to its end and returns its exit code and output as text.

    :param input: what it reads on standard input; nothing when not given.
    :param check: whether another exit code than 0 is an error.
    :param timeout: seconds until it is killed.
    :returns: its exit code is 128 and the signal's number when a signal ended it.
    :raises LabError: it is not installed, took too long, or (with check) failed.
    """
    command = [str(part) for part in argv]
    data = input.encode() if isinstance(input, str) else input
    try:
        done = subprocess.run(
            command,
            input=data if data is not None else b"",
            capture_output=True,
            timeout=timeout,
            env=env,
            check=False,
        )
    except FileNotFoundError as error:
        raise LabError(
            f"{command[0]} is not installed; run tests/lab/requirements.sh first"
        ) from error
    except subprocess.TimeoutExpired as error:
        raise LabError(f"no end after {timeout:g} s: {' '.join(command)}") from error
    # As a shell tells that a signal ended it.
    code = done.returncode if done.returncode >= 0 else 128 - done.returncode
    result = subprocess.CompletedProcess(
        command,
        code,
        done.stdout.decode(errors="replace"),
        done.stderr.decode(errors="replace"),
    )
    if check and result.returncode != 0:
        raise LabError(failure(result))
    return result


def failure(result: subprocess.CompletedProcess[str], last_lines: int = 40) -> str:
    """A failed command told for people: exit code, command and the last lines it printed."""
    printed = (result.stdout + result.stderr).strip().splitlines()[-last_lines:]
    return "\n".join([f"exit code {result.returncode}: {' '.join(result.args)}", *printed])


def docker(
    *arguments: str | Path,
    input: str | bytes | None = None,
    check: bool = True,
    timeout: float = 120,
    env: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Runs the docker CLI against the outer engine; see :func:`run`."""
    return run(["docker", *arguments], input=input, check=check, timeout=timeout, env=env)
