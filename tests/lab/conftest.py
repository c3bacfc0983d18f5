# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's own tests use the fixtures that it offers."""

from __future__ import annotations

from .fixtures import host, lab, python_image, registry

__all__ = ["host", "lab", "python_image", "registry"]
