# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What came of a call on a service, in check mode or not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..state.journal import Journal, Release


@dataclass(frozen=True)
class Outcome:
    """What was done or, in check mode, would be done.

    :param actions: one sentence for each step, in order; empty when nothing was to be done.
    :param diff: for Ansible's ``--diff``.
    :param journal: as it is afterwards.
    :param former: the release that served before.
    :param replicas: names and addresses of the replicas that are wanted.
    :param seconds: wall time of the call.
    :param notes: what went otherwise than planned without being a failure.
    :param deploys: the deploy that the call was part of, and those that it completes.
    :param owed: nothing is swapped, but what comes after the swaps of a deploy is still to be done.
    """

    changed: bool
    actions: tuple[str, ...]
    diff: tuple[dict[str, Any], ...]
    journal: Journal
    former: Release | None
    replicas: tuple[tuple[str, str], ...]
    seconds: float
    notes: tuple[str, ...] = ()
    deploys: tuple[str, ...] = ()
    owed: bool = False
