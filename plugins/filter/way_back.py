# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each host of a fleet returns to, so that no host goes back further than the others."""

from __future__ import annotations

DOCUMENTATION = r"""
---
name: way_back
short_description: What each host of a fleet returns to
version_added: 0.1.0
description:
  - Chooses for a rollback over many hosts what each of them is asked to return to, from what they
    said that they may return to.
  - Where a deploy ended before it was complete, that deploy is undone. Otherwise the release that
    was committed last on any host, unless a later one came after it, is left for the release before
    it, the one that most of the hosts with it have. A host that serves that one already, since the
    deploy left it behind, stays there.
  - Hosts that are not in the result go by what they remember themselves.
author: hundred.containers authors (@hundred-containers)
options:
  _input:
    description:
      - Names of hosts, and of each what M(hundred.containers.service_rollback) returned with
        C(look).
    type: dict
    required: true
"""

EXAMPLES = r"""
---
- name: Choose
  ansible.builtin.set_fact:
    ways: "{{ {'web1': first, 'web2': second} | hundred.containers.way_back }}"
"""

RETURN = r"""
_value:
  description:
    - Of each host the option C(to) or C(undo) of M(hundred.containers.service_rollback).
  type: dict
  sample: {"web1": {"to": "3f2c9a7be1d0"}, "web2": {"undo": ["20261123T151200Z-3f2c9a7b"]}}
"""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any


def way_back(states: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """The option ``to`` or ``undo`` of each host; those without go by what they remember. Pure.

    :param states: of each host ``releases``, the earlier ones and last the committed one, each with
        its ``id`` and ``committed_at``; ``unfinished``, whether a rollout did not end; ``deploys``,
        those that are incomplete there; ``before``, the deploy that touched it last.
    """
    complete = {host: state for host, state in states.items() if not state["deploys"]}
    deploys = {name for state in states.values() for name in state["deploys"]}
    if any(state["before"] in deploys for state in complete.values()):
        return {host: {"undo": sorted(deploys)} for host in complete}
    settled = {
        host: state["releases"]
        for host, state in complete.items()
        if state["releases"] and not state["unfinished"]
    }
    target = _target(list(settled.values()))
    return {host: {"to": target} for host in settled} if target is not None else {}


def _target(chains: list[list[Mapping[str, Any]]]) -> str | None:
    """The release to return to; None when no host knows one, or it cannot be told from the one to
    leave.
    """
    past = {item["id"] for chain in chains for item in chain[:-1]}
    # One that another host has behind it was left behind by a deploy, unless all are: then somebody
    # went back to an old revision by a deploy.
    heads = [chain for chain in chains if chain[-1]["id"] not in past] or chains
    if not heads:
        return None
    leave = max(heads, key=lambda chain: float(chain[-1]["committed_at"]))[-1]["id"]
    before = [chain[-2]["id"] for chain in chains if chain[-1]["id"] == leave and len(chain) > 1]
    target = Counter(before).most_common(1)[0][0] if before else None
    return str(target) if target not in (None, leave) else None


class FilterModule:
    """The filter ``hundred.containers.way_back``."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """The functions by their names."""
        return {"way_back": way_back}
