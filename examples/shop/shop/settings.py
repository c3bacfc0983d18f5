# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the shop finds what differs between machines."""

from __future__ import annotations

import os
import secrets
import socket
from pathlib import Path

DATABASE = os.environ.get("SHOP_DATABASE", "/data/orders.db")
"""A file of SQLite on a volume, shared by the replicas of one host."""

REVISION = os.environ.get("SHOP_REVISION") or "unknown"
"""The commit that the image was built from; the Dockerfile puts it there."""

REPLICA = socket.gethostname()
"""In a container: the first characters of its id."""

SECRET_KEY_FILE = Path("/run/secrets/SECRET_KEY")


def secret_key() -> str:
    """The key that signs session cookies.

    All replicas must have the same one, or a visitor's basket is lost when the next request meets
    another replica. Without the file (a developer's machine) it is made up for this process.
    """
    try:
        return SECRET_KEY_FILE.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return secrets.token_hex(32)
