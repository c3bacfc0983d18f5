# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""After a rollout: what belongs only to releases that nobody can return to any more is removed."""

from __future__ import annotations

from ..engine.images import remove_reference
from ..errors import ConflictError, EngineError, NotFoundError, StateError
from ..state.journal import Journal, read_journals
from .host import ServiceHost


def prune(host: ServiceHost, before: Journal, after: Journal) -> list[str]:
    """Remove secrets and images of releases that the journal dropped, and images of releases that
    failed or were never swapped to.

    An image is left alone while any service on this host remembers a release of it or any
    container uses it.

    :returns: what could not be removed, as notes: a rollout that serves does not fail for it.
    """
    host.secrets.keep_only(release.release for release in after.releases())
    try:
        others = _digests_of_others(host)
        pulled = host.pulled.read()
    except StateError as error:
        return [f"no image was removed, since another service may need it: {error.message}"]
    kept = {release.digest for release in after.releases()} | others
    known = {release.reference for release in before.releases()} | pulled
    dropped = {item for item in known if item.rpartition("@")[2] not in kept}
    notes = []
    for reference in sorted(dropped):
        try:
            remove_reference(host.engine.client, reference)
        except (NotFoundError, ConflictError):
            pass  # gone already, or in use by a container that is not this service's
        except EngineError as error:
            notes.append(f"not removed: {error.message}")
            dropped.discard(reference)  # tried again after the next rollout
    host.pulled.forget(dropped)
    return notes


def _digests_of_others(host: ServiceHost) -> set[str]:
    return {
        release.digest
        for journal in read_journals(host.settings.state_dir)
        if journal.service != host.service
        for release in journal.releases()
    }
