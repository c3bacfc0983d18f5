# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A time limit for work that blocks: git, the engine's build stream, a child process."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

from ..errors import BuildError


@contextmanager
def time_limit(seconds: float, doing: str) -> Iterator[None]:
    """Raise in the body when it takes longer. Only for the main thread, and not nested.

    :param doing: what takes so long, as in "build registry.example.com/shop".
    :raises BuildError: the limit has passed.
    """

    def expire(_signal: int, _frame: object) -> None:
        raise BuildError(
            f"gave up after {seconds:g} s to {doing}",
            step="build",
            next_step="see which step takes so long, or raise the option timeout",
        )

    previous = signal.signal(signal.SIGALRM, expire)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
