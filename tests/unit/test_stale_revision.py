# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a revision is older than the one that serves."""

from __future__ import annotations

from datetime import datetime

import pytest
from ansible_collections.hundred.containers.plugins.module_utils.engine.images import (
    LABEL_CREATED,
    committed_at,
)
from ansible_collections.hundred.containers.plugins.module_utils.rollout.stale import is_stale

SERVING = 40 * "a"
EARLY, LATE = "2026-11-01T10:00:00+01:00", "2026-11-01T09:30:00Z"


def at(text: str) -> datetime | None:
    return committed_at({LABEL_CREATED: text})


@pytest.mark.parametrize(
    ("serving", "ancestors", "descendants", "stale"),
    [
        # The commit after it serves, whose committer's clock was slow.
        (SERVING, ("bbb",), ("ccc", 12 * "a"), True),
        (SERVING, ("bbb",), (), False),
        # What serves was deployed by an abbreviated name.
        (7 * "a", ("bbb",), (12 * "a",), True),
        (6 * "a", ("bbb",), (12 * "a",), False),
        ("main", ("bbb",), ("main0000000",), False),
        (7 * "a", (12 * "a",), (12 * "a",), False),
    ],
)
def test_what_the_serving_revision_descends_from_is_older_whatever_the_clocks_say(
    serving: str, ancestors: tuple[str, ...], descendants: tuple[str, ...], stale: bool
) -> None:
    assert is_stale(serving, at(EARLY), at(LATE), ancestors, descendants) is stale


def test_what_serves_by_an_abbreviated_name_is_found_among_the_ancestors() -> None:
    assert not is_stale(7 * "a", at(LATE), at(EARLY), ("bbb", 12 * "a"))


@pytest.mark.parametrize(
    ("serving_at", "wanted_at", "ancestors", "stale"),
    [
        (EARLY, LATE, (), False),
        (LATE, EARLY, (), True),
        (LATE, EARLY, ("bbb", "ccc"), True),
        (LATE, EARLY, ("bbb", 12 * "a"), False),
        (LATE, LATE, ("bbb",), True),
        (LATE, LATE, (), False),
        (LATE, "yesterday", (), False),
        ("", EARLY, ("bbb",), False),
    ],
)
def test_ancestry_counts_before_time(
    serving_at: str, wanted_at: str, ancestors: tuple[str, ...], stale: bool
) -> None:
    assert is_stale(SERVING, at(serving_at), at(wanted_at), ancestors) is stale


def test_a_time_without_a_zone_is_of_utc() -> None:
    assert at("2026-11-01T09:30:00") == at(LATE)
    assert at(EARLY) is not None and at(EARLY) < at(LATE)
