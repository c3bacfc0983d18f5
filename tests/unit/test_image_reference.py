# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of images: what a registry takes, what names a registry, what may move."""

from __future__ import annotations

import pytest
from ansible_collections.hundred.containers.plugins.module_utils.errors import HundredError
from ansible_collections.hundred.containers.plugins.module_utils.image.reference import (
    check_digest,
    check_repository,
    check_revision,
    check_tag,
    named_host,
    registry_host,
)


@pytest.mark.parametrize(
    ("name", "host"),
    [
        ("shop", None),
        ("team/shop", None),
        ("localhost/shop", "localhost"),
        ("registry.example.com/shop", "registry.example.com"),
        ("registry:5000/team/shop", "registry:5000"),
        ("10.0.0.1:5000/shop", "10.0.0.1:5000"),
        ("[::1]:5000/shop", "[::1]:5000"),
        ("Registry.Example.com/a-b__c.d/e--f", "Registry.Example.com"),
    ],
)
def test_a_name_is_taken_and_its_registry_known(name: str, host: str | None) -> None:
    assert check_repository(name) == name
    assert registry_host(name) == host


@pytest.mark.parametrize(
    "name",
    [
        "",
        "shop:latest",
        "registry.example.com/shop:1",
        "shop@sha256:" + "0" * 64,
        "Shop",
        "registry.example.com/Shop",
        "registry.example.com/",
        "registry.example.com//shop",
        "/shop",
        "shop/",
        "-shop",
        "shop_",
        "a..b",
        "a___b",
        "shop name",
        "shop\n",
        "https://registry.example.com/shop",
        "-h.example.com/shop",
        "registry.example.com:port/shop",
        "$(reboot)",
        "a" * 256,
    ],
)
def test_a_name_that_no_registry_takes_is_refused(name: str) -> None:
    with pytest.raises(HundredError):
        check_repository(name)


def test_a_name_without_a_registry_cannot_be_pushed() -> None:
    with pytest.raises(HundredError, match="names no registry"):
        named_host("team/shop")


@pytest.mark.parametrize("tag", ["latest", "v1.2-rc.1", "_x", "a" * 128, "0" * 39])
def test_a_tag_may_be_what_a_registry_takes(tag: str) -> None:
    assert check_tag(tag) == tag


@pytest.mark.parametrize("tag", ["", ".x", "-x", "a b", "a/b", "a:b", "x\n", "a" * 129, "ä"])
def test_a_malformed_tag_is_refused(tag: str) -> None:
    with pytest.raises(HundredError, match="is not a tag"):
        check_tag(tag)


@pytest.mark.parametrize("length", [40, 64])
def test_a_tag_that_may_move_must_not_look_like_a_revision(length: int) -> None:
    with pytest.raises(HundredError, match="looks like a revision"):
        check_tag("0a" * (length // 2))


@pytest.mark.parametrize(
    "digest",
    ["", "sha256:", "sha256:abc", "sha512:" + "0" * 64, "sha256:" + "A" * 64, "0" * 64]
    + ["sha256:" + "0" * 64 + end for end in ("0", "\n", "/x")],
)
def test_a_malformed_digest_is_refused(digest: str) -> None:
    with pytest.raises(HundredError, match="is not a digest"):
        check_digest(digest)


@pytest.mark.parametrize("revision", ["main", "abc1234", "A" * 40, "0" * 41, "0" * 40 + "\n"])
def test_only_a_full_sha_is_a_revision(revision: str) -> None:
    with pytest.raises(HundredError, match="is not a full commit SHA"):
        check_revision(revision)
