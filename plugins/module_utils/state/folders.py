# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Folders that only root can look into."""

from __future__ import annotations

import os

from ..errors import StateError


def make_private_folder(path: str) -> None:
    """Create a folder and those above it that are missing, for root only (0700).

    ``os.makedirs`` gives its mode to the last one alone.

    :raises StateError: one of them cannot be made.
    """
    missing = []
    while path and not os.path.isdir(path):
        missing.append(path)
        path = os.path.dirname(path)
    for folder in reversed(missing):
        try:
            os.mkdir(folder, 0o700)
        except FileExistsError:
            continue  # another process was faster
        except OSError as error:
            raise StateError(
                f"cannot create the folder {folder}: {error.strerror}",
                next_step="make room or make it writable, then run again",
            ) from error
