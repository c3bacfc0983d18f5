# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A connection to a program on this host."""

from __future__ import annotations

import socket


def connect(address: str | tuple[str, int], timeout: float) -> socket.socket:
    """A connection to a Unix socket's path or to an address and port.

    :param timeout: seconds, for the connection and each later operation on it.
    :raises OSError: there is none.
    """
    if isinstance(address, tuple):
        return socket.create_connection(address, timeout=timeout)
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.settimeout(timeout)
        connection.connect(address)
    except OSError:
        connection.close()
        raise
    return connection
