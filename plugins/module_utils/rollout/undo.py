# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One host's part in undoing a deploy over many hosts: back to what the deploy found here."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

from ..state.journal import Journal
from .host import ServiceHost
from .outcome import Outcome
from .present import goal_of, present
from .stop import remove, stop


def undo(host: ServiceHost, deploys: Sequence[str], check: bool = False) -> Outcome:
    """Have serve what served before one of ``deploys`` touched this host, from local state alone,
    and end the deploy's claim.

    A host that none of them touched last is left alone: what serves there is somebody else's.

    :raises HundredError: it failed; ``serving`` says what serves. It is not tried in another way.
    """
    began = time.monotonic()
    with host.untouched(began):
        journal = host.journal_file.read()
    before = journal.before
    if before is None or before.deploy not in deploys or _stays_stopped(journal):
        committed = journal.committed
        outcome = Outcome(False, (), (), journal, committed, (), round(time.monotonic() - began, 3))
    elif before.release is None:
        outcome = remove(host, check)
    else:
        outcome = present(host, goal_of(host, before.release), check)
        if before.stopped and not (check and outcome.changed):
            stopped = stop(host, check)
            outcome = replace(
                outcome,
                changed=outcome.changed or stopped.changed,
                actions=(*outcome.actions, *stopped.actions),
                diff=(*outcome.diff, *stopped.diff),
            )
    if not check:
        host.lease_file.release(deploys)
    return outcome


def _stays_stopped(journal: Journal) -> bool:
    """Whether it was stopped and is: then there is nothing to start, only to stop it again."""
    found = journal.before
    return found is not None and found.stopped and journal.stopped and journal.desired is None
