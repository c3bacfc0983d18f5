# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What check mode asks the registry, in the place of a pull."""

from __future__ import annotations

from ..engine.images import find_manifest
from ..errors import RolloutError
from ..image.reference import registry_host
from ..image.retry import retrying
from ..state.journal import Release
from .host import ServiceHost
from .options import NOT_BUILT


def require_image(host: ServiceHost, release: Release) -> None:
    """Return when the image of ``release`` could be pulled; nothing is. One that is not built yet
    has no digest to ask for.

    :raises RolloutError: the registry does not have it, or the image's name names no registry.
    :raises RegistryError: the registry cannot be asked.
    """
    if release.digest == NOT_BUILT:
        return
    registry, reference = registry_host(release.image), release.reference
    found = None
    if registry is not None:
        found = retrying(
            lambda: find_manifest(
                host.engine.client, reference, registry, host.settings.credentials
            ),
            host.settings.retries,
            lambda failure: None,
        )
    if found is None:
        where = f"in {registry}" if registry else "here, and its name names no registry"
        raise RolloutError(
            f"there is no image {reference} {where}",
            step="pull",
            next_step="push it, or give the revision or digest of one that is there",
        )
