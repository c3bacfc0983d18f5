# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The accounts of all registries that Docker's configuration knows, its credential helpers asked.

A classic build needs them beforehand: only the engine sees which base images a build pulls. The SDK
asks the helpers too, and gives up at the first that fails; Docker's command goes on, and so do we.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Callable

from .docker_config import DOCKER_HUB_KEY, account_entry, account_key, own_config
from .images import Credentials

# The user name by which a helper says that its secret is a token.
_TOKEN = "<token>"


def config_of_accounts(
    host: str | None, credentials: Credentials | None, report: Callable[[str], None]
) -> dict[str, Any] | None:
    """A configuration with all accounts as plain entries, and no helper.

    :param host: the registry that the credentials are for.
    :param report: told of helpers that fail; the accounts they have are left out.
    :returns: None if Docker's own configuration serves as it is: no account is added to it, and no
        helper is named in it.
    """
    config = own_config()
    store, helpers = config.get("credsStore"), config.get("credHelpers") or {}
    given = {account_key(host): account_entry(credentials)} if host and credentials else {}
    if not (given or store or helpers):
        return None
    # As Docker does: a registry's own helper counts before the store, and that before "auths".
    accounts = dict(config.get("auths") or {})
    if store:
        accounts.update(_stored(store, report))
    for registry, helper in helpers.items():
        if helper and registry not in given:
            accounts.update(_account(helper, registry, report))
    accounts.update(given)
    # Without any, the SDK would look into the user's own configuration again.
    return {"auths": accounts or {DOCKER_HUB_KEY: {}}}


def _stored(store: str, report: Callable[[str], None]) -> dict[str, Any]:
    """The accounts of a credential store."""
    accounts: dict[str, Any] = {}
    with _failures(f"the credential store docker-credential-{store}", report):
        for registry in _program(store).list():
            accounts.update(_account(store, registry, report))
    return accounts


def _account(helper: str, registry: str, report: Callable[[str], None]) -> dict[str, Any]:
    """The account that a helper has for a registry, by its key; empty if it has none or fails."""
    from docker.credentials.errors import CredentialsNotFound

    key = account_key(registry)
    account: dict[str, Any] = {}
    with _failures(f"the credential helper docker-credential-{helper} of {registry}", report):
        try:
            said = _program(helper).get(key)
        except CredentialsNotFound:
            return {}
        if said["Username"] == _TOKEN:
            account[key] = {"identitytoken": said["Secret"]}
        else:
            account[key] = account_entry(Credentials(said["Username"], said["Secret"]))
    return account


def _program(name: str) -> Any:
    from docker.credentials import Store

    with warnings.catch_warnings():  # of a missing program: its first call fails with the same
        warnings.simplefilter("ignore")
        return Store(name)


@contextmanager
def _failures(what: str, report: Callable[[str], None]) -> Iterator[None]:
    from docker.credentials.errors import StoreError

    try:
        yield
    except (StoreError, ValueError, KeyError, TypeError) as error:
        # What it printed instead of an answer may be a secret.
        why = str(error) if isinstance(error, StoreError) else "it gives no valid answer"
        report(
            f"{what} fails, and the build goes on without what it has: {why}. If base images come"
            " from there, repair it (credsStore or credHelpers in ~/.docker/config.json)"
        )
