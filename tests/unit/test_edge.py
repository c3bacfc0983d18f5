# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The configuration of an edge, and the table at the end of a maintenance."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.hundred.containers.plugins.action.maintenance_table import (
    edge_row,
    host_row,
)
from ansible_collections.hundred.containers.plugins.module_utils.definition.model import (
    Definition,
    Health,
    Route,
)
from ansible_collections.hundred.containers.plugins.module_utils.edge.config import (
    EdgeSettings,
    certificates_in,
    drained_lines,
    make_backend,
    render,
)
from ansible_collections.hundred.containers.plugins.module_utils.proxy.haproxy_config import (
    layout_in,
)
from ansible_collections.hundred.containers.plugins.module_utils.proxy.protocol import (
    Backend,
    Check,
)

HOSTS = {"web1": "10.0.0.1", "web2": "10.0.0.2"}


def backend(*routes: Route, path: str | None = "/up") -> Backend:
    definition = Definition("shop", "shop", port=8000, routes=routes, health=Health(path=path))
    return make_backend(definition, HOSTS, 8080, Check())


def text_of(*routes: Route, settings: EdgeSettings | None = None) -> str:
    return render([backend(*routes)], settings or EdgeSettings())


@pytest.mark.parametrize(
    ("routes", "asked"),
    [
        ([Route("shop.test")], ("/up", "shop.test")),
        ([Route("*.shop.test"), Route("www.test")], ("/up", "www.test")),
        ([Route("*.Shop.test")], ("/up", "edge-check.shop.test")),
        ([Route(None)], ("/up", "shop")),
        ([Route("shop.test", "/api")], None),
        ([Route("shop.test", "/api"), Route("up.test", "/up")], ("/up", "up.test")),
    ],
)
def test_a_host_is_asked_by_a_route_of_the_service(
    routes: list[Route], asked: tuple[str, str] | None
) -> None:
    text = text_of(*routes)
    if asked is None:
        assert "httpchk" not in text
    else:
        assert f"uri '{asked[0]}' ver HTTP/1.1 hdr Host '{asked[1]}'" in text


def test_members_are_the_proxies_of_the_hosts() -> None:
    text = text_of(Route("shop.test"))
    assert "server web1 10.0.0.1:8080 check" in text
    assert "server web2 10.0.0.2:8080 check" in text


def test_a_change_of_hosts_or_checks_is_another_layout() -> None:
    one = text_of(Route("shop.test"))
    other = text_of(Route("shop.test"), settings=EdgeSettings(http_port=81))
    assert layout_in(one) and layout_in(one) != layout_in(other)


def test_tls_is_there_with_certificates_only() -> None:
    assert " ssl crt " not in text_of(Route("shop.test"))
    settings = EdgeSettings(certificates="/etc/haproxy/hundred-certificates/0")
    text = text_of(Route("shop.test"), settings=settings)
    assert certificates_in(text) == settings.certificates
    assert "code 308" in text and text.count("use_backend hundred_shop") == 1
    both = EdgeSettings(certificates=settings.certificates, redirect=False)
    assert text_of(Route("shop.test"), settings=both).count("use_backend hundred_shop") == 2


def test_only_drained_servers_are_remembered() -> None:
    answer = "1\n# be_id be_name srv_id srv_name srv_addr\n3 shop 1 web1 a\n3 shop 2 web2 b\n\n"
    assert drained_lines(answer, ["web2"]) == [
        "1",
        "# be_id be_name srv_id srv_name srv_addr",
        "3 shop 2 web2 b",
    ]
    assert len(drained_lines(answer, [])) == 2


def test_what_an_edge_did_is_told() -> None:
    drained = {"actions": ["drain"], "in_flight": 0, "services": ["shop"]}
    row = edge_row("edge1", {"__hundred_maint_drain": drained}, None)
    assert (row["drained"], row["put back"], row["why"]) == ("yes", "no", [])
    failed = {"failed": True, "msg": "gone", "next_step": "start it"}
    row = edge_row("edge1", {"__hundred_maint_drain": failed}, None)
    assert row["drained"] == "failed" and row["why"] == ["gone", "next: start it"]
    elsewhere = {"actions": [], "in_flight": 0, "services": []}
    both = {"__hundred_maint_drain": elsewhere, "__hundred_maint_back": elsewhere}
    row = edge_row("edge1", both, None)
    assert (row["drained"], row["put back"], row["why"]) == (2 * ("not behind it",) + ([],))


