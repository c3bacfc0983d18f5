# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands to HAProxy's processes through the socket of its master.

The master reaches every worker, also those that an earlier reload left behind with a request or a
stream, and says which one is the current: the workers' own sockets cannot tell.
"""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Sequence

from ..clock import Deadline
from ..connection import connect
from ..errors import ProxyError
from .haproxy_answers import (
    Counts,
    Server,
    Workers,
    parse_counts,
    parse_listeners,
    parse_servers,
    parse_workers,
)

# An answer takes about a millisecond; a worker that starts or is flooded may take longer.
_TIMEOUT = 5.0

# How long nobody may listen on the master's socket: it is so while the master starts itself anew.
_REFUSED_SECONDS = 2.0

_POLL = 0.01

# A command line of HAProxy's holds 16 KiB; this many commands of ours stay well below it.
_COMMANDS_AT_ONCE = 40

_GONE = re.compile(r"Can't find the target PID|Can't connect to the target|Proxy is disabled")
_EXPECTED = ("", "New server registered.", "Server deleted.")


class WorkerGone(ProxyError):
    """The worker has ended or is stopping, or the master is just reloading: ask who is current."""


class ReloadFailed(ProxyError):
    """HAProxy has not loaded a configuration; its former worker goes on."""

    def __init__(self, said: str, seconds: float | None = None) -> None:
        reason = f"did not within {seconds:g} s" if seconds is not None else "could not"
        said = said.strip()
        super().__init__(
            f"HAProxy {reason} load the configuration" + (f": {said[-2000:]}" if said else ""),
            next_step="see journalctl -u haproxy, or HAProxy's own log",
        )


class HAProxyRuntime:
    """The client; it keeps no connection open.

    :param master_socket: path of the socket of HAProxy's option ``-S``.
    """

    def __init__(self, master_socket: str) -> None:
        self.master_socket = master_socket

    def workers(self) -> Workers:
        """The processes of the running proxy. While the master starts itself anew for somebody's
        reload it does not answer: that is waited for.

        :raises ProxyError: the master does not answer.
        """
        deadline = Deadline(_TIMEOUT)
        while True:
            try:
                return parse_workers(self._exchange("show proc"))
            except WorkerGone:
                if deadline.passed():
                    raise
                time.sleep(_POLL)

    def reload(self) -> str:
        """Tell the master to reload. The outcome is to be asked for: see ``workers().failed``.

        :returns: what HAProxy says of it: nothing before 2.7, the worker's messages since.
        :raises ProxyError: the master does not answer.
        """
        try:
            return self._exchange("reload")
        except WorkerGone:
            return ""

    def backends(self, worker: int) -> str:
        """The names of all backends of a worker, one a line."""
        return self.ask(worker, "show backend")

    def servers(self, worker: int, backend: str) -> dict[str, Server] | None:
        """The servers of a backend by name; None when the worker has no such backend."""
        answer = self.ask(worker, f"show servers state {backend}")
        return parse_servers(answer) if "# be_id" in answer else None

    def counts(self, worker: int, backend: str) -> dict[str, Counts]:
        """The counters of a backend's servers by name; empty when there is no such backend."""
        answer = self.ask(worker, f"show stat {backend} 4 -1")
        return parse_counts(answer) if "# pxname" in answer else {}

    def listeners(self, worker: int) -> list[tuple[str, int]]:
        """The frontends of a worker with the TCP ports that they listen on."""
        return parse_listeners(self.ask(worker, "show fd"))

    def streams(self, worker: int) -> str:
        """The list of all streams of a worker, as text."""
        return self.ask(worker, "show sess")

    def ask(self, worker: int, command: str) -> str:
        """The answer of one worker to one command.

        :raises WorkerGone: there is no such worker, or it is stopping and does not take the
            command.
        :raises ProxyError: the master does not answer.
        """
        answer = self._exchange(f"@!{worker} {command}")
        if _GONE.search(answer):
            raise WorkerGone(f"HAProxy's worker {worker} has gone: {answer.strip()}")
        return answer

    def order(self, worker: int, commands: Sequence[str]) -> None:
        """Have one worker carry out commands that change something, in their order.

        :raises WorkerGone: as ``ask``.
        :raises ProxyError: a command was refused; those after it have been given all the same.
        """
        for first in range(0, len(commands), _COMMANDS_AT_ONCE):
            part = commands[first : first + _COMMANDS_AT_ONCE]
            answer = self._exchange("; ".join(f"@!{worker} {command}" for command in part))
            if _GONE.search(answer):
                raise WorkerGone(f"HAProxy's worker {worker} has gone: {answer.strip()}")
            refused = [line for line in answer.splitlines() if line.strip() not in _EXPECTED]
            if refused:
                raise ProxyError(
                    "HAProxy refused a command: %s" % " ".join(refused),
                    details={"commands": list(part)},
                )

    def _exchange(self, line: str) -> str:
        """What the master answers to a line.

        :raises WorkerGone: it has ended the connection without an answer, as it does in a reload.
        :raises ProxyError: it cannot be reached.
        """
        answer = b""
        with self._connect() as connection:
            try:
                connection.sendall(line.encode("ascii") + b"\n")
                # The end of the commands: the master closes after the last answer.
                connection.shutdown(socket.SHUT_WR)
                while True:
                    received = connection.recv(65536)
                    answer += received
                    if not received:
                        break
            except ConnectionError as error:
                raise WorkerGone(f"HAProxy is being reloaded: {error}") from error
            except OSError as error:
                raise self._unreachable(error) from error
        if not answer:
            raise WorkerGone("HAProxy is being reloaded: its master ended the connection")
        return answer.decode("utf-8", "replace")

    def _connect(self) -> socket.socket:
        deadline = Deadline(_REFUSED_SECONDS)
        while True:
            try:
                return connect(self.master_socket, _TIMEOUT)
            except ConnectionRefusedError as error:
                # So it is for a moment of each reload.
                if deadline.passed():
                    raise self._unreachable(error) from error
                time.sleep(_POLL)
            except OSError as error:
                raise self._unreachable(error) from error

    def _unreachable(self, error: OSError) -> ProxyError:
        return ProxyError(
            f"HAProxy's master does not answer on {self.master_socket}: {error.strerror or error}",
            next_step="start HAProxy, in master-worker mode (-Ws, or -W without systemd) and with "
            f"-S {self.master_socket}: the role hundred.containers.proxy sets both",
        )
