# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a deploy would bring an older revision than the one that serves."""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import datetime

from ..engine.images import committed_at, find_image
from ..errors import RolloutError
from .examine import Examination
from .host import ServiceHost

# Seven digits are the fewest that git abbreviates a commit to by itself.
_ABBREVIATED = re.compile(r"[0-9a-f]{7,64}")


def refuse_stale(host: ServiceHost, seen: Examination) -> None:
    """Refuse a revision that is older than the one that serves on this host, for calls that are
    part of a deploy. What is not known, such as the age of an image without label, is no reason.

    :raises RolloutError: it is older.
    """
    deploy, serving = host.settings.deploy, seen.serving[0]
    if deploy is None or deploy.force or serving is None:
        return
    if same(serving.revision, seen.release.revision) or serving.digest == seen.release.digest:
        return
    images = [find_image(host.engine.client, item.reference) for item in (serving, seen.release)]
    times = [committed_at(image.labels) if image is not None else None for image in images]
    if not is_stale(serving.revision, times[0], times[1], deploy.ancestors, deploy.descendants):
        return
    raise RolloutError(
        f"revision {seen.release.revision[:12]}, {_committed(times[1])}, is older than revision "
        f"{serving.revision[:12]}, {_committed(times[0])}, which serves here",
        step="preflight",
        next_step="deploy a newer one; the playbook rollback goes back to the release before; "
        "-e force=true deploys the older one all the same",
    )


def is_stale(
    serving: str,
    serving_at: datetime | None,
    wanted_at: datetime | None,
    ancestors: Collection[str],
    descendants: Collection[str] = (),
) -> bool:
    """Whether the wanted revision is older than the one that serves. Pure.

    Ancestry counts before time, since clocks of committers differ: what descends from the serving
    revision is newer, and what that descends from is older. Of other revisions the commit times
    decide; commits of the same second are told apart by ancestry only.

    :param serving: the serving revision.
    :param ancestors: the wanted revision and commits before it; empty when the source is not known.
    :param descendants: commits that have the wanted revision in their history.
    """
    if any(same(serving, item) for item in ancestors):
        return False
    if any(same(serving, item) for item in descendants):
        return True
    if serving_at is None or wanted_at is None:
        return False
    return wanted_at < serving_at or (bool(ancestors) and wanted_at == serving_at)


def same(one: str, other: str) -> bool:
    """Whether two revisions are the same, of which either may be abbreviated as git does. Pure."""
    if one == other:
        return True
    short, long = sorted((one, other), key=len)
    return bool(_ABBREVIATED.fullmatch(short)) and long.startswith(short)


def _committed(at: datetime | None) -> str:
    return f"committed at {at}" if at is not None else "committed at a time that its image lacks"
