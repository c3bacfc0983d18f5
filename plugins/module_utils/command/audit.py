# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who runs what in the image of a service, in the host's own log (syslog, so journald): written
before it begins, so that no way of ending this process leaves no trace.
"""

from __future__ import annotations

import os
import pwd
import shlex
import syslog
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

IDENT = "hundred"

_LOGIN = "/proc/self/loginuid"
_NO_LOGIN = 2**32 - 1


class Ending:
    """How something ended.

    :ivar text: in words; what says nothing did not come to its end.
    """

    def __init__(self) -> None:
        self.text = "not completed"

    def exited(self, code: int | None) -> None:
        """It ended with an exit code; None: its time was up."""
        self.text = "time limit" if code is None else f"exit code {code}"


@contextmanager
def audited(by: str, what: str, service: str, argv: Sequence[str]) -> Iterator[Ending]:
    """Log the begin and the end of what is done in here; the end has how it ended.

    :param by: whose wish it is.
    :param what: ``run`` or ``console``.
    :param argv: the command; empty: a shell.
    """
    words = shlex.join(argv) if argv else "a shell"
    # One line, whatever stands in the command.
    line = f"{what} in {service} by {by}: {words}".encode("unicode_escape").decode("ascii")
    syslog.openlog(IDENT, syslog.LOG_PID, syslog.LOG_AUTH)
    syslog.syslog(syslog.LOG_INFO, f"begin {line}")
    ended = Ending()
    try:
        yield ended
    finally:
        syslog.syslog(syslog.LOG_INFO, f"end ({ended.text}) {line}")


def account() -> str:
    """The name of who has logged in, whatever has become of that by sudo or su since then."""
    uid = _login_uid()
    name = _name_of(uid) if uid is not None else None
    return name or os.environ.get("SUDO_USER") or _name_of(os.getuid()) or "uid %d" % os.getuid()


def _login_uid() -> int | None:
    """What the kernel knows of the login; None for what no login has begun."""
    with suppress(OSError, ValueError), open(_LOGIN, encoding="ascii") as stream:
        uid = int(stream.read())
        return uid if uid != _NO_LOGIN else None
    return None


def _name_of(uid: int) -> str | None:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return None
