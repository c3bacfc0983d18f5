# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the engine says of a failing registry: what is tried again, and what the user is told."""

from __future__ import annotations

from threading import Event

import pytest
from ansible_collections.hundred.containers.plugins.module_utils.engine.images import (
    find_manifest,
    pushed_digest,
)
from ansible_collections.hundred.containers.plugins.module_utils.engine.registry_errors import (
    TransientRegistryError,
    registry_error,
)
from ansible_collections.hundred.containers.plugins.module_utils.errors import (
    EngineError,
    NotFoundError,
    RegistryError,
)
from ansible_collections.hundred.containers.plugins.module_utils.image import retry
from ansible_collections.hundred.containers.plugins.module_utils.image.retry import (
    pause_after,
    retrying,
)
from docker.errors import APIError

HOST = "registry.example.com:5000"

# Collected from engines 20.10, 26.1 and 29.1.
GET = f'Get "https://{HOST}/v2/": '


@pytest.mark.parametrize(
    "text",
    [
        GET + "dial tcp 10.0.0.1:5000: connect: connection refused",
        GET + "read tcp 10.0.0.2:4->10.0.0.1:5000: read: connection reset by peer",
        GET + "EOF",
        GET + "net/http: TLS handshake timeout",
        GET + "dial tcp 10.0.0.1:5000: i/o timeout",
        GET + "context deadline exceeded",
        GET + "net/http: request canceled (Client.Timeout exceeded while awaiting headers)",
        GET + "dial tcp 10.0.0.1:5000: connect: no route to host",
        GET + "dial tcp: lookup registry.example.com on 10.0.0.53:53: server misbehaving",
        "received unexpected HTTP status: 503 Service Unavailable",
        "received unexpected HTTP status: 500 Internal Server Error",
        "error parsing HTTP 502 response body: 502 Bad Gateway",
        "toomanyrequests: slow down",
    ],
)
def test_what_may_pass_is_tried_again(text: str) -> None:
    error = registry_error("push shop", text, HOST)
    assert isinstance(error, TransientRegistryError)
    assert HOST in (error.next_step or "")


@pytest.mark.parametrize(
    ("text", "kind", "next_step"),
    [
        ("unauthorized: authentication required", RegistryError, "registry_username"),
        (GET + "no basic auth credentials", RegistryError, "registry_username"),
        ("denied: requested access to the resource is denied", RegistryError, "docker login"),
        (
            GET + "x509: certificate signed by unknown authority",
            RegistryError,
            f"/etc/docker/certs.d/{HOST}/ca.crt",
        ),
        (
            GET + "tls: failed to verify certificate: x509: certificate has expired or is not yet"
            " valid: current time 2026-01-01T00:00:00Z is after 2025-01-01T00:00:00Z",
            RegistryError,
            "its dates",
        ),
        (GET + "http: server gave HTTP response to HTTPS client", RegistryError, "no TLS"),
        (GET + "dial tcp: lookup x on 10.0.0.53:53: no such host", RegistryError, "check the name"),
        ("manifest unknown: manifest unknown", NotFoundError, None),
        (
            "manifest for r/x:y not found: manifest unknown: manifest unknown",
            NotFoundError,
            None,
        ),
        ("name unknown: repository name not known to registry", NotFoundError, None),
        (
            'failed to resolve reference "r/x@sha256:1": r/x@sha256:1: not found',
            NotFoundError,
            None,
        ),
        ("write /var/lib/docker/tmp/x: no space left on device", EngineError, "make room"),
        ("invalid checksum digest length", RegistryError, "is up and reachable"),
    ],
)
def test_what_cannot_pass_is_told_with_a_way_out(
    text: str, kind: type[EngineError], next_step: str | None
) -> None:
    error = registry_error("push shop", text, HOST)
    assert error.__class__ is kind
    assert error.message == f"cannot push shop: {text}"
    assert next_step is None or next_step in (error.next_step or "")


