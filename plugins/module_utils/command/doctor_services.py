# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What ``hundred doctor`` looks at for each service."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from .. import systemd
from ..cron.timers import present_units
from ..cron.units import to_enable
from ..definition.stored import from_mapping
from ..engine.containers import Engine
from ..engine.images import find_image
from ..errors import HundredError
from ..rollout.again import look
from ..rollout.condition import Problem
from ..rollout.host import ServiceHost, Settings
from ..rollout.info import describe_services
from ..rollout.problem_kinds import (
    CRASHES,
    CRON,
    MISSING,
    PAUSED,
    PROXY,
    REPLICA,
    RUNS_ON,
    UNFINISHED,
)
from ..rollout.schedule import in_step, read_entries
from ..state.journal import Journal
from ..state.lock import holder_of
from .finding import Finding

# A rollout that holds its lock for longer is stuck, or waits for somebody.
LONG_LOCK = 3600.0

LOCK, TIMERS, TIMER_OFF = "lock", "timers", "timer off"
IMAGE, SECRETS = "image", "secrets"

_ADVICE = {
    PAUSED: "deploy a release that works, or roll back (playbook rollback)",
    UNFINISHED: "the supervisor ends it after 10 s; where none runs, deploy again",
    REPLICA: "hundred logs {name} -n 50; the supervisor goes on to repair it",
    MISSING: "the supervisor makes them again; where none runs, hundred start {name}",
    RUNS_ON: "the supervisor stops it; where none runs, hundred stop {name}",
    CRASHES: "hundred logs {name} -n 50; deploy a release that works, or roll back",
    CRON: "hundred history {name} --output shows what it wrote",
    LOCK: "look what that process does; the lock is free as soon as it has ended",
    PROXY: "the supervisor mends it; else deploy again, and see the proxy's log",
    TIMERS: "the supervisor mends them; where none runs, deploy again",
    TIMER_OFF: "systemctl enable --now it; journalctl -u tells why a unit failed, and systemctl "
    "reset-failed ends the complaint",
    IMAGE: "what runs goes on, and nothing can be started anew: deploy the revision again, which "
    "pulls it",
    SECRETS: "what runs goes on, and nothing can be started anew: deploy the revision again, which "
    "brings them",
}


def examine_services(settings: Settings) -> Iterator[Finding]:
    """What is found of every service of this host.

    :raises HundredError: the engine does not answer.
    """
    engine = Engine(settings.docker_host)
    for row in describe_services(settings, None, 0):
        name = row["service"]
        if "reason" in row:
            reason, _next, advice = row["reason"].partition(" Next: ")
            yield Finding(name, reason, advice or "mend what it names, and ask again")
            continue
        host = ServiceHost(settings, name, engine)
        found = [
            *(Finding(name, item.text, advise(name, item.kind)) for item in _problems(host, row)),
            *_squatters(host),
        ]
        notes = "; ".join(filter(None, (_stopped(row), row["freeze"], _deploy(row))))
        yield from found or [Finding(name)]
        if notes:
            yield Finding(name, note=notes)


def advise(name: str, kind: str) -> str:
    """What to do about a problem of that kind. Pure.

    :param name: of the service.
    """
    return _ADVICE[kind].format(name=name)


def _stopped(row: Mapping[str, Any]) -> str:
    if row["state"] != "stopped":
        return ""
    return f"it is stopped and serves nothing; hundred start {row['service']} has it serve again"


def _deploy(row: Mapping[str, Any]) -> str:
    return f"a deploy claims it: {row['deploy']}" if row["deploy"] else ""


def _problems(host: ServiceHost, row: Mapping[str, Any]) -> Iterator[Problem]:
    holder = holder_of(host.lock_path)
    for kind, text in zip(row["problem_kinds"], row["problems"]):
        # While somebody has the lock a rollout is under way, and its end is still to come. A proxy
        # that does not answer is told below, with what to do about it.
        if kind != PROXY and (kind != UNFINISHED or holder is None):
            yield Problem(kind, text)
    if holder is not None and time.time() - os.stat(host.lock_path).st_mtime > LONG_LOCK:
        yield Problem(LOCK, f"the lock is held for more than an hour: {holder}")
    try:
        journal, _proxy, observed = look(host)
    except HundredError as error:
        yield Problem(PROXY, f"{error.message}; {error.next_step or 'see the log of its proxy'}")
        return
    if observed is not None and not observed.in_step and holder is None:
        yield Problem(PROXY, "the running proxy is not what its file says")
    yield from _of_release(host, journal)


def _of_release(host: ServiceHost, journal: Journal) -> Iterator[Problem]:
    """Whether what the committed release needs to be started anew is on this host."""
    release = journal.committed
    if release is None:
        return
    values = host.secrets.read(release.release)
    missing = sorted(set(from_mapping(release.definition).secrets) - set(values))
    if missing:
        text = f"of the release that serves, these secrets are gone: {', '.join(missing)}"
        yield Problem(SECRETS, text)
    if find_image(host.engine.client, release.reference) is None:
        yield Problem(IMAGE, f"the image of the release that serves is gone: {release.reference}")
        return
    if journal.stopped or not systemd.runs():
        return
    entries = read_entries(host, from_mapping(release.definition), release.reference)
    if not in_step(host, entries):
        yield Problem(TIMERS, "the timers of its crontab are not those of the release that serves")
    units = present_units(host.service)
    if units:
        words = ["systemctl", "show", "--property=Id,UnitFileState,ActiveState", *units]
        yield from timer_problems(to_enable(units, units), systemd.capture(words).stdout)


def timer_problems(enabled: Iterable[str], shown: str) -> list[Problem]:
    """What is wrong with the units of a crontab. Pure.

    :param enabled: the names of those that are to be enabled.
    :param shown: what ``systemctl show`` says of Id, UnitFileState and ActiveState of all.
    """
    wanted, found = set(enabled), []
    for block in shown.strip().split("\n\n"):
        facts = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
        name, active = facts.get("Id", ""), facts.get("ActiveState", "")
        if active == "failed":
            found.append(Problem(TIMER_OFF, f"{name} has failed"))
        elif name in wanted and facts.get("UnitFileState") != "enabled":
            found.append(Problem(TIMER_OFF, f"{name} is not enabled"))
        elif name.endswith(".timer") and active == "inactive":
            found.append(Problem(TIMER_OFF, f"{name} does not run"))
    return found


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
