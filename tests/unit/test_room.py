# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When a disk is too full to pull an image."""

from __future__ import annotations

import pytest
from ansible_collections.hundred.containers.plugins.module_utils.engine.room import (
    LEAST_FILES,
    LEAST_ROOM,
    judge,
)


@pytest.mark.parametrize(
    ("free", "files", "said"),
    [
        (LEAST_ROOM, LEAST_FILES, None),
        (LEAST_ROOM, None, None),
        (LEAST_ROOM - 1, None, "/data has 511M left, less than 512M"),
        (LEAST_ROOM, LEAST_FILES - 1, "/data has no inodes left"),
        (5, 5, "/data has 0 left, less than 512M"),
    ],
)
def test_a_disk_must_have_room_for_bytes_and_files(
    free: int, files: int | None, said: str | None
) -> None:
    found = judge("/data", free, files)
    assert (found[0] if found else None) == said
