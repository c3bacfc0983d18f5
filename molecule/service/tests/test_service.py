# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role service promises, with HAProxy and with nginx."""

from __future__ import annotations

import json

import pytest

HOSTS = ["haproxy", "nginx"]


@pytest.fixture(params=HOSTS)
def host(request, on):
    return on(request.param)


def containers(host, service, also=""):
    ids = host.check_output(
        f"docker ps {also} --quiet --no-trunc --filter label=hundred.service={service}"
    )
    return json.loads(host.check_output(f"docker inspect {' '.join(ids.split())}")) if ids else []


def ask(host, name):
    form = "--silent --show-error --write-out ' %{http_code}'"
    return host.check_output(f"curl {form} --header Host:{name} localhost:8080/").split()


def lines(host, path):
    return host.file(path).content_string.split()


def test_the_proxy_routes_the_service_s_host_name_to_its_replicas(host):
    colour, replica, status = ask(host, "app.example.com")
    assert (colour, status) == ("green", "200")
    assert replica in {item["Config"]["Hostname"] for item in containers(host, "app")}


def test_scaling_up_adds_replicas_and_keeps_those_that_run(host):
    two, three = set(lines(host, "/root/two")), set(lines(host, "/root/three"))
    assert len(two) == 2
    assert len(three) == 3
    assert two < three


def test_another_environment_is_another_release(host):
    assert lines(host, "/root/before")[0] == "blue"
    running = {item["Id"] for item in containers(host, "app")}
    assert len(running) == 2
    assert not running & set(lines(host, "/root/three"))
    assert {item["Config"]["Labels"]["hundred.revision"] for item in containers(host, "app")} == {
        "two"
    }


def test_a_wrong_definition_is_refused_by_its_key_and_the_service_runs_on(host):
    refusal = host.file("/root/refusal").content_string
    assert "replicas" in refusal
    assert "many" in refusal
    assert ask(host, "app.example.com")[0] == "green"


def test_a_service_without_a_port_runs_without_the_proxy(host):
    files = "/etc/haproxy/hundred/hundred.cfg /etc/nginx/conf.d/hundred.conf"
    assert "app.example.com" in host.run(f"cat {files}").stdout
    assert "worker" not in host.run(f"cat {files}").stdout


def test_a_stopped_service_is_kept_and_stays_stopped_over_restarts_of_the_engine(host):
    kept = containers(host, "worker", "--all")
    assert [item["State"]["Running"] for item in kept] == [False]
    assert kept[0]["HostConfig"]["RestartPolicy"]["Name"] in ("no", "unless-stopped")


def test_a_removed_service_leaves_nothing_but_its_volume(host):
    assert containers(host, "gone", "--all") == []
    assert ask(host, "gone.example.com")[-1] in ("404", "503")
    found = host.run("grep --recursive --files-with-matches 'of the gone' /var/lib/hundred /etc")
    assert found.stdout == ""
    assert not host.file("/var/lib/hundred/services/gone/journal.json").exists
    assert host.run("docker volume inspect gone-data").rc == 0


def test_what_the_host_remembers_is_for_root_only(host):
    folder = host.file("/var/lib/hundred")
    assert (folder.user, folder.mode) == ("root", 0o700)


def test_the_hosts_pull_with_the_account_of_the_call_and_keep_it_nowhere(host):
    assert host.run("grep --recursive '.auth.:' /root/.docker").stdout == ""
