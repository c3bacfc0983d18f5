# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a supervisor looks after this host."""

from __future__ import annotations

import fcntl
import os

from ..errors import LockedError
from ..state.folders import make_private_folder


def hold_lock(state_dir: str) -> int:
    """Be the one supervisor of this host for as long as the returned descriptor is open.

    :raises HundredError: there is another one.
    """
    make_private_folder(state_dir)
    path = os.path.join(state_dir, "supervisor.lock")
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise LockedError(
            "another supervisor looks after this host",
            next_step="systemctl status hundred-supervisor, or look for a process "
            "'hundred supervise'",
        ) from error
    return descriptor


def is_supervised(state_dir: str) -> bool:
    """Whether a supervisor looks after this host."""
    path = os.path.join(state_dir, "supervisor.lock")
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
