# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""By which revision a release is known that was asked for by its digest."""

from __future__ import annotations

import pytest
from ansible_collections.hundred.containers.plugins.module_utils.rollout.revision import named_by

LABEL = "org.opencontainers.image.revision"
DIGEST = "sha256:6c3c624b58dbbcd3c0dd82b4c53f04194d1247c6eebdaab7c610cf7d66709b3b"


@pytest.mark.parametrize(
    ("labels", "known", "revision"),
    [
        ({LABEL: 40 * "a"}, "v1", 40 * "a"),
        ({LABEL: "two words"}, "v1", "v1"),
        ({}, "v1", "v1"),
        ({LABEL: ""}, None, "6c3c624b58db"),
    ],
)
def test_the_label_counts_then_what_serves_then_the_digest(
    labels: dict[str, str], known: str | None, revision: str
) -> None:
    assert named_by(labels, known, DIGEST) == revision
