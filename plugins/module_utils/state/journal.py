# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What this host remembers of a service: which release is committed, which is wanted, which were
good.

One JSON file per service, replaced atomically, readable by root only. It holds no secret values.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from ..errors import StateError
from .files import replace_file
from .folders import make_private_folder

FORMAT = 1

# The phases of a rollout as the journal knows them. Everything finer is observed, not remembered.
IDLE = "idle"
STARTING = "starting"  # the old release serves; containers of the wanted one may exist
SWITCHED = "switched"  # the new release serves; the old one may still exist


@dataclass(frozen=True)
class Release:
    """A digest with a definition, as it was or is to be run on this host.

    :param definition: the definition without secret values, as ``definition.release.to_mapping``
        gives it.
    :param proxy: the settings of the proxy driver it is routed by.
    :param committed_at: seconds since the epoch. Of a release that is wanted, when its rollout
        began or, once it was switched to, when that was, for a run that is killed after it.
    """

    generation: int
    release: str
    image: str
    digest: str
    revision: str
    definition: Mapping[str, Any]
    proxy: Mapping[str, Any] = field(default_factory=dict)
    network: Mapping[str, str] = field(default_factory=dict)
    committed_at: float = 0.0

    @property
    def reference(self) -> str:
        """The image by digest, which is what containers are created from."""
        return f"{self.image}@{self.digest}"

    def __str__(self) -> str:
        return "revision %s (generation %d)" % (self.revision[:12], self.generation)


@dataclass(frozen=True)
class Before:
    """What a deploy over many hosts found: where this host returns to when the deploy fails.

    :param deploy: the deploy's id.
    :param release: None when the host did not have the service.
    """

    deploy: str
    release: Release | None
    stopped: bool


@dataclass(frozen=True)
class Journal:
    """The memory of one service.

    :param last_generation: the highest number ever given, to failed rollouts too.
    :param kept: releases that were good before the committed one, oldest first: the way back.
    :param stopped: it was stopped by name and is to stay so.
    :param before: of the deploy that touched the service last.
    :param paused: a failure in the ``monitor`` window left both releases, for somebody to decide
        (``failure_action: pause``).
    """

    service: str
    last_generation: int = 0
    committed: Release | None = None
    desired: Release | None = None
    kept: tuple[Release, ...] = ()
    phase: str = IDLE
    stopped: bool = False
    before: Before | None = None
    paused: bool = False

    @property
    def previous(self) -> Release | None:
        """The release that a rollback returns to."""
        return self.kept[-1] if self.kept else None

    def commit(self, release: Release, at: float, retain: int, rollback: bool = False) -> Journal:
        """The journal once ``release`` serves. Pure.

        The release it replaces is remembered as good, except when the same containers go on (a
        change
        of scale or of routes). After a rollback it is not: it and all that came after the release
        returned to are forgotten, so that two rollbacks in a row go back twice.

        :param at: seconds since the epoch.
        :param retain: how many releases to remember.
        """
        kept = list(self.kept)
        ids = [item.release for item in kept]
        if rollback and release.release in ids:
            kept = kept[: ids.index(release.release)]
        elif self.committed is not None and self.committed.release != release.release:
            kept = [item for item in kept if item.release != release.release]
            if not rollback:
                kept.append(self.committed)
        return replace(
            self,
            committed=replace(release, committed_at=at),
            desired=None,
            kept=tuple(kept[-retain:]) if retain else (),
            phase=IDLE,
            stopped=False,
            paused=False,
            last_generation=max(self.last_generation, release.generation),
        )

    def returned_to(self, release: Release) -> Journal:
        """The journal after the wanted release failed in its window and ``release`` serves again.
        Pure.
        """
        kept = tuple(item for item in self.kept if item.release != release.release)
        return replace(
            self,
            committed=release,
            desired=None,
            kept=kept,
            phase=IDLE,
            stopped=False,
            paused=False,
        )

    def noting(self, deploys: Sequence[str]) -> Journal:
        """The journal that remembers how things are now; what one of these deploys found stays, and
        is the first one's from now on. Pure.

        One that is completed by another may not have ended, only been silent for long. When it goes
        on and fails it must not undo what the other brings here.

        :param deploys: a deploy's id and those of the ones it completes; none: nothing is to be
            remembered.
        """
        if not deploys:
            return replace(self, before=None)
        if self.before is not None and self.before.deploy in deploys:
            return replace(self, before=replace(self.before, deploy=deploys[0]))
        return replace(self, before=Before(deploys[0], self.committed, self.stopped))

    def releases(self) -> tuple[Release, ...]:
        """Every release that the journal knows, oldest first."""
        found = self.before.release if self.before is not None else None
        known = [found, *self.kept, self.committed, self.desired]
        return tuple(release for release in known if release is not None)


def _release(raw: Mapping[str, Any] | None) -> Release | None:
    return Release(**raw) if raw is not None else None


def _before(raw: Mapping[str, Any] | None) -> Before | None:
    return Before(**{**raw, "release": _release(raw["release"])}) if raw is not None else None


def _journal(raw: Mapping[str, Any]) -> Journal:
    return Journal(
        service=raw["service"],
        last_generation=raw["last_generation"],
        committed=_release(raw["committed"]),
        desired=_release(raw["desired"]),
        kept=tuple(Release(**item) for item in raw["kept"]),
        phase=raw["phase"],
        stopped=raw["stopped"],
        before=_before(raw.get("before")),
        paused=bool(raw.get("paused")),
    )


def _why(error: Exception) -> str:
    """The error in words: what is JSON, but no journal, fails on its first key."""
    return str(error) if isinstance(error, (OSError, ValueError)) else f"it is none ({error!r})"


def _next_step(error: Exception) -> str:
    """What to do about a journal that cannot be read."""
    if isinstance(error, PermissionError):
        return "run it as root"
    return (
        "restore it from a backup; or move it away: the next rollout then takes the service as new "
        "and replaces the containers it finds"
    )


def read_journals(state_dir: str) -> list[Journal]:
    """What this host remembers of each service, in the order of their names.

    :raises StateError: one of them, or their folder, cannot be read.
    """
    folder = os.path.join(state_dir, "services")
    try:
        names = sorted(os.listdir(folder))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise StateError(f"cannot read {folder}: {error.strerror}") from error
    return [JournalFile(os.path.join(folder, name, "journal.json"), name).read() for name in names]


class JournalFile:
    """The journal's file."""

    def __init__(self, path: str, service: str) -> None:
        self.path = path
        self._service = service

    def read(self) -> Journal:
        """The journal; an empty one when the host never had the service.

        :raises StateError: the file is damaged or of a newer version.
        """
        try:
            with open(self.path, encoding="utf-8") as stream:
                raw = json.load(stream)
            version = raw.pop("format", None)
            if version == FORMAT:
                return _journal(raw)
        except FileNotFoundError:
            return Journal(service=self._service)
        except (OSError, ValueError, AttributeError, KeyError, TypeError) as error:
            raise StateError(
                f"cannot read the journal {self.path}: {_why(error)}",
                step="observe",
                next_step=_next_step(error),
            ) from error
        raise StateError(f"the journal {self.path} was written by another version")

    def write(self, journal: Journal) -> None:
        """Replace the file atomically and durably.

        :raises StateError: the disk is full or not writable.
        """
        text = json.dumps({"format": FORMAT, **asdict(journal)}, indent=1, sort_keys=True)
        make_private_folder(os.path.dirname(self.path))
        replace_file(self.path, text + "\n", 0o600)
