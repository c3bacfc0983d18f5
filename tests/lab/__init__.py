# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The test lab: real hosts, as containers with systemd, sshd, an engine and both proxies inside."""

from __future__ import annotations

from .errors import LabError
from .host import Host
from .images import ensure_image
from .lab import Lab, destroy_all
from .recipes import Kind, Suite
from .registry import Registry

__all__ = ["Host", "Kind", "Lab", "LabError", "Registry", "Suite", "destroy_all", "ensure_image"]
