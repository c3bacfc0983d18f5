# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""``hundred logs``: what the replicas of a service write, line by line, each with its name."""

from __future__ import annotations

import calendar
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from ..engine.client import connect, engine_errors
from ..engine.containers import Container, Engine
from ..errors import ConflictError, EngineError, NotFoundError, RolloutError
from ..rollout.host import ServiceHost

# How soon a replica that has been started is followed.
_LOOK_SECONDS = 1.0

# Where the lines are of a driver from which the engine cannot read them back.
_ELSEWHERE = {
    "journald": "journalctl CONTAINER_NAME={name}",
    "syslog": "look where syslog writes; the tag of its lines begins with {name}/",
    "none": "nobody keeps its lines: name another driver in logging.driver and deploy "
    "(json-file is the default)",
}
_SOMEWHERE = (
    "look where the driver sends its lines; json-file, local and journald in logging.driver keep "
    "them on this host"
)


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
    if follow:
        _Follower(host, docker_host).run(lines)
    printer = _Printer()
    for item in containers:
        with _reading(host.engine, item):
            data = host.engine.client.logs(item.id, tail=lines)
            printer.add(item.name, [data])


@contextmanager
def _reading(engine: Engine, container: Container) -> Iterator[None]:
    """Read the log of a container in here; one that is removed meanwhile has no more lines.

    :raises EngineError: it cannot be read.
    """
    try:
        with engine_errors(f"read the log of {container.name}"):
            yield
    except (NotFoundError, ConflictError):
        return
    except EngineError as error:
        if "does not support reading" not in error.message:
            raise
        with engine_errors(f"inspect the container {container.name}"):
            row: Any = engine.client.inspect_container(container.id)
        driver = str(row["HostConfig"]["LogConfig"]["Type"])
        raise EngineError(
            f"the engine cannot read back what {container.name} wrote: its log driver is {driver}",
            next_step=_ELSEWHERE.get(driver, _SOMEWHERE).format(name=container.name),
        ) from error


class _Follower:
    """Prints what the replicas of a service write, for as long as this process lives.

    The engine ends the log of a container with its process. A replica that was started again is
    the same container: its log goes on behind the last line that was printed.
    """

    def __init__(self, host: ServiceHost, docker_host: str | None) -> None:
        self._host = host
        self._docker_host = docker_host
        self._printer = _Printer()
        self._followed: set[str] = set()
        # The time stamps of the last lines that were printed, by container.
        self._last: dict[str, str] = {}
        self._failures: list[EngineError] = []

    def run(self, lines: int) -> None:
        """Follow all replicas.

        :param lines: how many of its last lines to print of each that is there already.
        :raises EngineError: the log of one cannot be read.
        """
        tail: int | str = lines
        while not self._failures:
            for item in self._host.engine.containers(self._host.service):
                if item.id not in self._followed and item.state != "created":
                    self._followed.add(item.id)
                    arguments = (item, tail)
                    threading.Thread(target=self._follow, args=arguments, daemon=True).start()
            tail = "all"  # of those that come later
            time.sleep(_LOOK_SECONDS)
        raise self._failures[0]

    def _follow(self, item: Container, tail: int | str) -> None:
        last = self._last.get(item.id)
        which: dict[str, Any] = {"tail": tail}
        if last is not None:
            which = {"since": calendar.timegm(time.strptime(last[:19], "%Y-%m-%dT%H:%M:%S"))}
        began = time.strftime("%Y-%m-%dT%H:%M:%S.000000000Z", time.gmtime())
        try:
            client: Any = connect(self._docker_host)
            with _reading(self._host.engine, item):
                stream = client.logs(item.id, stream=True, follow=True, timestamps=True, **which)
                self._printer.add(item.name, self._news(item.id, stream, last or ""))
        except EngineError as error:
            self._failures.append(error)
        self._last.setdefault(item.id, began)
        self._followed.discard(item.id)

    def _news(self, identity: str, chunks: Iterable[bytes], last: str) -> Iterator[bytes]:
        """What was written after that time stamp. Each chunk is a line, or a part of one, behind
        its time.
        """
        for chunk in chunks:
            stamp, _space, data = chunk.partition(b" ")
            at = stamp.decode("ascii", "replace")
            if at > last:
                self._last[identity] = at
                yield data


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
