# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Broken definitions are refused, each at the path of its key and for the reason that it has."""

from __future__ import annotations

import time

import pytest
import yaml
from ansible_collections.hundred.containers.plugins.module_utils.definition.parse import (
    parse_definition,
    parse_options,
    parse_placement,
    parse_services,
)
from ansible_collections.hundred.containers.plugins.module_utils.definition.problems import (
    UNRESOLVED,
    DefinitionError,
    Problem,
)

from tests.definitions import Broken, broken_definitions

BROKEN = broken_definitions()
SECRET = "hunter2-correct-horse"


def refused(services, **facts) -> DefinitionError:
    with pytest.raises(DefinitionError) as caught:
        parse_services(services, **facts)
    return caught.value


def shop(**keys):
    return {"shop": {"image": "registry.example.com/shop", "hosts": "web", **keys}}


@pytest.mark.parametrize("broken", BROKEN, ids=[broken.name for broken in BROKEN])
def test_is_refused_at_its_path_and_for_its_reason(broken: Broken):
    error = refused(broken.services, http_port=80, proxy="haproxy")
    lines = [str(problem) for problem in error.problems if problem.path == broken.path]
    assert any(broken.says in line for line in lines), error.message


@pytest.mark.parametrize("broken", BROKEN, ids=[broken.name for broken in BROKEN])
def test_one_mistake_is_one_problem(broken: Broken):
    assert len(refused(broken.services, http_port=80).problems) == 1


@pytest.mark.parametrize("broken", BROKEN, ids=[broken.name for broken in BROKEN])
def test_message_is_printable_and_a_line_for_each_problem(broken: Broken):
    error = refused(broken.services, http_port=80)
    lines = error.message.split("\n")
    assert len(lines) == 1 + len(error.problems)
    assert all(line.isprintable() for line in lines)
    assert all(len(line) < 400 for line in lines)


def test_every_problem_of_every_service_is_told_at_once():
    error = refused(
        {
            "shop": {"image": "shop:1", "hosts": "web", "port": True, "replica": 1},
            "api": {"hosts": "web", "update": {"order": "x", "delay": -1}},
        }
    )
    assert {problem.path for problem in error.problems} == {
        "hundred_services.shop.image",
        "hundred_services.shop.port",
        "hundred_services.shop.replica",
        "hundred_services.api.image",
        "hundred_services.api.update.order",
        "hundred_services.api.update.delay",
    }
    assert error.message.startswith("6 problems in the definition of services:")


@pytest.mark.parametrize(
    "keys",
    [
        {"secrets": SECRET},
        {"secrets": [SECRET]},
        {"secrets": {"TOKEN": {"value": SECRET}}},
        {"secrets": {"TOKEN": [SECRET]}},
        {"secrets": {"TOKEN": SECRET}, "environment": {"TOKEN": SECRET}},
        {"secret": {"TOKEN": SECRET}},
        {"secret": SECRET},
        {"secrets": {"bad name": SECRET}},
        {"environment": SECRET},
        {"environment": {"bad name": SECRET}},
        {"environment": {"TOKEN": {"value": SECRET}}},
        {"environment": {"TOKEN": "{{ undefined }}" + SECRET}},
        {"environment": "{{ undefined }}" + SECRET},
        {"command": [SECRET, True]},
        {"command": f"'{SECRET}"},
        {"command": f"serve --password {SECRET} | tee"},
        {"command": {"run": SECRET}},
        {"health": {"command": ["CMD", "--password", SECRET]}},
        {"logging": {"options": {"splunk-token": [SECRET]}}},
        {"logging": {"options": SECRET}},
        {"logging": SECRET},
        {"build": {"secrets": {"TOKEN": [SECRET]}}},
        {"build": {"secrets": SECRET}},
        {"build": {"args": {"TOKEN": [SECRET]}}},
        {"image": f"user:{SECRET}@registry.example.com/shop"},
        {"image": f"https://user:{SECRET}@registry.example.com/shop"},
        {"build": {"source": f"https://user:{SECRET}@git.example.com/shop.git"}},
    ],
    ids=str,
)
def test_values_that_may_be_secrets_are_never_shown(keys):
    error = refused(shop(**keys))
    assert SECRET not in error.message
    assert SECRET not in str(error.as_result())
    assert SECRET not in "".join(repr(problem) for problem in error.problems)


