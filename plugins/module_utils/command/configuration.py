# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where things are on this host, for the command ``hundred``: what the role that installed it was
told.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from ..arguments import STATE_DIR
from ..errors import StateError
from ..rollout.host import Settings
from .audit import account

# Another place than the usual one, for tests and for two setups on one machine.
VARIABLE = "HUNDRED_CONFIG"
PATH = "/etc/hundred/config.json"


@dataclass(frozen=True)
class Configuration:
    """The settings of this host.

    :param state_dir: where the state of the services is.
    :param docker_host: the engine's address; None: the usual one.
    :param metrics_file: where the supervisor writes numbers for Prometheus; empty: nowhere.
    """

    state_dir: str = STATE_DIR
    docker_host: str | None = None
    metrics_file: str = ""

    def settings(self, lock_timeout: float = 0.0) -> Settings:
        """The same for the core; whoever uses the command is who does it."""
        return Settings(
            state_dir=self.state_dir,
            docker_host=self.docker_host,
            lock_timeout=lock_timeout,
            by=operator(),
        )


def read_configuration() -> Configuration:
    """The configuration of this host; what its file does not say has the defaults.

    :raises StateError: the file cannot be read, or says what this version does not know.
    """
    path = os.environ.get(VARIABLE, PATH)
    try:
        with open(path, encoding="utf-8") as stream:
            raw: Any = json.load(stream)
    except FileNotFoundError:
        raw = {}
    except (OSError, ValueError) as error:
        raise StateError(
            f"cannot read {path}: {error}",
            next_step="run the role docker_host again (playbook setup); it writes the file",
        ) from error
    known = {field.name for field in fields(Configuration)}
    if not isinstance(raw, Mapping) or not set(raw) <= known:
        raise StateError(
            f"{path} has keys that this version does not know",
            next_step="run the role docker_host again (playbook setup); it writes the file",
        )
    return Configuration(**raw)


def operator() -> str:
    """Who uses the command, and where: the account of the login, behind sudo too."""
    return f"{account()} on {socket.gethostname()}"
