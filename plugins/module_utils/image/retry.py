# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Trying again what a registry failed for a moment, within bounds."""

from __future__ import annotations

import time
from typing import Callable, TypeVar

from ..clock import Deadline
from ..engine.registry_errors import TransientRegistryError

T = TypeVar("T")

# Seconds: the first pause, which then doubles, and its bound.
FIRST_PAUSE = 0.5
LONGEST_PAUSE = 10.0
# Seconds after which no further try begins: a registry whose packets are dropped takes the engine
# 15 s a try to notice.
WINDOW = 60.0


def pause_after(failures: int) -> float:
    """Seconds to wait after so many failures in a row: 0.5, 1, 2, 4, 8, 10, 10, ..."""
    return float(min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(failures - 1, 10)))


def retrying(call: Callable[[], T], retries: int, report: Callable[[str], None]) -> T:
    """Call until it does not fail transiently, at most ``retries`` times more than once.

    :param report: told of every failure that is followed by another try.
    :raises TransientRegistryError: the last failure, its message with the number of tries.
    """
    # From the first failure on: a transfer of minutes that fails at its end deserves another try.
    window: Deadline | None = None
    failures = 0
    while True:
        try:
            return call()
        except TransientRegistryError as error:
            failures += 1
            window = window or Deadline(WINDOW)
            pause = pause_after(failures)
            if failures > retries or window.remaining() <= pause:
                if failures > 1:
                    error.message += f" (tried {failures} times in {window.elapsed():.0f} s)"
                raise
            report(f"{error.message}; trying again in {pause:g} s")
        time.sleep(pause)
