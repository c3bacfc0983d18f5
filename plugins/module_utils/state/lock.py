# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Locks on a host: ``flock``, which the kernel releases when its holder dies, however it dies.

The files are never unlinked: a lock on an unlinked file excludes nobody.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from ..clock import Deadline, utc_text, wait_until
from ..errors import LockedError, StateError
from .folders import make_private_folder

POLL_SECONDS = 0.1

# The holder's name when this host repairs a service by itself. It gives way: a deploy that finds it
# waits this long, whatever its own patience; the longest that a repair goes on is the end of what
# is in flight and of a replica that does not listen to SIGTERM.
SUPERVISOR = "the supervisor"
GIVES_WAY_SECONDS = 90.0

# Whoever only asks whether the lock is held holds it for less than this.
_MOMENT_SECONDS = 0.1


def _open(path: str) -> int:
    try:
        make_private_folder(os.path.dirname(path))
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StateError(f"cannot open the lock {path}: {error.strerror}") from error


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def file_lock(path: str, timeout: float = 60.0) -> Iterator[None]:
    """Hold an exclusive lock that others hold for moments only.

    :param timeout: seconds after which waiting is a failure.
    :raises LockedError: nobody released it in time.
    """
    descriptor = _open(path)
    try:
        if not wait_until(lambda: _try_lock(descriptor), timeout, POLL_SECONDS / 10):
            raise LockedError(f"{path} is still locked after {timeout:.0f} s")
        yield
    finally:
        os.close(descriptor)


@contextmanager
def service_lock(
    path: str, service: str, holder: str, timeout: float, deploys: Collection[str] = ()
) -> Iterator[None]:
    """Hold the lock of one service on this host for as long as a rollout takes (I11).

    :param holder: who holds it and why, for the message that a second one gets; it decides nothing.
    :param timeout: seconds to wait for another holder, 0 to refuse at once; for the supervisor it
        is always waited, unless this is the supervisor itself.
    :param deploys: the deploys over many hosts that this is a part of, for ``deploys_of``.
    :raises LockedError: names the holder and since when.
    """
    descriptor = _open(path)
    try:
        if not _try_lock(descriptor) and not _wait(descriptor, path, holder, timeout):
            raise LockedError(
                f"another rollout of {service} holds the lock: {describe_holder(path)}",
                step="lock",
                next_step="wait for it to end, or give lock_timeout; when its process is gone the "
                "lock is free by itself",
            )
        facts = {"holder": holder, "pid": os.getpid(), "since": time.time()}
        text = json.dumps({**facts, "deploys": list(deploys)})
        with suppress(OSError):  # a full disk; the lock is held without a name as well
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, text.encode("utf-8"), 0)
        yield
    finally:
        os.close(descriptor)


def _wait(descriptor: int, path: str, holder: str, timeout: float) -> bool:
    if holder == SUPERVISOR:
        return False
    with _waiting(path):
        deadline = Deadline(timeout)

        def patient() -> bool:
            """Whether it is still to be waited; the holder may change meanwhile."""
            if not deadline.passed():
                return True
            return deadline.elapsed() < GIVES_WAY_SECONDS and _holder_name(path) == SUPERVISOR

        while patient():
            if wait_until(lambda: _try_lock(descriptor), POLL_SECONDS, POLL_SECONDS / 4):
                return True
        return wait_until(lambda: _try_lock(descriptor), _MOMENT_SECONDS, _MOMENT_SECONDS / 10)


@contextmanager
def _waiting(path: str) -> Iterator[None]:
    descriptor = _open(path + ".waiting")
    try:
        # Shared: several may wait.
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        yield
    finally:
        os.close(descriptor)


def is_wanted(path: str) -> bool:
    """Whether somebody waits for the lock."""
    return is_held(path + ".waiting")


def is_held(path: str) -> bool:
    """Whether somebody holds a lock now; one that was never there is free."""
    if not os.path.exists(path):
        return False
    descriptor = _open(path)
    try:
        return not _try_lock(descriptor)
    finally:
        os.close(descriptor)


def _written(path: str) -> Mapping[str, Any]:
    """What whoever held the lock last wrote into its file; nothing where that cannot be read: the
    holder may be just about to write it, or an older version wrote another form.
    """
    try:
        with open(path, encoding="utf-8") as stream:
            facts = json.load(stream)
    except (OSError, ValueError):
        return {}
    return facts if isinstance(facts, dict) else {}


def _holder_name(path: str) -> str:
    return str(_written(path).get("holder", ""))


def deploys_of(path: str) -> frozenset[str]:
    """The deploys that whoever wrote itself into the lock file last is, or was, a part of."""
    return frozenset(map(str, _written(path).get("deploys", ())))


def describe_holder(path: str) -> str:
    """Who wrote itself into the lock file last, in words; for messages only."""
    facts = _written(path)
    try:
        since = utc_text(float(facts["since"]))
        return "%s (process %d) since %s" % (facts["holder"], int(facts["pid"]), since)
    except (ValueError, KeyError, TypeError):
        return "a process that left no name"


def holder_of(path: str) -> str | None:
    """The holder in words when the lock is held now, None when it is free."""
    return describe_holder(path) if is_held(path) else None
