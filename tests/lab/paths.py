# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the lab keeps its keys, certificates and locks: outside the repository, private."""

from __future__ import annotations

import os
from pathlib import Path


def lab_home() -> Path:
    """The folder of all labs: ``$HUNDRED_LAB_HOME``, else below ``$XDG_STATE_HOME``; mode 0700."""
    default = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state")
    return private_folder(Path(os.environ.get("HUNDRED_LAB_HOME") or default / "hundred-lab"))


def private_folder(path: Path) -> Path:
    """Makes the folder when it is not there, for its owner only."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.chmod(0o700)
    return path


def write_private(path: Path, content: str) -> None:
    """Writes a file that only its owner may read, from its first moment on."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        os.fchmod(descriptor, 0o600)
        file.write(content)
