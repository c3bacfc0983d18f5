# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the drivers have in common: our one file, changed under a lock, taken back when it does not
work.
"""

from __future__ import annotations

import subprocess
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence

from ..errors import HundredError, ProxyError, StateError
from ..state.files import discard, prepare_file, put_in_place, replace_file
from ..state.lock import file_lock
from . import committed
from .protocol import Backend, FileChange, Member, nothing
from .settings import ProxySettings

# Readable for all, as the other files of a proxy's configuration: nothing in it is secret.
_MODE = 0o644


class FileDriver(ABC):
    """A proxy whose configuration has one file of ours.

    The file carries a mark, and the running proxy can tell the mark of what it has loaded: it needs
    a reload if and only if the two differ. So a run that was killed half-way is continued by the
    next one.
    """

    name: str

    def __init__(self, settings: ProxySettings) -> None:
        self._path = settings.config_path
        self._lock_file = settings.lock_file
        self._binary = settings.binary

    def preview(self, backend: Backend) -> FileChange:
        """See ``Proxy.preview``."""
        before = self._read()
        backends = committed.with_backend(self._decode(before), backend)
        change = self._preview(before, self._render(backends))
        if change.reload:
            self._refuse(change.after)
        return change

    def preview_removal(self, service: str) -> FileChange:
        """See ``Proxy.preview_removal``."""
        before = self._read()
        return self._preview(before, self._without(before, service))

    def addresses(self) -> frozenset[str]:
        """See ``Proxy.addresses``."""
        return frozenset(
            member.address for backend in self._committed() for member in backend.members
        )

    def commit(self, backend: Backend, look: Callable[[], object] = nothing) -> bool:
        """See ``Proxy.commit``."""
        with file_lock(self._lock_file):
            before = self._read()
            backends = self._decode(before)
            former = committed.find(backends, backend.service)
            known = former.members if former is not None else ()
            # Those that are in the file already have proved themselves when they came in; a sick
            # one must not stop the rollout that is to replace it.
            fresh = [member for member in backend.members if member not in known]
            after = self._render(committed.with_backend(backends, backend))
            return self._change(before, after, lambda: self._serve(backend, fresh, look))

    def remove(self, service: str) -> bool:
        """See ``Proxy.remove``."""
        with file_lock(self._lock_file):
            before = self._read()
            return self._change(before, self._without(before, service), lambda: None)

    def _bring_in_step(self) -> None:
        """Reload when the running proxy has loaded something else than our file says."""
        with file_lock(self._lock_file):
            text = self._read()
            if self._needs_reload(text):
                self._load(text)

    # -- what a driver adds ----------------------------------------------------------------------

    @abstractmethod
    def _render(self, backends: Sequence[Backend]) -> str:
        """The whole file for these backends."""

    @abstractmethod
    def _mark_in(self, text: str) -> str | None:
        """The mark of a file's text, None for a file without one."""

    @abstractmethod
    def _running_mark(self) -> str | None:
        """The mark of what the running proxy has loaded, None when it has nothing of ours."""

    @abstractmethod
    def _check(self, candidate: str) -> None:
        """Raise ``ProxyError`` if the proxy's own check refuses the file ``candidate`` in ours'
        place.
        """

    @abstractmethod
    def _refuse(self, text: str) -> None:
        """Raise ``ProxyError`` if it can be told before the file is there that loading it would
        fail.
        """

    @abstractmethod
    def _load(self, text: str) -> None:
        """Reload the proxy and return when it is proved to run ``text``; raise ``ProxyError``
        otherwise.
        """

    @abstractmethod
    def _serve(self, backend: Backend, fresh: Sequence[Member], look: Callable[[], object]) -> None:
        """Return when requests reach the members of ``backend``, and all of ``fresh`` have answered
        one through the proxy; raise ``ProxyError`` otherwise, or what ``look`` raises.
        """

    # -- what drivers share ----------------------------------------------------------------------

    def _read(self, path: str | None = None) -> str:
        """The text of our file (or of another one), empty when there is none."""
        path = path or self._path
        try:
            with open(path, encoding="utf-8") as stream:
                return stream.read()
        except FileNotFoundError:
            return ""
        except (OSError, UnicodeError) as error:
            raise ProxyError(f"cannot read {path}: {error}", next_step="run as root") from error

    def _decode(self, text: str) -> list[Backend]:
        return committed.decode(text, self._path)

    def _committed(self) -> list[Backend]:
        return self._decode(self._read())

    def _run_check(
        self, command: Sequence[str], environment: Mapping[str, str] | None = None
    ) -> str:
        """Run the proxy's own check; its words are the error's.

        :returns: what it printed.
        :raises ProxyError: it refuses, or cannot be run.
        """
        try:
            done = subprocess.run(
                command,
                env=None if environment is None else dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                encoding="utf-8",
                errors="replace",
                timeout=60,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise ProxyError(f"cannot check the configuration of {self.name}: {error}") from error
        if done.returncode != 0:
            raise ProxyError(
                f"{self.name} refuses the configuration: {done.stdout.strip()[-2000:]}",
                step="commit",
                serving="what was served before: nothing was changed",
                next_step="mend the file that is named, or the service's routes, and run again",
            )
        return done.stdout

    def _without(self, text: str, service: str) -> str:
        """The file's text without a service; as it is when it does not have that service."""
        backends = self._decode(text)
        if committed.find(backends, service) is None:
            return text
        return self._render(committed.without_service(backends, service))

    def _preview(self, before: str, after: str) -> FileChange:
        return FileChange(self._path, before, after, reload=self._needs_reload(after))

    def _needs_reload(self, text: str) -> bool:
        return self._running_mark() != self._mark_in(text)

    def _change(self, before: str, after: str, serve: Callable[[], None]) -> bool:
        """Put ``after`` in ``before``'s place, load it if needed, ``serve``; or change nothing."""
        reload = self._needs_reload(after)
        changed = before != after
        if changed:
            self._replace(after, check=reload)
        elif reload:
            self._check(self._path)
        try:
            if reload:
                self._load(after)
            serve()
        except HundredError as error:
            raise self._taken_back(before if changed else None, reload, error) from error
        return reload

    def _replace(self, text: str, check: bool) -> None:
        try:
            prepared = prepare_file(self._path, text, _MODE)
            try:
                if check:
                    self._check(prepared)
            except ProxyError:
                discard(prepared)
                raise
            put_in_place(prepared, self._path)
        except StateError as error:
            raise ProxyError(error.message, next_step=error.next_step) from error

    def _taken_back(self, before: str | None, reloaded: bool, error: HundredError) -> ProxyError:
        serving = "what was served before: its configuration was put back"
        try:
            if before is not None:
                replace_file(self._path, before, _MODE)
                if reloaded:
                    self._load(before)
        except StateError as second:
            serving = f"not certain: {second.message}"
        except ProxyError as second:
            serving = f"not certain: the former configuration is in place but {second.message}"
        return ProxyError(
            error.message,
            step="commit",
            replica=error.replica,
            serving=serving,
            next_step=error.next_step,
            details=error.details,
        )
