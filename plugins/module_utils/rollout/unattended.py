# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one-off commands that are there: their secrets, and their end when nobody attends them any
more, since the process that did was killed.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

from ..engine.containers import Engine
from ..engine.one_off import OneOff, discard, one_offs
from ..errors import HundredError
from ..state.folders import make_private_folder
from ..state.lock import file_lock
from ..state.secret_files import SecretFiles
from .host import ServiceHost, Settings, checked_name

# How often it is looked whether a former command has ended.
_POLL_SECONDS = 0.2

# How long after its time a command is left to whoever may attend it yet.
_SPARE_SECONDS = 10.0


@contextmanager
def run_secrets(host: ServiceHost) -> Iterator[SecretFiles]:
    """The secrets of the commands that are at work, and of no other; a command that has outlived
    its time is ended. Locked, so that those of a container that is just being created are not taken
    for leftovers.
    """
    folder = os.path.dirname(host.secrets.folder)
    make_private_folder(folder)
    with file_lock(os.path.join(folder, "run.lock")):
        at_work = _end_overdue(host)
        secrets = SecretFiles(os.path.join(folder, "run"))
        secrets.keep_only(item.name for item in at_work)
        yield secrets


def _end_overdue(host: ServiceHost) -> list[OneOff]:
    """:returns: the others."""
    now, others = time.time(), []
    for item in one_offs(host.engine, host.service):
        if item.until <= now:
            discard(host.engine, item.id)
        else:
            others.append(item)
    return others


def await_former(host: ServiceHost, title: str | None) -> None:
    """Remove what has outlived its time, and wait for what has the same title."""
    while True:
        others = _end_overdue(host)
        if title is None or not any(item.title == title for item in others):
            return
        time.sleep(_POLL_SECONDS)


def end_overdue(settings: Settings, engine: Engine) -> list[OneOff]:
    """End the commands of all services that have outlived their time, and remove their secrets.

    :returns: what was ended.
    :raises HundredError: something could not be removed; the next call tries again.
    """
    now = time.time()
    overdue = [item for item in one_offs(engine) if item.until + _SPARE_SECONDS <= now]
    ended = []
    for name in sorted({item.service for item in overdue}):
        try:
            service = checked_name(name)
        except HundredError:
            continue  # somebody else's that borrowed our label
        with run_secrets(ServiceHost(settings, service, engine)):
            ended += [item for item in overdue if item.service == name]
    return ended


def end_all(host: ServiceHost, grace: float) -> None:
    """End every command of a service, and remove their secrets.

    :param grace: seconds from SIGTERM to SIGKILL.
    """
    for item in one_offs(host.engine, host.service):
        host.engine.stop(item.id, grace)
        discard(host.engine, item.id)
    with run_secrets(host):
        return
