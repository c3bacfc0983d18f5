# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/definition.md tells what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from ansible_collections.hundred.containers.plugins.module_utils.definition.model import (
    Definition,
    Health,
    Resources,
    Update,
    Volume,
)
from ansible_collections.hundred.containers.plugins.module_utils.definition.parse import (
    KEYS,
    parse_services,
)
from ansible_collections.hundred.containers.plugins.module_utils.definition.problems import (
    DefinitionError,
)
from ansible_collections.hundred.containers.plugins.module_utils.definition.release import (
    container_spec,
)
from ansible_collections.hundred.containers.plugins.module_utils.definition.schema import (
    BUILD,
    SECTIONS,
    TASK,
)
from ansible_collections.hundred.containers.plugins.module_utils.definition.units import (
    format_duration,
)

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "definition.md").read_text(encoding="utf-8")
ROWS = {
    key: line
    for line in TEXT.splitlines()
    if line.startswith("| `")
    for key in re.findall(r"`([a-z_.\[\]]+)`", line.split("|")[1])
}
# Every key that a container can be made of has a value here.
FULL = Definition(
    "a",
    "a",
    command=("a",),
    entrypoint=("a",),
    user="a",
    working_dir="/a",
    tmpfs=("/a",),
    cap_drop=("ALL",),
    cap_add=("KILL",),
    no_new_privileges=True,
    ulimits={"nofile": "1:2"},
    extra_hosts={"db": "10.0.0.1"},
    dns=("10.0.0.1",),
    dns_search=("example.com",),
    dns_options=("ndots:1",),
    secret_environment=("B",),
    stop_signal="SIGINT",
    port=1,
    environment={"A": "a"},
    secrets={"B": "b"},
    volumes=(Volume("aa", "/a"),),
    resources=Resources(1.0, 1, 2),
)
NESTED = [f"{name}.{key}" for name, section in SECTIONS.items() for key in section.keys]


def test_every_key_has_a_row_and_every_row_a_key():
    inside = {f"tasks.before[].{key}" for key in TASK.keys}
    inside |= {f"routes[].{key}" for key in ("host", "path", "published")}
    known = {*KEYS, *NESTED, *inside}
    assert set(ROWS) == known - set(SECTIONS)


def test_the_example_is_a_good_definition():
    example = re.search(r"```yaml\n(.*?)```", TEXT, re.DOTALL)[1]
    services = yaml.safe_load(example)["hundred_services"]
    services["shop"]["secrets"] = {"DATABASE_URL": "postgres://shop"}
    assert set(parse_services(services)) == {"shop", "mailer"}


def test_the_error_shown_is_the_error_given():
    shown = re.search(r"```\n(\d+ problems.*?)\n```", TEXT, re.DOTALL)[1]
    broken = {"replica": 2, "hosts": "web", "environment": {"DEBUG": True}}
    with pytest.raises(DefinitionError) as caught:
        parse_services({"shop": {**broken, "image": "registry.example.com/shop:1.0"}})
    assert sorted(shown.split("\n")) == sorted(caught.value.message.split("\n"))


def test_marked_keys_are_those_that_make_new_containers():
    marked = {key for key, line in ROWS.items() if "●" in line}
    names = {key.rpartition(".")[2] for key in marked}
    spec = container_spec(FULL)
    renamed = {"log_driver": "driver", "log_options": "options"}
    assert names == {renamed.get(key, key) for key in spec}


@pytest.mark.parametrize(
    ("key", "seconds"),
    [
        ("drain_timeout", Definition("a", "a").drain_timeout),
        ("stop_grace_period", Definition("a", "a").stop_grace_period),
        *((f"health.{key}", getattr(Health(), key)) for key in
          ("start_interval", "interval", "timeout", "healthy_deadline")),
        *((f"update.{key}", getattr(Update(), key)) for key in ("delay", "monitor")),
    ],
)  # fmt: skip
def test_default_durations_are_those_of_the_model(key, seconds):
    shown = re.search(r"duration, `([^`]+)`", ROWS[key])[1]
    assert shown in (format_duration(seconds), f"{seconds:g}s")


def test_the_role_build_takes_the_keys_of_build_that_are_no_variables_of_its_own() -> None:
    spec = yaml.safe_load((ROOT / "roles/build/meta/argument_specs.yml").read_text())
    options = spec["argument_specs"]["main"]["options"]
    assert set(BUILD.keys) - set(options["hundred_build_options"]["options"]) == {
        name for name in ("source", "secrets") if f"hundred_build_{name}" in options
    }
