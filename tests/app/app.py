# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The application of the integration tests: python3 app.py. What it can do is told in README.md."""

from __future__ import annotations

import signal
import sys
import time

BEGAN = time.monotonic()
# PID 1 has no default action for SIGTERM: until the loop has taken over, a stop shall still work.
signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(0))

from behaviour import BadEnvironment, Behaviour  # noqa: E402  the handler must be there first


def main() -> int:
    """Behave as told; returns the exit status."""
    try:
        behaviour = Behaviour.from_environment()
    except BadEnvironment as error:
        print(f"app: {error}", file=sys.stderr)
        return 2
    for number in range(1, behaviour.log_lines + 1):
        print(f"app: line {number} of {behaviour.log_lines}")
    sys.stdout.flush()
    if behaviour.exit_at_once >= 0:
        print(behaviour.exit_message, file=sys.stderr)
        return behaviour.exit_at_once
    import asyncio  # after the fast ways out: it is most of the start-up time

    import modes

    return asyncio.run(modes.run(behaviour, BEGAN))


if __name__ == "__main__":
    sys.exit(main())
