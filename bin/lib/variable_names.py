# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check the names of the roles' variables: ``variable_names.py ROOT``.

``hundred_*`` is public: in a role's defaults, and in argument_specs. ``__hundred_*`` is private:
in its vars, and whatever tasks and playbooks register, set or hand on, which plugins read by that
name. What is in the defaults is in the argument_specs too, so that it is documented.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

# A name with two underscores in front, and none of Python's own, which have two behind as well.
PRIVATE = re.compile(r"(?<!\w)__(?!hundred_)[a-z]\w*(?<!__)(?!\w)")
# What plugins name is in quotes; other such names there are Python's.
QUOTED = re.compile(rf"[\"'](?:\w+\.)*({PRIVATE.pattern})")


def keys_below(folder: Path) -> Iterator[tuple[Path, str]]:
    """Yield each variable set in the YAML files below ``folder``, with its file."""
    for path in sorted(folder.rglob("*.yml")):
        for key in yaml.safe_load(path.read_text(encoding="utf-8")) or {}:
            yield path, key


def documented_options(role: Path) -> set[str]:
    """Return the variables that the role's argument_specs describe, of all its entry points."""
    path = role / "meta" / "argument_specs.yml"
    if not path.exists():
        return set()
    specs: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))["argument_specs"]
    return {name for spec in specs.values() for name in spec.get("options", {})}


def problems(role: Path) -> Iterator[str]:
    """Yield a line for each variable of ``role`` with a wrong name or no documentation."""
    documented = documented_options(role)
    for path, name in keys_below(role / "defaults"):
        if not name.startswith("hundred_"):
            yield f"{path}: {name}: a public variable begins with hundred_"
        elif name not in documented:
            yield f"{path}: {name}: not in {role / 'meta' / 'argument_specs.yml'}"
    for path, name in keys_below(role / "vars"):
        if not name.startswith("__hundred_"):
            yield f"{path}: {name}: a private variable begins with __hundred_"
    for name in sorted(documented):
        if not name.startswith("hundred_"):
            yield f"{role / 'meta' / 'argument_specs.yml'}: {name}: does not begin with hundred_"


def private_names(root: Path) -> Iterator[str]:
    """Yield a line for each private variable with a wrong name, wherever it is set or read."""
    for folder, suffix, pattern in (
        ("roles", ".yml", PRIVATE),
        ("roles", ".j2", PRIVATE),
        ("playbooks", ".yml", PRIVATE),
        ("molecule", ".yml", PRIVATE),
        ("plugins", ".py", QUOTED),
    ):
        for path in sorted((root / folder).rglob(f"*{suffix}")):
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
                for name in re.findall(pattern, line):
                    yield f"{path}:{number}: {name}: a private variable begins with __hundred_"


if __name__ == "__main__":
    root = Path(sys.argv[1])
    found = [line for role in sorted((root / "roles").iterdir()) for line in problems(role)]
    found += private_names(root)
    print("\n".join(found))
    sys.exit(bool(found))
