# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Being the one supervisor of a host, and whether there is one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from ..errors import LockedError
from ..state.lock import file_lock, is_held


def _path(state_dir: str) -> str:
    return os.path.join(state_dir, "supervisor.lock")


@contextmanager
def only_supervisor(state_dir: str) -> Iterator[None]:
    """Be the one supervisor of this host.

    :raises LockedError: there is another one.
    """
    with ExitStack() as held:
        try:
            held.enter_context(file_lock(_path(state_dir), 0.0))
        except LockedError as error:
            raise LockedError(
                "another supervisor looks after this host",
                next_step="systemctl status hundred-supervisor, or look for a process "
                "'hundred supervise'",
            ) from error
        yield


def is_supervised(state_dir: str) -> bool:
    """Whether a supervisor looks after this host."""
    return is_held(_path(state_dir))
