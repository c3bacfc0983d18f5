# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds the lab's images once and keeps them in the outer engine."""

from __future__ import annotations

import fcntl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .command import docker, run
from .paths import lab_home
from .recipes import REPOSITORY, Bootstrap, Recipe, all_recipes

# Named, since Ubuntu's apt does not trust Debian's keys by itself.
_KEYRING = "--keyring=/usr/share/keyrings/debian-archive-keyring.gpg"

# A bootstrap takes 15 to 45 s here; a slow mirror or a busy machine may take ten times that.
_BUILD_TIMEOUT = 900


def ensure_image(recipe: Recipe) -> str:
    """Builds the image when the engine does not have it, and returns its name with the tag.

    Concurrent calls, of other processes too, build it once.

    :raises LabError: mmdebstrap or the engine failed; the message has their last lines.
    """
    if not _exists(recipe.tag):
        with build_lock():
            _build(recipe)
    return recipe.tag


@contextmanager
def build_lock() -> Iterator[None]:
    """Waits until no other process of this user's builds an image for tests."""
    with (lab_home() / "images.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def remove_outdated() -> list[str]:
    """Removes images of recipes that have changed since, unless in use; returns their names."""
    wanted: set[str] = set()
    for recipe in all_recipes().values():
        wanted.update(_with_bases(recipe))
    listed = docker(
        "image",
        "ls",
        "--filter",
        f"reference={REPOSITORY}/*",
        "--format",
        "{{.Repository}}:{{.Tag}}",
    ).stdout.split()
    outdated = sorted(set(listed) - wanted)
    return [tag for tag in outdated if docker("image", "rm", tag, check=False).returncode == 0]


def _with_bases(recipe: Recipe) -> Iterator[str]:
    yield recipe.tag
    if not isinstance(recipe, Bootstrap):
        yield from _with_bases(recipe.base)


def _exists(tag: str) -> bool:
    return docker("image", "inspect", "--format", "{{.Id}}", tag, check=False).returncode == 0


def _build(recipe: Recipe) -> None:
    if _exists(recipe.tag):
        return
    if isinstance(recipe, Bootstrap):
        _bootstrap(recipe)
        return
    _build(recipe.base)
    docker(
        "build",
        "--tag",
        recipe.tag,
        "-",
        input=f"FROM {recipe.base.tag}\n{recipe.dockerfile}",
        timeout=_BUILD_TIMEOUT,
    )


def _bootstrap(recipe: Bootstrap) -> None:
    with tempfile.TemporaryDirectory(prefix="hundred-lab-") as folder:
        archive = Path(folder) / "root.tar"
        run(
            ["mmdebstrap", "--quiet", _KEYRING, *recipe.arguments, recipe.suite, archive],
            timeout=_BUILD_TIMEOUT,
        )
        changes = [option for change in recipe.changes for option in ("--change", change)]
        docker("import", *changes, archive, recipe.tag, timeout=_BUILD_TIMEOUT)
