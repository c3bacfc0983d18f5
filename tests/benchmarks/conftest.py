# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The benchmarks run on the hosts of the integration tests."""

from __future__ import annotations

from tests.integration.conftest import digests, machines

__all__ = ["digests", "machines"]
