# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The glue between Ansible's modules and the core; the only file of the core that knows Ansible."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Callable

from .answer import answer

if TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule


def run(module: AnsibleModule, function: Callable[[], Mapping[str, Any]]) -> None:
    """Call the core and end the module with what comes of it.

    :param function: the call; see :func:`answer` for what becomes of what it returns or raises.
    """
    result = answer(function, module._diff)
    if result.pop("failed", False):
        module.fail_json(**result)
    module.exit_json(**result)
