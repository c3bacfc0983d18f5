# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Is a replica working? One probe, and a watch that probes several replicas side by side.

The replica is asked directly at its address, from the host, never through the proxy and never
through a published port: a port mapping accepts connections for an application that does not
listen yet.
"""

from __future__ import annotations

import http.client
import socket
import threading
import time
from dataclasses import dataclass, replace

from .bounded_http import BoundedConnection
from .definition.model import Definition
from .engine.bounded_command import execute_in_time
from .engine.containers import Container, ContainerState, Engine
from .errors import EngineError
from .proxy.routing import check_host

USER_AGENT = "hundred-probe"

# So much is read of an answer's body at most.
BODY_BYTES = 4096

# After a failure the next probe does not wait longer than this, in seconds: one that is ill is told
# soon, and one that is not is known to be well.
AFTER_A_FAILURE = 0.5


@dataclass(frozen=True)
class Outcome:
    """The result of one probe: whether it passed, and what was seen, in words."""

    passed: bool
    seen: str


def http_probe(address: str, port: int, path: str, timeout: float, host: str) -> Outcome:
    """GET ``path``; 2xx and 3xx pass, as in HAProxy's and Kubernetes' HTTP checks.

    Of the body the begin is read, so that a short one has been sent when the connection is closed.

    :param timeout: in seconds; for all together, from the connect to that part of the body.
    :param host: the ``Host`` to name, the same as in the proxy's own checks.
    """
    connection = BoundedConnection(address, port, timeout)
    try:
        headers = {"Host": host, "User-Agent": USER_AGENT, "Connection": "close"}
        connection.request("GET", path, headers=headers)
        response = connection.getresponse()
        response.read(BODY_BYTES)
        return Outcome(200 <= response.status < 400, "GET %s answers %d" % (path, response.status))
    except (OSError, http.client.HTTPException) as error:
        return Outcome(False, f"GET {path}: {_reason(error, timeout)}")
    finally:
        connection.close()


def tcp_probe(address: str, port: int, timeout: float) -> Outcome:
    """Open a TCP connection. ``timeout`` in seconds."""
    try:
        with socket.create_connection((address, port), timeout=timeout):
            return Outcome(True, "port %d accepts connections" % port)
    except OSError as error:
        return Outcome(False, "connect to port %d: %s" % (port, _reason(error, timeout)))


def _reason(error: Exception, timeout: float) -> str:
    if isinstance(error, socket.timeout):
        return f"no answer within {timeout:g} s"
    return str(error) or type(error).__name__


def probe(engine: Engine, definition: Definition, container: Container) -> Outcome:
    """Probe one replica as its definition says.

    An image's own HEALTHCHECK is a gate on top: a replica that the engine calls unhealthy fails,
    and when the definition names no probe of its own the engine must call it healthy.
    """
    health = definition.health
    if container.healthcheck == "unhealthy":
        return Outcome(False, "the image's HEALTHCHECK says unhealthy")
    if health.command is not None:
        return _command_probe(engine, definition, container)
    if definition.port is not None and health.path is not None:
        host = check_host(definition.name, definition.routes)
        return http_probe(container.address, definition.port, health.path, health.timeout, host)
    if container.healthcheck == "starting":
        return Outcome(False, "the image's HEALTHCHECK has not passed yet")
    if definition.port is not None:
        return tcp_probe(container.address, definition.port, health.timeout)
    return Outcome(container.running, f"the container is {container.state}")


def _command_probe(engine: Engine, definition: Definition, container: Container) -> Outcome:
    argv = definition.health.command or ()
    timeout = definition.health.timeout
    try:
        ended = execute_in_time(engine, container.id, argv, timeout)
    except EngineError as error:
        return Outcome(False, f"health command: {error.message}")
    if ended is None:
        return Outcome(False, f"health command: no end within {timeout:g} s")
    code, output = ended
    last = output.strip().splitlines()[-1:] or [""]
    return Outcome(code == 0, ("health command exits %d: %s" % (code, last[0])).rstrip(": "))


class Watch:
    """Probes one replica in a thread of its own until it is closed, and counts.

    :ivar passes: consecutive passes so far; a failure sets it back to 0.
    :ivar failures: consecutive failures so far; a pass sets it back to 0.
    :ivar last: the latest outcome.
    :ivar probing_since: when the probe under way began, on the monotonic clock; None between two.
    """

    def __init__(
        self, engine: Engine, definition: Definition, container: Container, interval: float
    ) -> None:
        self.container = container
        self.passes = 0
        self.failures = 0
        self.last: Outcome | None = None
        self.log: list[str] = []
        self._engine = engine
        self._definition = definition
        self._interval = interval
        self._began = time.monotonic()
        self.probing_since: float | None = self._began
        self._closed = threading.Event()
        self._healthcheck = container.healthcheck
        self._thread = threading.Thread(
            target=self._run, name="probe-" + container.name, daemon=True
        )
        self._thread.start()

    def tell_healthcheck(self, healthcheck: str | None) -> None:
        """Pass on what the engine says of the image's own HEALTHCHECK."""
        self._healthcheck = healthcheck

    def _run(self) -> None:
        while not self._closed.is_set():
            began = self.probing_since = time.monotonic()
            outcome = probe(self._engine, self._definition, self._observed())
            if self._closed.is_set():
                return
            if outcome.passed:
                self.passes, self.failures = self.passes + 1, 0
            else:
                self.passes, self.failures = 0, self.failures + 1
            self._note(outcome)
            self.last = outcome
            self.probing_since = None  # after the counts: who sees it has the counts as well
            pause = pause_after(self.failures, self._interval)
            self._closed.wait(max(0.0, pause - (time.monotonic() - began)))

    def _observed(self) -> Container:
        return replace(self.container, healthcheck=self._healthcheck, state="running")

    def _note(self, outcome: Outcome) -> None:
        # Only changes are worth telling: a thousand equal refusals say no more than the first.
        if self.last is None or self.last != outcome:
            self.log.append(f"{time.monotonic() - self._began:.1f} s: {outcome.seen}")
            del self.log[:-20]

    def close(self) -> None:
        """Stop probing; a probe under way is left to its timeout."""
        self._closed.set()


def pause_after(failures: int, interval: float) -> float:
    """Seconds from the start of a probe to the next, ``failures`` having failed in a row. Pure."""
    return min(interval, AFTER_A_FAILURE) if failures else interval


def undecided(failures: int, probing_since: float | None, until: float) -> bool:
    """Whether the probes that began before ``until`` leave open if a replica works. Pure.

    :param failures: how many have failed in a row.
    :param probing_since: when the probe under way began; None when none is.
    :param until: a moment on the same clock.
    """
    return failures > 0 or (probing_since is not None and probing_since < until)


@dataclass(frozen=True)
class Verdict:
    """What is wrong with a replica, and what its probes saw."""

    container: Container
    reason: str
    probes: tuple[str, ...]


def judge_exit(state: ContainerState | None, started_at: str) -> str | None:
    """Why a replica that should run does not; None when it runs as it was started. Pure."""
    if state is None:
        return "the container was removed by somebody"
    if state.running and (not started_at or state.started_at == started_at):
        return None
    if state.oom_killed:
        return "killed by the kernel: out of memory (resources.memory)"
    if state.running:
        return "exited and was started again by the engine"
    detail = "exited with code %d" % state.exit_code
    return f"{detail}: {state.error}" if state.error else detail
