# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role proxy promises, on the hosts of the scenario."""

from __future__ import annotations

import pytest

HAPROXY = ["haproxy-used", "haproxy-fresh"]
NGINX = ["nginx-used", "nginx-fresh"]
OURS = "/etc/haproxy/hundred/hundred.cfg"

ASK_MASTER = """
import socket
master = socket.socket(socket.AF_UNIX)
master.connect("{socket}")
master.sendall(b"show proc\\n")
print(master.recv(65536).decode())
"""
SOCKETS = {"haproxy-used": "/run/haproxy/own.sock", "haproxy-fresh": "/run/haproxy-master.sock"}


def command_line(host):
    pid = host.file("/run/haproxy.pid").content_string.split()[0]
    return host.file(f"/proc/{pid}/cmdline").content_string.split("\0")


@pytest.mark.parametrize("name", HAPROXY)
def test_the_running_haproxy_has_loaded_the_services_file_after_its_own(on, name):
    words = command_line(on(name))
    files = [word for option, word in zip(words, words[1:]) if option == "-f"]
    assert files == ["/etc/haproxy/haproxy.cfg", OURS]


@pytest.mark.parametrize("name", HAPROXY)
def test_haproxy_s_master_answers_on_its_socket(on, name):
    ask = ASK_MASTER.format(socket=SOCKETS[name])
    assert "worker" in on(name).check_output("python3 -c %s", ask)


@pytest.mark.parametrize("name", HAPROXY + NGINX)
def test_the_proxy_runs_now_and_after_a_boot(on, name):
    service = on(name).service(name.partition("-")[0])
    assert service.is_running
    assert service.is_enabled


def weight(host, service):
    """The kernel's share of the processors for a service: of 100 by cgroup v2, of 1024 by v1."""
    pid = host.check_output("systemctl show --property=MainPID --value %s", service)
    for line in host.file(f"/proc/{pid}/cgroup").content_string.splitlines():
        _number, controllers, path = line.split(":", 2)
        if "cpu" in controllers.split(","):
            return int(host.file(f"/sys/fs/cgroup/cpu{path}/cpu.shares").content_string)
    return int(host.file(f"/sys/fs/cgroup{path}/cpu.weight").content_string)


@pytest.mark.parametrize("name", HAPROXY + NGINX)
def test_the_proxy_that_runs_has_ten_times_the_share_of_another_service(on, name):
    host = on(name)
    assert weight(host, name.partition("-")[0]) == 10 * weight(host, "ssh")


TIME_WAIT = "/proc/sys/net/netfilter/nf_conntrack_tcp_timeout_time_wait"


@pytest.mark.parametrize("name", ["haproxy-fresh", "nginx-used"])
def test_ended_connections_are_soon_forgotten_now_and_after_a_boot(on, name):
    host = on(name)
    assert host.file(TIME_WAIT).content_string.strip() == "10"
    # The unit that does it at boot is masked here, since it would set what the machine shares.
    host.check_output("echo 120 >%s", TIME_WAIT)
    host.check_output("/usr/lib/systemd/systemd-sysctl --prefix=/net/netfilter")
    assert host.file(TIME_WAIT).content_string.strip() == "10"
    # Where the kernel has it as a module, this comes before systemd-sysctl.
    assert "nf_conntrack" in host.file("/etc/modules-load.d/hundred-proxy.conf").content_string


def test_ended_connections_are_remembered_as_the_host_s_own_admin_wants_it(on):
    assert on("haproxy-used").file(TIME_WAIT).content_string.strip() == "45"


def test_ended_connections_are_remembered_as_before_when_they_are_left_to_the_host(on):
    host = on("nginx-fresh")
    assert host.file("/root/time-wait.before").content_string.strip() == "10"
    assert host.file(TIME_WAIT).content_string.strip() == "120"
    assert not host.file("/etc/sysctl.d/00-hundred-proxy.conf").exists
    assert not host.file("/etc/modules-load.d/hundred-proxy.conf").exists


@pytest.mark.parametrize("name", ["haproxy-used", "nginx-used"])
def test_a_site_that_was_there_still_answers(on, name):
    assert on(name).check_output("curl --silent --show-error localhost:8081") == "their site"


@pytest.mark.parametrize("name", ["haproxy-used", "nginx-used"])
def test_no_file_that_was_there_has_changed(on, name):
    assert on(name).run("sha256sum --check --quiet /root/files.before").rc == 0


def test_an_nginx_that_runs_is_not_restarted(on):
    host = on("nginx-used")
    assert host.file("/run/nginx.pid").content == host.file("/root/pid.before").content


def test_haproxy_s_own_options_stay(on):
    words = command_line(on("haproxy-used"))
    assert "512" in words
    assert words.count("-S") == 1
    assert words[words.index("-S") + 1] == "/run/haproxy/own.sock,mode,600"


def test_another_master_socket_than_it_is_told_is_refused_before_anything_is_changed(on):
    host = on("haproxy-used")
    refusal = " ".join(host.file("/root/socket.refusal").content_string.split())
    assert "hundred_proxy_settings: {master_socket: /run/haproxy/own.sock}" in refusal
    assert host.file("/root/socket.after").content == host.file("/root/socket.before").content


@pytest.mark.parametrize("name", NGINX)
def test_nginx_reads_the_services_file(on, name):
    assert "# configuration file /etc/nginx/conf.d/hundred.conf" in on(name).check_output(
        "nginx -T"
    )


@pytest.mark.parametrize("name", HAPROXY + NGINX)
def test_the_services_file_is_never_overwritten(on, name):
    file = OURS if name in HAPROXY else "/etc/nginx/conf.d/hundred.conf"
    assert on(name).file(file).content_string == "# some services\n"


def test_a_configuration_that_haproxy_refuses_is_told_and_nothing_is_changed(on):
    host = on("haproxy-fresh")
    assert "nonsense" in host.file("/root/refusal").content_string
    assert "hundred" not in host.file("/root/options.after-refusal").content_string
    before = host.file("/root/pid.before-refusal").content
    assert host.file("/root/pid.after-refusal").content == before


def test_a_restart_that_has_to_wait_is_told_and_not_done(on):
    host = on("haproxy-fresh")
    assert "hundred_proxy_restart=true" in host.file("/root/waiting").content_string
    before = host.file("/root/pid.before-waiting").content
    assert host.file("/root/pid.while-waiting").content == before
    assert host.file("/run/haproxy.pid").content != before
