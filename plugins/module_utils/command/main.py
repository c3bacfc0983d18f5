# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The command ``hundred``: the same code as the modules', for whoever is on the host."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from typing import Any

from ..definition.stored import from_mapping
from ..errors import HundredError
from ..rollout import again
from ..rollout.choice import kept_revisions
from ..rollout.goal import served
from ..rollout.host import ServiceHost, checked_name
from ..rollout.info import known_services, require_service
from ..rollout.outcome import Outcome
from ..rollout.schedule import read_entries
from ..rollout.stop import stop
from . import show
from .arguments import make_parser
from .completion import BASH
from .configuration import Configuration, read_configuration

FAILED = 1


def main(argv: Sequence[str] | None = None) -> int:
    """Do what the command line says. :returns: the exit code."""
    words, command = _split(sys.argv[1:] if argv is None else argv)
    parser = make_parser()
    arguments = parser.parse_args(words)
    arguments.argv = [*getattr(arguments, "argv", ()), *command]
    if arguments.command == "run" and not arguments.argv:
        parser.error("there is no command to run: write it behind --, as in: -- flask db upgrade")
    try:
        return _COMMANDS[arguments.command](arguments, read_configuration())
    except HundredError as error:
        if getattr(arguments, "json", False):
            _print_json({"failed": True, "msg": error.text(), **error.as_result()})
        _explain(error)
        return FAILED
    except PermissionError as error:
        text = f"{error.filename}: not permitted; run it as root"
        if getattr(arguments, "json", False):
            _print_json({"failed": True, "msg": text})
        _err(f"hundred: {text}")
        return FAILED
    except BrokenPipeError:
        # Who read the output has seen enough. Nothing more is to be flushed at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 0
    except KeyboardInterrupt:
        return 130


def _split(argv: Sequence[str]) -> tuple[list[str], list[str]]:
    """Our own words, and behind ``--`` those of a command to run, which may look like ours."""
    words = list(argv)
    at = words.index("--") if "--" in words else len(words)
    return words[:at], words[at + 1 :]


def _explain(error: HundredError) -> None:
    _err(f"hundred: {error.text()}")
    for line in [*error.details.get("health", ()), *error.details.get("logs", ())]:
        _err(f"  | {line}")
    if error.next_step:
        _err(f"Next: {error.next_step}")


def _out(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _err(text: str) -> None:
    sys.stderr.write(text + "\n")


def _print_json(data: Any) -> None:
    _out(json.dumps(data, indent=2, sort_keys=True))


def _status(arguments: argparse.Namespace, configuration: Configuration) -> int:
    rows = show.status(configuration.settings(), arguments.service)
    if arguments.json:
        _print_json(rows)
    else:
        _out(show.status_table(rows))
    return 0 if all(map(show.is_well, rows)) else FAILED


def _history(arguments: argparse.Namespace, configuration: Configuration) -> int:
    entries = show.history(configuration.settings(), arguments.service, arguments.entries)
    if arguments.json:
        _print_json(entries)
    else:
        _out(show.history_table(entries, arguments.output))
    return 0


def _act(arguments: argparse.Namespace, configuration: Configuration) -> int:
    settings = configuration.settings(arguments.lock_timeout)
    host = ServiceHost(settings, checked_name(arguments.service))
    # Asked here, or its lock would leave a folder for a name that was mistyped.
    require_service(settings, host.service)
    acts = {"stop": stop, "start": again.start, "restart": again.restart}
    outcome = acts[arguments.command](host, arguments.check)
    if arguments.json:
        _print_json(_as_data(outcome))
        return 0
    for line in (*outcome.actions, *(f"note: {note}" for note in outcome.notes)):
        _out(line)
    if not outcome.changed:
        _out("nothing is to be done")
    elif not arguments.check:
        _out(f"done in {outcome.seconds:g} s")
    return 0


def _as_data(outcome: Outcome) -> dict[str, Any]:
    return {
        "changed": outcome.changed,
        "actions": list(outcome.actions),
        "notes": list(outcome.notes),
        "replicas": [{"name": name, "address": address} for name, address in outcome.replicas],
        "seconds": outcome.seconds,
    }


def _logs(arguments: argparse.Namespace, configuration: Configuration) -> int:
    from .logs import show_logs

    host = ServiceHost(configuration.settings(), checked_name(arguments.service))
    show_logs(host, arguments.lines, arguments.follow, configuration.docker_host)
    return 0


def _run(arguments: argparse.Namespace, configuration: Configuration) -> int:
    from .runs import Asked, open_console, run_command

    act = run_command if arguments.command == "run" else open_console
    host = ServiceHost(configuration.settings(), checked_name(arguments.service))
    asked = Asked(arguments.argv, arguments.revision, arguments.generation, arguments.timeout)
    return act(host, asked)


def _doctor(arguments: argparse.Namespace, configuration: Configuration) -> int:
    from .doctor import examine_host

    findings = examine_host(configuration.settings(), configuration.metrics_file)
    wrong = [item for item in findings if item.problem]
    if arguments.json:
        _print_json([vars(item) for item in findings])
        return FAILED if wrong else 0
    for item in findings:
        verdict = "WRONG" if item.problem else "note" if item.note else "ok"
        _out(f"{verdict:5}  {item.subject}{f': {item.note}' if item.note else ''}")
        if item.problem:
            _out(f"       {item.problem}")
            _out(f"       Next: {item.advice}")
    _out(f"{len(wrong)} of {len(findings)} are wrong" if wrong else "nothing is wrong")
    return FAILED if wrong else 0


def _job(arguments: argparse.Namespace, configuration: Configuration) -> int:
    from ..rollout.jobs import run_entry
    from .runs import ended_by_signals

    def tell(reason: str) -> None:
        _err(f"hundred: not run: {reason}")

    with ended_by_signals():
        return run_entry(configuration.settings(), arguments.service, arguments.entry, tell)


def _supervise(arguments: argparse.Namespace, configuration: Configuration) -> int:  # noqa: ARG001
    # Imported where it is needed, as below: most calls show something and are to be quick.
    from ..supervise.daemon import Supervisor
    from ..supervise.metrics import Metrics

    def say(line: str) -> None:
        _out(line)

    Supervisor(configuration.settings(), say, Metrics(configuration.metrics_file)).run()
    return 0


def _services(arguments: argparse.Namespace, configuration: Configuration) -> int:  # noqa: ARG001
    for name in known_services(configuration.settings()):
        _out(name)
    return 0


def _entries(arguments: argparse.Namespace, configuration: Configuration) -> int:
    host = ServiceHost(configuration.settings(), checked_name(arguments.service))
    release = served(host).committed
    if release is not None:
        for entry in read_entries(host, from_mapping(release.definition), release.reference):
            _out(entry.name)
    return 0


def _revisions(arguments: argparse.Namespace, configuration: Configuration) -> int:
    host = ServiceHost(configuration.settings(), checked_name(arguments.service))
    for revision in kept_revisions(served(host)):
        _out(revision)
    return 0


def _completion(arguments: argparse.Namespace, configuration: Configuration) -> int:  # noqa: ARG001
    sys.stdout.write(BASH)
    return 0


_COMMANDS = {
    "services": _services,
    "entries": _entries,
    "revisions": _revisions,
    "completion": _completion,
    "status": _status,
    "history": _history,
    "stop": _act,
    "start": _act,
    "restart": _act,
    "logs": _logs,
    "run": _run,
    "console": _run,
    "doctor": _doctor,
    "job": _job,
    "supervise": _supervise,
}
