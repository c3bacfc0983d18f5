# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which hosts each play of a deploy is for."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleError
from ansible.parsing.dataloader import DataLoader
from ansible_collections.hundred.containers.plugins.lookup.deploy_hosts import LookupModule
from ansible_collections.hundred.containers.plugins.plugin_utils.deploy_steps import STEPS

FLEET = ["web1", "web2", "web3"]
NEEDED = {"needed": True, "failed": False, "prefetched": True}
UNNEEDED = {"needed": False, "failed": False}


def variables(
    told: dict[str, Any] | None = None, hosts: list[str] | None = None, **changes: Any
) -> dict[str, Any]:
    """The variables that a play of a deploy sees: of ``shop`` after its prefetch.

    :param changes: ``local`` of localhost, ``service`` and ``deploy`` of what was checked, and
        ``extra`` of the play itself.
    """
    hosts = FLEET if hosts is None else hosts
    service = {"hosts": hosts, "kept": False, "tasks": {"before": []}, **changes.get("service", {})}
    deploy: dict[str, Any] = {"batch_pause": None, "hooks": {}, "unreachable_limit": 0}
    deploy.update(changes.get("deploy", {}))
    other = {**service, "hosts": ["db1"]}
    checked = {
        "names": ["shop", "jobs"],
        "services": {"shop": service, "jobs": other},
        "deploy": deploy,
    }
    found: dict[str, dict[str, Any]] = {host: {} for host in [*FLEET, "db1"]}
    for host, result in (told or {}).items():
        found[host]["__hundred_service_rollout"] = result
    found["localhost"] = {"__hundred_checked": checked, **changes.get("local", {})}
    groups = {"all": [*FLEET, "db1"], "ungrouped": ["db1"], "web": FLEET}
    return {"hostvars": found, "groups": groups, **changes.get("extra", {})}


def chosen(step: str, *args: Any, number: int = 0, **kwargs: Any) -> list[str]:
    """The hosts of a step."""
    plugin = LookupModule(loader=DataLoader())
    return plugin.run([step, number, 2], variables=variables(*args, **kwargs))


def test_the_image_is_built_on_the_build_host_unless_it_is_named_by_its_digest() -> None:
    assert chosen("build") == ["localhost"]
    assert chosen("build", local={"hundred_build_host": "db1"}) == ["db1"]
    assert chosen("build", extra={"digest": "sha256:1"}) == []


def test_more_services_than_the_playbook_was_loaded_for_are_refused() -> None:
    with pytest.raises(AnsibleError, match="-e service=shop,jobs"):
        LookupModule(loader=DataLoader()).run(["build", 0, 1], variables=variables())


def test_a_play_before_it_that_was_left_out_is_an_error_and_not_a_deploy_of_nothing() -> None:
    seen = {"hostvars": {"localhost": {}}}
    with pytest.raises(AnsibleError, match="nothing was checked"):
        LookupModule(loader=DataLoader()).run(["swap", 0], variables=seen)


def test_a_syntax_check_has_no_hosts() -> None:
    assert all(
        LookupModule(loader=DataLoader()).run([step, 0, 1], variables={}) == [] for step in STEPS
    )


def test_only_the_sole_service_of_one_host_is_not_prefetched() -> None:
    assert chosen("prefetch") == FLEET
    assert chosen("prefetch", hosts=["web2"]) == []
    assert chosen("prefetch", number=1) == ["db1"]
    assert chosen("prefetch", hosts=["web2"], service={"tasks": {"before": [{}]}}) == ["web2"]
    assert chosen("prefetch", local={"__hundred_stopped": True}) == []


def test_a_host_is_swapped_that_needs_it_or_was_not_asked() -> None:
    assert chosen("swap") == FLEET
    assert chosen("swap", {"web1": UNNEEDED, "web3": NEEDED}) == ["web2", "web3"]


def test_no_host_is_swapped_after_one_failed_or_the_deploy_stops() -> None:
    assert chosen("swap", {"web1": {"failed": True, "needed": True}, "web2": NEEDED}) == []
    assert chosen("swap", local={"__hundred_stopped": True}) == []


def test_so_many_hosts_may_be_out_of_reach_and_no_more() -> None:
    told = {"web1": {"unreachable": True}, "web2": NEEDED, "web3": NEEDED}
    assert chosen("swap", told) == []
    assert chosen("swap", told, deploy={"unreachable_limit": 1}) == ["web2", "web3"]
    told["web2"] = {"unreachable": True}
    assert chosen("swap", told, deploy={"unreachable_limit": 1}) == []


@pytest.mark.parametrize(
    "deploy",
    [
        {"batch_pause": 0},
        {"batch_pause": "confirm"},
        {"hooks": {"before_batch": "x.yml"}},
        {"hooks": {"after_batch": "x.yml"}},
    ],
)
def test_what_is_around_batches_has_a_play_of_its_own(deploy: dict[str, Any]) -> None:
    assert chosen("swap", deploy=deploy) == []
    assert chosen("swap_in_hooks", deploy=deploy) == FLEET
    assert chosen("swap_in_hooks", deploy={"hooks": {"before_host": "x.yml"}}) == []


@pytest.mark.parametrize(
    ("step", "service"), [("before", {"tasks": {"before": [{}]}}), ("after", {"kept": True})]
)
def test_tasks_of_a_deploy_run_on_its_first_host_within_the_limit(
    step: str, service: dict[str, Any]
) -> None:
    told = {"web1": UNNEEDED, "web2": NEEDED, "web3": NEEDED}
    assert chosen(step, told) == []
    assert chosen(step, told, service=service) == ["web2"]
    limit = {"ansible_limit": "localhost,web3"}
    assert chosen(step, told, service=service, extra=limit) == ["web3"]
    stopped = {"__hundred_stopped": True}
    assert chosen(step, told, service=service, local=stopped) == []


def test_what_is_returned_to_is_looked_for_when_a_host_failed_but_not_when_nothing_was_built() -> (
    None
):
    assert chosen("find") == []
    assert chosen("find", {"web1": {"failed": True}}) == ["localhost"]
    stopped = {"__hundred_stopped": True}
    assert chosen("find", local=stopped) == ["localhost"]
    assert chosen("find", local={**stopped, "__hundred_unbuilt": {"host": "localhost"}}) == []


def test_all_hosts_return_once_it_is_decided_to_what() -> None:
    assert chosen("undo", {"web1": {"failed": True}}) == []
    assert chosen("undo", local={"__hundred_undo": ["one"]}) == FLEET


def test_the_report_is_of_all_hosts_that_the_limit_has() -> None:
    assert chosen("report", {"web1": {"failed": True}}) == FLEET
    assert chosen("report", extra={"ansible_limit": "localhost,web2"}) == ["web2"]
