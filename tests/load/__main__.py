# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The load client's command: python3 -m tests.load --url http://127.0.0.1 --host shop.example.com.

Runs for --seconds or until SIGTERM or SIGINT, then prints the counts. Exit status: 0 when nothing
was lost or duplicated, 1 when something was, 2 when the arguments are wrong or it could not begin.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import signal
import sys
import urllib.request
from dataclasses import fields, replace
from pathlib import Path

from . import report
from .client import Load
from .process import READY
from .result import Result
from .traffic import PACED, PRESETS, Kind, Outcome, Paths


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    options = _parser().parse_args(arguments)
    try:
        load = _load(options)
    except ValueError as error:
        print(f"load: {error}", file=sys.stderr)
        return 2
    try:
        if options.real_time:
            os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
        asyncio.run(_run(load, options))
    except OSError as error:
        print(f"load: cannot begin: {error}", file=sys.stderr)
        return 2
    result = load.result
    processed = _processed(options)
    if processed is not None:
        kinds = [Kind.from_label(label) for label in options.logged_kinds.split(",") if label]
        result.check_server_log(processed, kinds or list(Kind))
    if options.json:
        data = report.as_json(result, options.samples, options.bucket)
        Path(options.json).write_text(json.dumps(data) + "\n", encoding="utf-8")
    print(report.as_text(result), flush=True)
    duplicated = result.server_log is not None and result.server_log.duplicates
    return 1 if result.lost or duplicated else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python3 -m tests.load",
        description="Open-loop HTTP load; every way of losing a request is counted apart.",
    )
    add = parser.add_argument
    add("--url", required=True, help="http://address[:port]")
    add("--host", help="the Host header (default: from the url)")
    add("--rate", type=float, default=300.0, help="paced requests a second (300)")
    add("--seconds", type=float, help="how long (default: until SIGTERM or SIGINT)")
    add(
        "--kinds",
        default=",".join(k.label for k in PACED),
        help="paced kinds, comma-separated (%(default)s)",
    )
    add("--slow", type=int, default=0, help="loops of slow requests (0)")
    add("--slow-seconds", type=float, default=2.0, help="what a slow request takes (2)")
    add("--streams", type=int, default=0, help="loops of streaming answers (0)")
    add("--websockets", type=int, default=0, help="loops of websocket echo sessions (0)")
    add("--stream-seconds", type=float, default=5.0, help="what a stream or session takes (5)")
    add(
        "--timeout",
        type=float,
        default=10.0,
        help="seconds until a request counts as timed out (10)",
    )
    add(
        "--keepalive-connections",
        type=int,
        default=16,
        help="kept-alive connections that take turns (16)",
    )
    add("--paths", choices=sorted(PRESETS), default="app", help="which application's paths (app)")
    for item in fields(Paths):
        add(f"--path-{item.name.replace('_', '-')}", help=argparse.SUPPRESS)
    add("--ids-dir", help="folder of the servers' logs of processed ids, read after the run")
    add(
        "--ids-url",
        action="append",
        default=[],
        help="a url that lists processed ids; may be repeated",
    )
    add("--logged-kinds", default="", help="kinds whose ids the servers log (all)")
    add("--json", help="write the result here")
    add("--bucket", type=float, default=1.0, help="seconds of a time bucket in the JSON (1)")
    add("--samples", action="store_true", help="put every request into the JSON")
    add(
        "--real-time",
        action="store_true",
        help="take a processor before all ordinary programs, so that the service is measured and"
        " not this client's wait for one; needs root",
    )
    add("--progress", action="store_true", help="print a line a second")
    return parser


def _load(options: argparse.Namespace) -> Load:
    own = {item.name: getattr(options, f"path_{item.name}") for item in fields(Paths)}
    paths = replace(PRESETS[options.paths], **{k: v for k, v in own.items() if v is not None})
    return Load(
        options.url,
        host_header=options.host,
        rate=options.rate,
        kinds=tuple(Kind.from_label(label) for label in options.kinds.split(",")),
        slow=options.slow,
        slow_seconds=options.slow_seconds,
        streams=options.streams,
        websockets=options.websockets,
        stream_seconds=options.stream_seconds,
        timeout=options.timeout,
        keepalive_connections=options.keepalive_connections,
        paths=paths,
    )


async def _run(load: Load, options: argparse.Namespace) -> None:
    """Run until the time is up or a signal comes; what is in flight may end."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with load:
        tasks = [asyncio.create_task(_announce(load.result))]
        if options.progress:
            tasks.append(asyncio.create_task(_print_progress(load.result)))
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), options.seconds)
        for task in tasks:
            task.cancel()


async def _announce(result: Result) -> None:
    while Outcome.OK not in result.samples.outcome:
        await asyncio.sleep(0.02)
    print(READY, flush=True)


async def _print_progress(result: Result) -> None:
    second = 0
    while True:
        await asyncio.sleep(1.0)
        window = result.window(second, second + 1)
        answered = ", ".join(f"{name or 'ok'} {n}" for name, n in sorted(window.releases.items()))
        second += 1
        print(
            f"{second:4d} s  sent {window.sent:5d}  lost {window.lost:4d}  "
            f"p99 {window.latency.p99 * 1e3:7.1f} ms  {answered}",
            flush=True,
        )


def _processed(options: argparse.Namespace) -> list[str] | None:
    """The ids that the servers say they processed; None when nobody was to be asked."""
    if not options.ids_dir and not options.ids_url:
        return None
    lines: list[str] = []
    if options.ids_dir:
        for path in sorted(Path(options.ids_dir).glob("*.ids")):
            lines += path.read_text(encoding="utf-8").splitlines()
    for url in options.ids_url:
        request = urllib.request.Request(
            url, headers={"Host": options.host} if options.host else {}
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            lines += answer.read().decode("utf-8").splitlines()
    return lines


if __name__ == "__main__":
    sys.exit(main())
