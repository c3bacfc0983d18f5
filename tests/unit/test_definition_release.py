# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The id of a release follows what containers are made of, and reveals no secret."""

from __future__ import annotations

import hashlib
import json
import random
from dataclasses import replace

import pytest
from ansible_collections.hundred.containers.plugins.module_utils.definition.changes import (
    spec_changes,
)
from ansible_collections.hundred.containers.plugins.module_utils.definition.model import (
    Build,
    Definition,
    Health,
    Logging,
    Resources,
    Route,
    Update,
    Volume,
)
from ansible_collections.hundred.containers.plugins.module_utils.definition.parse import (
    parse_options,
)
from ansible_collections.hundred.containers.plugins.module_utils.definition.release import (
    container_spec,
    release_id,
)
from ansible_collections.hundred.containers.plugins.module_utils.definition.stored import (
    from_mapping,
    to_mapping,
)
from ansible_collections.hundred.containers.plugins.module_utils.errors import StateError

DIGEST = "sha256:" + "a" * 64
KEY = b"this host's key"
SECRET = "hunter2-correct-horse"

SHOP = Definition(
    name="shop",
    image="registry.example.com/shop",
    hosts="web",
    replicas=2,
    command=("gunicorn", "shop:app"),
    entrypoint=("/bin/run",),
    user="app",
    working_dir="/srv",
    tmpfs=("/run", "/tmp"),
    cap_drop=("ALL",),
    cap_add=("CHOWN", "KILL"),
    stop_signal="SIGTERM",
    port=8000,
    routes=(Route("shop.example.com", "/"), Route(None, "/shop")),
    environment={"A": "1", "B": "2", "C": "3"},
    secrets={"TOKEN": SECRET, "URL": "postgres://x"},
    volumes=(Volume("data", "/data"), Volume("/srv/x", "/x", True)),
    resources=Resources(1.5, 512 * 1024**2, 100),
    health=Health(path="/up"),
    update=Update(monitor=1.0),
    build=Build(test=(("pytest", "-q"),), secrets={"PIP": SECRET}, args={"V": "1"}),
)


def the_id(definition: Definition, digest: str = DIGEST, key: bytes = KEY) -> str:
    return release_id(definition, digest, key)


