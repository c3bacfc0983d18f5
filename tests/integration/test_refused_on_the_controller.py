# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ansible-playbook refuses broken definitions on the controller, before it contacts any host.

The hosts of the inventory are a socket of the test, which counts whoever connects to it.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml

from tests.definitions import broken_definitions

ROOT = Path(__file__).resolve().parents[2]
PLAYBOOK = Path(sys.executable).with_name("ansible-playbook")
SECRET = "hunter2-correct-horse"
BROKEN = broken_definitions()


@dataclass
class Hosts:
    """Two hosts of an inventory that are one socket, and the number of connections to it."""

    listener: socket.socket
    connections: list[object] = field(default_factory=list)

    def serve(self) -> None:
        """Count and close each connection until the socket is closed."""
        while True:
            try:
                connection, address = self.listener.accept()
            except OSError:
                return
            self.connections.append(address)
            connection.close()

    def inventory(self) -> dict[str, object]:
        """An inventory whose group ``web`` is behind the socket."""
        port = self.listener.getsockname()[1]
        reach = {"ansible_host": "127.0.0.1", "ansible_port": port, "ansible_user": "nobody"}
        return {"all": {"children": {"web": {"hosts": {"web1": reach, "web2": reach}}}}}


@pytest.fixture
def hosts():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        hosts = Hosts(listener)
        threading.Thread(target=hosts.serve, daemon=True).start()
        yield hosts
        listener.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def play(tmp_path, hosts):
    """Runs a play of the given tasks on the group ``web``; returns the finished process."""

    def run(tasks, *arguments, variables=None) -> subprocess.CompletedProcess[str]:
        plays = [
            {
                "hosts": "web",
                "gather_facts": False,
                "tasks": tasks,
                "vars": {"ansible_ssh_common_args": "-F /dev/null", **(variables or {})},
            }
        ]
        (tmp_path / "play.yml").write_text(yaml.safe_dump(plays), encoding="utf-8")
        return playbook(tmp_path, hosts, str(tmp_path / "play.yml"), *arguments)

    return run


@pytest.fixture
def results(play, tmp_path):
    """Runs tasks that may fail, all in one play; returns the result of each."""

    def run(tasks, variables=None) -> list[dict[str, object]]:
        file = tmp_path / "results.json"
        registered = [
            {"ignore_errors": True, **task, "register": f"result_{number}"}
            for number, task in enumerate(tasks)
        ]
        names = ", ".join(task["register"] for task in registered)
        content = "{{ [%s] | to_json }}" % names
        keep = {
            "ansible.builtin.copy": {"content": content, "dest": str(file), "mode": "0600"},
            "delegate_to": "localhost",
            "vars": {"ansible_connection": "local", "ansible_python_interpreter": sys.executable},
            "run_once": True,
        }
        process = play([*registered, keep], variables=variables)
        assert process.returncode == 0, process.stdout + process.stderr
        return json.loads(file.read_text(encoding="utf-8"))

    return run


