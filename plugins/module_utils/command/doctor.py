# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""``hundred doctor``: what is wrong on this host, and what to do about it. Nothing is changed."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from ..engine.client import engine_errors
from ..engine.containers import Engine
from ..engine.room import data_folder, lack_of_room
from ..errors import HundredError
from ..rollout.again import look
from ..rollout.host import ServiceHost, Settings
from ..rollout.info import describe_services
from ..state.lock import holder_of
from ..supervise.presence import is_supervised

# A rollout that holds its lock for longer is stuck, or waits for somebody.
LONG_LOCK = 3600.0


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    :param subject: what was looked at, such as ``engine`` or the name of a service.
    :param problem: what is wrong; empty when nothing is.
    :param advice: what to do about it.
    """

    subject: str
    problem: str = ""
    advice: str = ""


def examine_host(settings: Settings) -> list[Finding]:
    """Everything that is looked at, in the order in which a person would."""
    found = [_sdk(), *_guarded("engine", lambda: _engine(settings))]
    if any(item.problem for item in found):
        # Without the engine everything else would be wrong too, and say the same again.
        return [*found, *_rooms({"state": settings.state_dir})]
    found += _guarded("disk", lambda: _rooms(_places(settings)))
    found.append(_supervisor(settings))
    found += _guarded("services", lambda: _services(settings))
    return found


def _guarded(subject: str, look_at: Callable[[], Iterable[Finding]]) -> list[Finding]:
    try:
        return list(look_at())
    except HundredError as error:
        return [Finding(subject, error.message, error.next_step or "read the engine's log")]


def _sdk() -> Finding:
    subject = "Docker SDK for Python"
    try:
        import docker
    except ImportError as error:
        return Finding(
            subject, f"{sys.executable} does not find it: {error}", "install python3-docker"
        )
    return Finding(f"{subject} {getattr(docker, '__version__', '')}".strip())


def _engine(settings: Settings) -> Iterator[Finding]:
    with engine_errors("ask the engine for its version"):
        version = Engine(settings.docker_host).client.version()
    yield Finding("engine {}".format(version.get("Version", "?")))


def _places(settings: Settings) -> dict[str, str]:
    own = data_folder(Engine(settings.docker_host).client)
    return {"state": settings.state_dir, **({"engine's data": own} if own is not None else {})}


def _rooms(places: dict[str, str]) -> Iterator[Finding]:
    for name, path in places.items():
        yield Finding(f"disk of the {name}", *(lack_of_room(path) or ()))


def _supervisor(settings: Settings) -> Finding:
    if is_supervised(settings.state_dir):
        return Finding("supervisor")
    return Finding(
        "supervisor",
        "it does not run: what dies is started by the engine, and what hangs by nobody",
        "systemctl status hundred-supervisor, or run hundred supervise by what starts services "
        "here; hundred_supervise: false means that it is wanted so",
    )


def _services(settings: Settings) -> Iterator[Finding]:
    engine = Engine(settings.docker_host)
    for row in describe_services(settings, None, 0):
        name = row["service"]
        if "reason" in row:
            yield Finding(name, row["reason"], _advice(name, row["reason"]))
            continue
        host = ServiceHost(settings, name, engine)
        problems = [*row["problems"], *_lock_and_proxy(host)]
        if not problems:
            yield Finding(name)
        for problem in problems:
            yield Finding(name, problem, _advice(name, problem))
        yield from _squatters(host)


def _lock_and_proxy(host: ServiceHost) -> Iterator[str]:
    holder = holder_of(host.lock_path)
    if holder is not None and time.time() - os.stat(host.lock_path).st_mtime > LONG_LOCK:
        yield f"the lock is held for more than an hour: {holder}"
    try:
        observed = look(host)[2]
    except HundredError as error:
        yield f"{error.message}; {error.next_step}" if error.next_step else error.message
        return
    if observed is not None and not observed.in_step and holder is None:
        yield "the running proxy is not what its file says"


def _advice(name: str, problem: str) -> str:
    if "lock is held" in problem:
        return "look what that process does; the lock is free as soon as it has ended"
    if "paused" in problem:
        return "deploy a release that works, or roll back (playbook rollback)"
    if "cron" in problem:
        return f"hundred history {name} --output shows what it wrote"
    if "proxy" in problem.lower():
        return "the supervisor mends it; else deploy again, and see the proxy's log"
    return f"hundred logs {name} -n 50; the supervisor goes on to repair it"


def _squatters(host: ServiceHost) -> Iterator[Finding]:
    """Containers that are not ours at addresses that ours need."""
    containers = host.engine.containers(host.service)
    names = {item.name for item in containers}
    taken = host.networks.occupied()
    for item in containers:
        other = taken.get(item.address)
        if not item.running and other is not None and other not in names:
            yield Finding(
                host.service,
                f"the container {other} has the address {item.address} of {item.name}",
                f"remove it from the network {host.networks.network.name}; the supervisor gives "
                "the replica another address",
            )
