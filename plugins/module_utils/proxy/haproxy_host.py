# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How HAProxy was started on this host: which files it loads, and how to check them with one
replaced.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence

from ..errors import ProxyError
from .haproxy_config import is_ours
from .processes import arguments, environment, socket_inodes, working_folder
from .tcp_table import LISTEN, tcp_sockets


def require_loaded(master: int, path: str) -> None:
    """Raise ``ProxyError`` unless the master was started with our file as the last one.

    :param master: the master's process id.
    """
    files = configuration_files(arguments(master), working_folder(master) or "/")
    next_step = (
        f"start HAProxy with -f {path} behind its other files; the role hundred.containers.proxy "
        "adds it to EXTRAOPTS in /etc/default/haproxy"
    )
    if path not in files:
        raise ProxyError(
            f"HAProxy was not started with {path}, only with {', '.join(files)}",
            next_step=next_step,
        )
    if files[-1] != path:
        # A section without "from" takes the defaults of the last "defaults" above it: ours.
        raise ProxyError(
            f"HAProxy loads {files[-1]} behind {path} and would apply our defaults to it",
            next_step=next_step,
        )


def check_command(
    binary: str, master: int, path: str, candidate: str
) -> tuple[list[str], dict[str, str]]:
    """The command that checks what the master would load with ``candidate`` instead of ``path``.

    :returns: the command and the environment to run it in: the master's, since a configuration may
        use it.
    """
    files = configuration_files(arguments(master), working_folder(master) or "/")
    command = [binary, "-c"]
    for file in files:
        command += ["-f", candidate if file == path else file]
    # What HAProxy and systemd put there for the running process only.
    private = ("HAPROXY_", "NOTIFY_SOCKET", "LISTEN_", "WATCHDOG_")
    kept = {key: text for key, text in environment(master).items() if not key.startswith(private)}
    return command, kept


def require_ports(
    worker: int,
    addresses: Sequence[str],
    ports: Sequence[int],
    listeners: Sequence[tuple[str, int]],
) -> None:
    """Refuse ports that somebody else has, before HAProxy finds out in a reload.

    A HAProxy that cannot bind a port in a reload stops listening on all others for a moment, and
    one that shares a port with another frontend gives each a part of the requests.

    :param worker: the current worker's process id.
    :param addresses: those of the settings' ``bind_addresses``.
    :param ports: all ports of ours.
    :param listeners: the frontends of the worker and their ports.
    :raises ProxyError: naming the port and who has it.
    """
    shared = {port: name for name, port in listeners if not is_ours(name)}
    own = {item.local_port for item in tcp_sockets(socket_inodes(worker), (LISTEN,))}
    for port in ports:
        if port in shared:
            raise ProxyError(
                f"the frontend {shared[port]} of HAProxy's other configuration listens on port "
                f"{port} too: each request would go to the one or the other at random",
                next_step=f"take port {port} from that frontend, or choose another one for us",
            )
        if port not in own:
            for address in addresses:
                _require_free(address, port)


def _require_free(address: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # As HAProxy binds: what only waits for closed connections to be forgotten is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if address == "::":
            probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        try:
            probe.bind(("" if address == "*" else address, port))
        except OSError as error:
            raise ProxyError(
                f"HAProxy cannot listen on {address} port {port}: {error.strerror}",
                next_step=f"stop what ss -ltnp 'sport = :{port}' names, or choose another port",
            ) from error


def configuration_files(command: Sequence[str], folder: str) -> list[str]:
    """The files that a HAProxy with this command line loads, in order, as absolute paths.

    :param folder: its working folder.
    """
    named = []
    words = iter(command[1:])
    for word in words:
        if word == "-f":
            named.append(next(words, ""))
        elif word == "-C":
            folder = os.path.join(folder, next(words, ""))
        elif word == "--":
            named.extend(words)
    files = []
    for name in named:
        path = os.path.normpath(os.path.join(folder, name))
        if os.path.isdir(path):
            # Of a folder HAProxy loads the files that end in .cfg and do not begin with a dot, by
            # name.
            entries = sorted(os.listdir(path))
            files += [
                os.path.join(path, entry)
                for entry in entries
                if entry.endswith(".cfg") and not entry.startswith(".")
            ]
        else:
            files.append(path)
    return files
