# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Docker's own configuration, with an account added for one build, and nothing left on a disk."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from .images import Credentials

_DOCKER_HUB = ("docker.io", "index.docker.io")
DOCKER_HUB_KEY = "https://index.docker.io/v1/"


def config_folder() -> str:
    """The folder of this user's configuration of Docker's command."""
    return os.environ.get("DOCKER_CONFIG") or os.path.expanduser("~/.docker")


def own_config() -> dict[str, Any]:
    """This user's ``config.json``; empty if there is none."""
    try:
        with open(os.path.join(config_folder(), "config.json"), encoding="utf-8") as file:
            config: dict[str, Any] = json.load(file)
    except (OSError, ValueError):  # none, or one that Docker could not read either
        config = {}
    return config


def account_key(host: str) -> str:
    """The name that a registry has in ``auths`` and for credential helpers."""
    return DOCKER_HUB_KEY if host in _DOCKER_HUB else host


def account_entry(credentials: Credentials) -> dict[str, str]:
    """An account as it stands in ``auths``."""
    account = f"{credentials.username}:{credentials.password}".encode()
    return {"auth": base64.b64encode(account).decode()}


def config_with(host: str, credentials: Credentials) -> dict[str, Any]:
    """This user's ``config.json`` with the account for one registry in it."""
    config = own_config()
    key = account_key(host)
    config["auths"] = {**(config.get("auths") or {}), key: account_entry(credentials)}
    # A credential helper would be asked before "auths" is looked at.
    (config.get("credHelpers") or {}).pop(key, None)
    return config


@contextmanager
def file_in_memory(content: str) -> Iterator[str]:
    """The path of a file that only this user's processes can read, and only while we live."""
    descriptor = os.memfd_create("hundred")
    try:
        with open(descriptor, "w", encoding="utf-8", newline="", closefd=False) as file:
            file.write(content)
        yield f"/proc/{os.getpid()}/fd/{descriptor}"
    finally:
        os.close(descriptor)
