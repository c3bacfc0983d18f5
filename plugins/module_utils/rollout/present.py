# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bringing a service to a release, or back to the last good one: observe, plan, act under the
lock.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import replace

from ..definition.model import Definition
from ..definition.stored import from_mapping
from ..engine.images import pull_image
from ..engine.room import refuse_full
from ..errors import HundredError, RolloutError, StateError
from ..image.reference import registry_host
from ..image.retry import retrying
from ..state.freeze import refuse_frozen
from ..state.history import make_entry
from ..state.journal import Journal
from ..state.lock import SUPERVISOR, deploys_of, service_lock
from .attempt import Attempt
from .boundaries import boundary
from .examine import Examination, Wanted, examine
from .host import ServiceHost
from .outcome import Outcome
from .prune import prune
from .registry import require_image
from .report import make_diff, state_text
from .revision import find_revision
from .routing import Routing
from .schedule import planned_units, schedule
from .stale import refuse_stale
from .swap import run

# As long as the return of a failed deploy waits for a call whose connection broke
# (playbooks/parts/deploy_service.yml).
ORPHAN_SECONDS = 120.0


def present(
    host: ServiceHost, wanted: Wanted, check: bool = False, undoes: Sequence[str] = ()
) -> Outcome:
    """Have the wanted release serve on this host, and nothing else of the service.

    :param check: only say what would be done.
    :param undoes: the deploys over many hosts that are returned from.
    :raises HundredError: it failed; ``serving`` says what serves.
    """
    began = time.monotonic()
    if check:
        return outcome_in_check_mode(host, wanted, began)
    if host.settings.deploy is not None and host.settings.deploy.claimed:
        # The lock may be held by a swap of the deploy that has taken this one's place.
        with host.untouched(began):
            claim(host, wanted, keep=False)
    with _lock(host, wanted, undoes):
        return bring(host, wanted, began)


def _lock(
    host: ServiceHost, wanted: Wanted, undoes: Sequence[str] = ()
) -> AbstractContextManager[None]:
    deploy = host.settings.deploy
    deploys = undoes if deploy is None else (deploy.id, *undoes)
    by = _holder(host, wanted)
    return service_lock(host.lock_path, host.service, by, patience(host), deploys)


def _holder(host: ServiceHost, wanted: Wanted) -> str:
    """Who holds the lock and why, for the message that a second one gets."""
    by = host.settings.by
    # The supervisor is known by its name.
    return by if by == SUPERVISOR else f"{by}, who brings {_what(wanted)} here"


def patience(host: ServiceHost) -> float:
    """Seconds to wait for another rollout: what a deploy began here whose controller is gone, a
    swap or the return from one, goes on to its end, and the deploy that completes it waits for it.
    """
    settings = host.settings
    ended = settings.deploy.ended if settings.deploy is not None else ()
    orphaned = not deploys_of(host.lock_path).isdisjoint(ended)
    return max(settings.lock_timeout, ORPHAN_SECONDS if orphaned else 0.0)


def outcome_in_check_mode(host: ServiceHost, wanted: Wanted, began: float) -> Outcome:
    """What ``present`` would do; nothing is changed.

    :raises HundredError: it would be refused.
    """
    with host.untouched(began):
        claim(host, wanted, keep=False)
        wanted, _pulled = named(host, wanted, check=True)
        seen = examine(host, wanted, make_key=False)
        if seen.pull:
            require_image(host, seen.release)
        owed = _owed(host, wanted) and not seen.needed
    # As everywhere in Ansible, what check mode returns is what would be there afterwards.
    outcome = _outcome(host, seen, replace(seen.journal, committed=seen.release), began)
    return replace(outcome, owed=owed)


def _owed(host: ServiceHost, wanted: Wanted) -> bool:
    """Whether what comes after the swaps of a deploy that died is to be done by this one, here."""
    deploy = host.settings.deploy
    return wanted.purpose.deploys and deploy is not None and deploy.keep and host.owed()


