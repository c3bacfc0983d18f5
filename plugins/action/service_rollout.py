# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs ``service_rollout`` by the host's own copy of the core, and not at all once another host of
the same deploy has failed.

The hosts of a batch are swapped by one task, and what fails is known to the play only after the
last of them. Those that wait for a free fork meanwhile learn it here, from a file. Another one
tells them which deploys that died this one has taken over: not each host has a claim of them.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible import constants
from ansible.errors import AnsibleConnectionFailure

from ..module_utils import arguments
from ..plugin_utils.deploys import complete, completes, has_stopped, stop
from ..plugin_utils.library_call import LibraryCall


class ActionModule(LibraryCall):
    """The action plugin of ``hundred.containers.service_rollout``: its module, or nothing."""

    MODULE = "service_rollout"

    def arguments(self) -> Mapping[str, Any]:
        """The module's argument specification."""
        return arguments.service_rollout()

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Run the module; where the deploy has stopped, return what its prefetch found."""
        deploy = self._task.args.get("deploy")
        name = deploy.get("id") if isinstance(deploy, Mapping) else None
        folder = Path(str(constants.ANSIBLE_HOME)) / "hundred.containers" / "deploys"
        if self._task.args.get("prefetch") is True:
            found = self._swap(tmp, task_vars)
            others = [other for other in found.get("deploys") or () if other != name]
            if name and others and not self._task.check_mode:
                complete(folder, name, others)
            # By the clock that tells later whether it is time to renew the claim.
            return {**found, "asked_at": time.time()}
        if not name or self._task.check_mode:
            return self._swap(tmp, task_vars)
        before = (task_vars or {}).get(self._task.register)
        if has_stopped(folder, name) and isinstance(before, Mapping) and before.get("prefetched"):
            return {**before, "changed": False, "skipped": True}
        if others := completes(folder, name):
            self._task.args["deploy"] = {**deploy, "completes": others}
        try:
            result = self._swap(tmp, task_vars)
        except AnsibleConnectionFailure:
            stop(folder, name)
            raise
        if result.get("failed") or result.get("unreachable"):
            stop(folder, name)
        return result

    def _swap(self, tmp: str | None, task_vars: dict[str, Any] | None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        return result