@pytest.mark.parametrize(
    ("keys", "path"),
    [
        ({"secrets": {"TOKEN": "a\udc80b"}}, "secrets.TOKEN"),
        ({"build": {"secrets": {"TOKEN": "a\udc80b"}}}, "build.secrets.TOKEN"),
        ({"environment": {"TOKEN": "a\udc80b"}}, "environment.TOKEN"),
        ({"command": "a \udc80b"}, "command"),
        ({"tasks": {"after": [{"name": "a", "command": "a \udc80b"}]}}, "tasks.after[0].command"),
        ({"working_dir": "/a\udc80b"}, "working_dir"),
        ({"volumes": ["/a\udc80b:/data"]}, "volumes[0]"),
        ({"secrets": {"T" * 251: "x"}}, "secrets"),
    ],
    ids=["secret", "build secret", "variable", "command", "task", "folder", "volume", "name"],
)
def test_what_no_file_of_the_host_could_hold_is_refused_on_the_controller(keys, path):
    error = refused(shop(**keys))
    assert error.problems[0].path.startswith(f"hundred_services.shop.{path}")


def test_a_long_value_is_refused_at_once():
    began = time.monotonic()
    refused(shop(image="A" * 200000))
    assert time.monotonic() - began < 5


def test_a_definition_does_not_show_its_secrets_when_it_is_printed():
    keys = {"secrets": {"TOKEN": SECRET}, "build": {"secrets": {"TOKEN": SECRET}}}
    definition = parse_services(shop(**keys))["shop"]
    assert SECRET not in repr(definition)


def test_a_template_that_was_left_unresolved_is_refused():
    error = refused(shop(image="registry.example.com/{{ name }}", command=["{% raw %}"]))
    assert [problem.path for problem in error.problems] == [
        "hundred_services.shop.image",
        "hundred_services.shop.command[0]",
    ]
    assert all("left unresolved" in problem.must for problem in error.problems)


def test_braces_are_no_template_where_they_are_usual():
    definition = parse_services(
        shop(
            secrets={"TOKEN": "a{{b"},
            logging={"options": {"tag": "{{.Name}}"}},
            environment={"FORMAT": "{{.Name}}", "JSON": '{"a": {}}'},
        )
    )["shop"]
    assert definition.secrets == {"TOKEN": "a{{b"}
    assert definition.logging.options["tag"] == "{{.Name}}"
    assert definition.environment["FORMAT"] == "{{.Name}}"


def test_what_could_not_be_read_is_told_once_and_not_judged():
    problem = Problem("hundred_services.shop.port", "cannot be resolved: 'p' is undefined")
    services = shop(port=UNRESOLVED, routes=[{"host": "shop.example.com"}])
    assert refused(services, found=[problem]).problems == (problem,)


def test_the_same_route_on_other_hosts_is_no_conflict():
    route = {"port": 80, "routes": [{"host": "shop.example.com"}]}
    services = {
        "blue": {"image": "a", "hosts": "web", **route},
        "green": {"image": "b", "hosts": "web2", **route},
    }
    assert set(parse_services(services)) == {"blue", "green"}
    groups = {"all": ["a", "b"], "web": ["a"], "web2": ["b"]}
    assert set(parse_services(services, groups=groups)) == {"blue", "green"}