def bring(host: ServiceHost, wanted: Wanted, began: float) -> Outcome:
    """What ``present`` does, for those who hold the service's lock.

    :param began: when the call began, on the monotonic clock.
    :raises HundredError: it failed; ``serving`` says what serves.
    """
    boundary("locked")
    deploy = host.settings.deploy
    with host.untouched(began):
        lost = host.lost_claim() if wanted.purpose.deploys else None
        if not wanted.revision:
            claim(host, wanted, keep=False)  # what is refused is refused before anything is pulled
            wanted, _pulled = named(host, wanted, check=False)
        deploys = claim(host, wanted, keep=lost is None)
        seen = examine(host, wanted, make_key=True)
        if lost is not None and seen.needed:
            raise lost
        owed = _owed(host, wanted)
    boundary("planned")
    if wanted.purpose.supersedes:
        seen = replace(seen, journal=seen.journal.noting(deploys))
    outcome = (
        _act(host, wanted, seen, began)
        if seen.needed
        else _outcome(host, seen, seen.journal, began)
    )
    if lost is not None and deploy is not None:
        # A call that is repeated after it was complete; what others left here is not this one's.
        return replace(outcome, deploys=(deploy.id,))
    # Complete on this host; a deploy that fails here keeps its claim until it is undone.
    if wanted.purpose.deploys and deploy is not None and deploy.keep and (seen.needed or owed):
        host.lease_file.owe(deploy.id)
    elif wanted.purpose.deploys:
        host.lease_file.end(deploys)
    return replace(outcome, deploys=deploys, owed=owed and not seen.needed)


def claim(host: ServiceHost, wanted: Wanted, keep: bool) -> tuple[str, ...]:
    """Claim the service for the deploy that this call is part of, unless it is frozen. What brings
    nothing new asks for neither: a rollback is what one does when a deploy went wrong.
    """
    if not wanted.purpose.deploys:
        return ()
    if not host.settings.override:
        refuse_frozen(host.service, host.freeze_file.read(), time.time())
    return host.claim(_what(wanted), keep)


def _what(wanted: Wanted) -> str:
    """What is brought, for messages."""
    return f"revision {wanted.revision}"[:21] if wanted.revision else f"image {wanted.digest[:19]}"


def named(host: ServiceHost, wanted: Wanted, check: bool) -> tuple[Wanted, bool]:
    """The goal with a revision: where only a digest was given, that of its image, which may have to
    be pulled to know it.

    :param check: nothing is pulled.
    :returns: the goal, and whether the image was pulled.
    :raises HundredError: the image cannot be pulled.
    """
    if wanted.revision:
        return wanted, False
    pulled = []
    image, digest = wanted.definition.image, wanted.digest

    def bring_image() -> None:
        pull(host, image, digest)
        pulled.append(digest)

    revision = find_revision(host, image, digest, None if check else bring_image)
    return replace(wanted, revision=revision), bool(pulled)


def prefetch(host: ServiceHost, wanted: Wanted, check: bool = False) -> tuple[bool, Outcome]:
    """Have the image on the host, and say whether a rollout is needed. No container is touched.

    :returns: whether the image was (or would be) pulled, and the outcome that a rollout would have.
    """
    began = time.monotonic()
    with host.untouched(began):
        # Found out first: on a host where nothing is to be done nothing is locked or claimed.
        deploys = claim(host, wanted, keep=False)
        wanted, pulled = named(host, wanted, check)
        seen = examine(host, wanted, make_key=not check)
        owed = host.owed() and not seen.needed
        if (seen.needed or owed) and not check:
            # A free lock is what the swap will want. It is not held while the image is pulled: a
            # rollback need not wait for that.
            with _lock(host, wanted):
                deploys = claim(host, wanted, keep=True)
        elif deploys and not check:
            host.lease_file.end(deploys)  # nothing is left to do for a deploy that died, either
        if seen.pull and check:
            require_image(host, seen.release)
        elif seen.pull:
            _bring_image(host, wanted, seen)
        refuse_stale(host, seen)
    outcome = _outcome(host, seen, seen.journal, began)
    return pulled or seen.pull, replace(outcome, deploys=deploys, owed=owed)


def pull(host: ServiceHost, image: str, digest: str) -> None:
    """Have an image on this host.

    :param image: its repository.
    :raises HundredError: it cannot be pulled, or has no room.
    """
    registry, reference = registry_host(image), f"{image}@{digest}"
    if registry is None:
        raise RolloutError(
            f"the image {reference} is not on this host, and its name names no registry "
            "to pull it from",
            step="pull",
            next_step="push it to a registry and name that in the definition's image",
        )
    refuse_full(host.engine.client, (host.settings.state_dir,))
    host.pulled.add(reference)
    try:
        retrying(
            lambda: pull_image(
                host.engine.client,
                image,
                digest,
                registry,
                host.settings.credentials,
            ),
            host.settings.retries,
            lambda failure: None,
        )
    except HundredError as error:
        error.step = error.step or "pull"
        raise


