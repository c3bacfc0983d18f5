# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Modules that the host's own copy of the core runs, where the host has this very version of it.

Packing a module, bringing it over and compiling it on the host takes longer than most of what the
core does there: 0.4 s of a processor on the controller and 0.4 s on the host, measured for a
``service_rollout`` that finds nothing to do. The library that the role ``docker_host`` installs is
compiled, and its folder is named after its content, so a call of that folder runs the code that
the module would bring, or finds no file. Then, and wherever Ansible would not hand a module over on
standard input, the module runs as any other.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.common.parameters import remove_values
from ansible.plugins.action.normal import ActionModule as NormalAction

try:
    from ansible.module_utils.common.json import Direction, get_module_encoder
except ImportError:  # ansible-core 2.18 hands values over in another way
    get_module_encoder = None

from .library import PLACE, version_of

# Found once, when the controller loads the plugin, and not by the process of each host: it reads
# all files of the core.
VERSION = version_of()

# A shell's words for a command that is not there or cannot be run.
_NOT_THERE = (126, 127)
_HIDDEN = "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"


class LibraryCall(NormalAction):
    """The action plugin of a module whose work is a call of the core.

    :cvar MODULE: the module's name within the collection.
    """

    MODULE = ""

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """The module's result."""
        done = self._by_library()
        if done is not None:
            return done
        result: dict[str, Any] = super().run(tmp, task_vars)
        return result

    def arguments(self) -> Mapping[str, Any]:
        """The module's argument specification, as ``AnsibleModule`` takes it."""
        raise NotImplementedError

    def _by_library(self) -> dict[str, Any] | None:
        """The result, or None when the module has to run itself; nothing was done then."""
        if get_module_encoder is None or self._task.async_val:
            return None
        if not self._is_pipelining_enabled("new"):
            return None
        specification = self.arguments()
        checked = ArgumentSpecValidator(**specification).validate(self._task.args)
        params = checked.validated_parameters
        # What is wrong the module says best, and a path such as ~/state is the host's to read.
        if checked.error_messages or params["state_dir"] != self._task.args.get(
            "state_dir", params["state_dir"]
        ):
            return None
        request = {
            "module": self.MODULE,
            "params": params,
            "check": bool(self._task.check_mode),
            "diff": bool(self._task.diff),
        }
        encoder = get_module_encoder("legacy", Direction.CONTROLLER_TO_MODULE)
        command = f"{self._compute_environment_string()} {PLACE}/{VERSION}/call".strip()
        done = self._low_level_execute_command(
            command, in_data=json.dumps(request, cls=encoder).encode()
        )
        if done["rc"] in _NOT_THERE:
            return None
        told: dict[str, Any] = remove_values(self._parsed(done), checked._no_log_values)
        hidden = {
            name
            for name, option in specification["argument_spec"].items()
            if option.get("no_log") and params.get(name) is not None
        }
        shown = {name: _HIDDEN if name in hidden else value for name, value in params.items()}
        return {**told, "invocation": {"module_args": shown}}

    def _parsed(self, done: Mapping[str, Any]) -> dict[str, Any]:
        """What the call printed; its last line is the result."""
        lines = done["stdout"].strip().splitlines()
        try:
            told = json.loads(lines[-1]) if lines else None
        except ValueError:
            told = None
        if isinstance(told, dict):
            return told
        return {
            "failed": True,
            "msg": f"{self.MODULE} ended on the host with {done['rc']} and without a result",
            "next_step": "read module_stderr, and run again: a run goes on from what it finds",
            "rc": done["rc"],
            "module_stdout": done["stdout"],
            "module_stderr": done["stderr"],
        }
