# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a service is brought to a release for, and what follows from that."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Purpose:
    """Why a release is to serve.

    :param word: the history's word for it.
    :param deploys: it brings what somebody wants now: it claims the service, is refused while that
        is frozen, and may bring secrets of its own. Everything else goes by what the host
        remembers.
    :param returns: a failure in the ``monitor`` window returns to the former release.
    :param watches: what is new is watched for the ``monitor`` window. A repair and a start bring
        nothing that has not served before: what dies again is for the next repair.
    :param forgets: the release that it replaces, and all after the wanted one, were no good.
    :param renews: containers that work already are replaced too.
    :param supersedes: what a deploy over many hosts found here is no place to return to any more.
    :param remembered: it has a line in the history.
    """

    word: str
    deploys: bool = False
    returns: bool = False
    watches: bool = True
    forgets: bool = False
    renews: bool = False
    supersedes: bool = False
    remembered: bool = True


ROLLOUT = Purpose("rollout", deploys=True, returns=True, supersedes=True)
ROLLBACK = Purpose("rollback", forgets=True, supersedes=True)
RESTART = Purpose("restart", returns=True, renews=True)
# What these go on with may be a rollout that was killed in its window: it returns as it would have.
START = Purpose("start", returns=True, watches=False)
# A crash loop would fill the history with repairs; the supervisor keeps its own account.
REPAIR = Purpose("repair", returns=True, watches=False, remembered=False)
