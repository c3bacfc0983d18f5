# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What users write becomes what the core uses: units resolved, names in one form, defaults."""

from __future__ import annotations

import pytest
import yaml
from ansible_collections.hundred.containers.plugins.module_utils.definition.model import (
    Build,
    Cron,
    Definition,
    Health,
    Logging,
    Resources,
    Route,
    Update,
    Volume,
)
from ansible_collections.hundred.containers.plugins.module_utils.definition.names import revision
from ansible_collections.hundred.containers.plugins.module_utils.definition.parse import (
    KEYS,
    parse_definition,
    parse_options,
    parse_services,
)
from ansible_collections.hundred.containers.plugins.module_utils.definition.placement import (
    UnknownHostsError,
    hosts_of,
)
from ansible_collections.hundred.containers.plugins.module_utils.definition.problems import Place
from ansible_collections.hundred.containers.plugins.module_utils.definition.shapes import (
    compose_float,
)
from ansible_collections.hundred.containers.plugins.module_utils.definition.units import (
    format_duration,
    format_size,
    parse_duration,
    parse_size,
)

DESIGN = """
shop:
  image: registry.example.com/shop
  hosts: web
  replicas: 2
  command: [gunicorn, "shop:app"]
  port: 8000
  routes: [{host: shop.example.com, path: /}]
  environment: {LOG_LEVEL: info}
  secrets: {DATABASE_URL: postgres://shop}
  volumes: ["shop-data:/data"]
  resources: {cpus: 1.0, memory: 512M, pids: 256}
  health: {path: /up, interval: 1s, timeout: 2s, successes: 2, healthy_deadline: 60s}
  update: {order: start-first, parallelism: 1, delay: 0s, monitor: 5s, failure_action: rollback}
  drain_timeout: 30s
  stop_grace_period: 10s
  retain: 3
  build: {source: ., dockerfile: Dockerfile, test: [[pytest, -q]]}
"""


def shop(text: str) -> Definition:
    """The definition that the keys in ``text``, YAML, make of a minimal one."""
    keys = yaml.safe_load(text)
    return parse_definition("shop", {"image": "registry.example.com/shop", **keys})


def test_the_example_of_the_design_is_what_it_says():
    assert parse_services(yaml.safe_load(DESIGN)) == {
        "shop": Definition(
            name="shop",
            image="registry.example.com/shop",
            hosts="web",
            replicas=2,
            command=("gunicorn", "shop:app"),
            port=8000,
            routes=(Route(host="shop.example.com", path="/"),),
            environment={"LOG_LEVEL": "info"},
            secrets={"DATABASE_URL": "postgres://shop"},
            volumes=(Volume("shop-data", "/data"),),
            resources=Resources(cpus=1.0, memory=512 * 1024**2, pids=256),
            health=Health(
                path="/up", interval=1.0, timeout=2.0, successes=2, healthy_deadline=60.0
            ),
            update=Update("start-first", 1, 0.0, 5.0, "rollback"),
            drain_timeout=30.0,
            stop_grace_period=10.0,
            retain=3,
            build=Build(source=".", dockerfile="Dockerfile", test=(("pytest", "-q"),)),
        )
    }


def test_a_worker_needs_an_image_only():
    assert parse_definition("mailer", {"image": "mailer"}) == Definition("mailer", "mailer")


