# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who deploys a service over the fleet: each host that is still to be swapped remembers it.

The lock of a host is held by a process, for the life of one call. A deploy is many calls on many
hosts, from a controller that may die between two of them: so its claim ends by itself.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection
from dataclasses import asdict, dataclass, replace

from ..clock import utc_text
from ..errors import LockedError, StateError
from .files import replace_file
from .folders import make_private_folder
from .lock import file_lock

# Seconds within which two deploys began at the same moment, and for which the older one waits: the
# younger one has to hear of it from its other hosts first.
SAME_MOMENT = 60.0
PATIENCE = 20.0


@dataclass(frozen=True)
class Lease:
    """A deploy's claim on a service of this host.

    :param deploy: the deploy's id.
    :param by: who deploys, for messages.
    :param what: what is deployed, for messages.
    :param since: when it was first claimed, seconds since the epoch.
    :param until: when it ends by itself, seconds since the epoch.
    :param adopted: deploys that ended before they were complete; this one completes them.
    :param owed: one of them has swapped this host and ended before, or in, what was to come after
        all swaps.
    """

    deploy: str
    by: str
    what: str
    since: float
    until: float
    adopted: tuple[str, ...] = ()
    owed: bool = False

    def __str__(self) -> str:
        return f"{self.what} by {self.by}, since {utc_text(self.since)}"


def claim(held: Lease | None, wanted: Lease, ended: Collection[str] = ()) -> Lease:
    """The lease that is held after ``wanted`` was asked for at its ``since``. Pure.

    :param ended: deploys that are known to have ended, whatever their lease says.
    :raises LockedError: another deploy holds it; names it, and when its lease ends by itself.
    """
    if held is None:
        return wanted
    if held.deploy == wanted.deploy:
        return replace(wanted, since=held.since, adopted=held.adopted, owed=held.owed)
    refuse_living(held, wanted.since, ended)
    return replace(wanted, adopted=(*held.adopted, held.deploy), owed=held.owed)


def refuse_living(held: Lease, now: float, ended: Collection[str]) -> None:
    """Refuse to go on beside a deploy that may still be under way. Pure.

    :param now: seconds since the epoch.
    :param ended: deploys that are known to have ended, whatever their lease says.
    :raises LockedError: names it, and when its lease ends by itself.
    """
    if held.until > now and held.deploy not in ended:
        raise LockedError(
            f"another deploy is under way: {held}",
            step="lock",
            next_step="wait for it to end; if its controller is gone, its lease ends by itself at "
            f"{utc_text(held.until)}",
        )


def loss(held: Lease | None, deploy: str) -> LockedError | None:
    """Why a deploy that had claimed the service must not go on; None while it holds it. Pure.

    A claim of its own that ended by itself is still there: nobody came between.
    """
    if held is not None and held.deploy == deploy:
        return None
    who = "another deploy or a rollback" if held is None else f"another deploy ({held})"
    return LockedError(
        "this deploy's claim on this host is gone: it was silent for longer than its lease, and "
        f"{who} came between; nothing was changed here",
        step="lock",
        next_step="look at status and history, and deploy again if this is still wanted; give "
        "deploys that wait long a longer hundred_deploy_lease",
        # One that ended before it was complete sees to nothing any more.
        details={"taken_over": True} if held is None else {},
    )


def may_give_up(held: Lease, deploy: str, now: float) -> bool:
    """Whether a deploy that is refused may wait a moment for the one that holds the lease. Pure.

    Of two that began at the same moment each may hold hosts that the other wants. The older one
    waits, since the younger one, which does not, gives up as soon as it is refused.

    :param deploy: the name of the deploy that is refused; names are in the order of time.
    :param now: seconds since the epoch.
    """
    return deploy < held.deploy and now - held.since < SAME_MOMENT


class LeaseFile:
    """The file of a lease. It stays when a deploy ends before it is complete here."""

    def __init__(self, path: str) -> None:
        self.path = path

    def read(self) -> Lease | None:
        """The lease, whether it has ended or not; None when no deploy is incomplete here.

        :raises StateError: the file is damaged.
        """
        try:
            with open(self.path, encoding="utf-8") as stream:
                raw = json.load(stream)
            return Lease(**{**raw, "adopted": tuple(raw["adopted"])})
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise StateError(
                f"cannot read the deploy's lease {self.path}: {error}",
                next_step="remove it, once no deploy of the service is under way",
            ) from error

    def claim(self, wanted: Lease, ended: Collection[str] = (), keep: bool = True) -> Lease:
        """Claim it, or extend one's own.

        :param keep: write it; otherwise only find out whether it could be had.
        :raises LockedError: as ``claim`` does.
        """
        if not keep:
            return claim(self.read(), wanted, ended)
        make_private_folder(os.path.dirname(self.path))
        with file_lock(self.path + ".lock"):
            lease = claim(self.read(), wanted, ended)
            self._write(lease)
        return lease

    def extend(self, deploy: str, until: float) -> None:
        """Have the lease of a deploy, if it holds it, end later.

        :param until: seconds since the epoch.
        """
        if not os.path.exists(self.path):
            return
        with file_lock(self.path + ".lock"):
            held = self.read()
            if held is not None and held.deploy == deploy and held.until < until:
                self._write(replace(held, until=until))

    def owe(self, deploy: str) -> None:
        """Remember that a deploy that holds the lease has swapped this host, and that something of
        it is still to come: the next deploy sees to that when this one dies before.
        """
        with file_lock(self.path + ".lock"):
            held = self.read()
            if held is not None and held.deploy == deploy and not held.owed:
                self._write(replace(held, owed=True))

    def leave(self, deploys: Collection[str], now: float, forget: bool) -> None:
        """One of these deploys stops as it is: others need not wait for its claim to end.

        :param now: seconds since the epoch.
        :param forget: it has swapped nothing on any host. Then nothing is left to be completed or
            undone, unless it took that over itself.
        """
        if not os.path.exists(self.path):
            return
        with file_lock(self.path + ".lock"):
            held = self.read()
            if held is None or held.deploy not in deploys:
                return
            if forget and not held.adopted:
                os.unlink(self.path)
            else:
                self._write(replace(held, until=min(held.until, now)))

    def end(self, deploys: Collection[str]) -> None:
        """What was wanted is there: the claim of these deploys ends, or, where a rollout stands for
        itself (none), that of one that had ended before.
        """
        held = self.read()
        if held is not None:
            self.release(deploys or (held.deploy,))

    def release(self, deploys: Collection[str]) -> bool:
        """Give it up if one of these deploys holds it. :returns: whether one did."""
        if not os.path.exists(self.path):
            return False
        with file_lock(self.path + ".lock"):
            held = self.read()
            if held is None or held.deploy not in deploys:
                return False
            os.unlink(self.path)
        return True

    def _write(self, lease: Lease) -> None:
        text = json.dumps(asdict(lease), indent=1, sort_keys=True)
        replace_file(self.path, text + "\n", 0o600)
