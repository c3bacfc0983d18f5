# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role docker_host promises, on the hosts of the scenario."""

from __future__ import annotations

import json

import pytest

FRESH = ["debian12", "debian13"]


def info(host):
    return json.loads(host.check_output("docker info --format '{{json .}}'"))


@pytest.mark.parametrize("name", FRESH)
def test_a_fresh_host_has_an_engine_that_answers_now_and_after_a_boot(on, name):
    host = on(name)
    assert info(host)["ServerVersion"]
    assert host.service("docker").is_enabled


@pytest.mark.parametrize("name", [*FRESH, "in-use"])
def test_modules_find_the_sdk_and_reach_the_engine_with_it(on, name):
    script = "import docker; print(docker.APIClient(version='auto').ping())"
    assert on(name).check_output("/usr/bin/python3 -c %s", script) == "True"


@pytest.mark.parametrize("name", FRESH)
def test_the_options_asked_for_are_in_effect(on, name):
    host = on(name)
    assert info(host)["LiveRestoreEnabled"] is True
    assert json.loads(host.file("/etc/docker/daemon.json").content_string) == {
        "live-restore": True,
        "log-opts": {"max-size": "5m"},
    }


@pytest.mark.parametrize("name", [*FRESH, "in-use"])
def test_the_engine_trusts_the_registry_by_its_name_and_port(on, name):
    certificate = on(name).file("/etc/docker/certs.d/registry.example.com:5000/ca.crt")
    assert "stands for a certificate" in certificate.content_string
    assert (certificate.user, certificate.mode) == ("root", 0o644)


@pytest.mark.parametrize("name", FRESH)
def test_what_the_engine_only_recommends_is_not_installed(on, name):
    assert not on(name).package("git").is_installed


@pytest.mark.parametrize("name", [*FRESH, "in-use"])
def test_the_supervisor_runs_now_and_after_a_boot_and_the_command_answers(on, name):
    host = on(name)
    supervisor = host.service("hundred-supervisor")
    assert supervisor.is_running and supervisor.is_enabled
    assert "(none)" in host.check_output("hundred status")
    assert "nothing is wrong" in host.check_output("hundred doctor")
    assert host.file("/usr/local/bin/hundred").mode == 0o755


def test_an_engine_in_use_is_the_same_process_and_its_containers_never_stopped(on):
    host = on("in-use")
    assert host.file("/run/docker.pid").content == host.file("/root/pid.before").content
    started = host.check_output("docker inspect --format '{{.State.StartedAt}}' theirs")
    assert started == host.file("/root/started.before").content_string.strip()


def test_a_host_with_an_engine_and_the_sdk_gets_no_package(on):
    host = on("in-use")
    now = host.check_output(
        "dpkg-query --show --showformat '${db:Status-Abbrev} ${Package} ${Version}\\n'"
    )
    assert now.strip() == host.file("/root/packages.before").content_string.strip()


def test_an_option_that_needs_a_restart_is_refused_and_the_refusal_names_the_way_out(on):
    refusal = on("in-use").file("/root/refusal").content_string
    assert "log-driver" in refusal
    assert "hundred_docker_restart=true" in refusal
    assert "1 container" in refusal


def test_an_option_that_needs_no_restart_is_in_effect_beside_those_that_were_there(on):
    host = on("in-use")
    assert info(host)["LiveRestoreEnabled"] is True
    assert json.loads(host.file("/root/options.refused").content_string) == {
        "live-restore": True,
        "log-opts": {"max-file": "2"},
        "shutdown-timeout": 20,
    }
    assert host.file("/root/options.refused").mode == 0o640


def test_an_option_that_a_reload_does_not_take_over_is_refused_with_the_engine_s_reason(on):
    host = on("in-use")
    refusal = host.file("/root/refusal.reload").content_string
    assert "registry-mirrors" in refusal
    assert "invalid mirror" in refusal
    assert not info(host)["RegistryConfig"]["Mirrors"]


def test_an_option_in_the_file_that_the_engine_was_not_told_of_is_made_good_once(on):
    host = on("in-use")
    assert info(host)["Debug"] is True
    first, second = host.file("/root/reloads").content_string.split()
    assert int(first) == int(second) > 0