@pytest.mark.parametrize(
    ("text", "key", "wanted"),
    [
        ("replicas: '3'", "replicas", 3),
        ("port: '8000'", "port", 8000),
        ("drain_timeout: 0", "drain_timeout", 0.0),
        ("drain_timeout: 1.5", "drain_timeout", 1.5),
        ("drain_timeout: '90'", "drain_timeout", 90.0),
        ("stop_grace_period: 1h", "stop_grace_period", 3600.0),
        ("command: gunicorn -w 4 'shop:app x'", "command", ("gunicorn", "-w", "4", "shop:app x")),
        ("command: [gunicorn, -w, 4, --rate, 0.5, '']", "command",
         ("gunicorn", "-w", "4", "--rate", "0.5", "")),
        ("command: [sh, -c, 'a && b']", "command", ("sh", "-c", "a && b")),
        ("command: [--port, 80]", "command", ("--port", "80")),
        ("command: find / -exec ls {} \\;", "command", ("find", "/", "-exec", "ls", "{}", ";")),
        ("command: sh -c 'a && b > c'", "command", ("sh", "-c", "a && b > c")),
        ('command: sh -c "echo $(hostname) \\";\\""', "command",
         ("sh", "-c", 'echo $(hostname) ";"')),
        ("command: serve --set a=b 'A=b;' $PORT", "command",
         ("serve", "--set", "a=b", "A=b;", "$PORT")),
        ("command: [A=b, 'a;', '`b`']", "command", ("A=b", "a;", "`b`")),
        ("entrypoint: /bin/run", "entrypoint", ("/bin/run",)),
        ("user: '1000'", "user", "1000"),
        ("user: app:www-data", "user", "app:www-data"),
        ("working_dir: /srv//app/", "working_dir", "/srv/app"),
        ("init: false", "init", False),
        ("read_only: true", "read_only", True),
        ("tmpfs: ['/dev/:dev', '/x:mpol=bind:0-1']", "tmpfs", ("/dev:dev", "/x:mpol=bind:0-1")),
        ("tmpfs: [/run, '/tmp/:size=64m,mode=1777']", "tmpfs", ("/run", "/tmp:size=64m,mode=1777")),
        ("cap_drop: [ALL]", "cap_drop", ("ALL",)),
        ("cap_add: [CAP_CHOWN, net_bind_service]", "cap_add", ("CHOWN", "NET_BIND_SERVICE")),
        ("no_new_privileges: true", "no_new_privileges", True),
        ("ulimits: {nofile: 1024, core: -1}", "ulimits", {"nofile": "1024:1024", "core": "-1:-1"}),
        ("ulimits: {stack: {soft: 1, hard: -1}}", "ulimits", {"stack": "1:-1"}),
        ("ulimits: {nofile: '1024'}", "ulimits", {"nofile": "1024:1024"}),
        ("extra_hosts: {a: host-gateway}", "extra_hosts", {"a": "host-gateway"}),
        ("dns: [10.0.0.1]", "dns", ("10.0.0.1",)),
        ("extra_hosts: {db.test: 'fd00::0:1'}", "extra_hosts", {"db.test": "fd00::1"}),
        ("dns_search: [example.com]", "dns_search", ("example.com",)),
        ("dns_search: [.]", "dns_search", (".",)),
        ("{secrets: {A: a}, secret_environment: [A]}", "secret_environment", ("A",)),
        ("dns_options: ['ndots:1', rotate]", "dns_options", ("ndots:1", "rotate")),
        ("cron: deploy/crontab", "cron", Cron(file="deploy/crontab")),
        ("cron: {text: '@daily a', timeout: 5m}", "cron", Cron(text="@daily a", timeout=300.0)),
        ("stop_signal: term", "stop_signal", "SIGTERM"),
        ("stop_signal: SIGRTMIN+3", "stop_signal", "SIGRTMIN+3"),
        ("volumes: ['data:/data:ro']", "volumes", (Volume("data", "/data", True),)),
        ("volumes: ['/srv//x/:/data/:rw']", "volumes", (Volume("/srv/x", "/data"),)),
        ("volumes: ['/var/run/docker.sock:/var/run/docker.sock']", "volumes",
         (Volume("/var/run/docker.sock", "/var/run/docker.sock"),)),
        ("environment: {N: 5, F: 0.5, S: '', M: \"a\\nb\"}", "environment",
         {"N": "5", "F": "0.5", "S": "", "M": "a\nb"}),
        ("resources: {memory: 6291456}", "resources", Resources(memory=6 * 1024**2)),
        ("resources: {cpus: '0.5'}", "resources", Resources(cpus=0.5)),
        ("logging: {driver: journald}", "logging", Logging("journald", {})),
        ("logging: {options: {max-size: 50m}}", "logging",
         Logging("json-file", {"max-size": "50m", "max-file": "3"})),
        ("health: {command: test -f /up}", "health", Health(command=("test", "-f", "/up"))),
        ("build: {source: ../shop, test: ['pytest -q'], tags: [latest], args: {V: 3}}", "build",
         Build(source="../shop", test=(("pytest", "-q"),), tags=("latest",), args={"V": "3"})),
        ("image: registry.example.com:5000/team/shop__x.y-z", "image",
         "registry.example.com:5000/team/shop__x.y-z"),
        ("image: localhost/shop", "image", "localhost/shop"),
    ],
)  # fmt: skip
def test_value_becomes_what_the_core_uses(text, key, wanted):
    assert getattr(shop(text), key) == wanted


@pytest.mark.parametrize(
    ("route", "wanted"),
    [
        ("{host: Shop.Example.COM}", Route("shop.example.com", "/")),
        ("{host: '*.example.com', path: /api/}", Route("*.example.com", "/api")),
        ("{path: /}", Route(None, "/")),
        ("{path: /a.b/~c/@d:e}", Route(None, "/a.b/~c/@d:e")),
        ("{host: 10.0.0.1}", Route("10.0.0.1", "/")),
    ],
)
def test_route_becomes_one_form(route, wanted):
    assert shop(f"{{port: 8000, routes: [{route}]}}").routes == (wanted,)


def test_tcp_route_has_the_published_port():
    definition = shop("{port: 5432, protocol: tcp, routes: [{published: 15432}]}")
    assert definition.routes == (Route(published=15432),)


def test_port_without_routes_is_probed_and_not_routed():
    definition = shop("{port: 8000, health: {path: '/up?full=1%20'}}")
    assert definition.routes == ()
    assert definition.health.path == "/up?full=1%20"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("500ms", 0.5),
        ("10s", 10.0),
        ("1m30s", 90.0),
        ("1h", 3600.0),
        ("1h1m1s1ms", 3661.001),
        ("1.5s", 1.5),
        ("24h", 86400.0),
        (2, 2.0),
        (0.1, 0.1),
        ("7", 7.0),
    ],
)
def test_duration_is_seconds(text, seconds):
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text",
    ["", "s", "1s1m", "-1s", "1d", "1 m", "1e3", "٣s", "9" * 400, -0.1, True, None, []],
)
def test_duration_of_another_form_is_none(text):
    with pytest.raises(ValueError, match=r"duration|range"):
        parse_duration(text)


