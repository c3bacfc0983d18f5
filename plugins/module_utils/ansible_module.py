# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The glue between Ansible's modules and the core; the only file of the core that knows Ansible."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Callable

from .errors import HundredError

if TYPE_CHECKING:
    from types import TracebackType

    from ansible.module_utils.basic import AnsibleModule

# The arguments that modules share; documented by the fragments "engine" and "registry".
ENGINE_ARGUMENTS: dict[str, Any] = {"docker_host": {"type": "str"}}
REGISTRY_ARGUMENTS: dict[str, Any] = {
    "registry_username": {"type": "str"},
    "registry_password": {"type": "str", "no_log": True},
    "retries": {"type": "int", "default": 5},
}
REGISTRY_TOGETHER: list[list[str]] = [["registry_username", "registry_password"]]


def run(module: AnsibleModule, function: Callable[[], Mapping[str, Any]]) -> None:
    """Call the core and end the module with what it returns or raises.

    In diff mode a result that has ``actions`` and brings no ``diff`` shows the actions as its diff.

    :param function: returns the result. What it raises as :class:`HundredError` ends the task as
        failed, with the error's facts (``step``, ``serving``, ``next_step``, ...) as result keys.
    """
    with _OutermostHandler(module):
        result = dict(function())
    if module._diff and result.get("actions") and "diff" not in result:
        result["diff"] = {"prepared": "\n".join(result["actions"]) + "\n"}
    module.exit_json(**result)


class _OutermostHandler:
    """Ends the module as failed when its body raises, so that no user meets a bare traceback."""

    def __init__(self, module: AnsibleModule) -> None:
        self._module = module

    def __enter__(self) -> None:
        return None

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if isinstance(error, HundredError):
            self._module.fail_json(msg=error.text(), **error.as_result())
        if isinstance(error, Exception):  # a fault of ours
            self._module.fail_json(
                msg=f"internal error: {type(error).__name__}: {error}",
                next_step="report it with the traceback, which -vvv shows",
                exception="".join(traceback.format_exception(kind, error, trace)),
            )
