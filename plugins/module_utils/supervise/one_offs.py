# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The time limit of one-off commands, consoles and cron jobs that nobody attends any more."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Executor

from ..engine.containers import Engine
from ..errors import HundredError
from ..rollout.host import Settings
from ..rollout.unattended import end_overdue

# Seconds between two looks.
PERIOD = 5.0


class OneOffs:
    """Ends what has outlived its time.

    :param settings: where things are on this host.
    :param say: takes a line for the log.
    """

    def __init__(self, settings: Settings, say: Callable[[str], None]) -> None:
        self._settings = settings
        self._say = say
        self._due = 0.0
        self._said = ""

    def look(self, engine: Engine, workers: Executor) -> None:
        """Have one of the workers look, if it is time to: the end of a container may take long."""
        now = time.monotonic()
        if now >= self._due:
            self._due = float("inf")
            workers.submit(self._end, engine)

    def _end(self, engine: Engine) -> None:
        try:
            for item in end_overdue(self._settings, engine):
                self._say(f"{item.service}: ended {item.name}, whose time was up")
            self._said = ""
        except HundredError as error:
            if error.message != self._said:
                self._say(f"commands whose time is up cannot be ended: {error.message}")
            self._said = error.message
        finally:
            self._due = time.monotonic() + PERIOD
