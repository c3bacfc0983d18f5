# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The identity of a release: what of a definition makes another container necessary."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

from .model import Definition
from .stored import to_mapping, volume_text

# Twelve hexadecimal digits, as git abbreviates commits: enough for the releases of one service.
ID_DIGITS = 12


def container_spec(definition: Definition) -> dict[str, Any]:
    """What a container is made from, besides its image and the values of its secrets.

    A change of it makes new containers necessary; a change of anything else (replicas, routes,
    health, update, timeouts, build) does not. What is not set is left out, so that a key which a
    later version adds does not make a new release of every service. Order is kept only where it
    matters.
    """
    resources = definition.resources
    spec: dict[str, Any] = {
        "command": definition.command and list(definition.command),
        "entrypoint": definition.entrypoint and list(definition.entrypoint),
        "user": definition.user,
        "working_dir": definition.working_dir,
        "init": definition.init,
        "read_only": definition.read_only,
        "tmpfs": sorted(definition.tmpfs),
        "cap_drop": sorted(definition.cap_drop),
        "cap_add": sorted(definition.cap_add),
        "no_new_privileges": definition.no_new_privileges or None,
        "ulimits": dict(definition.ulimits),
        "extra_hosts": dict(definition.extra_hosts),
        "dns": list(definition.dns),
        "dns_search": list(definition.dns_search),
        "dns_options": list(definition.dns_options),
        "stop_signal": definition.stop_signal,
        "port": definition.port,
        "protocol": definition.protocol if definition.port is not None else None,
        "environment": dict(definition.environment),
        "secrets": sorted(definition.secrets),
        "secret_environment": sorted(definition.secret_environment),
        "volumes": sorted(volume_text(volume) for volume in definition.volumes),
        "cpus": resources.cpus,
        "memory": resources.memory,
        "pids": resources.pids,
        "log_driver": definition.logging.driver,
        "log_options": dict(definition.logging.options),
    }
    return {key: value for key, value in spec.items() if value not in (None, (), [], {})}


def release_id(definition: Definition, digest: str, secrets_key: bytes) -> str:
    """The id of a release: twelve hexadecimal digits.

    It is the same on every host unless there are secrets. Their values enter it through a keyed
    hash, so that whoever reads a container's labels cannot try out guesses of a secret.

    :param digest: the image's, ``sha256:...``.
    :param secrets_key: this host's own random key; it may be empty only when there are no secrets.
    :raises ValueError: there are secrets and no key.
    """
    secrets_hash = None
    if definition.secrets:
        if not secrets_key:
            raise ValueError("a release with secrets needs the host's key")
        values = _canonical(dict(definition.secrets))
        secrets_hash = hmac.new(secrets_key, values, hashlib.sha256).hexdigest()
    content = _canonical([digest, container_spec(definition), secrets_hash])
    return hashlib.sha256(content).hexdigest()[:ID_DIGITS]


def fleet_id(definition: Definition, digest: str) -> str:
    """What names a release on all hosts: as its id, but the values of secrets do not count.

    :param digest: the image's, ``sha256:...``.
    """
    content = _canonical([digest, container_spec(definition)])
    return hashlib.sha256(content).hexdigest()[:ID_DIGITS]


def definition_hash(definition: Definition) -> str:
    """Twelve hexadecimal digits that tell definitions of a service from each other: the same on
    every host that was brought to the same one, secrets or not, since of these only the names
    count.

    The crontab does not: one host of the service has it.
    """
    apart = ("build", "cron", "hosts", "tasks")
    mapping = {key: value for key, value in to_mapping(definition).items() if key not in apart}
    return hashlib.sha256(_canonical(mapping)).hexdigest()[:ID_DIGITS]


def _canonical(content: Any) -> bytes:
    """JSON of which there is only one form."""
    return json.dumps(content, sort_keys=True, separators=(",", ":")).encode("ascii")
