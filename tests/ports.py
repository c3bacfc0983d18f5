# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ports and the address of this machine for what tests start."""

from __future__ import annotations

import contextlib
import random
import socket


def free_port(host: str = "") -> int:
    """A TCP port that nobody listens on, and that no connection takes before the caller does.

    It is below the ports that the kernel gives to connections (net.ipv4.ip_local_port_range).
    """
    while True:
        port = random.randrange(20000, 32000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind((host, port))
            return port


def own_address() -> str:
    """The address by which this machine reaches others: not one of its bridges, from where an
    engine's rules translate what goes out.

    :raises OSError: it has no way to others.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))  # sends nothing
        return str(probe.getsockname()[0])
