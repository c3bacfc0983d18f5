# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""``hundred doctor``: what is wrong on this host, and what to do about it. Nothing is changed."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator

from ..engine.client import engine_errors
from ..engine.containers import Engine
from ..engine.room import data_folder, lack_of_room
from ..errors import HundredError
from ..rollout.host import Settings
from ..supervise.presence import is_supervised
from .doctor_services import examine_services
from .finding import Finding


def examine_host(settings: Settings, metrics_file: str) -> list[Finding]:
    """Everything that is looked at, in the order in which a person would.

    :param metrics_file: where the supervisor writes the metrics; empty: nowhere.
    :raises PermissionError: who asks may not read the state; all of it would seem to be missing.
    """
    if os.path.isdir(settings.state_dir):
        os.listdir(settings.state_dir)
    found = [_sdk(), *_guarded("engine", lambda: _engine(settings))]
    if any(item.problem for item in found):
        # Without the engine everything else would be wrong too, and say the same again.
        return [*found, *_rooms({"state": settings.state_dir})]
    found += _guarded("disk", lambda: _rooms(_places(settings)))
    found.append(_supervisor(settings))
    found += _metrics(metrics_file)
    found += _guarded("services", lambda: examine_services(settings))
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


def _metrics(path: str) -> Iterator[Finding]:
    folder = os.path.dirname(path)
    if path and not os.path.isdir(folder):
        yield Finding(
            "metrics",
            f"{folder} does not exist, so {path} is not written",
            "make the folder, or have hundred_metrics_file name another (playbook setup)",
        )
    elif path:
        yield Finding("metrics")
