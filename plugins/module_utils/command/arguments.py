# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What may be written behind ``hundred``."""

from __future__ import annotations

import argparse

from ..definition.schema import SHORTEST_RUN
from ..definition.units import parse_duration

EXIT_CODES = """exit codes:
  0    done; for status, everything is as it should be; for doctor, nothing is wrong
  1    failed, or not everything is as it should be
  2    the command line is wrong
  124  run, console, job: the time limit has passed
  130  ended by Ctrl-C
  141  run: stopped, since nobody reads what it writes any more
  run, console and job end with the exit code of the command that they ran
"""


def make_parser() -> argparse.ArgumentParser:
    """The parser of the command line."""
    parser = argparse.ArgumentParser(
        prog="hundred",
        description="Look after the services of hundred.containers on this host.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    _add_looks(commands)
    _add_acts(commands)
    _add_runs(commands)
    _add_daemon(commands)
    return parser


def _add_looks(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    status = commands.add_parser("status", help="what runs here, and how it does")
    status.add_argument("service", nargs="?", help="default: all services")
    _json(status)
    logs = commands.add_parser("logs", help="what the replicas of a service write")
    logs.add_argument("service")
    logs.add_argument("-f", "--follow", action="store_true", help="go on, with new replicas too")
    logs.add_argument(
        "-n", "--lines", type=_count, default=100, help="how many lines of each replica (100)"
    )
    history = commands.add_parser("history", help="what was done to a service, and its cron jobs")
    history.add_argument("service", nargs="?", help="default: all services")
    history.add_argument("-n", "--entries", type=_count, default=20, help="how many entries (20)")
    history.add_argument("--output", action="store_true", help="with what cron jobs wrote")
    _json(history)
    doctor = commands.add_parser("doctor", help="what is wrong on this host, and what to do")
    _json(doctor)


def _add_acts(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    for name, text in (
        ("stop", "stop a service; it stays stopped, over reboots too"),
        ("start", "start a service that was stopped"),
        ("restart", "replace every replica by a new one, without losing a request"),
    ):
        command = commands.add_parser(name, help=text)
        command.add_argument("service")
        command.add_argument("--check", action="store_true", help="only say what would be done")
        command.add_argument(
            "--lock-timeout",
            type=_duration,
            default=120.0,
            metavar="TIME",
            help="how long to wait for a rollout of the same service (2m)",
        )
        _json(command)


def _add_runs(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    run = commands.add_parser(
        "run", help="run a command once in the image of a service", usage=_usage("run", "CMD ...")
    )
    console = commands.add_parser(
        "console",
        help="an interactive command in the image of a service",
        usage=_usage("console", "[CMD ...]"),
    )
    for command, limit in ((run, "10m"), (console, "1h")):
        command.add_argument("service")
        command.add_argument(
            "--revision",
            type=_revision,
            help="of a release that is kept here; its beginning is enough",
        )
        command.add_argument(
            "--generation",
            type=_count,
            metavar="N",
            help="of a release that is kept here, where several are of one revision",
        )
        command.add_argument(
            "--timeout",
            type=_time_limit,
            default=parse_duration(limit),
            metavar="TIME",
            help=f"the time limit ({limit})",
        )
        command.add_argument("argv", nargs="*", metavar="CMD", help=argparse.SUPPRESS)
    job = commands.add_parser("job", help="run an entry of a service's crontab now")
    job.add_argument("service")
    job.add_argument("entry", help="its name, as hundred status shows it")


def _add_daemon(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    commands.add_parser("supervise", help="look after all services until this process ends")
    completion = commands.add_parser("completion", help="print the completion for a shell")
    completion.add_argument("shell", choices=["bash"])
    commands.add_parser("services", help="the names of the services on this host")
    for name, text in (
        ("entries", "the names of the entries of a service's crontab"),
        ("revisions", "the revisions of the releases that are kept here"),
    ):
        commands.add_parser(name, help=text).add_argument("service")


def _usage(name: str, rest: str) -> str:
    which = "[--revision REVISION] [--generation N]"
    return f"hundred {name} [-h] {which} [--timeout TIME] SERVICE -- {rest}"


def _json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="for machines")


def _revision(text: str) -> str:
    if not text:
        raise argparse.ArgumentTypeError("it is empty")
    return text


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number")
    return int(text)


def _duration(text: str) -> float:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _time_limit(text: str) -> float:
    seconds = _duration(text)
    if seconds < SHORTEST_RUN:
        raise argparse.ArgumentTypeError(f"{text!r} is less than {SHORTEST_RUN:g} s")
    return seconds
