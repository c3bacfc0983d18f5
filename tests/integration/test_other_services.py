# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Services that are not web apps: plain TCP, workers, singletons."""

from __future__ import annotations

import socket
import time

import pytest

from .conftest import release_of
from .service_host import ServiceHost

TCP_PORT = 15432


def echo(target: ServiceHost, text: bytes) -> bytes:
    """What a TCP service answers through the proxy."""
    with socket.create_connection((target.host.address, TCP_PORT), timeout=5) as connection:
        connection.sendall(text)
        return connection.recv(len(text))


@pytest.fixture
def tcp() -> dict[str, object]:
    """Options of a TCP service."""
    return {
        "port": 8000,
        "protocol": "tcp",
        "routes": [{"published": TCP_PORT}],
        "environment": {"APP_MODE": "tcp"},
        "update": {"monitor": "0s"},
        "drain_timeout": "5s",
    }


def test_a_tcp_service_is_swapped_while_an_open_connection_goes_on(target, digests, tcp):
    if target.driver == "nginx":
        refused = target.rollout({**tcp, **release_of(digests, "v1")})
        assert refused.failed and "haproxy" in refused["next_step"]
        assert target.containers() == {}
        return
    first = target.rollout({**tcp, **release_of(digests, "v1")})
    assert not first.failed, first.output
    with socket.create_connection((target.host.address, TCP_PORT), timeout=5) as connection:
        process = target.start(
            "service_rollout", {**target.options, **tcp, **release_of(digests, "v2")}
        )
        until = time.monotonic() + 60
        while "shop-g2-1" not in target.containers("shop") and time.monotonic() < until:
            connection.sendall(b"still here")
            assert connection.recv(64) == b"still here"
        connection.sendall(b"last words")
        assert connection.recv(64) == b"last words"
    process.communicate(timeout=60)
    assert echo(target, b"hello") == b"hello"
    assert set(target.containers("shop")) == {"shop-g2-1"}


def test_a_published_port_that_is_taken_is_told_and_nothing_is_left(target, digests, tcp):
    if target.driver == "nginx":
        pytest.skip("nginx takes no tcp services")
    listener = f"python3 -m http.server {TCP_PORT} --bind 0.0.0.0 >/dev/null 2>&1 & echo $!"
    pid = target.host.run(["sh", "-c", listener]).stdout.strip()
    try:
        planned = target.rollout({**tcp, **release_of(digests, "v1")}, check=True)
        result = target.rollout({**tcp, **release_of(digests, "v1")})
    finally:
        target.host.run(f"kill {pid}", check=False)
    assert planned.failed and f"cannot listen on * port {TCP_PORT}" in planned["msg"]
    assert result.failed
    assert result["serving"] == "nothing"
    assert target.containers() == {}
    again = target.rollout({**tcp, **release_of(digests, "v1")})
    assert not again.failed, again.output
    assert echo(target, b"hello") == b"hello"


@pytest.mark.once
def test_a_worker_is_judged_by_its_command_and_swapped_without_a_proxy(target, digests):
    options = {
        "replicas": 2,
        "environment": {"APP_MODE": "worker"},
        "health": {"command": ["test", "-e", "/app/release"], "healthy_deadline": "3s"},
        "update": {"monitor": "0s", "parallelism": 2},
    }
    first = target.rollout({**options, **release_of(digests, "v1")})
    assert not first.failed, first.output
    before = target.identities()
    failing = {
        "command": ["sh", "-c", "echo no queue; exit 7"],
        "timeout": "1s",
        "healthy_deadline": "3s",
    }
    refused = target.rollout({**options, "health": failing, **release_of(digests, "v2")})
    assert refused.failed
    assert "exits 7: no queue" in refused["msg"]
    assert target.identities() == before
    second = target.rollout({**options, **release_of(digests, "v2")})
    assert not second.failed, second.output
    assert not target.rollout({**options, **release_of(digests, "v2")}).changed


@pytest.mark.once
def test_of_a_stop_first_singleton_there_are_never_two(target, digests):
    options = {
        "environment": {"APP_MODE": "worker"},
        "update": {"order": "stop-first", "monitor": "1s"},
    }
    target.must_deploy({**options, **release_of(digests, "v1")})
    process = target.start(
        "service_rollout", {**target.options, **options, **release_of(digests, "v2")}
    )
    most = 0
    while process.poll() is None:
        most = max(most, sum(state == "running" for state in target.containers("shop").values()))
    assert most == 1
    assert target.containers("shop") == {"shop-g2-1": "running"}
    crashing = {**options, "environment": {"APP_MODE": "worker", "APP_EXIT_AT_ONCE": "1"}}
    failed = target.rollout({**crashing, **release_of(digests, "v3")})
    assert failed.failed
    assert target.containers("shop") == {"shop-g2-1": "running"}, "the old one must run again"


@pytest.mark.once
def test_a_health_command_needs_no_help_of_the_image_and_leaves_no_process(target, digests):
    command = "test ! -e /tmp/hang || exec /bin/sleep 97"
    options = {
        "replicas": 1,
        # Where no program is found, neither is timeout.
        "entrypoint": ["/usr/bin/python3", "-S", "-E", "/app/app.py"],
        "environment": {"APP_MODE": "worker", "PATH": "/nowhere"},
        "health": {
            "command": ["/bin/sh", "-c", command],
            "timeout": "1s",
            "healthy_deadline": "9s",
        },
        "update": {"monitor": "0s"},
    }
    done = target.rollout({**options, **release_of(digests, "v1")})
    assert not done.failed, done.output
    target.docker("exec", "shop-g1-1", "/usr/bin/touch", "/tmp/hang")
    assert target.info("shop")["replicas_healthy"] == 0
    assert target.host.run(["pgrep", "-xf", "/bin/sleep 97"], check=False).stdout == ""
