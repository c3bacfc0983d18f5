# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The services of one run, and their rows in its table."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jinja2
import pytest
import yaml
from ansible.errors import AnsibleError
from ansible.parsing.dataloader import DataLoader
from ansible_collections.hundred.containers.plugins.lookup.service_names import (
    LookupModule,
    split,
)
from ansible_collections.hundred.containers.plugins.plugin_utils.rollout_rows import (
    failure_beside,
    together,
    unbuilt_rows,
    with_failure,
)

PARTS = Path(__file__).parents[2] / "playbooks" / "parts" / "services"


def test_names_come_in_the_order_given() -> None:
    assert split(["shop, api", ["jobs", "shop"], ""]) == ["shop", "api", "jobs", "shop"]


def deploys(path: Path, count: int, outer: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The variables of each deploy that a playbook imports, those of its importers before its own
    (ansible.playbook.playbook_include).
    """
    for entry in yaml.safe_load(path.read_text()):
        variables = {**entry.get("vars", {}), **outer}
        name = entry["ansible.builtin.import_playbook"]
        if name == "../deploy_service.yml":
            yield {key: evaluated(value, variables, count) for key, value in variables.items()}
        else:
            name = f"{(count - 1) % 10 + 1}.yml" if name.startswith("{{") else name
            yield from deploys(path.parent / name, count, variables)


def evaluated(value: Any, variables: dict[str, Any], count: int) -> int:
    """A number, or what an expression of these playbooks comes to."""
    names = {"localhost": {"__hundred_checked": {"names": list(range(count))}}}
    text = jinja2.Template(str(value)).render({**variables, "hostvars": names})
    return int(text)


@pytest.mark.parametrize("count", range(1, 51))
def test_so_many_services_are_deployed_in_order_each_once(count: int) -> None:
    # As deploy.yml names it.
    name = str(count) if count <= 10 else f"more_than_{(count - 1) // 10}0"
    found = list(deploys(PARTS / f"{name}.yml", count, {}))
    assert [item["__hundred_number"] for item in found] == list(range(count))
    assert {item["__hundred_loaded"] for item in found} == {count}
    assert not (PARTS / "more_than_50.yml").exists()


@pytest.mark.parametrize(
    ("text", "said"),
    [("services: 1", "no mapping"), ("hundred_services: {shop: {}, api: {}}", None)],
)
def test_all_services_are_those_of_the_inventory(
    tmp_path: Path, text: str, said: str | None
) -> None:
    (tmp_path / "group_vars").mkdir()
    (tmp_path / "group_vars" / "all.yml").write_text(text)
    (tmp_path / "hosts").write_text("web1")
    lookup = LookupModule(loader=DataLoader())
    sources = {"ansible_inventory_sources": [str(tmp_path / "hosts")]}
    if said is None:
        assert lookup.run(["all"], sources) == ["shop", "api"]
    else:
        with pytest.raises(AnsibleError, match=said):
            lookup.run(["all"], sources)


@pytest.mark.parametrize(("terms", "said"), [([" "], "no service"), ([["a"] * 21], None)])
def test_no_service_is_refused_and_one_named_twice_is_one(
    terms: list[str], said: str | None
) -> None:
    lookup = LookupModule(loader=DataLoader())
    if said is None:
        assert lookup.run(terms) == ["a"]
        with pytest.raises(AnsibleError, match="at most 50"):
            lookup.run([[str(number) for number in range(51)]])
    else:
        with pytest.raises(AnsibleError, match=said):
            lookup.run(terms)


def test_a_failure_beside_the_rollout_is_told() -> None:
    swapped = {"host": "web1", "result": "swapped"}
    assert with_failure(swapped, failure_beside({}, {})) == swapped
    results = [{"failed": False}, {"failed": True, "msg": "migrate failed"}]
    why = failure_beside({"results": results}, {"task": "Run the tasks", "msg": "some failed"})
    failed = with_failure({"host": "web1", "result": "not swapped"}, why)
    assert (failed["result"], failed["why"]) == ("failed", "migrate failed")
    lost = {"results": [{"unreachable": True, "msg": "timed out"}]}
    late = with_failure(swapped, failure_beside(lost, {}))
    assert (late["result"], late["why"]) == ("swapped, failed after it", "timed out")
    late = with_failure(swapped, failure_beside({}, {"task": "Tell", "msg": "nobody listens"}))
    assert (late["result"], late["why"]) == ("swapped, failed after it", "Tell: nobody listens")
    own = {"host": "web1", "result": "failed", "why": "never healthy"}
    assert with_failure(own, failure_beside({}, {"task": "Swap", "msg": "x"})) == own


def test_a_build_that_failed_is_told_and_no_host_is_said_to_be_touched() -> None:
    rows = unbuilt_rows({"host": "builder", "msg": "no space", "next_step": "df"}, ["web1"])
    assert rows[0] == {"host": "builder", "result": "build failed", "why": "no space\n  next: df"}
    assert rows[1:] == [{"host": "web1", "result": "not begun"}]


def test_services_after_one_that_failed_are_not_begun() -> None:
    earlier = [{"service": "api", "host": "web1", "result": "swapped"}]
    rows = [{"host": "web1", "result": "failed"}]
    names = ["api", "shop", "jobs"]
    found = together(earlier, "shop", rows, names, True)
    told = [(row["service"], row["result"]) for row in found]
    assert told == [("api", "swapped"), ("shop", "failed"), ("jobs", "not begun")]
    assert len(together(earlier, "shop", rows, names, False)) == 2
