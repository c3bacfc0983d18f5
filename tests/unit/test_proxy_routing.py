# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The order of routes, and the choice of hosts first, mean the same."""

from __future__ import annotations

import itertools

import pytest
from ansible_collections.hundred.containers.plugins.module_utils.definition.model import Route
from ansible_collections.hundred.containers.plugins.module_utils.errors import ProxyError
from ansible_collections.hundred.containers.plugins.module_utils.proxy.protocol import Backend
from ansible_collections.hundred.containers.plugins.module_utils.proxy.routing import (
    Rule,
    check_host,
    host_covers,
    http_rules,
    path_covers,
    rules_by_host,
    tcp_listeners,
)

HOSTS = [None, "*.example.com", "*.eu.example.com", "shop.eu.example.com", "shop.example.com"]
PATHS = ["/", "/api", "/api/v2"]
ASKED_HOSTS = [host.replace("*", "x") if host else "other.net" for host in HOSTS]
ASKED_PATHS = ["/", "/api", "/api/", "/apis", "/api/v2/x", "/api/v20", "/admin"]


def backends(routes: list[tuple[str | None, str]]) -> list[Backend]:
    return [Backend(f"s{n}", routes=(Route(*route),)) for n, route in enumerate(routes)]


def first_that_takes(rules: list[Rule], host: str, path: str) -> str | None:
    for rule in rules:
        if host_covers(rule.host, host) and path_covers(rule.path, path):
            return rule.service
    return None


def longest_of_the_best_host(rules: list[Rule], host: str, path: str) -> str | None:
    table = rules_by_host(rules)
    for candidate in table:
        if host_covers(candidate, host):
            return next(
                (rule.service for rule in table[candidate] if path_covers(rule.path, path)), None
            )
    return None


def test_hosts_first_gives_the_same_service_for_every_set_of_three_routes() -> None:
    compared = 0
    for routes in itertools.combinations(itertools.product(HOSTS, PATHS), 3):
        rules = http_rules(backends(list(routes)))
        for host, path in itertools.product(ASKED_HOSTS, ASKED_PATHS):
            wanted = first_that_takes(rules, host, path)
            assert longest_of_the_best_host(rules, host, path) == wanted, (routes, host, path)
            compared += wanted is not None
    assert compared > 5000


def test_exact_hosts_come_before_wildcards_before_any_and_long_paths_before_short_ones() -> None:
    routes = [
        (None, "/"),
        (None, "/a/b"),
        ("*.com", "/"),
        ("*.example.com", "/"),
        ("z.example.com", "/"),
        ("z.example.com", "/a"),
    ]
    order = [(rule.host, rule.path) for rule in http_rules(backends(routes))]
    assert order == [
        ("z.example.com", "/a"),
        ("z.example.com", "/"),
        ("*.example.com", "/"),
        ("*.com", "/"),
        (None, "/a/b"),
        (None, "/"),
    ]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("shop.example.com", "/"), ("SHOP.example.com", "/")),
        (("shop.example.com", "/api"), ("shop.example.com", "/api/")),
        ((None, "/"), (None, "/")),
    ],
)
def test_a_route_cannot_belong_to_two_services(
    one: tuple[str | None, str], other: tuple[str | None, str]
) -> None:
    with pytest.raises(ProxyError, match="s0 and s1 both claim"):
        http_rules(backends([one, other]))


def test_a_service_may_name_its_own_route_twice() -> None:
    assert len(http_rules([Backend("shop", routes=(Route("a", "/x"), Route("A", "/x/")))])) == 1


def test_a_published_port_belongs_to_one_tcp_service_and_is_not_the_http_port() -> None:
    one = Backend("one", "tcp", (Route(published=5432),))
    other = Backend("other", "tcp", (Route(published=5432),))
    assert [item.port for item in tcp_listeners([one], 80)] == [5432]
    with pytest.raises(ProxyError, match="5432 of the service other is taken by the service one"):
        tcp_listeners([one, other], 80)
    with pytest.raises(ProxyError, match="taken by HTTP"):
        tcp_listeners([one], 5432)


def test_checks_name_the_first_exact_host_or_the_service() -> None:
    routes = (Route("*.example.com"), Route("Shop.example.com"), Route("b.example.com"))
    assert check_host("shop", routes) == "shop.example.com"
    assert check_host("shop", routes[:1]) == "shop"
