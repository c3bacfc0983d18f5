# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which images nobody needs: neither the newest, nor one in use, nor one that is not ours."""

from __future__ import annotations

import pytest
from ansible_collections.hundred.containers.plugins.module_utils.engine.images import Image
from ansible_collections.hundred.containers.plugins.module_utils.errors import HundredError
from ansible_collections.hundred.containers.plugins.module_utils.image.prune import PruneRequest
from ansible_collections.hundred.containers.plugins.module_utils.image.prune_choice import (
    choose,
    references_of,
)

NAME = "registry.example.com/shop"


def image(
    revision: str,
    created: str = "2026-01-01T00:00:00+00:00",
    *,
    tags: tuple[str, ...] | None = None,
    digests: tuple[str, ...] = (),
    parent: str = "",
    **labels: str,
) -> Image:
    """An image that was built for NAME and has its revision's tag, unless told otherwise."""
    own = {
        "hundred.image": NAME,
        "org.opencontainers.image.revision": revision,
        "org.opencontainers.image.created": created,
        **{key.replace("_", "."): value for key, value in labels.items()},
    }
    given = (f"{NAME}:{revision}",) if tags is None else tags
    return Image(f"id-{revision}", given, digests, own, 1, "", parent)


def unneeded(images: list[Image], keep: int = 0, **known: dict[str, str]) -> list[str]:
    """The revisions to be removed."""
    in_use, remembered = known.get("in_use", {}), known.get("remembered", {})
    choices = choose(images, NAME, keep, in_use, remembered)
    return [choice.revision for choice in choices if not choice.reason]


def test_the_newest_commits_stay_wherever_they_were_made_and_ties_are_broken_by_revision() -> None:
    images = [
        image("a", "2026-01-01T12:00:00+00:00"),
        image("b", "2026-01-01T13:30:00+02:00"),
        image("c", "2026-01-01T11:00:00Z"),
        image("d", "2026-01-01T11:00:00+00:00"),
    ]
    assert unneeded(images) == ["a", "b", "d", "c"]
    assert unneeded(images, 2) == ["d", "c"]
    assert unneeded(images, 3) == ["c"]
    assert unneeded(images, 4) == []


def test_all_images_of_a_revision_count_as_one() -> None:
    again = Image("id-again", (), (f"{NAME}@sha256:1",), image("b").labels, 1, "")
    assert unneeded([image("a"), image("b"), again], 1) == ["a"]


def test_what_containers_use_and_services_may_need_stays() -> None:
    wanted = image("b", digests=("mirror.example.com/shop@sha256:2",))
    images = [image("a"), wanted, image("c")]
    remembered = {"sha256:2": "shop"}
    assert unneeded(images, in_use={"id-a": "x"}, remembered=remembered) == ["c"]
    # The newest are counted whether something else holds them or not.
    assert unneeded(images, 1, in_use={"id-a": "x"}) == ["b"]


def test_what_image_build_has_not_made_for_the_repository_is_not_seen() -> None:
    images = [
        image("a", hundred_image="registry.example.com/other"),
        image("b", "yesterday"),
        image("c", tags=("mine/shop:kept",)),
        image("d", tags=(f"{NAME}/nginx:d", f"{NAME}-worker:d")),
        Image("id-e", (f"{NAME}:e",), (), {}, 1, ""),
        Image("id-f", (f"{NAME}:f",), (), {"hundred.image": NAME}, 1, ""),
    ]
    assert choose(images, NAME, 0, {}, {}) == []


def test_what_was_left_untagged_goes_unless_it_has_its_labels_from_the_image_below() -> None:
    below = image("a")
    inherited = Image("id-x", (), (), below.labels, 1, "", below.id)
    assert unneeded([below, image("b", tags=())], 1) == ["b"]
    # Somebody's own build needs the image below it, too.
    assert unneeded([below, inherited]) == []
    # The classic builder sets one label after the other, each in an image of its own.
    step = Image("id-step", (), (), below.labels, 1, "", "id-base")
    end = Image("id-end", (), (), below.labels, 1, "", "id-step")
    assert [choice.image for choice in choose([end, step], NAME, 0, {}, {})] == [end]


def test_what_another_image_is_built_on_stays_with_all_below_it() -> None:
    images = [
        image("a"),
        image("b", parent="id-a"),
        Image("id-c", ("mine:c",), (), {}, 1, "", "id-b"),
        image("d"),
        image("e", parent="id-d"),
    ]
    assert unneeded(images) == ["e", "d"]


def test_only_references_of_the_repository_are_removed_digests_first() -> None:
    known = image(
        "a",
        tags=("shop:a", f"{NAME}:a", f"{NAME}:latest", "registry.example.com:5000/shop:a"),
        digests=("mirror.example.com/shop@sha256:1", f"{NAME}@sha256:1"),
    )
    assert references_of(known, NAME) == (f"{NAME}@sha256:1", f"{NAME}:a", f"{NAME}:latest")
    hub = image("a", tags=("team/shop:a",))
    assert references_of(hub, "docker.io/team/shop") == ("team/shop:a",)


@pytest.mark.parametrize(("name", "keep"), [(f"{NAME}:tag", 1), (NAME, -1)], ids=["tag", "keep"])
def test_a_request_that_means_nothing_is_refused(name: str, keep: int) -> None:
    with pytest.raises(HundredError):
        PruneRequest(name=name, keep=keep, state_dir="/nowhere")
