# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The timers of a service's crontab: they follow the release that serves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..cron.crontab import Entry, parse_crontab
from ..cron.timers import apply_units, idle_units, present_units, require_systemd, require_times
from ..cron.units import make_units
from ..definition.model import Cron, Definition
from ..engine.images import LABEL_CRONTAB, LABEL_CRONTAB_FILE, find_image
from ..errors import RolloutError
from .host import ServiceHost


def read_entries(host: ServiceHost, definition: Definition, reference: str) -> tuple[Entry, ...]:
    """The entries of a release's crontab; none when it has no crontab here.

    :param reference: the image, which is on this host.
    :raises HundredError: the image does not carry the crontab, or that is refused.
    """
    cron = definition.cron
    if cron is None:
        return ()
    return parse_crontab(_text(host, cron, reference))


def _text(host: ServiceHost, cron: Cron, reference: str) -> str:
    if cron.text is not None:
        return cron.text
    image = find_image(host.engine.client, reference)
    labels: Mapping[str, str] = image.labels if image is not None else {}
    if labels.get(LABEL_CRONTAB_FILE) != cron.file or LABEL_CRONTAB not in labels:
        raise RolloutError(
            f"the image {reference} does not carry the crontab {cron.file}",
            step="cron",
            next_step="build the revision again with this definition (force: true of image_build), "
            "or commit anew: image_build puts the file that cron names into the image's labels",
        )
    return labels[LABEL_CRONTAB]


def planned_units(
    host: ServiceHost, definition: Definition, reference: str, here: bool
) -> tuple[dict[str, str] | None, list[str]]:
    """The units that a release wants, and what is to be done about them, in words.

    :param here: whether the image is on this host already; otherwise its crontab is not known yet,
        and the units are None.
    :raises HundredError: the crontab is refused, or cannot run on this host.
    """
    cron = definition.cron
    there = present_units(host.service)
    if cron is None:
        return {}, ["remove the timers of its cron entries"] if there else []
    require_systemd()
    if not here and cron.text is None:
        return None, [f"schedule the entries of {cron.file}"]
    entries = read_entries(host, definition, reference)
    units = make_units(host.service, entries)
    if units == there:
        idle = idle_units(units)
        return units, [f"enable {', '.join(idle)}"] if idle else []
    require_times(entries)
    if not entries:
        return units, ["remove the timers of its cron entries"]
    names = ", ".join(f"{entry.name} ({entry.text})" for entry in entries)
    return units, [f"schedule its cron entries: {names}"]


def schedule(host: ServiceHost, definition: Definition, reference: str) -> None:
    """Have the timers that a release wants.

    :raises HundredError: systemd refuses them.
    """
    units, lines = planned_units(host, definition, reference, here=True)
    if lines and units is not None:
        apply_units(host.service, units)


def in_step(host: ServiceHost, entries: Sequence[Entry]) -> bool:
    """Whether the timers on this host are those of these entries, and at work.

    :raises StateError: they cannot be read, or systemd does not answer.
    """
    there = present_units(host.service)
    return make_units(host.service, entries) == there and not idle_units(there)


def unschedule(host: ServiceHost) -> None:
    """Remove all timers of the service."""
    if present_units(host.service):
        apply_units(host.service, {})