class Flaky:
    """Fails some times, then answers."""

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.calls = 0

    def __call__(self) -> str:
        self.calls += 1
        if self.calls <= self.failures:
            raise TransientRegistryError("refused")
        return "answer"


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    taken: list[float] = []
    monkeypatch.setattr(retry.time, "sleep", taken.append)
    return taken


def test_pauses_double_up_to_a_bound(pauses: list[float]) -> None:
    assert [pause_after(n) for n in range(1, 8)] == [0.5, 1, 2, 4, 8, 10, 10]
    reports: list[str] = []
    assert retrying(Flaky(3), 3, reports.append) == "answer"
    assert pauses == [0.5, 1, 2]
    assert len(reports) == 3
    assert "trying again in 2 s" in reports[-1]


@pytest.mark.parametrize("retries", [0, 1, 4])
def test_the_last_failure_ends_the_tries(pauses: list[float], retries: int) -> None:
    flaky = Flaky(99)
    with pytest.raises(TransientRegistryError) as caught:
        retrying(flaky, retries, lambda _text: None)
    assert flaky.calls == retries + 1
    assert ("tried" in caught.value.message) == (retries > 0)


def test_a_slow_registry_is_not_tried_for_ever(
    monkeypatch: pytest.MonkeyPatch, pauses: list[float]
) -> None:
    monkeypatch.setattr(retry, "WINDOW", 3.0)
    flaky = Flaky(99)
    with pytest.raises(TransientRegistryError):
        retrying(flaky, 99, lambda _text: None)
    # Pauses take no time here: the next one alone must fit into the window.
    assert pauses == [0.5, 1, 2]


def test_what_cannot_pass_is_not_tried_again(pauses: list[float]) -> None:
    def refuse() -> None:
        raise RegistryError("no account")

    with pytest.raises(RegistryError):
        retrying(refuse, 5, lambda _text: None)
    assert pauses == []


@pytest.mark.parametrize("what", ["artifact team/shop:abc", "repository team/shop"])
def test_harbors_words_for_what_it_has_not(what: str) -> None:
    assert isinstance(registry_error("look", f"unknown: {what} not found", "h"), NotFoundError)


def test_a_long_transfer_that_fails_is_tried_again(
    monkeypatch: pytest.MonkeyPatch, pauses: list[float]
) -> None:
    monkeypatch.setattr(retry, "WINDOW", 1.0)
    flaky = Flaky(1)

    def transfer() -> str:
        Event().wait(1.1 if not flaky.calls else 0)  # the fixture leaves time.sleep nothing to do
        return flaky()

    assert retrying(transfer, 5, lambda _text: None) == "answer"


DIGEST = "sha256:" + "16462d1aec" * 6 + "3e38"


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ({"progressDetail": {}, "aux": {"Tag": "v1", "Digest": DIGEST, "Size": 1617}}, DIGEST),
        ({"status": f"v1: digest: {DIGEST} size: 1617"}, DIGEST),
        ({"status": "Layer already exists", "progressDetail": {}, "id": "5ab76157b8e7"}, None),
        ({"status": f"v1: digest: {DIGEST[:-1]} size: 1617"}, None),
    ],
)
def test_a_push_tells_its_digest_as_a_value_or_in_words(event, expected):
    """The words alone are those of 29.1, with containerd's image store."""
    assert pushed_digest(event) == expected


class Engine:
    """Answers a question about a registry by the words of an engine."""

    def __init__(self, words: str) -> None:
        self._words = words

    def inspect_distribution(self, reference: str, auth_config: object) -> object:
        raise APIError("500 Server Error", explanation=self._words)


def test_what_29_1_says_of_what_a_registry_on_localhost_has_not():
    """It does not tell the registry's own answer, only that of its second try, without TLS."""
    words = "unknown: Client sent an HTTP request to an HTTPS server.\n"
    assert find_manifest(Engine(words), "localhost:5055/shop:v1", "localhost:5055", None) is None
    with pytest.raises(RegistryError, match="unauthorized"):
        find_manifest(Engine("unauthorized"), "localhost:5055/shop:v1", "localhost:5055", None)
