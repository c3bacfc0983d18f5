# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The certificates of an edge: a folder for each set of them, so that a set that HAProxy refuses
never lies where it would load it.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Sequence

from ..errors import ProxyError, StateError
from ..state.files import replace_file
from ..state.folders import make_private_folder

FOLDER = "/etc/haproxy/hundred-certificates"


def folder_of(contents: Sequence[str]) -> str:
    """The folder of a set of certificates; empty for none. Pure.

    :param contents: of PEM files, each with certificate, chain and key.
    """
    if not contents:
        return ""
    digest = hashlib.sha256("\0".join(contents).encode()).hexdigest()
    return os.path.join(FOLDER, digest[:16])


def write(contents: Sequence[str]) -> None:
    """Put a set of certificates into its folder, readable by root only.

    :raises ProxyError: the disk is full or not writable.
    """
    folder = folder_of(contents)
    if not folder:
        return
    try:
        make_private_folder(FOLDER)
        make_private_folder(folder)
        for number, content in enumerate(contents):
            path = os.path.join(folder, "%02d.pem" % number)
            replace_file(path, content.rstrip() + "\n", 0o600)
    except StateError as error:
        raise ProxyError(error.message, next_step=error.next_step) from error


def keep_only(folder: str) -> None:
    """Remove the sets of certificates that no configuration names any more."""
    if not os.path.isdir(FOLDER):
        return
    for name in os.listdir(FOLDER):
        path = os.path.join(FOLDER, name)
        if path != folder:
            shutil.rmtree(path, ignore_errors=True)
