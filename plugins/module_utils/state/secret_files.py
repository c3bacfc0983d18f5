# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Secrets on a host: files that only root and the container's user can read.

They are kept with the release they belong to, so that a restart and a rollback need no secret
store, and are removed with it. The folders above are root's alone.
"""

from __future__ import annotations

import contextlib
import os
import secrets as randomness
import shutil
from collections.abc import Iterable, Mapping

from ..errors import StateError
from .files import replace_file
from .folders import make_private_folder

KEY_BYTES = 32


def host_key(state_dir: str) -> bytes:
    """The random key of this host with which secrets enter a release's id, made at first use.

    :raises StateError: it can be neither read nor made.
    """
    path = os.path.join(state_dir, "key")
    if not os.path.exists(path):
        make_private_folder(state_dir)
        replace_file(path, randomness.token_bytes(KEY_BYTES).hex() + "\n", 0o600)
    try:
        with open(path, encoding="ascii") as stream:
            return bytes.fromhex(stream.read().strip())
    except (OSError, ValueError) as error:
        raise StateError(f"cannot read the host's key {path}: {error}") from error


class SecretFiles:
    """The secrets of one service, a folder for each release."""

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def path(self, release: str) -> str:
        """The folder that is mounted into the containers of a release."""
        return os.path.join(self.folder, release)

    def has(self, release: str) -> bool:
        """Whether the secrets of a release are there."""
        return os.path.isdir(self.path(release))

    def read(self, release: str) -> dict[str, str]:
        """The values of a release's secrets, as far as they can be read: for comparison only."""
        values = {}
        with contextlib.suppress(OSError, ValueError):
            for name in os.listdir(self.path(release)):
                with open(
                    os.path.join(self.path(release), name), encoding="utf-8", newline=""
                ) as stream:
                    values[name] = stream.read()
        return values

    def write(self, release: str, values: Mapping[str, str]) -> str:
        """Put the secrets of a release in place, complete or not at all, readable by root only.

        :returns: the folder to mount.
        :raises StateError: the disk is full or not writable.
        """
        final = self.path(release)
        partial = final + ".partial"
        if os.path.isdir(final):
            return final  # a release's id covers its secrets: they are the same
        try:
            make_private_folder(self.folder)
            shutil.rmtree(partial, ignore_errors=True)
            os.mkdir(partial, 0o700)
            for name, value in values.items():
                replace_file(os.path.join(partial, name), value, 0o400)
            os.rename(partial, final)
        except OSError as error:
            shutil.rmtree(partial, ignore_errors=True)
            raise StateError(
                f"cannot write the secrets of the release {release}: {error}",
                step="secrets",
                next_step=f"make room or make {self.folder} writable, then run again",
            ) from error
        return final

    def give(self, release: str, uid: int, gid: int) -> None:
        """Make a container's user the only one, beside root, who can read them (0400).

        :raises StateError: they are not there or cannot be given away.
        """
        folder = self.path(release)
        try:
            for name in os.listdir(folder):
                os.chown(os.path.join(folder, name), uid, gid)
            os.chmod(folder, 0o500)
            os.chown(folder, uid, gid)
        except OSError as error:
            raise StateError(
                "cannot give the secrets of the release %s to the user %d: %s"
                % (release, uid, error.strerror),
                step="secrets",
            ) from error

    def keep_only(self, releases: Iterable[str]) -> list[str]:
        """Remove the secrets of every other release. :returns: the releases whose secrets were
        removed.
        """
        wanted = set(releases)
        removed = []
        if os.path.isdir(self.folder):
            for name in sorted(os.listdir(self.folder)):
                if name not in wanted:
                    shutil.rmtree(os.path.join(self.folder, name))
                    removed.append(name)
        return removed