def test_what_is_in_flight_too_long_is_told() -> None:
    late = {"actions": ["drain"], "in_flight": 3, "services": ["shop"]}
    row = edge_row("edge1", {"__hundred_maint_drain": late}, None)
    assert row["drained"] == "not in time" and row["why"][0].startswith("3 requests")
    row = edge_row("edge1", {"__hundred_maint_drain": late}, None, cut=True)
    assert (row["drained"], row["why"]) == ("yes, 3 cut", [])


def test_what_check_mode_only_looked_at_is_not_told_as_done() -> None:
    would = {"actions": ["drain"], "in_flight": 3, "services": ["shop"]}
    both = {"__hundred_maint_drain": would, "__hundred_maint_back": {**would, "actions": []}}
    row = edge_row("edge1", both, None, check=True)
    assert (row["drained"], row["put back"], row["why"]) == ("would be", "would be", [])
    row = host_row("web2", {}, None, unsafe=False, check=True)
    assert (row["work"], row["services"], row["why"]) == ("would be done", "", [])


def test_what_became_of_the_host_is_told() -> None:
    assert host_row("web2", {}, None, unsafe=True)["work"] == "not done"
    failed = {"__hundred_maint_failure": "Upgrade: held", "__hundred_maint_healthy": True}
    row = host_row("web2", failed, None, unsafe=False)
    assert (row["work"], row["services"]) == ("failed", "healthy")
    services = [
        {"service": "shop", "state": "present", "replicas_healthy": 1, "replicas_wanted": 2},
        {"service": "old", "state": "stopped", "replicas_healthy": 0, "replicas_wanted": 2},
    ]
    ill = {"__hundred_maint_services": {"services": services}}
    row = host_row("web2", ill, None, unsafe=False)
    assert (row["services"], row["why"]) == ("not healthy", ["shop is present, 1/2 healthy"])
    silent: dict[str, object] = {"service": "api", "state": "present", "replicas_healthy": 1}
    silent.update(replicas_wanted=1, problem_kinds=["cron", "proxy"], problems=["failed", "silent"])
    ill = {"__hundred_maint_services": {"services": [silent]}}
    row = host_row("web2", ill, None, unsafe=False)
    assert (row["services"], row["why"]) == ("not healthy", ["api: silent"])


@pytest.mark.parametrize(
    "values",
    [
        {"__hundred_maint_reached": {"failed": True, "msg": "timed out"}},
        {"__hundred_maint_services": {"unreachable": True, "msg": "timed out"}},
        {"__hundred_maint_reached": {"msg": "timed out"}},
    ],
)
def test_a_host_that_was_not_seen_healthy_is_none(values: dict[str, object]) -> None:
    row = host_row("web2", values, None, unsafe=False)
    assert (row["services"], row["why"]) == ("not known", ["cannot be reached: timed out"])


def test_what_is_left_of_a_drain_is_told_as_far_as_it_is_known() -> None:
    done: dict[str, Any] = {"actions": ["drain"], "services": ["shop"], "in_flight": 0}
    lost = {"unreachable": True, "msg": "no route"}
    slow = {"failed": True, "msg": "does not pass the edge's checks", "step": "put back"}

    def left(drain: Any, back: Any) -> str:
        variables = {"__hundred_maint_drain": drain, "__hundred_maint_back": back}
        return str(edge_row("edge1", variables, None)["left"])

    assert left(done, done) == left(lost, done) == ""
    assert left(done, lost) == left(done, {}) == "still_drained_at"
    # The order may have been obeyed although its answer was lost.
    assert left(lost, lost) == "perhaps_drained_at"
    # It has the order to send requests as soon as the host passes its checks.
    assert left(done, slow) == ""
