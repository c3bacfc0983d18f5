# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When a freeze ends, as people write it."""

from __future__ import annotations

import pytest
from ansible_collections.hundred.containers.plugins.module_utils.errors import HundredError
from ansible_collections.hundred.containers.plugins.module_utils.state.freeze import parse_end

DAY = 86400.0
# 2026-12-24 18:00:00 UTC
EVE = 1798135200.0


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("4h", 14400.0), ("48h", 2 * DAY), ("7d", 7 * DAY), ("1d12h", 1.5 * DAY), ("90", 90.0)],
)
def test_a_duration_may_be_longer_than_a_day(text: str, seconds: float) -> None:
    assert parse_end(text, EVE) == EVE + seconds


@pytest.mark.parametrize(
    "text",
    [
        "2026-12-24T18:00:00Z",
        "2026-12-24t18:00z",
        "2026-12-24T18:00:00.250Z",
        "2026-12-24 18:00:00+00:00",
        "2026-12-24T19:00:00+0100",
        " 2026-12-24T19:00+01:00 ",
    ],
)
def test_a_time_has_its_zone(text: str) -> None:
    assert parse_end(text, EVE - 1) == EVE


@pytest.mark.parametrize(
    "text",
    [
        "2026-12-24T18:00:00",
        "tomorrow",
        "",
        "d",
        "2020-01-01T00:00Z",
        "2026-13-01T00:00Z",
        "-4h",
        "0",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(HundredError, match="end must be"):
        parse_end(text, EVE)
