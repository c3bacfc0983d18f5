# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of the modules that roll a service out or back."""

from __future__ import annotations


class ModuleDocFragment:
    """Documents HOST_ARGUMENTS of module_utils/arguments.py."""

    DOCUMENTATION = r"""
options:
  lock_timeout:
    description:
      - How long to wait for another rollout of the same service on this host, for example V(2m).
      - With V(0s) the task fails at once and names the holder of the lock.
    type: str
    default: 0s
  started_by:
    description:
      - Who starts this, for the lock's message and the history.
    type: str
  state_dir:
    description:
      - Folder of everything that is remembered on the host, readable by root only.
    type: path
    default: /var/lib/hundred
"""