def test_the_same_route_on_groups_that_overlap_is_refused_with_the_shared_host():
    route = {"port": 80, "routes": [{"host": "shop.example.com"}]}
    services = {
        "blue": {"image": "a", "hosts": "web", **route},
        "green": {"image": "b", "hosts": "berlin", **route},
    }
    groups = {"all": ["w1", "w2", "w3"], "web": ["w1", "w2"], "berlin": ["w2", "w3"]}
    (problem,) = refused(services, groups=groups).problems
    assert problem.path == "hundred_services.green.routes[0]"
    assert problem.given == "w2"


def test_tcp_routes_are_refused_with_nginx_only():
    services = shop(port=5432, protocol="tcp", routes=[{"published": 5432}])
    assert parse_services(services, proxy="haproxy")
    (problem,) = refused(services, proxy="nginx").problems
    assert problem.path == "hundred_services.shop.protocol"


def test_published_may_be_any_port_but_that_of_http():
    services = shop(port=5432, protocol="tcp", routes=[{"published": 8080}])
    assert parse_services(services, http_port=80)
    assert refused(services, http_port=8080)


@pytest.mark.parametrize("word", ["yes", "no", "on", "off", "true", "Yes"])
def test_words_that_yaml_reads_as_booleans_are_refused_with_the_way_out(word):
    services = yaml.safe_load(f"shop: {{image: shop, hosts: web, environment: {{A: {word}}}}}")
    assert "put a string in quotes" in refused(services).message
    services = yaml.safe_load(f"shop: {{image: shop, hosts: web, environment: {{A: '{word}'}}}}")
    assert parse_services(services)["shop"].environment == {"A": word}


def test_a_value_that_linux_cannot_pass_to_a_program_is_refused():
    longest = "x" * 131071
    assert parse_services(shop(environment={"A": longest[:-2]}, command=["a", longest]))
    error = refused(shop(environment={"A": longest[:-1]}, command=["a", longest + "x"]))
    assert {problem.path for problem in error.problems} == {
        "hundred_services.shop.command[1]",
        "hundred_services.shop.environment.A",
    }


def test_a_single_definition_is_refused_with_the_service_in_its_path():
    with pytest.raises(DefinitionError) as caught:
        parse_definition("shop", {"image": "shop", "port": 0})
    assert caught.value.problems[0].path == "hundred_services.shop.port"


def test_options_of_a_module_are_refused_with_the_options_path():
    with pytest.raises(DefinitionError) as caught:
        parse_options("Shop", {"image": "shop", "update": {"order": "x"}, "port": None})
    assert [problem.path for problem in caught.value.problems] == ["name", "update.order"]


def test_the_error_says_what_to_do_and_has_every_problem_as_data():
    result = refused(shop(port=0)).as_result()
    assert result["next_step"] == "correct the definition; no host was touched"
    assert result["problems"][0]["path"] == "hundred_services.shop.port"


def test_only_the_hosts_of_a_broken_definition_are_read():
    groups = {"all": ["web1", "web2"], "web": ["web1", "web2"]}
    assert parse_placement({"shop": "web", "api": "web2"}, groups) == {
        "shop": ["web1", "web2"],
        "api": ["web2"],
    }
    with pytest.raises(DefinitionError) as refused:
        parse_placement({"shop": "webb", "api": 3}, groups)
    assert "hundred_services.shop.hosts" in str(refused.value)
    assert "hundred_services.api.hosts" in str(refused.value)


def test_a_secret_that_is_too_long_for_a_variable_is_told_and_not_shown():
    long = {"TOKEN": SECRET.ljust(131072 - len("TOKEN="), "x")}
    error = refused(shop(secrets=long, secret_environment=["TOKEN"]))
    assert [item.path for item in error.problems] == ["hundred_services.shop.secret_environment[0]"]
    assert SECRET not in f"{error} {error.details}"
    assert parse_services(shop(secrets=long))
    assert parse_services(shop(secrets={"TOKEN": long["TOKEN"][1:]}, secret_environment=["TOKEN"]))
