# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The attributes of modules: what each of them means."""

from __future__ import annotations


class ModuleDocFragment:
    """A module that extends this states its own support, and details where they matter."""

    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Can run in check mode and say what it would do, without changing anything.
  diff_mode:
    description: Says in diff mode what has changed, or in check mode would be changed.
"""
    CONTROLLER = r"""
options: {}
attributes:
  check_mode:
    description: Can run in check mode and say what it would do, without changing anything.
    support: full
    details: Changes nothing in either mode.
  diff_mode:
    description: Says in diff mode what has changed, or in check mode would be changed.
    support: none
    details: There is no state that could differ.
"""
    ACTION_GROUP = r"""
options: {}
attributes:
  action_group:
    description:
      - Options for all modules of the collection can be set by C(module_defaults) with
        C(group/hundred.containers.containers).
    support: full
    membership:
      - hundred.containers.containers
"""
