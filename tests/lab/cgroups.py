# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The control groups of the machine that runs the lab."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from .command import docker


def version() -> str:
    """``"1"`` or ``"2"``: the machine's, as the outer engine sees it."""
    return docker("info", "--format", "{{.CgroupVersion}}").stdout.strip()


def thaw(nested_containers: Iterable[str]) -> None:
    """Lets containers of a host go on that somebody paused there and did not resume: what is frozen
    cannot be killed, and neither can the host then.

    With version 2 the kernel kills what is frozen.
    """
    for container in nested_containers:
        state = Path(f"/sys/fs/cgroup/freezer/docker/{container}/freezer.state")
        with suppress(OSError):
            state.write_text("THAWED")


def remove_leftovers(nested_containers: Iterable[str]) -> None:
    """Removes the empty control groups that containers of a killed host leave behind.

    With version 1 hosts share the machine's tree of groups, and killing a host kills its
    containers before its engine could remove theirs. A group in use cannot be removed, so nothing
    that lives is touched; without the right to remove one it stays, and is only clutter.
    """
    for container in nested_containers:
        for group in Path("/sys/fs/cgroup").glob(f"*/docker/{container}"):
            with suppress(OSError):
                group.rmdir()
