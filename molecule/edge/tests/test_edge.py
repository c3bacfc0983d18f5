# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role edge promises, on the hosts of the scenario."""

from __future__ import annotations

import pytest

EDGES = ["edge-bookworm", "edge-trixie"]
CERTIFICATES = "/etc/haproxy/hundred-certificates"


def ask(host, url, *options):
    names = [f"--resolve {name}:{port}:127.0.0.1" for name in NAMES for port in (80, 443)]
    command = ["curl --silent --show-error --insecure", *names, *options, f"'{url}'"]
    return host.check_output(" ".join(command))


NAMES = ["shop.test", "a.tenants.test", "other.test"]


@pytest.mark.parametrize("name", EDGES)
def test_it_ends_tls_and_says_so_to_the_hosts(on, name):
    scheme, host, path, client = ask(on(name), "https://shop.test/x").split()
    assert (scheme, host, path, client) == ("https", "shop.test", "/x", "127.0.0.1")
    claimed = ask(on(name), "https://shop.test/", "-H 'X-Forwarded-For: 6.6.6.6'")
    assert "6.6.6.6" not in claimed
    assert "200 2" in ask(
        on(name), "https://shop.test/", "-o /dev/null -w '%{http_code} %{http_version}'"
    )


@pytest.mark.parametrize("name", EDGES)
def test_routes_are_those_of_the_services(on, name):
    assert "/admin/x" in ask(on(name), "https://a.tenants.test/admin/x")
    code = "-o /dev/null -w '%{http_code}'"
    assert ask(on(name), "https://a.tenants.test/administration", code) == "404"
    assert ask(on(name), "https://other.test/", code) == "404"


@pytest.mark.parametrize("name", EDGES)
def test_who_comes_without_tls_is_sent_there(on, name):
    told = ask(on(name), "http://shop.test/a?b=c", "-o /dev/null -w '%{http_code} %{redirect_url}'")
    assert told == "308 https://shop.test/a?b=c"
    # Longer than what HAProxy keeps of a request for its log.
    path = "/" + "x" * 3000
    told = ask(on(name), f"http://shop.test{path}", "-o /dev/null -w '%{redirect_url}'")
    assert told == f"https://shop.test{path}"


@pytest.mark.parametrize("name", EDGES)
def test_who_names_no_host_is_sent_nowhere(on, name):
    code = "--http1.0 -H Host: -o /dev/null -w '%{http_code}'"
    assert ask(on(name), "http://shop.test/a", code) == "400"


@pytest.mark.parametrize("name", EDGES)
def test_keys_are_root_s(on, name):
    host = on(name)
    assert host.file(CERTIFICATES).mode == 0o700
    sets = host.file(CERTIFICATES).listdir()
    assert len(sets) == 1, "of a set that was refused nothing is left"
    assert host.file(f"{CERTIFICATES}/{sets[0]}/00.pem").mode == 0o600


@pytest.mark.parametrize("name", EDGES)
def test_no_request_is_lost_in_a_reload(on, name):
    assert on(name).file("/root/lost").content_string == ""
    assert "inter 5000ms" in on(name).file("/etc/haproxy/hundred/hundred.cfg").content_string


def test_a_certificate_that_haproxy_refuses_changes_nothing(on):
    host = on("edge-bookworm")
    assert "haproxy refuses the configuration" in host.file("/root/refusal").content_string
    assert "shop.test" in ask(host, "https://shop.test/")


def test_a_host_of_services_is_no_edge(on):
    said = on("web").file("/root/refusal").content_string
    assert said.startswith("web is an edge and a host of")
