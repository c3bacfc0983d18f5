# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How this process shall behave: one image, every fault, chosen by environment variables."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

RELEASE_FILE = Path(__file__).resolve().parent / "release"
"""Written when the image is built, from its build argument RELEASE."""


class BadEnvironment(ValueError):
    """A variable has a value that makes no sense; the text names both."""


@dataclass(frozen=True)
class Behaviour:
    """One attribute per variable; seconds are seconds since the process began, 0 or -1 mean never.

    Variables are the attributes' names in capitals after APP_, e.g. APP_UNHEALTHY_AFTER=2.5.
    """

    mode: str = "http"
    """http; tcp: a plain echo of bytes; worker: no port, a line in the log every tick_seconds."""
    port: int = 8000
    host: str = "0.0.0.0"
    release: str = ""
    """What /version and X-Release say; by default what the image was built with."""
    ids_dir: str = ""
    """Folder for <hostname>.ids and, after the stop, <hostname>.stopped; outlives the container."""
    log_lines: int = 0
    """Lines written at the start."""
    exit_at_once: int = -1
    """Exit with this status before anything else, with a message on stderr."""
    exit_message: str = "app: fatal: the database schema is older than this release"
    exit_after: float = 0.0
    """Exit with exit_status at that moment, whatever is in flight."""
    exit_status: int = 1
    listen_after: float = 0.0
    """Open the port only then."""
    healthy_after: float = 0.0
    """/up answers 503 until then."""
    unhealthy_after: float = 0.0
    """/up answers 503 from then on."""
    unhealthy: bool = False
    """/up always answers 503."""
    flaky_health: bool = False
    """Every other answer of /up is 503, beginning with the first."""
    allowed_host: str = ""
    """/up answers 400 to requests that name another Host, as frameworks with a list of hosts do."""
    health_delay: float = 0.0
    """Seconds that each answer of /up takes."""
    ignore_sigterm: bool = False
    tick_seconds: float = 1.0

    @classmethod
    def from_environment(cls, variables: Mapping[str, str] | None = None) -> Behaviour:
        """Read the variables, the process's own by default; raises BadEnvironment."""
        environment = os.environ if variables is None else variables
        chosen: dict[str, object] = {}
        for name, default in vars(cls()).items():
            text = environment.get(f"APP_{name.upper()}")
            if text is None:
                continue
            try:
                chosen[name] = _convert(text, default)
            except ValueError:
                kind = type(default).__name__
                raise BadEnvironment(f"APP_{name.upper()}={text!r} is not a {kind}") from None
        chosen.setdefault("release", _built_release())
        behaviour = cls(**chosen)  # type: ignore[arg-type]
        if behaviour.mode not in ("http", "tcp", "worker"):
            raise BadEnvironment(f"APP_MODE={behaviour.mode!r} is none of http, tcp, worker")
        return behaviour


def _convert(text: str, default: object) -> object:
    if isinstance(default, bool):
        if text not in ("0", "1"):
            raise ValueError(text)
        return text == "1"
    if isinstance(default, int):
        return int(text)
    return float(text) if isinstance(default, float) else text


def _built_release() -> str:
    try:
        return RELEASE_FILE.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return "unbuilt"
