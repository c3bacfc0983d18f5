# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked of a build, and what its output tells."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.hundred.containers.plugins.module_utils.engine.build_output import (
    BuildOutput,
)
from ansible_collections.hundred.containers.plugins.module_utils.engine.buildx import (
    BuildKitOptions,
)
from ansible_collections.hundred.containers.plugins.module_utils.errors import (
    BuildError,
    HundredError,
)
from ansible_collections.hundred.containers.plugins.module_utils.image.build_request import (
    BuildRequest,
    all_secrets,
    commands,
    text_values,
)


def test_commands_are_lists_of_words_or_quoted_strings() -> None:
    given = [["pytest", "-q"], ["sleep", 1.5], "sh -c 'exit 3'", ("a", 2)]
    assert commands(given) == [
        ["pytest", "-q"],
        ["sleep", "1.5"],
        ["sh", "-c", "exit 3"],
        ["a", "2"],
    ]


@pytest.mark.parametrize(
    "test",
    [[], "", "a 'b", [["a"]], [None], [True], {"a": 1}, 3, None, "-q", ["-q"], "a && b", "A=b a"],
)
def test_what_is_no_command_is_refused_by_its_place(test: Any) -> None:
    with pytest.raises(BuildError, match=r"test\[1\]"):
        commands([["true"], test])


def test_values_become_text_as_yaml_writes_them() -> None:
    values = {"a": 1, "b": True, "c": 1.5, "d": "x", 5: False}
    texts = {"a": "1", "b": "true", "c": "1.5", "d": "x", "5": "false"}
    assert text_values(values, "args") == texts


@pytest.mark.parametrize("value", [None, [], {}])
def test_a_value_that_is_not_text_is_refused_by_its_key(value: Any) -> None:
    with pytest.raises(BuildError, match="args.key"):
        text_values({"key": value}, "args")


def test_secrets_come_from_values_and_files(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("from the file\r\n", newline="")
    assert all_secrets({"a": "x"}, {"b": str(file)}) == {"a": "x", "b": "from the file\r\n"}
    with pytest.raises(BuildError, match="both"):
        all_secrets({"a": "x"}, {"a": str(file)})
    with pytest.raises(BuildError, match="No such file"):
        all_secrets({}, {"a": str(tmp_path / "nothing")})
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(BuildError, match="UTF-8"):
        all_secrets({}, {"a": str(file)})
    file.write_text("x" * 600_000)
    with pytest.raises(BuildError, match="larger than 500 KiB"):
        all_secrets({}, {"a": str(file)})


@pytest.mark.parametrize(
    "options",
    [
        {"name": "shop:v1"},
        {"tags": ["a" * 40]},
        {"tags": ["no/slash"]},
        {"timeout": 0},
        {"test_timeout": -1},
        {"labels": {"org.opencontainers.image.revision": "x"}},
        {"labels": {"hundred.service": "x"}},
        {"buildkit": BuildKitOptions(secrets={"id,src=/etc/shadow": "x"})},
        {"buildkit": BuildKitOptions(secrets={"": "x"})},
    ],
)
def test_a_request_that_cannot_be_met_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(HundredError):
        BuildRequest(**{"name": "shop", "source": ".", "revision": "main", **options})


@pytest.mark.parametrize(
    ("name", "lookup", "asks"),
    [
        ("shop", "auto", False),
        ("shop", "registry", True),
        ("registry.example.com/shop", "auto", True),
        ("registry.example.com/shop", "local", False),
    ],
)
def test_a_registry_is_asked_when_the_name_has_one(name: str, lookup: str, asks: bool) -> None:
    request = BuildRequest(name, source=".", revision="main", lookup=lookup)
    assert request.asks_registry is asks


def test_secrets_are_not_part_of_what_a_request_prints() -> None:
    options = BuildKitOptions(secrets={"a": "tops3cret"})
    assert "tops3cret" not in repr(BuildRequest("shop", ".", "main", buildkit=options))


def test_a_classic_failure_names_its_step() -> None:
    output = BuildOutput()
    output.add("Step 1/3 : FROM base\n ---> 123\n")
    output.add("Step 2/3 : RUN make\n")
    output.add("\x1b[31mmake: no rule\x1b[0m\n")
    error = output.failure("build shop", "The command returned a non-zero code: 2")
    assert error.message == (
        "cannot build shop: The command returned a non-zero code: 2"
        " (in the step: Step 2/3 : RUN make)"
    )
    assert error.details["build_step"] == "Step 2/3 : RUN make"
    assert error.details["output"][-1] == "make: no rule"


def test_a_buildkit_failure_names_the_step_that_failed_among_those_at_work() -> None:
    output = BuildOutput()
    for line in (
        "#5 [web 2/3] RUN npm ci",
        "#6 [app 2/3] RUN make",
        "#6 0.2 make: no rule",
        "#5 0.3 fetching",
        '#6 ERROR: process "/bin/sh -c make" did not complete successfully: exit code: 2',
        "------",
        "ERROR: failed to solve: process did not complete",
    ):
        output.add(line + "\n")
    error = output.failure("build shop")
    assert error.details["build_step"] == "[app 2/3] RUN make"
    assert "exit code: 2" in error.message


def test_no_part_of_a_secret_is_shown() -> None:
    key = "-----BEGIN KEY-----\nMIIEabcd\n\nab\n-----END KEY-----\n"
    output = BuildOutput(["tops3cret", key])
    output.add("x tops3cret y MIIEabcd ab z\nERROR: failed to solve: tops3cret\n")
    error = output.failure("build shop")
    assert error.details["output"][0] == "x ******** y ******** ab z"
    assert "tops3cret" not in error.message


@pytest.mark.parametrize(
    ("cause", "next_step"),
    [
        ("write /x: no space left on device", "make room"),
        ("the --mount option requires BuildKit", "buildx"),
        ("failed to reach build target production in Dockerfile", "option target"),
        ("Cache export is not supported for the docker driver.", "type=inline"),
        ("Get https://x/v2/: no basic auth credentials", "docker login"),
        ("pull access denied for shop, repository does not exist", "base image's name"),
        ("unknown instruction: FRO", "read the output"),
    ],
)
def test_a_failure_says_what_to_do(cause: str, next_step: str) -> None:
    assert next_step in (BuildOutput().failure("build shop", cause).next_step or "")
