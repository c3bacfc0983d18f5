# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What ``hundred doctor`` tells of one thing."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    :param subject: what was looked at, such as ``engine`` or the name of a service.
    :param problem: what is wrong; empty when nothing is.
    :param advice: what to do about it.
    :param note: what is good to know although nothing is wrong, such as a freeze.
    """

    subject: str
    problem: str = ""
    advice: str = ""
    note: str = ""
