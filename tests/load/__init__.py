# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An open-loop HTTP load client that counts every way of losing a request apart.

In a test:

    with LoadProcess("http://127.0.0.1:80", "--host", "shop.example.com", "--slow", "5") as load:
        begin = time.monotonic()
        ...                                  # the swap
        end = time.monotonic()
    assert load.result.lost == 0
    assert load.result.between(begin, end).latency.p99 < 0.1

In an event loop: "async with Load(url) as load". On the command line: python3 -m tests.load --help.
"""

from __future__ import annotations

from .client import Load
from .process import LoadFailed, LoadProcess
from .result import Failure, Latency, Result, ServerLog, Window
from .traffic import LOST, PACED, SHOP, TEST_APP, Kind, Outcome, Paths

__all__ = [
    "LOST",
    "PACED",
    "SHOP",
    "TEST_APP",
    "Failure",
    "Kind",
    "Latency",
    "Load",
    "LoadFailed",
    "LoadProcess",
    "Outcome",
    "Paths",
    "Result",
    "ServerLog",
    "Window",
]
