# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Modules of the collection run by the real Ansible on a lab host, and looks at what they left."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.lab.host import Host

from .warm_ansible import WarmAnsible

ROOT = Path(__file__).parents[2]

KILL_VARIABLE = "HUNDRED_TEST_KILL_AT"


@dataclass(frozen=True)
class Result:
    """What a module returned, as Ansible printed it."""

    failed: bool
    values: Mapping[str, Any]
    output: str
    seconds: float = 0.0

    @property
    def changed(self) -> bool:
        """Whether the module says that it changed something."""
        return bool(self.values.get("changed"))

    @property
    def text(self) -> str:
        """All that a user could see."""
        return self.output

    def __getitem__(self, key: str) -> Any:
        return self.values[key]


def ansible_environment(**more: str) -> dict[str, str]:
    """The environment of an Ansible that finds the collection of this checkout.

    Nothing of the caller's own settings of Ansible comes along: ``bin/test`` names the checkout's
    ``ansible.cfg``, whose YAML results the tests would not read.
    """
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("ANSIBLE_")}
    return {
        **inherited,
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".collections"),
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_RETRY_FILES_ENABLED": "0",
        "ANSIBLE_DEPRECATION_WARNINGS": "0",
        **more,
    }


# HAProxy and nginx run side by side on a lab host; nginx's default site has port 80.
PORTS = {"haproxy": 8080, "nginx": 8081}

MINIMAL = ansible_environment(ANSIBLE_STDOUT_CALLBACK="ansible.builtin.minimal")
WARM = WarmAnsible(MINIMAL)


def ansible_command(name: str) -> str:
    """The Ansible program beside the Python that runs the tests."""
    beside = Path(sys.executable).parent / name
    return str(beside) if beside.exists() else name


@dataclass
class ServiceHost:
    """A lab host, and the options that every call on it shares."""

    host: Host
    folder: Path
    options: dict[str, Any] = field(default_factory=dict)
    driver: str = ""

    def call(
        self,
        module: str,
        options: Mapping[str, Any],
        kill_at: str | None = None,
        check: bool = False,
        verbose: int = 0,
    ) -> Result:
        """Run a module once on the host; a failure is returned, not raised."""
        arguments = self._arguments(module, options, kill_at, check, verbose)
        return parse(WARM.run(arguments, self.folder, timeout=300).stdout)

    def start(
        self,
        module: str,
        options: Mapping[str, Any],
        kill_at: str | None = None,
        check: bool = False,
        verbose: int = 0,
    ) -> subprocess.Popen[str]:
        """Begin to run a module on the host, through a playbook of its own."""
        arguments = self._arguments(module, options, kill_at, check, verbose)
        return subprocess.Popen(
            [ansible_command("ansible-playbook"), *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            cwd=self.folder,
            env=MINIMAL,
        )

    def _arguments(
        self,
        module: str,
        options: Mapping[str, Any],
        kill_at: str | None,
        check: bool,
        verbose: int,
    ) -> list[str]:
        """Those of ``ansible-playbook``, whose playbook and inventory are written."""
        task: dict[str, Any] = {f"hundred.containers.{module}": dict(options)}
        if kill_at is not None:
            task["environment"] = {KILL_VARIABLE: kill_at}
        play = {
            "hosts": "all",
            "gather_facts": False,
            "vars": {"ansible_pipelining": True},
            "tasks": [task],
        }
        number = len(list(self.folder.glob("play-*.yml")))
        playbook = self.folder / f"play-{number}.yml"
        playbook.write_text(json.dumps([play]))
        inventory = self.folder / "inventory.json"
        hosts = {self.host.name: self.host.inventory_vars()}
        inventory.write_text(json.dumps({"all": {"hosts": hosts}}))
        arguments = ["-i", str(inventory), str(playbook)]
        arguments += ["--check", "--diff"] if check else []
        arguments += ["-" + "v" * verbose] if verbose else []
        return arguments

    def rollout(self, options: Mapping[str, Any], **how: Any) -> Result:
        """``service_rollout`` with the shared options."""
        return self.call("service_rollout", {**self.options, **options}, **how)

    def must_deploy(self, options: Mapping[str, Any], **how: Any) -> Result:
        """``rollout``, which must succeed: what a test begins with, or it might test nothing."""
        result = self.rollout(options, **how)
        assert not result.failed, result.output
        return result

    def rollback(self, name: str, **how: Any) -> Result:
        """``service_rollback``."""
        return self.call("service_rollback", {"name": name}, **how)

    def info(self, name: str) -> dict[str, Any]:
        """``service_info`` of one service."""
        result = self.call("service_info", {"name": name})
        assert not result.failed, result.output
        services: list[dict[str, Any]] = result["services"]
        return services[0]

    def docker(self, *arguments: str, check: bool = True) -> str:
        """The output of a docker command on the host."""
        return self.host.run(["docker", *arguments], check=check).stdout

    def containers(self, service: str | None = None) -> dict[str, str]:
        """Names and states of our containers on the host."""
        label = "label=hundred.service" + (f"={service}" if service else "")
        rows = self.docker("ps", "-a", "--filter", label, "--format", "{{.Names}} {{.State}}")
        return dict(line.split() for line in rows.splitlines())

    def identities(self) -> dict[str, str]:
        """Names and start times of every container, to see whether one was touched."""
        names = self.docker("ps", "-aq").split()
        if not names:
            return {}
        form = "{{.Name}} {{.Id}}{{.State.StartedAt}}{{.State.Status}}"
        # One that is removed at this moment has no row.
        rows = self.docker("inspect", "--format", form, *names, check=False)
        return dict(line.split() for line in rows.splitlines())

    def read_json(self, path: str) -> Any:
        """A JSON file of the host."""
        return json.loads(self.host.read_file(path))


def parse(output: str) -> Result:
    """What Ansible's minimal output says of one task on one host."""
    for marker, failed in ((" | FAILED! => ", True), (" | UNREACHABLE! => ", True)):
        if marker in output:
            return Result(failed, _json(output.split(marker, 1)[1]), output)
    for marker in (" | CHANGED => ", " | SUCCESS => "):
        if marker in output:
            return Result(False, _json(output.split(marker, 1)[1]), output)
    raise AssertionError(f"no result in Ansible's output:\n{output}")


def _json(text: str) -> Mapping[str, Any]:
    values, _end = json.JSONDecoder().raw_decode(text[text.index("{") :])
    assert isinstance(values, dict)
    return values
