# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is written into a proxy's file: the same for the same services, and nothing that is not
safe.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from ansible_collections.hundred.containers.plugins.module_utils.definition.model import Route
from ansible_collections.hundred.containers.plugins.module_utils.definition.problems import (
    Place,
    Problem,
)
from ansible_collections.hundred.containers.plugins.module_utils.errors import ProxyError
from ansible_collections.hundred.containers.plugins.module_utils.proxy import (
    committed,
    haproxy_config,
    nginx_config,
)
from ansible_collections.hundred.containers.plugins.module_utils.proxy.options import read_settings
from ansible_collections.hundred.containers.plugins.module_utils.proxy.protocol import (
    Backend,
    Check,
    Member,
    endpoint,
)
from ansible_collections.hundred.containers.plugins.module_utils.proxy.settings import (
    HAProxySettings,
    NginxSettings,
    from_mapping,
    open_proxy,
)

SHOP = Backend(
    "shop",
    "http",
    (Route("shop.example.com", "/"), Route("*.shop.example.com", "/api")),
    Check("/up", 1.5, 2.0, 2, 3),
    (Member("shop-g12-1", "10.213.0.5", 8000), Member("shop-g12-2", "fd00::5", 8000)),
)
BLOG = Backend("blog", "http", (Route(None, "/blog"),), Check(), (Member("b-g1-1", "10.0.0.1", 1),))

Render = Callable[[Sequence[Backend]], str]


def haproxy(backends: Sequence[Backend]) -> str:
    return haproxy_config.render(backends, HAProxySettings())


def nginx(backends: Sequence[Backend]) -> str:
    return nginx_config.render(backends, NginxSettings())


both = pytest.mark.parametrize("render", [haproxy, nginx])


@both
def test_what_is_written_is_read_back(render: Render) -> None:
    assert committed.decode(render([SHOP, BLOG]), "file") == [BLOG, SHOP]


@both
def test_what_is_long_is_written_in_lines_that_nginx_reads(render: Render) -> None:
    members = tuple(Member(f"shop-g123-{slot}", "10.213.0.5", slot) for slot in range(1, 101))
    text = render([replace(SHOP, members=members), BLOG])
    assert committed.decode(text, "file") == [BLOG, replace(SHOP, members=members)]
    assert max(len(line) for line in text.splitlines() if line.startswith("#")) < 4096


@both
def test_two_dots_inside_a_segment_of_a_path_are_only_text(render: Render) -> None:
    for path in ("/v1..v2", "/...", "/a..b/c"):
        assert path in render([replace(SHOP, routes=(Route("a.example.com", path),))])


@both
def test_the_order_in_which_services_came_does_not_matter(render: Render) -> None:
    assert render([SHOP, BLOG]) == render([BLOG, SHOP])


def test_a_damaged_line_is_told_with_its_number() -> None:
    with pytest.raises(ProxyError, match="line 2 of /etc/x is damaged") as caught:
        committed.decode('\n# hundred-backend {"service": "shop"}\n', "/etc/x")
    assert caught.value.next_step


def test_haproxys_layout_is_everything_but_the_members() -> None:
    settings = HAProxySettings()

    def layout(*backends: Backend) -> str | None:
        return haproxy_config.layout_in(haproxy_config.render(backends, settings))

    assert layout(SHOP) == layout(replace(SHOP, members=()))
    assert layout(SHOP) == layout(replace(SHOP, members=SHOP.members[:1]))
    others = [
        layout(SHOP, BLOG),
        layout(replace(SHOP, routes=SHOP.routes[:1])),
        layout(replace(SHOP, check=replace(SHOP.check, path="/ready"))),
        layout(replace(SHOP, check=replace(SHOP.check, fall=4))),
        layout(replace(SHOP, protocol="tcp", routes=(Route(published=5432),))),
        haproxy_config.layout([SHOP], replace(settings, http_port=8080)),
    ]
    assert layout(SHOP) not in others
    assert len(set(others)) == len(others)


def test_nginxs_generation_is_everything() -> None:
    def generation(backend: Backend) -> str | None:
        return nginx_config.generation_in(nginx([backend]))

    assert generation(SHOP) == generation(SHOP)
    assert generation(SHOP) != generation(replace(SHOP, members=SHOP.members[:1]))


def test_an_empty_file_has_no_mark_and_no_backends() -> None:
    assert haproxy_config.layout_in("") is None
    assert nginx_config.generation_in("") is None
    assert committed.decode("", "file") == []


def test_a_server_line_says_how_it_is_checked() -> None:
    line = haproxy_config.server_arguments(SHOP, SHOP.members[0])
    assert line == "10.213.0.5:8000 check inter 1500ms fastinter 500ms rise 2 fall 3"
    assert "[fd00::5]:8000" in haproxy_config.server_arguments(SHOP, SHOP.members[1])


def test_an_address_has_one_form() -> None:
    assert endpoint("FD00:0::5", 80) == endpoint("fd00::5", "80") == "[fd00::5]:80"


