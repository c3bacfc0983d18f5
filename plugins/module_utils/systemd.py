# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Asking systemd, and other programs of the host that answer at once."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence

from .errors import StateError

# Starting a service may take as long as systemd lets it.
_SECONDS = 120.0


def runs() -> bool:
    """Whether systemd is this host's init system, as sd_booted(3) finds out."""
    return os.path.isdir("/run/systemd/system")


def systemctl(*arguments: str) -> None:
    """Have systemd do something.

    :raises StateError: it does not, with what it said.
    """
    done = capture(["systemctl", *arguments])
    if done.returncode:
        raise StateError(
            f"systemctl {' '.join(arguments)} fails: {done.stdout.strip()[-500:]}",
            next_step="journalctl -xe tells more; mend the cause and run again",
        )


def capture(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run a program to its end, whatever its exit code; what it writes is in ``stdout``.

    :raises StateError: it cannot be run, or does not end.
    """
    try:
        return subprocess.run(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise StateError(f"{' '.join(command)} cannot be run: {error}") from error
