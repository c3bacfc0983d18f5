# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The driver for nginx: a change is one new file and one reload, proved by nginx's own answer."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from ..clock import Deadline
from ..errors import ProxyError
from . import committed, nginx_config, nginx_workers
from .file_driver import FileDriver
from .http_request import Answer, Reply, get_at_once
from .protocol import Backend, Member, Observed, nothing
from .settings import NginxSettings

_POLL = 0.01

# For nginx's own answers, which no replica has a part in.
_ANSWER_SECONDS = 2.0

# Checks a file in the place of ours without putting it there: in a mount namespace of its own,
# which ends with the check. Arguments: the candidate, our path, the command.
_IN_PLACE = 'mount --bind -- "$1" "$2" && shift 2 && exec "$@"'


class Nginx(FileDriver):
    """nginx 1.22 or later. It has no way to change members while it runs, so ``admit``, ``verify``
    and ``forget`` do nothing: ``commit`` switches all at once.
    """

    name = "nginx"

    def __init__(self, settings: NginxSettings) -> None:
        super().__init__(settings)
        self._settings = settings

    # -- the protocol ----------------------------------------------------------------------------

    def ready(self) -> None:
        """See ``Proxy.ready``."""
        nginx_workers.master(self._settings.pid_file)
        listing = self._run_check([*self._test_command(), "-T"])
        if f"# configuration file {self._path}:" not in listing:
            raise ProxyError(
                f"{self._settings.main_config} does not include {self._path}, or it is missing",
                next_step="include its folder in the http block and create the file, empty; the "
                "role hundred.containers.proxy does both",
            )

    def observe(self, service: str) -> Observed:
        """See ``Proxy.observe``."""
        text = self._read()
        backend = committed.find(self._decode(text), service)
        members = backend.members if backend is not None else ()
        return Observed(
            committed=backend,
            serving={member.name: "ready" for member in members},
            addresses={member.name: member.endpoint for member in members},
            in_step=not self._needs_reload(text),
        )

    def admit(self, backend: Backend, members: Sequence[Member]) -> None:
        """Nothing: ``commit`` admits."""

    def verify(
        self, backend: Backend, members: Sequence[Member], look: Callable[[], object] = nothing
    ) -> None:
        """Nothing: ``commit`` verifies."""

    def drain(self, backend: Backend, members: Sequence[Member]) -> None:
        """See ``Proxy.drain``: so since ``commit``, which is checked here.

        Members that are still in the file leave it: nginx knows no other way.
        """
        names = {member.name for member in members}
        former = committed.find(self._committed(), backend.service)
        if former is not None and any(member.name in names for member in former.members):
            staying = tuple(member for member in former.members if member.name not in names)
            self.commit(replace(former, members=staying))
        else:
            self._bring_in_step()

    def in_flight(self, backend: Backend, members: Sequence[Member]) -> int:
        """See ``Proxy.in_flight``; clients of old workers that may still ask for a member count
        too.
        """
        known = {member.endpoint for other in self._committed() for member in other.members}
        asked = {member.endpoint for member in members}
        # The kernel's table changes while it is read, and a line may be missed: twice none is none.
        return self._count(asked, known) or self._count(asked, known)

    def retire(self, backend: Backend, members: Sequence[Member]) -> None:
        """See ``Proxy.retire``: as ``drain``, since nothing else can pick a member."""
        self.drain(backend, members)

    def forget(self, backend: Backend, members: Sequence[Member]) -> None:
        """Nothing: the file has not had them since ``commit``."""

    # -- configuration -----------------------------------------------------------------------------

    def _render(self, backends: Sequence[Backend]) -> str:
        return nginx_config.render(backends, self._settings)

    def _mark_in(self, text: str) -> str | None:
        return nginx_config.generation_in(text)

    def _running_mark(self) -> str | None:
        nginx_workers.master(self._settings.pid_file)
        return self._generation()[0]

    def _check(self, candidate: str) -> None:
        test = [*self._test_command(), "-t", "-q"]
        if candidate == self._path:
            self._run_check(test)
            return
        place = ["sh", "-c", _IN_PLACE, "sh", candidate, self._path]
        self._run_check(["unshare", "--mount", "--", *place, *test])

    def _refuse(self, text: str) -> None:
        """Nothing: all services share the port that nginx has, and it is asked by ``_check``."""

    def _load(self, text: str) -> None:
        wanted = self._mark_in(text)
        deadline = Deadline(self._settings.reload_deadline)
        answered_by: set[int] = set()
        before = nginx_workers.workers(self._settings.pid_file).accepting
        nginx_workers.reload(self._settings.pid_file)
        while not deadline.passed():
            time.sleep(_POLL)
            generation, worker = self._generation()
            if generation != wanted:
                continue
            answered_by.update([worker] if worker else [])
            if nginx_workers.have_replaced(self._settings.pid_file, before, answered_by):
                return
        raise ProxyError(
            f"nginx did not load the configuration within {deadline.seconds:g} s",
            next_step="see nginx's error log; a port that is taken is the usual cause",
        )

    def _serve(self, backend: Backend, fresh: Sequence[Member], look: Callable[[], object]) -> None:
        waiting = {member.endpoint: member for member in fresh}
        deadline = Deadline(self._settings.verify_seconds(backend.check))
        last: Reply | None = None
        while waiting:
            look()
            if deadline.passed():
                raise self._unserved(next(iter(waiting.values())), backend, last)
            path = nginx_config.verify_path(backend.service)
            # As many at once as there are members: nginx chooses the one with the fewest requests.
            for last in self._ask(path, backend.check.timeout, len(backend.members)):
                if isinstance(last, Answer) and _passed(last, backend):
                    # Of several members that nginx has tried the last one answered.
                    tried = last.headers.get(nginx_config.UPSTREAM_HEADER.lower(), "")
                    waiting.pop(tried.split(", ")[-1], None)
            if waiting:
                time.sleep(_POLL)

    def _count(self, asked: set[str], known: set[str]) -> int:
        settings = self._settings
        return nginx_workers.in_flight(settings.pid_file, settings.http_port, asked, known)

    # -- the running proxy -------------------------------------------------------------------------

    def _generation(self) -> tuple[str | None, int]:
        """The generation that answers a new connection, and the worker that answers for it."""
        answer = self._ask(nginx_config.GENERATION_PATH, _ANSWER_SECONDS)[0]
        if not isinstance(answer, Answer) or answer.status != 200:
            return None, 0
        words = answer.body.split()
        if len(words) != 2 or not words[1].isdigit():
            return None, 0  # another site answers that host name
        return words[0], int(words[1])

    def _ask(self, path: str, timeout: float, count: int = 1) -> list[Reply]:
        """Ask nginx's status server, ``count`` times at once."""
        address = self._settings.bind_addresses[0]
        target = ({"*": "127.0.0.1", "::": "::1"}.get(address, address), self._settings.http_port)
        return get_at_once(target, path, {"Host": self._settings.status_name}, timeout, count)

    def _test_command(self) -> list[str]:
        return [self._binary, "-c", self._settings.main_config]

    def _unserved(self, member: Member, backend: Backend, last: Reply | None) -> ProxyError:
        seen = f"the last answer was {last.status}" if isinstance(last, Answer) else str(last)
        path = backend.check.path
        asked = f"no 2xx or 3xx for GET {path}" if path else "no answer"
        return ProxyError(
            f"{member.name} ({member.endpoint}) gave {asked} through nginx in time; {seen}",
            step="verify",
            replica=member.name,
            next_step="look at the replica's log and at nginx's error log",
        )


def _passed(answer: Answer, backend: Backend) -> bool:
    if backend.check.path is None:
        return answer.status not in (502, 504)  # nginx's own words for no answer
    return 200 <= answer.status < 400
