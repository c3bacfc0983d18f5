# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One-off commands: when their time is up, over jumps of the clock, and the kept output."""

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


def kept(*chunks: tuple[bytes, bool]) -> bytes:
    """What is kept of these, in this order; True is standard error."""
    lines = one_off.WholeLines()
    for chunk, is_error in chunks:
        lines.add(chunk, is_error)
    return lines.content()


def test_no_line_has_a_part_of_another_in_it() -> None:
    assert kept((b"touch: ", True), (b"closed\n", False), (b"no such file\nend", True)) == (
        b"closed\ntouch: no such file\nend"
    )
    assert kept((b"a", False), (b"b\nc", True), (b"\nd", False)) == b"b\na\nd\nc"


def test_the_last_of_the_output_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(one_off, "OUTPUT_BYTES", 8)
    assert kept((b"one\ntwo\n", False), (b"three\n", True)) == b"o\nthree\n"
    assert kept((b"0123456789", False), (b"ab", False)) == b"456789ab"
