# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What HAProxy answers to our questions, taken apart. Pure."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from typing import NamedTuple

from ..errors import ProxyError
from .protocol import endpoint

_FAILED = re.compile(r"\[failed: (\d+)\]")
_LISTENER = re.compile(r" l\.st=\w+ fe=(\S+) fam=ipv\d lport=(\d+)")

# Bits of srv_admin_state: put into maintenance by command, inheritance, configuration or
# resolution; drained by command or inheritance.
_MAINT_BITS = 0x01 | 0x02 | 0x04 | 0x20
_DRAIN_BITS = 0x08 | 0x10


class Workers(NamedTuple):
    """HAProxy's processes.

    :param current: the process id of the worker that accepts connections, None while there is none.
    :param old: those that end with what they still serve.
    :param failed: how many reloads in a row have failed.
    """

    master: int
    current: int | None
    old: tuple[int, ...]
    failed: int


class Server(NamedTuple):
    """A server of a backend in the running proxy.

    :param address: as ``address:port``.
    :param state: ``ready``, ``drain`` or ``maint``: what it was told to be.
    """

    name: str
    address: str
    state: str


class Counts(NamedTuple):
    """What a server of a backend has done since it is in the running proxy.

    :param status: as HAProxy puts it: ``UP``, ``UP 1/2``, ``DOWN``, ``MAINT``, ``no check`` ...
    :param in_flight: requests or connections at work or queued for it.
    :param passed: answers of 2xx and 3xx.
    :param answered: all answers that it gave; for TCP, connections that it took.
    """

    name: str
    status: str
    in_flight: int
    passed: int
    answered: int
    last_check: str


def parse_workers(answer: str) -> Workers:
    """The processes in an answer to ``show proc``.

    :raises ProxyError: it is not such an answer.
    """
    part = ""
    processes: dict[str, list[int]] = {"": [], "# workers": [], "# old workers": []}
    failed = 0
    for line in answer.splitlines():
        words = line.split()
        if line.startswith("# "):
            part = line.strip()
        elif len(words) > 1 and words[0].isdigit() and words[1] in ("master", "worker"):
            processes.setdefault(part, []).append(int(words[0]))
            found = _FAILED.search(line)
            failed = int(found.group(1)) if found else failed
    if not processes[""]:
        raise ProxyError(f"HAProxy's master answered what is not understood: {answer[:200]!r}")
    current = processes["# workers"]
    return Workers(
        processes[""][0],
        current[-1] if current else None,
        tuple(processes["# old workers"]),
        failed,
    )


def parse_listeners(answer: str) -> list[tuple[str, int]]:
    """Frontends and their ports in an answer to ``show fd``."""
    return [(name, int(port)) for name, port in _LISTENER.findall(answer)]


def parse_servers(answer: str) -> dict[str, Server]:
    """The servers in an answer to ``show servers state``."""
    servers: dict[str, Server] = {}
    for row in _rows(answer, "# be_id", " "):
        admin = int(row["srv_admin_state"])
        state = "maint" if admin & _MAINT_BITS else "drain" if admin & _DRAIN_BITS else "ready"
        name = row["srv_name"]
        servers[name] = Server(name, endpoint(row["srv_addr"], row["srv_port"]), state)
    return servers


def parse_counts(answer: str) -> dict[str, Counts]:
    """The servers in an answer to ``show stat``."""
    counts: dict[str, Counts] = {}
    for row in _rows(answer, "# pxname", ","):
        name = row["svname"]
        responses = [_number(row, f"hrsp_{kind}xx") for kind in range(1, 6)]
        taken = _number(row, "stot") - _number(row, "econ") - _number(row, "eresp")
        counts[name] = Counts(
            name=name,
            status=row["status"],
            in_flight=_number(row, "scur") + _number(row, "qcur"),
            passed=responses[1] + responses[2],
            answered=sum(responses) if row.get("mode") == "http" else taken,
            last_check=" ".join(
                row[key] for key in ("check_status", "check_code", "check_desc") if row.get(key)
            ),
        )
    return counts


def _rows(answer: str, heading: str, separator: str) -> list[Mapping[str, str]]:
    """Lines of a table whose first line names its columns, up to an empty line."""
    lines = iter(answer.splitlines())
    header = next((line for line in lines if line.startswith(heading)), None)
    if header is None:
        return []
    names = header[2:].split(separator)
    rows: list[Mapping[str, str]] = []
    for values in csv.reader((line for line in lines if line.strip()), delimiter=separator):
        rows.append(dict(zip(names, values)))
    return rows


def _number(row: Mapping[str, str], key: str) -> int:
    return int(row.get(key) or 0)
