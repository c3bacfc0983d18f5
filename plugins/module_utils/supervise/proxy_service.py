# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Starting a proxy that does not run."""

from __future__ import annotations

import time
from collections.abc import Callable

from .. import systemd
from ..errors import StateError

# A proxy that cannot start is not tried more often.
PERIOD = 5.0


class ProxyService:
    """The proxies of this host as the init system's services.

    :param say: takes a line for the log.
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._not_before: dict[str, float] = {}
        self._said: dict[str, str] = {}

    def start(self, driver: str) -> None:
        """Start it, unless that was tried just now. One that runs is left as it is.

        :param driver: ``haproxy`` or ``nginx``, which is also the name of its service.
        """
        now = time.monotonic()
        if driver not in ("haproxy", "nginx") or now < self._not_before.get(driver, now):
            return
        self._not_before[driver] = now + PERIOD
        failure = _start(driver)
        if failure != self._said.get(driver):
            self._say(f"{driver}: {failure or 'it did not answer; its service was started'}")
        self._said[driver] = failure


def _start(driver: str) -> str:
    """:returns: why it could not be started; empty when it could."""
    command = ["service", driver, "start"]
    try:
        if systemd.runs():
            # What systemd has given up after some attempts, it starts again only when it is told to
            # forget them.
            systemd.capture(["systemctl", "reset-failed", f"{driver}.service"])
            command = ["systemctl", "start", f"{driver}.service"]
        done = systemd.capture(command)
    except StateError as error:
        return error.message
    return f"{' '.join(command)} fails: {done.stdout.strip()[-500:]}" if done.returncode else ""
