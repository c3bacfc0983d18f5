# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When the time of a one-off command is up, over jumps of the clock."""

from __future__ import annotations

import time

import pytest
from ansible_collections.hundred.containers.plugins.module_utils.engine import one_off


@pytest.mark.parametrize("jump", [-86400.0, 0.0, 86400.0])
def test_a_jump_of_the_clock_neither_ends_a_command_nor_prolongs_it(
    monkeypatch: pytest.MonkeyPatch, jump: float
) -> None:
    labels = one_off.time_labels(60.0)
    now = time.time() + jump
    monkeypatch.setattr(one_off.time, "time", lambda: now)
    until, uptime = float(labels[one_off.LABEL_UNTIL]), labels[one_off.LABEL_UPTIME]
    assert 58.0 < one_off._end(until, uptime) - now < 62.0


@pytest.mark.parametrize("uptime", ["", "another boot:5", ":5", "x"])
def test_after_another_start_of_the_machine_the_clock_counts(uptime: str) -> None:
    assert one_off._end(1795000000.0, uptime) == 1795000000.0
