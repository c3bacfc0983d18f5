# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The names of a rollout's step boundaries, and the test-only switch that kills the process at one.

Crash safety (I4) is proved by killing the module with SIGKILL at every boundary in turn. A test
names it in the environment of the module; nothing else ever sets that variable.
"""

from __future__ import annotations

import os
import signal

KILL_VARIABLE = "HUNDRED_TEST_KILL_AT"

# In the order of a start-first swap.
BOUNDARIES = (
    "locked",
    "planned",
    "recorded",
    "prepared",
    "discarded",
    "created",
    "started",
    "settled",
    "admitted",
    "verified",
    "armed",
    "committed",
    "switched",
    "draining",
    "drained",
    "retired",
    "stopped",
    "removed",
    "forgotten",
    "journalled",
)

# Reached by stop-first swaps only.
STOP_FIRST_BOUNDARIES = ("withdrawn", "parked")


def boundary(name: str) -> None:
    """Mark a step boundary; die here when a test asked for it."""
    if os.environ.get(KILL_VARIABLE) == name:
        os.kill(os.getpid(), signal.SIGKILL)
