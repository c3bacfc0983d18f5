# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of broken definitions, as the tests of the parser and of the playbooks take it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

TABLE = Path(__file__).with_name("broken.yml")
BASE = {"image": "registry.example.com/shop", "hosts": "web"}


@dataclass(frozen=True)
class Broken:
    """One entry: definitions, the path at which they are refused and a part of the message."""

    name: str
    services: Any
    path: str
    says: str


def broken_definitions() -> list[Broken]:
    """Every entry of the table; ids are unique."""
    entries = [
        Broken(
            name=entry["id"],
            services=entry["services"] if "services" in entry else _on_base(entry["shop"]),
            path=entry["path"],
            says=entry["says"],
        )
        for entry in yaml.safe_load(TABLE.read_text(encoding="utf-8"))
    ]
    names = [entry.name for entry in entries]
    if len(set(names)) != len(names):
        raise ValueError(f"an id stands twice in {TABLE}")
    return entries


def _on_base(body: dict[Any, Any]) -> dict[str, Any]:
    return {"shop": {**BASE, **body}}
