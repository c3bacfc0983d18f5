# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role registry promises, on the hosts of the scenario."""

from __future__ import annotations

import shlex

import pytest

TLS = "/etc/docker/registry/tls"
FIRST_PASSWORD = "a 'quoted' \"secret\" $HOME"
PORTS = {"made": 5000, "provided": 5443}


def address(on, name):
    return f"{on(name).check_output('hostname --all-ip-addresses').split()[0]}:{PORTS[name]}"


def login(on, password, user="ci", registry=None):
    """``docker login`` from the client, with what its engine trusts."""
    server = registry or address(on, "made")
    command = "printf %s | docker login --password-stdin -u %s %s"
    return on("client").run(command % tuple(map(shlex.quote, (password, user, server))))


def status(on, name, options=""):
    """The status of the registry's answer to somebody who trusts its authority and nothing else."""
    form = f"--silent --show-error --output /dev/null --write-out %{{http_code}} {options}"
    return on(name).check_output(
        f"curl --cacert {TLS}/ca.crt {form} https://{address(on, name)}/v2/"
    )


@pytest.mark.parametrize("name", PORTS)
def test_its_certificate_is_valid_for_its_name_with_the_authority_left_on_the_host(on, name):
    assert status(on, name) == "401"


def test_an_engine_that_the_docker_host_role_set_up_logs_in(on):
    answer = login(on, "another one")
    assert answer.rc == 0, answer.stderr


def test_a_changed_password_replaces_the_former_one_at_once(on):
    assert login(on, FIRST_PASSWORD).rc != 0


def test_a_password_of_any_characters_is_taken_as_it_is(on):
    options = f"--user {shlex.quote('ci:' + FIRST_PASSWORD)}"
    assert status(on, "provided", options) == "200"


def test_users_that_others_added_stay(on):
    before = on("made").file("/root/users.before").content_string
    now = on("made").file("/etc/docker/registry/users").content_string
    somebody = [line for line in before.splitlines() if line.startswith("somebody:")]
    assert somebody and somebody[0] in now.splitlines()
    assert login(on, "by hand", user="somebody").rc == 0


def test_an_image_pushed_to_it_is_there(on):
    client, name = on("client"), f"{address(on, 'made')}/small:1"
    assert login(on, "another one").rc == 0
    client.check_output(f"tar --create /etc/hostname | docker import - {name}")
    client.check_output(f"docker push {name}")
    client.check_output(f"docker rmi {name}")
    client.check_output(f"docker pull {name}")


@pytest.mark.parametrize("name", PORTS)
def test_nothing_but_the_registry_reads_its_secrets(on, name):
    host = on(name)
    for file, mode in ((f"{TLS}/server.key", 0o640), ("/etc/docker/registry/users", 0o640)):
        found = host.file(file)
        assert (found.user, found.group, found.mode) == ("root", "docker-registry", mode)
    assert host.file(TLS).mode == 0o750


def test_the_authority_s_key_stays_on_the_host_for_root_only(on):
    key = on("made").file(f"{TLS}/ca.key")
    assert (key.user, key.mode) == ("root", 0o600)
    assert not on("provided").file(f"{TLS}/ca.key").exists
    assert not on("client").run("grep -rl 'PRIVATE KEY' /etc/docker/certs.d").stdout


def test_a_certificate_is_renewed_before_it_expires_and_the_renewed_one_is_served(on):
    host = on("made")
    before = host.file("/root/server.before").content_string
    now = host.file(f"{TLS}/server.crt").content_string
    assert now != before
    served = host.check_output(
        f"openssl s_client -connect {address(on, 'made')} </dev/null 2>/dev/null | openssl x509"
    )
    assert served.strip() == now.strip()


def test_renewing_keeps_the_authority_that_hosts_trust(on):
    assert on("made").file("/root/ca.before").content == on("made").file(f"{TLS}/ca.crt").content


def test_renewing_leaves_no_files_behind(on):
    left = on("made").file("/root/left").content_string
    assert left == "ca.crt ca.key server.crt server.key"


def test_a_certificate_that_every_run_would_make_anew_is_refused(on):
    refusal = on("made").file("/root/refusal.days").content_string
    assert "must be more than hundred_registry_certificate_renew_days" in refusal


def test_a_registry_without_a_port_is_refused_since_engines_would_ask_at_443(on):
    (refusal,) = on("made").file("/root/refusal.port").content_string.splitlines()
    assert "names no port, which to engines means 443" in refusal


def test_a_given_certificate_is_served_with_all_of_its_chain(on):
    host = on("provided")
    ask = f"openssl s_client -showcerts -connect {address(on, 'provided')} </dev/null 2>/dev/null"
    served = host.check_output(f"{ask} | sed -n '/-BEGIN CERT/,/-END CERT/p'")
    assert served.strip() == host.file(f"{TLS}/server.crt").content_string.strip()
    assert served.count("BEGIN CERTIFICATE") == 2
    assert "an authority" in host.check_output(f"openssl x509 -noout -issuer -in {TLS}/server.crt")


def test_images_lie_where_they_were_asked_to_be(on):
    assert on("provided").file("/srv/images").user == "docker-registry"
    assert on("made").file("/var/lib/docker-registry/docker/registry/v2").is_directory


@pytest.mark.parametrize("name", PORTS)
def test_it_serves_after_a_boot(on, name):
    assert on(name).service("docker-registry").is_enabled


def test_somebody_else_s_registry_is_refused_and_left_as_it_was(on):
    host = on("provided")
    assert "did not write" in host.file("/root/refusal").content_string
    assert host.file("/root/config.theirs").content_string == "version: 0.1\n"


@pytest.mark.parametrize("name", PORTS)
def test_no_password_is_in_a_log(on, name):
    found = on(name).run("journalctl --no-pager | grep -e 'another one' -e 'quoted'")
    assert not found.stdout
