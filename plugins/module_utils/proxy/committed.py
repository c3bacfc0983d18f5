# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The backends that a proxy's file says are committed: one comment line of JSON each. Pure.

So our own file is the single truth about what is committed, and nothing has to agree with it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, replace

from ..definition.model import Route
from ..errors import ProxyError
from .protocol import Backend, Check, Member

HEADER = (
    "# Written by hundred.containers: edits are lost with the next deploy. To change what is\n"
    "# here, deploy a service, or set the options of the role hundred.containers.proxy. The\n"
    "# comment lines are data.\n"
)
_MARK = "# hundred-backend "
# What a line has no room for: nginx takes no comment of more than 4096 bytes.
_MORE = "# hundred-more "
_ROOM = 3000


def encode(backends: Sequence[Backend]) -> str:
    """The comment lines for ``backends``, with a line end after each."""
    lines = []
    for backend in backends:
        text = json.dumps(asdict(backend), sort_keys=True, separators=(",", ":"))
        for first in range(0, len(text), _ROOM):
            lines.append("%s%s\n" % (_MORE if first else _MARK, text[first : first + _ROOM]))
    return "".join(lines)


def decode(text: str, path: str) -> list[Backend]:
    """The backends in a file's text, ordered by service; none in an empty file.

    :param path: for the message only.
    :raises ProxyError: a line of ours is damaged.
    """
    found: list[tuple[int, str]] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if line.startswith(_MARK):
            found.append((number, line[len(_MARK) :]))
        elif line.startswith(_MORE) and found:
            found[-1] = (found[-1][0], found[-1][1] + line[len(_MORE) :])
    backends = []
    for number, data in found:
        try:
            backends.append(_backend(data))
        except (ValueError, TypeError, KeyError) as error:
            raise ProxyError(
                "line %d of %s is damaged: %s" % (number, path, error),
                next_step="remove that line and deploy its service again",
            ) from error
    return sorted(backends, key=lambda backend: backend.service)


def find(backends: Sequence[Backend], service: str) -> Backend | None:
    """The backend of ``service``, if it is there."""
    return next((backend for backend in backends if backend.service == service), None)


def with_backend(backends: Sequence[Backend], backend: Backend) -> list[Backend]:
    """``backends`` with ``backend`` for its service, ordered by service."""
    others = without_service(backends, backend.service)
    return sorted([*others, backend], key=lambda other: other.service)


def without_service(backends: Sequence[Backend], service: str) -> list[Backend]:
    """``backends`` without that of ``service``."""
    return [backend for backend in backends if backend.service != service]


def without_members(backends: Sequence[Backend]) -> list[Backend]:
    """``backends`` with no members: what only a reload can change in HAProxy."""
    return [replace(backend, members=()) for backend in backends]


def _backend(line: str) -> Backend:
    raw = json.loads(line)
    return Backend(
        service=raw["service"],
        protocol=raw["protocol"],
        routes=tuple(Route(**route) for route in raw["routes"]),
        check=Check(**raw["check"]),
        members=tuple(Member(**member) for member in raw["members"]),
    )