UNSAFE = ["x y", "x;y", "x{", "x}", "x'", 'x"', "x\\y", "x\ny", "x#", "x$y", "x%s", "é", ""]


@both
@pytest.mark.parametrize("text", UNSAFE)
@pytest.mark.parametrize("where", ["service", "host", "path", "check", "member", "address"])
def test_text_that_is_not_safe_in_a_configuration_is_refused(
    render: Render, where: str, text: str
) -> None:
    if where in ("path", "check") and text:
        text = "/" + text.replace("%", "^")  # a query may have percent signs
    unsafe = {
        "service": replace(SHOP, service=text),
        "host": replace(SHOP, routes=(Route(text or " ", "/"),)),
        "path": replace(SHOP, routes=(Route("a.example.com", text),)),
        "check": replace(SHOP, check=Check(text)),
        "member": replace(SHOP, members=(Member(text, "10.0.0.1", 80),)),
        "address": replace(SHOP, members=(Member("a", text, 80),)),
    }[where]
    with pytest.raises(ProxyError):
        render([unsafe])


@both
@pytest.mark.parametrize(
    "unsafe",
    [
        replace(SHOP, members=(Member("a", "10.0.0.1", 0),)),
        replace(SHOP, members=(Member("a", "10.0.0.1", 70000),)),
        replace(SHOP, members=(Member("a", "fe80::1%eth0", 80),)),
        replace(SHOP, members=(SHOP.members[0], SHOP.members[0])),
        replace(SHOP, check=Check("/up", interval=float("nan"))),
        replace(SHOP, check=Check("/up", timeout=0.0)),
        replace(SHOP, check=Check("/up", rise=0)),
        replace(SHOP, protocol="udp"),
        replace(SHOP, routes=(Route("a.example.com", "/a/../b"),)),
        replace(SHOP, routes=(Route("a.example.com", "//b"),)),
        replace(SHOP, routes=(Route("*.*.example.com", "/"),)),
    ],
)
def test_values_that_make_no_sense_are_refused(render: Render, unsafe: Backend) -> None:
    with pytest.raises(ProxyError, match="shop|twice"):
        render([unsafe])


@pytest.mark.parametrize(
    "settings",
    [
        {"bind_addresses": ["*; include /x"]},
        {"bind_addresses": []},
        {"trusted_proxies": ["10.0.0.0/33"]},
        {"trusted_proxies": ["all"]},
        {"trusted_proxies": ["::1%a\n    http-request deny\n#"]},
        {"verify_socket": "/run/x mode 777"},
        {"metrics_address": "8405"},
        {"metrics_address": "::1:8405"},
        {"metrics_address": "127.0.0.1:8405 ssl crt /x"},
        {"metrics_address": "127.0.0.1:0"},
    ],
)
def test_settings_that_are_not_safe_in_a_configuration_are_refused(
    settings: dict[str, object],
) -> None:
    with pytest.raises(ProxyError):
        haproxy_config.render([], from_mapping(HAProxySettings, settings))


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        ({"driver": "apache"}, "apache"),
        ({"driver": "nginx", "master_socket": "/x"}, "master_socket"),
        (
            {"driver": "nginx", "metrics_address": "127.0.0.1:8405"},
            "metrics_address is for HAProxy",
        ),
        ({"http_port": "80"}, "http_port must be a number"),
        ({"http_port": 0}, "http_port must be a port"),
        ({"http_port": True}, "http_port"),
        ({"timeout_server": -1}, "timeout_server"),
        ({"bind_addresses": "*"}, "bind_addresses must be a list"),
        ({"config_path": ""}, "config_path"),
    ],
)
def test_settings_that_make_no_sense_are_refused_by_name(
    mapping: dict[str, object], message: str
) -> None:
    with pytest.raises(ProxyError, match=message):
        open_proxy(mapping)


def test_the_settings_name_the_driver_and_haproxy_is_the_default() -> None:
    assert open_proxy({}).name == "haproxy"
    assert open_proxy({"driver": "nginx", "http_port": 8080, "timeout_tunnel": 5}).name == "nginx"
    settings = from_mapping(HAProxySettings, {"bind_addresses": ["*", "::"], "hard_stop_after": 60})
    text = haproxy_config.render([], settings)
    assert "bind *:80\n" in text
    assert "bind [::]:80 v6only\n" in text
    assert "hard-stop-after 60000ms\n" in text
    assert "hard-stop-after" not in haproxy([])


def test_a_master_socket_of_the_user_s_own_is_taken_and_must_be_a_path() -> None:
    problems: list[Problem] = []
    place = Place("settings", problems)
    own = read_settings(place, {"master_socket": "/run/haproxy/m.sock"})
    assert from_mapping(HAProxySettings, own).master_socket == "/run/haproxy/m.sock"
    assert not problems
    read_settings(place, {"master_socket": "127.0.0.1:9999"})
    assert [str(problem).partition(";")[0] for problem in problems] == [
        "settings.master_socket: must be an absolute path without .."
    ]