def playbook(folder: Path, hosts: Hosts, *arguments: str) -> subprocess.CompletedProcess[str]:
    inventory = folder / "inventory.yml"
    inventory.write_text(yaml.safe_dump(hosts.inventory()), encoding="utf-8")
    (folder / "ansible.cfg").touch()
    environment = {name: text for name, text in os.environ.items() if "ANSIBLE" not in name}
    environment.update(
        ANSIBLE_CONFIG=str(folder / "ansible.cfg"),
        ANSIBLE_COLLECTIONS_PATH=str(ROOT / ".collections"),
        ANSIBLE_LOCAL_TEMP=str(folder / "local"),
        ANSIBLE_HOME=str(folder / "home"),
        ANSIBLE_NOCOLOR="1",
    )
    return subprocess.run(
        [str(PLAYBOOK), "-i", str(inventory), *arguments],
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def validate(**options):
    return {"hundred.containers.service_definition": options, "run_once": True}


def shop(**keys):
    return {"shop": {"image": "registry.example.com/shop", "hosts": "web", **keys}}


def test_a_module_on_a_host_would_be_noticed(play, hosts):
    result = play([{"ansible.builtin.ping": {}}])
    assert result.returncode != 0
    assert hosts.connections


def test_every_broken_definition_is_refused_with_its_path_and_no_host_is_touched(results, hosts):
    tasks = [{"vars": {"hundred_services": broken.services}, **validate()} for broken in BROKEN]
    found = results(tasks)
    assert len(found) == len(BROKEN) >= 40
    for broken, result in zip(BROKEN, found):
        assert result["failed"], broken.name
        assert not result["changed"], broken.name
        lines = [line for line in result["msg"].split("\n") if f"  - {broken.path}: " in line]
        assert any(broken.says in line for line in lines), (broken.name, result["msg"])
    assert hosts.connections == []


def test_good_definitions_are_returned_with_their_hosts_and_no_host_is_touched(
    results, play, hosts
):
    variables = {
        "hundred_services": {
            **shop(
                replicas=2,
                secrets={"TOKEN": "{{ vault_token }}"},
                environment={"WORKERS": "{{ 2 * 2 }}"},
                build={"secrets": {"PIP": "{{ vault_token }}"}},
            ),
            "mailer": {"image": "mailer", "hosts": "web:!web1"},
        },
        "vault_token": SECRET,
    }
    tasks = [validate(revision="v1.0"), validate(names="mailer")]
    every, one = results(tasks, variables=variables)
    assert not every["changed"]
    assert sorted(every["services"]) == ["mailer", "shop"]
    assert list(one["services"]) == ["mailer"]
    assert one["services"]["mailer"]["hosts"] == ["web2"]
    shop_found = every["services"]["shop"]
    assert shop_found["hosts"] == ["web1", "web2"]
    assert shop_found["secret_names"] == ["TOKEN"]
    assert shop_found["build"]["secrets"] == ["PIP"]
    assert shop_found["definition"]["replicas"] == 2
    assert shop_found["definition"]["environment"] == {"WORKERS": "4"}
    assert SECRET not in json.dumps([every, one])
    for mode in ([], ["--check", "--diff"]):
        process = play(tasks, "-vvv", *mode, variables=variables)
        assert process.returncode == 0, process.stdout + process.stderr
        assert SECRET not in process.stdout + process.stderr
    assert hosts.connections == []


def test_values_that_cannot_be_resolved_are_told_by_their_path_and_reveal_no_secret(play, hosts):
    variables = {
        "vault_token": SECRET,
        "whole": shop(environment={"A": "{{ deep }}"}, secrets={"TOKEN": SECRET})["shop"],
        "hundred_services": {
            **shop(
                environment={"A": "{{ nowhere }}", "B": "{{ vault_token | no_such_filter }}"},
                secrets={"C": "{{ vault_token | to_datetime }}", "D": "{{ vault_nothing }}"},
                command="{{ lookup('pipe', 'false ' ~ vault_token) }}",
                port="{{ some.port }}",
            ),
            "api": "{{ whole }}",
        },
        "some": {},
    }
    process = play([validate()], "-vvv", variables=variables)
    printed = process.stdout + process.stderr
    assert process.returncode != 0
    for line in (
        "hundred_services.shop.environment.A: cannot be resolved: 'nowhere' is undefined",
        "hundred_services.shop.environment.B: cannot be resolved: there is no filter or test",
        "hundred_services.shop.secrets.C: cannot be resolved: its template fails",
        "hundred_services.shop.secrets.D: cannot be resolved: 'vault_nothing' is undefined",
        "hundred_services.shop.command: cannot be resolved: its template fails",
        "hundred_services.shop.port: cannot be resolved: ",
        "hundred_services.api: cannot be resolved: 'deep' is undefined",
    ):
        assert line in printed
    assert SECRET not in printed
    assert hosts.connections == []


def test_a_secret_in_a_refused_definition_is_not_shown_at_any_verbosity(play, hosts):
    variables = {"hundred_services": shop(secrets={"TOKEN": [SECRET]}, secret={"A": SECRET})}
    process = play([validate()], "-vvvv", variables=variables)
    assert process.returncode != 0
    assert "hundred_services.shop.secrets.TOKEN: must be a string" in process.stdout
    assert SECRET not in process.stdout + process.stderr
    assert hosts.connections == []


def test_what_the_definitions_are_used_for_is_checked_too(results, hosts):
    cases = [
        (
            {"names": ["shpo"]},
            'names: must be services that hundred_services defines; given: "shpo"',
        ),
        ({"names": ["shpo"]}, "did you mean shop?"),
        ({"revision": "--upload-pack=evil"}, "revision: must be a commit"),
        ({"revision": "a b"}, "revision: must be a commit"),
        ({"revision": ""}, "revision: is missing: give the commit with -e revision=SHA"),
        ({"proxy": "caddy"}, "value of proxy must be one of: haproxy, nginx"),
        ({"proxy": "nginx"}, "hundred_services.db.protocol: must be http with the proxy nginx"),
        ({"http_port": 5432}, "hundred_services.db.routes[0].published: must not be the port"),
        ({"services": shop(hosts="wbe")}, "hundred_services.shop.hosts: must be a group or a host"),
        ({"services": shop(hosts="wbe")}, "did you mean web?"),
        ({"services": shop(hosts="ungrouped")}, "must stand for at least one host"),
        ({"services": "shop"}, "must be a mapping of the services' names"),
        ({"names": "", "only_hosts": True}, "service: is missing: give its name with -e service"),
        ({"names": [" "]}, "service: is missing: give its name with -e service=NAME"),
        ({"names": "db", "build_host": "localhost"}, "hundred_services.db.image: must name the"),
        ({"names": "db", "digest": "sha256:" + 64 * "1"}, "hundred_services.db.image: must name"),
    ]
    database = {"image": "db", "hosts": "web", "port": 1, "protocol": "tcp"}
    services = {**shop(), "db": {**database, "routes": [{"published": 5432}]}}
    tasks = [validate(**options) for options, says in cases]
    found = results(tasks, variables={"hundred_services": services})
    for (options, says), result in zip(cases, found):
        assert result["failed"], options
        assert says in result["msg"]
    assert hosts.connections == []


@pytest.mark.parametrize("given", ["", "service="])
@pytest.mark.parametrize(
    "name",
    ["build", "deploy", "freeze", "restart", "rollback", "run", "start", "stop", "thaw"],
)
def test_a_service_that_is_not_named_is_told_in_one_sentence(tmp_path, hosts, name, given):
    variables = {"hundred_services": shop(), "revision": "main"}
    (tmp_path / "variables.json").write_text(json.dumps(variables), encoding="utf-8")
    arguments = ["-e", "@variables.json", "-e", given] if given else ["-e", "@variables.json"]
    process = playbook(tmp_path, hosts, str(ROOT / "playbooks" / f"{name}.yml"), *arguments)
    told = process.stdout + process.stderr
    assert process.returncode != 0
    assert "service: is missing: give its name with -e service=NAME" in told, told
    assert "mandatory" not in told and "no service is named" not in told, told
    assert hosts.connections == []


def test_definitions_that_are_not_there_are_told(play, hosts):
    process = play([validate()])
    assert process.returncode != 0
    assert "hundred_services: is not defined" in process.stdout + process.stderr
    assert hosts.connections == []


def test_a_vaulted_secret_is_read_with_its_password_and_told_without(tmp_path, hosts):
    password = tmp_path / "password"
    password.write_text("a password", encoding="utf-8")
    vaulted = subprocess.run(
        [str(PLAYBOOK.with_name("ansible-vault")), "encrypt_string", "--vault-password-file",
         str(password), SECRET],
        capture_output=True, text=True, check=True, timeout=60,
    ).stdout.replace("\n", "\n          ")  # fmt: skip
    (tmp_path / "play.yml").write_text(
        f"""
- hosts: web
  gather_facts: false
  vars:
    hundred_services:
      shop:
        image: shop
        hosts: web
        secrets:
          TOKEN: {vaulted}
  tasks:
    - hundred.containers.service_definition:
      run_once: true
""",
        encoding="utf-8",
    )
    good = playbook(tmp_path, hosts, "play.yml", "-vvv", "--vault-password-file", str(password))
    assert good.returncode == 0, good.stdout + good.stderr
    assert SECRET not in good.stdout + good.stderr
    bad = playbook(tmp_path, hosts, "play.yml")
    assert bad.returncode != 0
    assert "hundred_services.shop.secrets.TOKEN: cannot be resolved" in bad.stdout + bad.stderr
    assert hosts.connections == []


def deploy(folder: Path, hosts: Hosts, **variables: object) -> subprocess.CompletedProcess[str]:
    """Deploy the service shop, whose image would be built on the controller."""
    common = {"hundred_services": shop(build={"source": "nowhere"}), **variables}
    (folder / "variables.json").write_text(json.dumps(common), encoding="utf-8")
    given = ("-e", "@variables.json", "-e", "service=shop revision=main")
    return playbook(folder, hosts, str(ROOT / "playbooks" / "deploy.yml"), *given)


def test_hooks_that_could_not_be_included_are_refused_with_their_lines(tmp_path, hosts):
    (tmp_path / "mapping.yml").write_text("name: Tell\n", encoding="utf-8")
    (tmp_path / "unknown.yml").write_text("- name: Tell\n  no.such.module:\n", encoding="utf-8")
    (tmp_path / "lost.yml").write_text(
        "- name: Silence\n  ansible.builtin.ping:\n  delegate_to: pager\n", encoding="utf-8"
    )
    moments = {"on_failure": "mapping.yml", "after_host": "unknown.yml", "before_host": "lost.yml"}
    refused = deploy(tmp_path, hosts, hundred_hooks=moments)
    assert refused.returncode != 0 and refused.stdout.count("TASK [") == 1, refused.stdout
    for line in (
        "hundred_hooks.on_failure: cannot be included",
        "mapping.yml must hold a list of tasks",
        "hundred_hooks.after_host: cannot be included",
        "unknown.yml, line 1: couldn't resolve module/action",
        "hundred_hooks.before_host: has tasks for another host that register nothing: Silence",
    ):
        assert line in refused.stdout, refused.stdout
    assert hosts.connections == []


def test_a_build_that_fails_is_told_in_the_table_and_no_host_is_touched(tmp_path, hosts):
    rows = "{{ hundred_service_rows | map(attribute='result') | join(',') }}"
    tell = [{"name": "Tell", "ansible.builtin.debug": {"msg": f"told {rows}"}}]
    (tmp_path / "tell.yml").write_text(yaml.safe_dump(tell), encoding="utf-8")
    failed = deploy(tmp_path, hosts, hundred_hooks={"on_failure": "tell.yml"})
    assert failed.returncode != 0
    table = failed.stdout.rpartition("TASK [Show what runs where]")[2]
    assert "localhost: the source" in table and "is not in a git repository" in table
    assert "told build failed,not begun,not begun" in table, table
    assert hosts.connections == []


def test_a_swap_is_not_begun_after_one_of_the_same_task_failed(play, tmp_path, hosts):
    (tmp_path / "home" / "hundred.containers" / "deploys").mkdir(parents=True)
    found = {"prefetched": True, "needed": True, "actions": [], "revision": "of the prefetch"}
    swap = {"name": "shop", "revision": "v1", "deploy": {"id": "this"}}
    tasks = [
        {"ansible.builtin.set_fact": {"__hundred_service_rollout": found}},
        {
            "hundred.containers.service_rollout": swap,
            "register": "__hundred_service_rollout",
            "ignore_unreachable": True,
        },
        {
            "ansible.builtin.debug": {
                "msg": "{{ __hundred_service_rollout.revision | default('lost') }}"
            }
        },
    ]
    process = play(tasks, "--forks=1")
    assert process.stdout.count("UNREACHABLE!") == 1, process.stdout
    assert "skipping: [web2]" in process.stdout and "of the prefetch" in process.stdout
    begun = len(hosts.connections)
    assert begun > 0
    # Another deploy has nothing to do with it, and check mode only looks.
    swap["deploy"] = {"id": "other"}
    assert play(tasks, "--forks=1", "--check").stdout.count("UNREACHABLE!") == 2
    assert play(tasks, "--forks=2").stdout.count("UNREACHABLE!") > 0


def test_a_table_is_printed_as_text_and_touches_no_host(play, hosts):
    rows = [{"host": "web1", "now": "1a2b3c4"}, {"host": "web2"}]
    options = {"title": "Deployed shop", "columns": ["host", "now"], "rows": rows}
    process = play([{"hundred.containers.table": options, "run_once": True}], "--check")
    assert process.returncode == 0, process.stdout + process.stderr
    text = "Deployed shop\n\nhost  now\n----  -------\nweb1  1a2b3c4\nweb2  -\n"
    assert text in process.stdout
    assert hosts.connections == []
