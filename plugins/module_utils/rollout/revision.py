# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The revision of a release that was asked for by its digest alone: what its image says."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ..definition.names import is_plain_revision
from ..engine.images import LABEL_REVISION, find_image
from .host import ServiceHost

# As many as tables show of a revision.
DIGITS = 12


def find_revision(
    host: ServiceHost, image: str, digest: str, pull: Callable[[], None] | None
) -> str:
    """The revision in the label of an image.

    Where it has none, the name by which the image serves on this host already; else the beginning
    of the digest, which is the same on all hosts.

    :param image: its repository.
    :param pull: has the image on this host; None: it may be missing, as in check mode.
    """
    reference = f"{image}@{digest}"
    found = find_image(host.engine.client, reference)
    serving = host.journal_file.read().committed
    known = serving.revision if serving is not None and serving.digest == digest else None
    if found is None and known is None and pull is not None:
        pull()
        found = find_image(host.engine.client, reference)
    return named_by(found.labels if found is not None else {}, known, digest)


def named_by(labels: Mapping[str, str], known: str | None, digest: str) -> str:
    """The revision that an image's labels name, else a known one, else that of its digest. Pure."""
    label = labels.get(LABEL_REVISION) or ""
    if is_plain_revision(label):
        return label
    return known or digest.rpartition(":")[2][:DIGITS]
