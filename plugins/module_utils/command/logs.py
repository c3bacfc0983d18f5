# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""``hundred logs``: what the replicas of a service write, line by line, each with its name."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterable
from typing import Any

from ..engine.client import connect, engine_errors
from ..engine.containers import Container
from ..errors import EngineError, RolloutError
from ..rollout.host import ServiceHost

# How soon a replica that has been started is followed.
_LOOK_SECONDS = 1.0


def show_logs(host: ServiceHost, lines: int, follow: bool, docker_host: str | None) -> None:
    """Print the last lines of each replica; with ``follow`` go on, with replicas of later releases
    too, until the process ends.

    :raises RolloutError: the service has no replica on this host.
    :raises EngineError: the engine's log driver keeps nothing that could be shown.
    """
    containers = host.engine.containers(host.service)
    if not containers:
        raise RolloutError(
            f"{host.service} has no replica on this host",
            step="observe",
            next_step="hundred status shows what is here",
        )
    printer = _Printer()
    if not follow:
        for item in containers:
            with engine_errors(f"read the log of {item.name}"):
                data = host.engine.client.logs(item.id, tail=lines)
            printer.add(item.name, [data])
        return
    followed: set[str] = set()
    failures: list[EngineError] = []
    while True:
        for item in host.engine.containers(host.service):
            if item.id not in followed and item.state != "created":
                followed.add(item.id)
                arguments = (docker_host, item, lines, printer, failures)
                threading.Thread(target=_follow, args=arguments, daemon=True).start()
        lines = -1  # all of those that come later
        if failures:
            raise failures[0]
        time.sleep(_LOOK_SECONDS)


def _follow(
    docker_host: str | None,
    container: Container,
    lines: int,
    printer: _Printer,
    failures: list[EngineError],
) -> None:
    try:
        client: Any = connect(docker_host)
        with engine_errors(f"read the log of {container.name}"):
            tail = "all" if lines < 0 else lines
            stream = client.logs(container.id, stream=True, follow=True, tail=tail)
            printer.add(container.name, stream)
    except EngineError as error:
        failures.append(error)


class _Printer:
    """Prints whole lines, whoever's."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def add(self, name: str, chunks: Iterable[bytes]) -> None:
        """Print what a replica writes, as it comes."""
        rest = b""
        for chunk in chunks:
            *whole, rest = (rest + chunk).split(b"\n")
            self._print(name, whole)
        if rest:
            self._print(name, [rest])

    def _print(self, name: str, lines: list[bytes]) -> None:
        with self._lock:
            for line in lines:
                text = line.rstrip(b"\r").decode("utf-8", "replace")
                sys.stdout.write(f"{name} | {text}\n")
            sys.stdout.flush()
