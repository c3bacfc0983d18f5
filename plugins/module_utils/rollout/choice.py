# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which of the releases that a host keeps somebody means. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from ..errors import RolloutError
from ..state.journal import Journal, Release


def choose_release(journal: Journal, revision: str | None, generation: int | None) -> Release:
    """The release that serves, or an earlier one that was good.

    :param revision: the beginning of its revision.
    :param generation: its number; with neither it is the one that serves.
    :raises RolloutError: there is none, or there are several.
    """
    good = _good(journal)
    found = [journal.committed] if journal.committed is not None else []
    if revision is not None or generation is not None:
        found = [
            item
            for item in good
            if item.revision.startswith(revision or "") and generation in (None, item.generation)
        ]
    # The whole of a short revision may be the beginning of another.
    found = [item for item in found if item.revision == revision] or found
    if not found:
        raise RolloutError(
            f"{journal.service} has {_wish(revision, generation)} on this host",
            step="plan",
            next_step=f"the releases that are kept here: {_names(good) or 'none'}",
        )
    if len(found) > 1:
        raise RolloutError(
            f"{revision} may be several releases of {journal.service}: {_names(found)}",
            step="plan",
            next_step="say which, by its generation or by more of its revision",
        )
    return found[0]


def kept_revisions(journal: Journal) -> list[str]:
    """The revisions that may be chosen, oldest first."""
    return list(dict.fromkeys(item.revision for item in _good(journal)))


def _good(journal: Journal) -> list[Release]:
    serving = [journal.committed] if journal.committed is not None else []
    return [*journal.kept, *serving]


def _wish(revision: str | None, generation: int | None) -> str:
    if revision is None and generation is None:
        return "no release that serves"
    wish = "no release"
    if revision is not None:
        wish += f" of revision {revision}"
    if generation is not None:
        wish += " of generation %d" % generation
    return wish


def _names(releases: Iterable[Release]) -> str:
    return ", ".join(map(str, releases))
