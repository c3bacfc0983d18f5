# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the engine tells by itself: a replica has died, was removed, was started."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any

from ..engine.client import connect, engine_errors
from ..engine.containers import LABEL_SERVICE
from ..errors import HundredError

# Events that may change what is to be done. Not among them are those of commands that probes run in
# replicas, which would make each look the cause of the next.
DEATH = "die"
KINDS = (DEATH, "destroy", "pause", "start", "unpause")

# Seconds before a lost connection is tried again.
RETRY_SECONDS = 1.0


@dataclass(frozen=True)
class Event:
    """What happened to a container.

    :param kind: one of ``KINDS``.
    :param container: the container's id.
    :param name: the container's name.
    """

    kind: str
    service: str
    container: str
    name: str


class Events:
    """Listens in a thread of its own until the process ends.

    Events are there to be quick. None of them is needed: one that is lost is made good by the next
    look at all containers.

    :param happened: called with each event.
    """

    def __init__(self, docker_host: str | None, happened: Callable[[Event], None]) -> None:
        self._docker_host = docker_host
        self._happened = happened
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="events", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Take no further event."""
        self._ended.set()

    def _run(self) -> None:
        while not self._ended.is_set():
            # An engine that is away is told of by those who need it.
            with suppress(HundredError, HTTPException, OSError, ValueError):
                self._listen()
            self._ended.wait(RETRY_SECONDS)

    def _listen(self) -> None:
        client: Any = connect(self._docker_host)
        from urllib3.exceptions import HTTPError

        # A stream that breaks off shows errors that the SDK does not translate.
        with closing(client), suppress(HTTPError), engine_errors("listen to the events"):
            wanted = {"type": ["container"], "label": [LABEL_SERVICE], "event": list(KINDS)}
            for event in client.events(decode=True, filters=wanted):
                if self._ended.is_set():
                    return
                actor = event.get("Actor") or {}
                attributes = actor.get("Attributes") or {}
                if LABEL_SERVICE in attributes:
                    self._happened(
                        Event(
                            kind=str(event.get("Action")),
                            service=str(attributes[LABEL_SERVICE]),
                            container=str(actor.get("ID")),
                            name=str(attributes.get("name")),
                        )
                    )
