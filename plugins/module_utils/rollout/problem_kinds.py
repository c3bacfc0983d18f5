# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a problem of a service on a host is about.

People are told the text; what is advised depends on the kind alone, since names of services,
replicas and cron entries stand in the texts.
"""

from __future__ import annotations

PAUSED, UNFINISHED, REPLICA, MISSING = "paused", "unfinished", "replica", "missing"
RUNS_ON, CRASHES, CRON, PROXY = "runs on", "crashes", "cron", "proxy"