def _bring_image(host: ServiceHost, wanted: Wanted, seen: Examination) -> None:
    """Pull the image, and refuse a crontab that could not be read before."""
    pull(host, seen.release.image, seen.release.digest)
    if wanted.timers:
        planned_units(host, wanted.definition, seen.release.reference, here=True)


# -- act -------------------------------------------------------------------------------------


def _act(host: ServiceHost, wanted: Wanted, seen: Examination, began: float) -> Outcome:
    definition = wanted.definition

    def prepare() -> None:
        host.networks.ensure()
        if seen.pull:
            _bring_image(host, wanted, seen)
        refuse_stale(host, seen)
        if definition.secrets and not host.secrets.has(seen.release.release):
            if not wanted.purpose.deploys:
                raise RolloutError(
                    f"the secrets of revision {wanted.revision} are not on this host any more",
                    step="secrets",
                    next_step="deploy the revision; that brings them",
                )
            host.secrets.write(seen.release.release, definition.secrets)

    former = seen.former.definition if seen.former is not None else None
    attempt = Attempt(
        engine=host.engine,
        routing=Routing(seen.proxy, definition, former, _ports(seen.journal)),
        journal_file=host.journal_file,
        journal=seen.journal,
        plan=seen.plan,
        release=seen.release,
        replicas=host.replicas(definition, seen.release),
        former=seen.former,
        purpose=wanted.purpose,
    )
    try:
        journal = run(attempt, prepare)
        if wanted.timers:
            _schedule(host, definition, seen)
    except HundredError as error:
        if attempt.journal.paused:
            # The new release serves while somebody decides, so its cron entries are those that run.
            try:
                _schedule(host, definition, seen)
            except HundredError as trouble:
                attempt.notes.append(f"its cron entries are not scheduled: {trouble.message}")
        error.serving = error.serving or str(seen.journal.committed or "nothing")
        error.details.setdefault("planned", list(seen.lines))
        error.details.setdefault("notes", attempt.notes)
        error.details["previous_revision"] = seen.serving[0].revision if seen.serving[0] else None
        error.details["seconds"] = round(time.monotonic() - began, 3)
        _remember(host, wanted, seen, began, error.message)
        raise
    notes = [*attempt.notes, *prune(host, seen.journal, journal)]
    notes += _remember(host, wanted, seen, began, None)
    return _outcome(host, seen, journal, began, tuple(notes))


def _schedule(host: ServiceHost, definition: Definition, seen: Examination) -> None:
    try:
        schedule(host, definition, seen.release.reference)
    except HundredError as error:
        error.step = error.step or "cron"
        error.serving = f"{seen.release}; its cron entries are not scheduled"
        raise


def _ports(journal: Journal) -> dict[int, int]:
    """The port of each release that the journal knows, by its generation."""
    known = ((item.generation, item.definition.get("port")) for item in journal.releases())
    return {generation: port for generation, port in known if port}


def _remember(
    host: ServiceHost, wanted: Wanted, seen: Examination, began: float, failure: str | None
) -> list[str]:
    """Add a line to the history. It is no reason to fail a rollout: what went wrong is returned as
    a note.
    """
    if not wanted.purpose.remembered:
        return []
    serving = seen.serving[0]
    entry = make_entry(
        host.settings.by,
        wanted.purpose.word,
        round(time.monotonic() - began, 3),
        failure,
        former=serving.revision if serving is not None else None,
        revision=wanted.revision,
        generation=seen.release.generation,
    )
    if host.settings.override:
        entry["override"] = host.settings.override
    try:
        host.history.add(entry)
    except StateError as error:
        return [f"the history could not be written: {error.message}"]
    return []


def _outcome(
    host: ServiceHost,
    seen: Examination,
    journal: Journal,
    began: float,
    notes: tuple[str, ...] = (),
) -> Outcome:
    serving, definition = seen.serving
    before = state_text(
        serving,
        definition,
        [(item.name, item.address) for item in seen.containers],
        seen.journal.stopped,
    )
    after = state_text(seen.release, from_mapping(seen.release.definition), seen.members)
    diff = []
    if seen.needed:
        diff = make_diff(host.service, before, after, seen.lines, seen.file_change)
    return Outcome(
        changed=seen.needed,
        actions=seen.lines,
        diff=tuple(diff),
        journal=journal,
        former=serving,
        replicas=seen.members,
        seconds=round(time.monotonic() - began, 3),
        notes=notes,
    )
