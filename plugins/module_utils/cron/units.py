# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Units of systemd for the entries of a crontab. Pure.

A unit names the service and the entry, never the command: that is looked up when it runs, in the
release that serves then.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from .calendar import calendars
from .crontab import Entry

COMMAND = "/usr/local/bin/hundred"

_HEAD = "# Written by hundred.containers for the service {service}; changes are lost.\n"

_TIMER = """\
[Unit]
Description=Times of the cron entry {entry} of {service}

[Timer]
{times}
AccuracySec=1s

[Install]
WantedBy=timers.target
"""

# The run is a unit of its own: an entry that is due while its last run is still at work is to be
# told, and waited for or run beside it where that is wanted. systemd alone would pass over it.
# When the host shuts down it is ended before the engine, so that its container gets a SIGTERM.
_SERVICE = """\
[Unit]
Description=Cron entry {entry} of {service}
Wants=docker.service
After=docker.service

[Service]
Type=oneshot
ExecStart=/usr/bin/systemd-run --quiet --collect --no-block --property=SyslogIdentifier=hundred \
--property=UMask=0077 --property=KillSignal=SIGTERM --property=After=docker.service \
{command} job {service} {entry}
"""

_AT_BOOT = """
[Install]
WantedBy=multi-user.target
"""


def unit_prefix(service: str) -> str:
    """How the names of the units of a service begin; neither it nor an entry has a dot."""
    return f"hundred-cron.{service}."


def make_units(service: str, entries: Iterable[Entry], command: str = COMMAND) -> dict[str, str]:
    """The texts of the units by their names.

    :param command: the program ``hundred`` on the host.
    """
    units = {}
    for entry in entries:
        facts = {"service": service, "entry": entry.name, "command": command}
        name = unit_prefix(service) + entry.name
        text = (_HEAD + _SERVICE).format(**facts)
        if entry.reboot:
            text += _AT_BOOT
        else:
            times = "\n".join(f"OnCalendar={time}" for time in calendars(entry))
            units[f"{name}.timer"] = (_HEAD + _TIMER).format(times=times, **facts)
        units[f"{name}.service"] = text
    return units


def to_enable(units: Iterable[str], texts: Mapping[str, str]) -> list[str]:
    """Those of the units that systemd is to look after by itself: timers, and what runs at boot."""
    return sorted(
        name for name in units if name.endswith(".timer") or "WantedBy=multi-user" in texts[name]
    )


def not_in_force(units: Iterable[str], properties: str) -> list[str]:
    """Those of the units that systemd does not look after. Pure.

    :param units: timers, and what runs at boot: see ``to_enable``.
    :param properties: what ``systemctl show`` says of them: Id, ActiveState and UnitFileState.
    """
    known = {}
    for block in properties.strip().split("\n\n"):
        pairs = dict(line.partition("=")[::2] for line in block.splitlines())
        known[pairs.get("Id", "")] = pairs
    return [name for name in units if not _is_in_force(name, known.get(name, {}))]


def _is_in_force(name: str, properties: Mapping[str, str]) -> bool:
    enabled = properties.get("UnitFileState") == "enabled"
    return enabled and (not name.endswith(".timer") or properties.get("ActiveState") == "active")
