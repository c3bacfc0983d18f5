# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The timers of a service on this host."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from contextlib import suppress

from .. import systemd
from ..errors import HundredError, StateError
from ..state.files import replace_file
from .calendar import calendars
from .crontab import Entry
from .units import COMMAND, not_in_force, to_enable, unit_prefix

FOLDER = "/etc/systemd/system"


def require_systemd() -> None:
    """Refuse a crontab on a host that cannot run it.

    :raises HundredError: systemd does not run here, or the command ``hundred`` is missing.
    """
    if not systemd.runs():
        raise HundredError(
            "the entries of a crontab are run by systemd's timers, and systemd does not run here",
            step="cron",
            next_step="name another host in cron.host, or run them with the cron of this host: "
            "hundred run SERVICE -- COMMAND",
        )
    if not os.access(COMMAND, os.X_OK):
        raise HundredError(
            f"the entries of a crontab are run by {COMMAND}, which is not here",
            step="cron",
            next_step="run the role docker_host (playbook setup), or the module host_command",
        )


def require_times(entries: Iterable[Entry]) -> None:
    """Have systemd read the times of entries with a time zone, which it may not know.

    :raises HundredError: it does not.
    """
    for entry in entries:
        if entry.timezone is None or entry.reboot:
            continue
        for time in calendars(entry):
            done = systemd.capture(["systemd-analyze", "calendar", time])
            if done.returncode:
                raise HundredError(
                    f"line {entry.line} of the crontab: systemd on this host does not know the "
                    f"time zone {entry.timezone}",
                    step="cron",
                    next_step="write it as timedatectl list-timezones does, or install tzdata",
                )


def present_units(service: str) -> dict[str, str]:
    """The texts of the units of a service that are on this host, by name.

    :raises StateError: one of them cannot be read.
    """
    prefix, found = unit_prefix(service), {}
    try:
        names = [name for name in os.listdir(FOLDER) if name.startswith(prefix)]
        for name in sorted(names):
            path = os.path.join(FOLDER, name)
            if os.path.isfile(path):
                with open(path, encoding="utf-8") as stream:
                    found[name] = stream.read()
    except FileNotFoundError:
        return found
    except (OSError, ValueError) as error:
        raise StateError(f"cannot read the units in {FOLDER}: {error}") from error
    return found


def idle_units(units: Mapping[str, str]) -> list[str]:
    """Those of the units on this host that systemd does not look after: whoever wrote them was
    killed before they were enabled, or somebody has disabled or stopped them since.

    One call of systemctl; none when there are no units.

    :raises StateError: systemd does not answer.
    """
    watched = to_enable(units, units)
    if not watched:
        return []
    done = systemd.capture(
        ["systemctl", "show", "--property=Id,ActiveState,UnitFileState", *watched]
    )
    if done.returncode:
        raise StateError(f"systemctl does not tell of timers: {done.stdout.strip()[-500:]}")
    return not_in_force(watched, done.stdout)


def apply_units(service: str, wanted: Mapping[str, str]) -> None:
    """Have exactly these units on this host, and their timers running. What an entry does right now
    goes on.

    :raises StateError: a unit cannot be written, or systemd refuses it.
    """
    there = present_units(service)
    stale = sorted(set(there) - set(wanted))
    if stale:
        enabled = to_enable(stale, there)
        if enabled:
            systemd.systemctl("disable", "--now", "--quiet", *enabled)
        for name in stale:
            with suppress(FileNotFoundError):
                os.unlink(os.path.join(FOLDER, name))
    changed = sorted(name for name, text in wanted.items() if there.get(name) != text)
    same = {name: text for name, text in wanted.items() if name not in changed}
    for name in changed:
        replace_file(os.path.join(FOLDER, name), wanted[name], 0o644)
    if stale or changed:
        systemd.systemctl("daemon-reload")
    enabled = [*to_enable(changed, wanted), *idle_units(same)]
    if enabled:
        systemd.systemctl("enable", "--quiet", *enabled)
    timers = [name for name in enabled if name.endswith(".timer")]
    if timers:
        # Started again, since one whose times have changed goes on with the former ones.
        systemd.systemctl("restart", *timers)