@pytest.mark.parametrize("seconds", [0.0, 0.01, 0.5, 1.0, 1.5, 60.0, 90.0, 3600.0, 3661.0, 86400.0])
def test_duration_that_is_shown_reads_as_the_same(seconds):
    assert parse_duration(format_duration(seconds)) == seconds


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("512M", 536870912),
        ("512m", 536870912),
        ("512MB", 536870912),
        ("512MiB", 536870912),
        ("1.5g", 1610612736),
        ("64k", 65536),
        ("100b", 100),
        ("100", 100),
        (100, 100),
        (100.0, 100),
        ("9007199254740993", 9007199254740993),
    ],
)
def test_size_is_bytes_in_powers_of_1024(text, size):
    assert parse_size(text) == size


@pytest.mark.parametrize("size", [0, 1, 1023, 1024, 6 * 1024**2, 1536 * 1024**2, 1024**4])
def test_size_that_is_shown_reads_as_the_same(size):
    assert parse_size(format_size(size)) == size


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (1.0, "1"),
        (0.5, "0.5"),
        (-2.5, "-2.5"),
        (0.0, "0"),
        (100000.0, "100000"),
        (1000000.0, "1e+06"),
        (1234567.5, "1.2345675e+06"),
        (0.0001, "0.0001"),
        (0.00001, "1e-05"),
        (1e100, "1e+100"),
    ],
)
def test_number_becomes_the_string_that_compose_makes(number, text):
    assert compose_float(number) == text


def test_options_without_a_value_are_keys_not_given():
    options = dict.fromkeys(KEYS)
    options.update(
        image="shop",
        health={"path": None, "timeout": "1s"},
        port=80,
        routes=[{"host": None, "path": "/a", "published": None}],
    )
    definition = parse_options("shop", options)
    wanted = {"image": "shop", "health": {"timeout": "1s"}, "port": 80, "routes": [{"path": "/a"}]}
    assert definition == parse_definition("shop", wanted)


@pytest.mark.parametrize(
    "text",
    [
        "1a2b3c4", "0" * 40, "a" * 64, "main", "v1.0", "feature/x-y", "HEAD", "HEAD~1",
        "origin/main^{commit}", "@", "release-1.0+build",
    ],
)  # fmt: skip
def test_revision_that_git_resolves_is_accepted(text):
    problems = []
    assert revision(Place("revision", problems), text) == text
    assert problems == []


@pytest.mark.parametrize(
    "text",
    [
        "", "-x", "--upload-pack=evil", "a b", "a\nb", "a..b", "main:secret", "x.lock", "a//b",
        "a/.b", "end/", "$(reboot)", "`reboot`", "a;b", "a|b", "é", "a" * 256, 1234567, True, None,
    ],
)  # fmt: skip
def test_revision_that_is_no_name_is_refused(text):
    problems = []
    revision(Place("revision", problems), text)
    assert [problem.path for problem in problems] == ["revision"]


GROUPS = {
    "all": ["web1", "web2", "web3", "db1"],
    "ungrouped": [],
    "web": ["web1", "web2", "web3"],
    "db": ["db1"],
    "berlin": ["web2", "db1"],
}


@pytest.mark.parametrize(
    ("pattern", "hosts"),
    [
        ("web", ["web1", "web2", "web3"]),
        ("db1", ["db1"]),
        ("db:web", ["web1", "web2", "web3", "db1"]),
        ("db, web2", ["web2", "db1"]),
        ("web:&berlin", ["web2"]),
        ("web:!web3", ["web1", "web2"]),
        ("!web", ["db1"]),
        ("web*", ["web1", "web2", "web3"]),
        ("*", ["web1", "web2", "web3", "db1"]),
        ("all", ["web1", "web2", "web3", "db1"]),
    ],
)
def test_hosts_are_those_that_the_pattern_stands_for(pattern, hosts):
    assert hosts_of(pattern, GROUPS) == hosts


@pytest.mark.parametrize(
    ("pattern", "says"),
    [
        ("ungrouped", "at least one host"),
        ("web:!web", "at least one host"),
        ("", "at least one host"),
        ("wbe", "must be a group or a host"),
        ("web:cache", "must be a group or a host"),
        ("~web.*", "regular expression"),
        ("web[0]", "brackets"),
    ],
)
def test_hosts_that_stand_for_none_are_refused(pattern, says):
    with pytest.raises(UnknownHostsError, match=says):
        hosts_of(pattern, GROUPS)


def test_hosts_with_a_near_miss_are_refused_with_it():
    with pytest.raises(UnknownHostsError) as caught:
        hosts_of("berln", GROUPS)
    assert caught.value.advice == "did you mean berlin?"