@pytest.mark.parametrize(
    "change",
    [
        {"replicas": 5},
        {"routes": ()},
        {"health": Health(command=("true",))},
        {"update": Update("stop-first", 3, 1.0, 9.0, "pause")},
        {"drain_timeout": 1.0},
        {"stop_grace_period": 1.0},
        {"retain": 9},
        {"hosts": "all"},
        {"build": None},
        {"image": "mirror.example.com/shop"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_needs_no_new_container_keeps_the_id(change):
    assert the_id(replace(SHOP, **change)) == the_id(SHOP)


@pytest.mark.parametrize(
    "change",
    [
        {"command": ("gunicorn", "shop", ":app")},
        {"command": None},
        {"entrypoint": None},
        {"user": None},
        {"working_dir": "/"},
        {"init": False},
        {"read_only": True},
        {"tmpfs": ()},
        {"cap_drop": ()},
        {"cap_add": ("CHOWN",)},
        {"no_new_privileges": True},
        {"ulimits": {"nofile": "1024:1024"}},
        {"extra_hosts": {"db": "10.0.0.1"}},
        {"dns": ("10.0.0.1",)},
        {"dns_search": ("example.com",)},
        {"dns_options": ("ndots:1",)},
        {"secret_environment": ("TOKEN",)},
        {"stop_signal": "SIGINT"},
        {"port": 8001},
        {"environment": {"A": "1", "B": "2", "C": "4"}},
        {"environment": {"A": "1", "B": "2"}},
        {"secrets": {"TOKEN": SECRET + "x", "URL": "postgres://x"}},
        {"secrets": {"TOKEN": "postgres://x", "URL": SECRET}},
        {"secrets": {"TOKEN": SECRET}},
        {"secrets": {}},
        {"volumes": (Volume("data", "/data", True), Volume("/srv/x", "/x", True))},
        {"resources": Resources(1.5, 512 * 1024**2)},
        {"logging": Logging("journald", {})},
        {"logging": Logging("json-file", {"max-size": "1m"})},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_needs_a_new_container_changes_the_id(change):
    assert the_id(replace(SHOP, **change)) != the_id(SHOP)


def test_another_digest_is_another_id():
    assert the_id(SHOP, digest="sha256:" + "b" * 64) != the_id(SHOP)


def test_order_matters_only_where_containers_differ_by_it():
    for seed in range(20):
        shuffle = random.Random(seed).shuffle
        keys = list(SHOP.environment.items())
        names = list(SHOP.secrets.items())
        volumes, tmpfs, caps = list(SHOP.volumes), list(SHOP.tmpfs), list(SHOP.cap_add)
        for items in (keys, names, volumes, tmpfs, caps):
            shuffle(items)
        shuffled = replace(
            SHOP,
            environment=dict(keys),
            secrets=dict(names),
            volumes=tuple(volumes),
            tmpfs=tuple(tmpfs),
            cap_add=tuple(caps),
        )
        assert the_id(shuffled) == the_id(SHOP)
    assert the_id(replace(SHOP, command=("shop:app", "gunicorn"))) != the_id(SHOP)


def test_the_id_is_short_and_the_same_in_every_process():
    # Containers keep this in a label: a change of the rules replaces every container.
    plain = Definition("shop", "registry.example.com/shop", environment={"A": "1"}, port=8000)
    assert release_id(plain, DIGEST, b"") == "6fc3939c8960"


def test_without_secrets_the_id_does_not_depend_on_the_host():
    plain = replace(SHOP, secrets={})
    assert the_id(plain, key=b"one") == the_id(plain, key=b"two") == the_id(plain, key=b"")


def test_with_secrets_the_id_depends_on_the_hosts_key_so_that_guesses_cannot_be_tried_out():
    assert the_id(SHOP, key=b"one") != the_id(SHOP, key=b"two")
    with pytest.raises(ValueError, match="host's key"):
        the_id(SHOP, key=b"")


def test_neither_the_spec_nor_a_plain_hash_of_it_has_secrets():
    spec = container_spec(SHOP)
    assert spec["secrets"] == ["TOKEN", "URL"]
    assert SECRET not in json.dumps(spec)
    guess = json.dumps([DIGEST, spec, dict(SHOP.secrets)], sort_keys=True, separators=(",", ":"))
    assert not hashlib.sha256(guess.encode()).hexdigest().startswith(the_id(SHOP))


def test_keys_that_are_not_set_take_no_part_so_that_new_keys_change_no_id():
    assert container_spec(Definition("mailer", "mailer", logging=Logging("none", {}))) == {
        "init": True,
        "read_only": False,
        "log_driver": "none",
    }


def test_a_definition_comes_back_from_json_as_it_was():
    stored = json.loads(json.dumps(to_mapping(SHOP, secrets=True)))
    assert from_mapping(stored) == SHOP


def test_a_stored_definition_has_the_names_of_secrets_and_no_value():
    text = json.dumps(to_mapping(SHOP))
    assert SECRET not in text
    restored = from_mapping(json.loads(text), secrets=SHOP.secrets)
    assert restored == replace(SHOP, build=replace(SHOP.build, secrets={"PIP": ""}))
    assert from_mapping(json.loads(text)).secrets == {"TOKEN": "", "URL": ""}


def test_a_definition_given_to_a_module_as_data_is_the_same_there():
    data = to_mapping(SHOP, secrets=True)
    del data["name"]
    assert parse_options("shop", json.loads(json.dumps(data))) == SHOP


def test_a_worker_given_to_a_module_as_data_is_the_same_there():
    worker = Definition("mailer", "mailer")
    data = to_mapping(worker, secrets=True)
    del data["name"]
    assert parse_options("mailer", data) == worker


def test_limits_names_and_privileges_given_to_a_module_as_data_are_the_same_there():
    hardened = replace(
        SHOP,
        no_new_privileges=True,
        ulimits={"nofile": "1024:2048", "core": "0:-1"},
        extra_hosts={"db": "fd00::1", "me": "host-gateway"},
        dns=("10.0.0.53",),
        dns_search=("example.com", "."),
        dns_options=("ndots:1", "rotate"),
        secret_environment=("TOKEN",),
    )
    data = to_mapping(hardened)
    del data["name"], data["build"]
    data = {**json.loads(json.dumps(data)), "secrets": dict(SHOP.secrets)}
    assert parse_options("shop", data) == replace(hardened, build=None)
    assert from_mapping(to_mapping(hardened, secrets=True)) == hardened


def test_a_stored_definition_of_a_later_version_can_be_read():
    stored = {**to_mapping(SHOP, secrets=True), "sidecars": [1]}
    stored["health"]["jitter"] = 3
    assert from_mapping(stored) == SHOP


@pytest.mark.parametrize(
    "damaged",
    [None, [], {}, {"name": "shop"}, {"name": "shop", "image": "x", "routes": [5]},
     {"name": "shop", "image": "x", "volumes": ["data"]},
     {"name": "shop", "image": "x", "health": "x"}],
    ids=str,
)  # fmt: skip
def test_a_damaged_stored_definition_is_an_error_that_says_so(damaged):
    with pytest.raises(StateError, match="damaged"):
        from_mapping(damaged)


def test_no_change_is_no_line():
    assert spec_changes(SHOP, SHOP) == []


@pytest.mark.parametrize(
    ("change", "lines"),
    [
        ({"replicas": 3}, ["replicas: 2 -> 3"]),
        ({"user": None}, ["user: app -> none"]),
        ({"init": False}, ["init: true -> false"]),
        ({"command": ("a",)}, ["command: changes"]),
        ({"entrypoint": None}, ["entrypoint: is removed"]),
        ({"environment": {"A": "9", "B": "2", "D": "4"}},
         ["environment: A changes, C is removed, D is new"]),
        ({"secrets": {"TOKEN": "new", "OTHER": "x"}},
         ["secrets: OTHER is new, TOKEN changes, URL is removed"]),
        ({"resources": Resources(2.0, 1024**3, None)},
         ["resources.cpus: 1.5 -> 2", "resources.memory: 512M -> 1G",
          "resources.pids: 100 -> none"]),
        ({"health": Health(command=("x",), timeout=0.5)},
         ["health.path: /up -> none", "health.timeout: 2s -> 500ms", "health.command: is new"]),
        ({"update": Update("stop-first", monitor=90.0)},
         ["update.order: start-first -> stop-first", "update.monitor: 1s -> 1m30s"]),
        ({"logging": Logging("journald", {})},
         ["logging.driver: json-file -> journald",
          "logging.options: max-file is removed, max-size is removed"]),
        ({"routes": (Route(None, "/shop"), Route("a.b", "/c"))},
         ["routes: a.b/c is new, shop.example.com/ is removed"]),
        ({"protocol": "tcp", "routes": (Route(published=9000),)},
         ["protocol: http -> tcp",
          "routes: port 9000 is new, shop.example.com/ is removed, */shop is removed"]),
        ({"volumes": (Volume("data", "/data", True), Volume("/srv/x", "/x", True))},
         ["volumes: data:/data:ro is new, data:/data is removed"]),
        ({"drain_timeout": 60.0}, ["drain_timeout: 30s -> 1m"]),
        ({"hosts": "all", "build": None}, []),
    ],
    ids=lambda value: next(iter(value), "") if isinstance(value, dict) else "",
)  # fmt: skip
def test_a_change_is_told_by_its_key(change, lines):
    assert spec_changes(SHOP, replace(SHOP, **change)) == lines


def test_values_that_may_be_secrets_are_in_no_line():
    hidden = {"environment": {"A": SECRET}, "command": (SECRET,), "entrypoint": (SECRET,)}
    bare = Definition("shop", SHOP.image)
    full = replace(
        SHOP,
        **hidden,
        health=Health(command=(SECRET,)),
        logging=Logging("splunk", {"splunk-token": SECRET}),
    )
    for old, new in ((bare, full), (full, bare), (SHOP, full)):
        assert spec_changes(old, new)
        assert SECRET not in "\n".join(spec_changes(old, new))


def test_a_secret_whose_value_is_not_known_counts_as_unchanged():
    stored = from_mapping(to_mapping(SHOP))
    assert not [line for line in spec_changes(stored, SHOP) if line.startswith("secrets")]
