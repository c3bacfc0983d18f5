# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""nginx's processes: which workers accept connections, which only finish what they have.

After a reload both exist side by side, and nginx itself says of a process only what its title says.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Collection
from typing import NamedTuple

from ..errors import ProxyError
from .processes import children, socket_inodes, started, title
from .tcp_table import CLOSE_WAIT, ESTABLISHED, SYN_SENT, TcpSocket, tcp_sockets

_MASTER = "nginx: master process"
_WORKER = "nginx: worker process"
_STOPPING = "nginx: worker process is shutting down"

# At a reload the master starts all new workers in one go, lets 100 ms pass and only then tells the
# old ones to stop. So workers that were started within half of that belong to the same
# configuration.
_SAME_TIME = 0.05


class Workers(NamedTuple):
    """The workers of one master.

    :param accepting: those that take new connections.
    :param stopping: those that finish what they have.
    """

    accepting: tuple[int, ...]
    stopping: tuple[int, ...]


def master(pid_file: str) -> int:
    """The process id of nginx's master.

    :raises ProxyError: nginx is not running.
    """
    try:
        with open(pid_file, encoding="ascii") as stream:
            process = int(stream.read())
    except (OSError, ValueError) as error:
        raise _not_running(pid_file) from error
    if not title(process).startswith(_MASTER):
        raise _not_running(pid_file)
    return process


def workers(pid_file: str) -> Workers:
    """The workers now.

    :raises ProxyError: nginx is not running.
    """
    accepting, stopping = [], []
    for process in children(master(pid_file)):
        name = title(process)
        if name.startswith(_STOPPING):
            stopping.append(process)
        elif name.startswith(_WORKER):
            accepting.append(process)
    return Workers(tuple(accepting), tuple(stopping))


def reload(pid_file: str) -> None:
    """Tell nginx to load its configuration anew; whether it does has to be asked for.

    :raises ProxyError: nginx is not running, or we may not tell it.
    """
    try:
        os.kill(master(pid_file), signal.SIGHUP)
    except OSError as error:
        raise ProxyError(
            f"cannot reload nginx: {error.strerror}", next_step="run as root"
        ) from error


def have_replaced(pid_file: str, before: Collection[int], answered_by: Collection[int]) -> bool:
    """Whether no worker of an earlier configuration accepts connections any more.

    The new workers answer 100 ms before the old ones stop to. Beside our own reload there may be
    somebody else's just before it, whose workers exist for that time only.

    :param before: the workers that accepted before the reload.
    :param answered_by: workers known to have the wanted configuration; none when it answers
        nothing.
    """
    accepting = workers(pid_file).accepting
    if not accepting or not set(before).isdisjoint(accepting):
        return False
    times = [time for time in map(started, answered_by) if time is not None]
    earliest = min(times, default=0.0) - _SAME_TIME
    return all((started(item) or earliest) >= earliest for item in accepting)


def in_flight(
    pid_file: str, http_port: int, members: Collection[str], known: Collection[str]
) -> int:
    """Connections to ``members``, and clients that may still be led to them.

    A stopping worker goes on with the members it knew, not only for requests that have reached a
    member: a client whose connection it has accepted may not have sent its request yet. (nginx
    closes connections that are idle between two requests, but not these; a browser opens some in
    advance.) So beside the connections to the members of all workers this counts, for each stopping
    worker, the clients that no connection to any known member belongs to. A websocket of another
    service is a client that one belongs to, and does not count.

    :param http_port: the port that clients connect to.
    :param members: those asked about, as ``address:port``.
    :param known: all members of all services, as far as they are known.
    """
    processes = workers(pid_file)
    owned = {item: socket_inodes(item) for item in (*processes.accepting, *processes.stopping)}
    # Read after the lists of owned sockets: a connection to a member that is made between the two
    # does not count, but then its client still counts as one without.
    sockets = tcp_sockets(set().union(*owned.values()), (ESTABLISHED, SYN_SENT, CLOSE_WAIT))
    total = 0
    for process, inodes in owned.items():
        mine = [item for item in sockets if item.inode in inodes]
        upstream = [item for item in mine if item.state in (ESTABLISHED, SYN_SENT)]
        total += sum(item.remote in members for item in upstream)
        if process in processes.stopping:
            total += _clients_without_member(mine, http_port, {*members, *known})
    return total


def _clients_without_member(
    sockets: Collection[TcpSocket], http_port: int, known: Collection[str]
) -> int:
    clients = sum(item.local_port == http_port for item in sockets)
    served = sum(item.remote in known and item.state in (ESTABLISHED, SYN_SENT) for item in sockets)
    return max(0, clients - served)


def _not_running(pid_file: str) -> ProxyError:
    return ProxyError(
        f"nginx is not running: no master process in {pid_file}",
        next_step="start it (systemctl start nginx, or service nginx start); the role "
        "hundred.containers.proxy does",
    )
