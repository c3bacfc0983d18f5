# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab by hand and for playbooks: ``python3 -m tests.lab --help``."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

from .errors import LabError
from .host import Host
from .images import ensure_image, remove_outdated
from .lab import Lab, all_labs
from .recipes import KINDS, SUITES, all_recipes

Answer = dict[str, Any]


def _images(options: argparse.Namespace) -> Answer:
    if options.prune:
        return {"removed": remove_outdated()}
    recipes = all_recipes()
    unknown = sorted(set(options.name) - set(recipes))
    if unknown:
        raise LabError(f"no such image: {', '.join(unknown)}; there are {', '.join(recipes)}")
    return {name: ensure_image(recipes[name]) for name in options.name or recipes}


def _up(options: argparse.Namespace) -> Answer:
    lab = Lab(options.lab)
    return {
        name: _described(lab.ensure(name, options.suite, options.kind)) for name in options.name
    }


def _down(options: argparse.Namespace) -> Answer:
    lab = Lab(options.lab)
    if options.all:
        lab.destroy()
        return {"destroyed": options.lab}
    gone = [host for host in map(lab.find, options.name) if host is not None]
    for host in gone:
        host.destroy()
    return {"destroyed": [host.name for host in gone]}


def _reboot(options: argparse.Namespace) -> Answer:
    host = Lab(options.lab).host(options.name)
    host.reboot()
    return {host.name: _described(host)}


def _list(options: argparse.Namespace) -> Answer:
    labs = [options.lab] if options.only else all_labs()
    return {lab: {host.name: _described(host) for host in Lab(lab).hosts()} for lab in labs}


def _inventory(options: argparse.Namespace) -> Answer:
    return Lab(options.lab).inventory()


def _registry(options: argparse.Namespace) -> Answer:
    registry = Lab(options.lab).registry()
    if options.trust_here:
        registry.trust_here()
    return {
        "address": registry.address,
        "username": registry.username,
        "password_file": str(registry.password_file),
        "ca_cert": str(registry.ca_cert),
    }


def _ssh(options: argparse.Namespace) -> Answer:
    command = [*Lab(options.lab).host(options.name).ssh_command, *options.command]
    if not options.command:
        command.remove("-o")
        command.remove("BatchMode=yes")
    os.execvp(command[0], command)


def _described(host: Host) -> Answer:
    return {
        "address": host.address,
        "suite": host.suite,
        "kind": host.kind,
        "running": host.running,
        "container": host.container,
        "variables": host.inventory_vars(),
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python3 -m tests.lab", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument(
        "--lab",
        default=os.environ.get("HUNDRED_LAB", "test"),
        help="the lab's name (default: $HUNDRED_LAB, else test)",
    )
    verbs = parser.add_subparsers(required=True, metavar="VERB")

    def verb(name: str, act: Callable[[argparse.Namespace], Answer], help: str) -> Any:
        sub = verbs.add_parser(name, help=help, description=help)
        sub.set_defaults(act=act)
        return sub

    images = verb("images", _images, "build the images that are missing")
    images.add_argument("name", nargs="*", help=f"of {', '.join(all_recipes())}; default: all")
    images.add_argument("--prune", action="store_true", help="remove those of old recipes instead")
    up = verb("up", _up, "start hosts, unless they are there")
    up.add_argument("name", nargs="+")
    up.add_argument("--suite", choices=SUITES, default="bookworm")
    up.add_argument("--kind", choices=KINDS, default="full")
    down = verb("down", _down, "remove hosts with their data, or the lab")
    down.add_argument("name", nargs="*")
    down.add_argument("--all", action="store_true", help="the whole lab, its registry and keys too")
    verb("reboot", _reboot, "shut a host down and start it again").add_argument("name")
    listed = verb("list", _list, "the hosts of all labs")
    listed.add_argument("--only", action="store_true", help="of this lab")
    verb("inventory", _inventory, "an Ansible inventory (always JSON, which is YAML)")
    registry = verb("registry", _registry, "start the ready registry and say how to reach it")
    registry.add_argument("--trust-here", action="store_true", help="by this machine's engine too")
    ssh = verb("ssh", _ssh, "a shell on a host, or a command there")
    ssh.add_argument("name")
    ssh.add_argument("command", nargs=argparse.REMAINDER)
    return parser


def _print(answer: Answer, indent: str = "") -> None:
    for key, value in answer.items():
        if isinstance(value, dict):
            print(f"{indent}{key}:")
            _print(value, indent + "  ")
        else:
            print(f"{indent}{key}: {' '.join(value) if isinstance(value, list) else value}")


def main(arguments: Sequence[str]) -> int:
    """Runs one verb; the exit code is 1 when the lab could not do it, with the reason on stderr."""
    options = _parser().parse_args(arguments)
    try:
        answer = options.act(options)
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1
    if options.json or options.act is _inventory:
        print(json.dumps(answer, indent=2))
    else:
        _print(answer)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
