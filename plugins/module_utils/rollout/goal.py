# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What this host remembers as goals: the release before, or one that it has by name."""

from __future__ import annotations

from ..definition.release import fleet_id
from ..definition.stored import from_mapping
from ..engine.networks import Network
from ..errors import ProxyError, RolloutError
from ..state.journal import Journal, Release
from .examine import Wanted
from .host import ServiceHost
from .plan import recover
from .purpose import ROLLBACK, Purpose


def rollback_goal(host: ServiceHost, to: str | None = None) -> Wanted:
    """The last good release before the one that serves, from what this host remembers.

    :param to: the name on all hosts of the release to return to, which may serve already.
    :raises RolloutError: there is none.
    """
    journal = recovered(host)
    # A rollout that was killed before its commit point is undone by going to the committed release.
    target = journal.committed if journal.desired is not None else journal.previous
    if to is not None:
        known = [item for item in (*journal.kept, journal.committed) if item is not None]
        target = next((item for item in reversed(known) if name_of(item) == to), None)
    if target is not None:
        return goal_of(host, target)
    what = f"{host.service} has no earlier good release on this host to return to"
    if to is not None and journal.previous is not None:
        what = (
            f"{host.service} has no release on this host that the other hosts return to; the one "
            f"before is {journal.previous}"
        )
    raise RolloutError(
        what,
        step="plan",
        serving=str(journal.committed) if journal.committed else "nothing",
        next_step="deploy the revision that you want",
        details={"no_release": True},
    )


def recovered(host: ServiceHost) -> Journal:
    """What this host remembers of the service, brought up to the commit point reached last."""
    stored = host.journal_file.read()
    proxy = None
    if stored.desired is not None and stored.desired.proxy:
        proxy = host.open_proxy(stored.desired.proxy).observe(host.service)
    return recover(stored, proxy)


def served(host: ServiceHost) -> Journal:
    """As ``recovered``; while the proxy cannot be asked, what this host remembers."""
    try:
        return recovered(host)
    except ProxyError:
        return host.journal_file.read()


def name_of(release: Release) -> str:
    """The name of a release on all hosts."""
    return fleet_id(from_mapping(release.definition), release.digest)


def goal_of(host: ServiceHost, release: Release, purpose: Purpose = ROLLBACK) -> Wanted:
    """A release that this host remembers, as what is wanted again, on its own network."""
    if release.network:
        host.use_network(Network(**release.network))
    return Wanted(
        definition=from_mapping(release.definition),
        digest=release.digest,
        revision=release.revision,
        proxy=release.proxy,
        release=release.release,
        purpose=purpose,
    )
