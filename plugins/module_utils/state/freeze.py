# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A time in which nobody deploys a service: whose wish it is, why, and until when."""

from __future__ import annotations

import json
import os
import re
from dataclasses import asdict, dataclass
from datetime import datetime

from ..clock import utc_text
from ..definition.units import parse_duration
from ..errors import HundredError, LockedError, StateError
from .files import replace_file
from .folders import make_private_folder

# As RFC 3339 has it; a blank instead of the T is what YAML makes of a time without quotes.
_TIME = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d(?::\d\d)?)(?:\.\d+)?(?:([Zz])|([+-]\d\d):?(\d\d))"
)
_DAYS = re.compile(r"(\d{1,4})d\s*(.*)", re.ASCII)
_DAY = 24 * 3600.0
# Longer than anybody means; what is longer is a mistake.
_LONGEST = 3660 * _DAY


@dataclass(frozen=True)
class Freeze:
    """Until ``until``, seconds since the epoch, no rollout begins; rollbacks do."""

    owner: str
    reason: str
    until: float

    def __str__(self) -> str:
        return f"frozen by {self.owner} until {utc_text(self.until)}: {self.reason}"

    def lasts(self, now: float) -> bool:
        """Whether it is not over at ``now``, seconds since the epoch."""
        return self.until > now


def parse_end(text: str, now: float) -> float:
    """The end of a freeze, seconds since the epoch, of ``2026-12-24T18:00:00Z`` or of a duration
    such as ``4h``, ``72h`` or ``7d`` from ``now`` on.

    :raises HundredError: it is neither, or it is over.
    """
    try:
        moment = _TIME.fullmatch(text.strip())
        end = _moment(moment) if moment else now + _span(text.strip())
    except ValueError as error:
        raise HundredError(
            "end must be a time with its zone, such as 2026-12-24T18:00:00Z, or a duration such "
            "as 4h or 7d, not %r" % text
        ) from error
    if end <= now:
        raise HundredError("end must be in the future, not %r" % text)
    return end


def _moment(found: re.Match[str]) -> float:
    day, time, utc, hours, minutes = found.groups()
    zone = "+00:00" if utc else f"{hours}:{minutes}"
    return datetime.fromisoformat(f"{day}T{time}{zone}").timestamp()


def _span(text: str) -> float:
    """Seconds of a duration, which may be of days."""
    days = _DAYS.fullmatch(text)
    if days is None:
        return parse_duration(text, _LONGEST)
    rest = parse_duration(days[2], _LONGEST) if days[2] else 0.0
    return min(float(days[1]) * _DAY + rest, _LONGEST)


def refuse_frozen(service: str, freeze: Freeze | None, now: float) -> None:
    """Refuse a rollout while the service is frozen. Pure.

    :raises LockedError: it is; says whose wish that is, until when, and why.
    """
    if freeze is not None and freeze.lasts(now):
        raise LockedError(
            f"{service} is {freeze}",
            step="lock",
            next_step="wait for the end, have its owner end it (playbook thaw), or say why you "
            "deploy all the same: -e override='...'",
        )


class FreezeFile:
    """The file of a freeze."""

    def __init__(self, path: str) -> None:
        self.path = path

    def read(self) -> Freeze | None:
        """The freeze, whether it is over or not.

        :raises StateError: the file is damaged.
        """
        try:
            with open(self.path, encoding="utf-8") as stream:
                return Freeze(**json.load(stream))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError) as error:
            raise StateError(
                f"cannot read the freeze {self.path}: {error}",
                next_step="end it with the playbook thaw, and set it again if it is still wanted",
            ) from error

    def write(self, freeze: Freeze) -> None:
        """Begin a freeze, or change it."""
        make_private_folder(os.path.dirname(self.path))
        replace_file(self.path, json.dumps(asdict(freeze), sort_keys=True) + "\n", 0o600)

    def exists(self) -> bool:
        """Whether there is one, be it damaged or over."""
        return os.path.lexists(self.path)

    def remove(self) -> None:
        """End it."""
        os.unlink(self.path)
