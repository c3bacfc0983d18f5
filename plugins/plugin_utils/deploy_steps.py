# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which hosts a step of a deploy is for, by what the hosts have said so far. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

LOCALHOST = "localhost"

# A host that was not asked has something to be done, as far as anyone knows.
NOT_ASKED: Mapping[str, Any] = {"needed": True}


@dataclass(frozen=True)
class Progress:
    """How far the deploy of one service is.

    :cvar hosts: the service's, in the inventory's order.
    :cvar later: whether services before this one are part of the same run.
    :cvar kept: whether something of the deploy comes after its swaps.
    :cvar tasks: whether there are tasks before the first swap.
    :cvar deploy: the policy, as ``service_definition`` returned it.
    :cvar look: returns what the last rollout or prefetch returned, of those hosts that were asked;
        called at most once, and only by a step that depends on it: each host's variables are dear.
    :cvar build_host: the one that builds; None when an image is deployed that is there already.
    :cvar unbuilt: whether there is no image, since its build failed.
    :cvar stopped: whether the deploy stops, since something failed.
    :cvar undone: whether it is decided what the hosts return to.
    """

    hosts: Sequence[str]
    later: bool
    kept: bool
    tasks: bool
    deploy: Mapping[str, Any]
    look: Callable[[], Mapping[str, Mapping[str, Any]]]
    build_host: str | None
    unbuilt: bool
    stopped: bool
    undone: bool

    @cached_property
    def told(self) -> Mapping[str, Mapping[str, Any]]:
        """What the hosts that were asked have returned."""
        return self.look()

    @property
    def failed(self) -> bool:
        """Whether a host failed, or more of them are out of reach than may be."""
        lost = sum(bool(result.get("unreachable")) for result in self.told.values())
        bad = any(result.get("failed") for result in self.told.values())
        return bad or lost > self.deploy["unreachable_limit"]

    @property
    def swapping(self) -> list[str]:
        """None if something failed, else those where something is to be done."""
        if self.stopped or self.failed:
            return []
        return [host for host in self.hosts if self.told.get(host, NOT_ASKED).get("needed")]

    @property
    def around(self) -> bool:
        """Whether something is done between two batches."""
        hooks = self.deploy["hooks"]
        between = "before_batch" in hooks or "after_batch" in hooks
        return between or self.deploy["batch_pause"] is not None


def _build(progress: Progress) -> list[str]:
    return [progress.build_host] if progress.build_host is not None else []


def _prefetch(progress: Progress) -> list[str]:
    # The only service of one host is spared this: its swap pulls the image itself.
    wanted = len(progress.hosts) > 1 or progress.later or progress.tasks
    return list(progress.hosts) if wanted and not progress.stopped else []


def _before(progress: Progress) -> list[str]:
    return progress.swapping if progress.tasks else []


def _swap(progress: Progress) -> list[str]:
    return [] if progress.around else progress.swapping


def _swap_in_hooks(progress: Progress) -> list[str]:
    return progress.swapping if progress.around else []


def _after(progress: Progress) -> list[str]:
    return progress.swapping if progress.kept else []


def _find(progress: Progress) -> list[str]:
    wanted = (progress.stopped or progress.failed) and not progress.unbuilt
    return [LOCALHOST] if wanted else []


def _undo(progress: Progress) -> list[str]:
    return list(progress.hosts) if progress.undone else []


def _report(progress: Progress) -> list[str]:
    return list(progress.hosts)


# In the order of a deploy. Those in ONCE run on the first of their hosts, after those that a limit
# leaves out, which were not asked either; the report tells of all that it does not leave out.
STEPS: Mapping[str, Callable[[Progress], list[str]]] = {
    "build": _build,
    "prefetch": _prefetch,
    "before": _before,
    "swap": _swap,
    "swap_in_hooks": _swap_in_hooks,
    "after": _after,
    "find": _find,
    "undo": _undo,
    "report": _report,
}
ONCE = ("before", "after")
LIMITED = (*ONCE, "report")
