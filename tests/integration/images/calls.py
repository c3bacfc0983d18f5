# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls of our modules: as programs, which is quick, or by the real Ansible on any host."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.integration.service_host import (
    ROOT,
    Result,
    ansible_command,
    ansible_environment,
    parse,
)

_TIMEOUT = 300


@dataclass(frozen=True)
class Calls(ABC):
    """One way to call modules.

    :param folder: a private folder for the files that a call needs.
    :param environment: environment variables of the modules.
    """

    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict)

    def call(self, module: str, check: bool = False, **options: object) -> Result:
        """Run one module, whatever comes of it."""
        return self.end(self.begin(module, check, **options))

    def ok(self, module: str, check: bool = False, **options: object) -> Result:
        """Run one module, which must succeed."""
        result = self.call(module, check, **options)
        if result.failed:
            raise AssertionError(result.output)
        return result

    def refused(self, module: str, check: bool = False, **options: object) -> Result:
        """Run one module, which must fail with words for people and not a traceback."""
        result = self.call(module, check, **options)
        if not result.failed or "Traceback" in result.output:
            raise AssertionError(result.output)
        return result

    @abstractmethod
    def begin(self, module: str, check: bool = False, **options: object) -> subprocess.Popen[str]:
        """Start one module and do not wait."""

    @abstractmethod
    def end(self, process: subprocess.Popen[str]) -> Result:
        """Wait for a module that was started."""


class ProgramCalls(Calls):
    """Modules as programs of this machine, without Ansible's controller: a sixth of its time."""

    def begin(self, module: str, check: bool = False, **options: object) -> subprocess.Popen[str]:
        """Start one module and do not wait."""
        how = {"_ansible_check_mode": check, "_ansible_diff": check}
        arguments = self.folder / f"{module}-{os.urandom(4).hex()}.json"
        arguments.write_text(json.dumps({"ANSIBLE_MODULE_ARGS": {**options, **how}}))
        name = f"ansible_collections.hundred.containers.plugins.modules.{module}"
        return subprocess.Popen(
            [sys.executable, "-m", name, str(arguments)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=ROOT / ".collections",
            env={**os.environ, **self.environment},
        )

    def end(self, process: subprocess.Popen[str]) -> Result:
        """Wait for a module that was started."""
        output, _unused = process.communicate(timeout=_TIMEOUT)
        lines = [line for line in output.splitlines() if line.startswith("{")]
        if not lines:
            raise AssertionError(f"no result in what the module printed:\n{output}")
        values = json.loads(lines[-1])
        return Result(bool(values.get("failed")), values, output)


@dataclass(frozen=True)
class AnsibleCalls(Calls):
    """Modules by ansible-playbook.

    :param variables: the inventory's variables of the host; default: this machine.
    :param flags: further options of ansible-playbook.
    """

    variables: Mapping[str, str] = field(default_factory=dict)
    flags: tuple[str, ...] = ()

    def begin(self, module: str, check: bool = False, **options: object) -> subprocess.Popen[str]:
        """Start one module and do not wait."""
        task = {f"hundred.containers.{module}": options, "environment": dict(self.environment)}
        here = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
        name = f"{module}-{os.urandom(4).hex()}"
        inventory = self.folder / f"{name}.inventory.json"
        hosts = {"target": dict(self.variables) or here}
        inventory.write_text(json.dumps({"all": {"hosts": hosts}}))
        playbook = self.folder / f"{name}.json"
        playbook.write_text(json.dumps([{"hosts": "all", "gather_facts": False, "tasks": [task]}]))
        return subprocess.Popen(
            [
                ansible_command("ansible-playbook"),
                *["-i", str(inventory), str(playbook)],
                *(["--check", "--diff"] if check else []),
                *self.flags,
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=self.folder,
            env=ansible_environment(
                ANSIBLE_STDOUT_CALLBACK="ansible.builtin.minimal", ANSIBLE_PIPELINING="1"
            ),
        )

    def end(self, process: subprocess.Popen[str]) -> Result:
        """Wait for a module that was started."""
        output, _unused = process.communicate(timeout=_TIMEOUT)
        return parse(output)
