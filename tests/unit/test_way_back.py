# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a fleet returns to when its hosts do not all have the same releases."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.hundred.containers.plugins.filter.way_back import way_back


def state(releases: str, at: float = 0.0, **more: Any) -> dict[str, Any]:
    """A host that had these releases one after the other, each named by a letter."""
    chain = [{"id": name, "committed_at": index + at} for index, name in enumerate(releases)]
    return {"releases": chain, "unfinished": False, "deploys": [], "before": None, **more}


@pytest.mark.parametrize(
    ("chains", "target"),
    [
        ({"web1": "abc", "web2": "abc", "web3": "abc"}, "b"),
        # web3 was out of reach at the last deploy, at the last two, at the one before the last.
        ({"web1": "abc", "web2": "abc", "web3": "ab"}, "b"),
        ({"web1": "abc", "web2": "abc", "web3": "a"}, "b"),
        ({"web1": "abc", "web2": "abc", "web3": "ac"}, "b"),
        # One that was added later, and one with a release of its own in between.
        ({"web1": "c", "web2": "abc", "web3": "abc"}, "b"),
        ({"web1": "abxc", "web2": "abc", "web3": "abc"}, "b"),
        # Only the canary has the last one.
        ({"web1": "abcd", "web2": "abc", "web3": "abc"}, "c"),
        # The old revision was deployed again, without web3.
        ({"web1": "xxba", "web2": "xxba", "web3": "ab"}, "b"),
    ],
)
def test_all_return_to_the_release_before_the_last_one(chains: dict[str, str], target: str) -> None:
    states = {host: state(chain) for host, chain in chains.items()}
    assert way_back(states) == {host: {"to": target} for host in chains}


@pytest.mark.parametrize("chains", [{}, {"web1": "a", "web2": "a"}, {"web1": "aa", "web2": "aa"}])
def test_where_no_release_before_can_be_told_hosts_go_by_what_they_remember(
    chains: dict[str, str],
) -> None:
    assert way_back({host: state(chain) for host, chain in chains.items()}) == {}


def test_a_host_that_did_not_end_a_rollout_or_has_no_release_goes_by_what_it_remembers() -> None:
    states = {"web1": state("ab"), "web2": state("ab", unfinished=True), "web3": state("")}
    assert way_back(states) == {"web1": {"to": "a"}}


def test_a_deploy_that_is_incomplete_is_undone_as_a_whole() -> None:
    states = {
        "web1": state("ab", before="d2"),
        "web2": state("a", deploys=["d2", "d1"]),
        "web3": state("b", before="d0"),
    }
    undo = {"undo": ["d1", "d2"]}
    assert way_back(states) == {"web1": undo, "web3": undo}


def test_one_that_was_left_behind_on_a_host_long_ago_stops_nobody() -> None:
    states = {
        "web1": state("abc", before="d3"),
        "web2": state("abc", before="d3"),
        "web3": state("a", deploys=["d1"]),
    }
    assert way_back(states) == {"web1": {"to": "b"}, "web2": {"to": "b"}}
