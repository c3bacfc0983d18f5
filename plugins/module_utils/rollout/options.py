# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the options of the ``service_*`` modules to what the core takes, and from its outcomes to
results.
"""

from __future__ import annotations

import getpass
import socket
from collections.abc import Mapping
from typing import Any

from ..arguments import DEFINITION_ARGUMENTS
from ..definition import names
from ..definition.parse import parse_options
from ..definition.problems import DefinitionError, Place, Problem
from ..definition.units import read_duration
from ..engine.images import Credentials
from ..engine.networks import Network
from ..errors import HundredError
from ..image.reference import check_digest
from ..proxy.options import read_settings
from .examine import Wanted
from .host import Deploy, ServiceHost, Settings, checked_name
from .outcome import Outcome


def make_settings(params: Mapping[str, Any]) -> Settings:
    """The settings of this host in a module's options.

    :raises HundredError: ``lock_timeout`` is not a duration, or the network is incomplete.
    """
    lock_timeout = read_duration("lock_timeout", params.get("lock_timeout") or 0)
    username = params.get("registry_username")
    credentials = Credentials(username, params["registry_password"]) if username else None
    return Settings(
        state_dir=params["state_dir"],
        docker_host=params.get("docker_host"),
        network=_network(params.get("network")),
        lock_timeout=lock_timeout,
        by=params.get("started_by") or f"{getpass.getuser()} on {socket.gethostname()}",
        credentials=credentials,
        retries=params.get("retries") or 0,
        deploy=_deploy(params.get("deploy")),
        override=params.get("override"),
    )


def _deploy(raw: Mapping[str, Any] | None) -> Deploy | None:
    if raw is None:
        return None
    lease = read_duration("deploy.lease", raw["lease"])
    return Deploy(
        raw["id"],
        lease,
        tuple(raw.get("ended") or ()),
        tuple(raw.get("ancestors") or ()),
        tuple(raw.get("descendants") or ()),
        bool(raw.get("keep")),
        bool(raw.get("force")),
        bool(raw.get("claimed")),
        tuple(raw.get("completes") or ()),
    )


def _network(raw: Mapping[str, Any] | None) -> Network:
    given = {key: value for key, value in (raw or {}).items() if value is not None}
    network = Network(**given)
    network.check()
    return network


def _revision(text: str | None, digest: str | None) -> str:
    if text is None:
        if digest is None:
            raise HundredError("revision is missing", next_step="give it, or the image's digest")
        return ""
    if not names.is_plain_revision(text):
        raise HundredError("revision must be a commit's SHA or a plain name, not %r" % text)
    return text


# Stands for the digest of an image that is yet to be built, in plans only.
NOT_BUILT = "sha256:" + 64 * "0"


def _digest(text: str | None, check: bool) -> str:
    if text is None and not check:
        raise HundredError(
            "digest is missing",
            next_step="build and push the image first, or give the digest of one that exists",
        )
    return check_digest(text) if text is not None else NOT_BUILT


def make_wanted(params: Mapping[str, Any], check: bool) -> Wanted:
    """The goal in the options of ``service_rollout``.

    :param check: only a plan is wanted, so the image need not be built yet.
    :raises DefinitionError: the definition is refused, with every problem in it.
    """
    definition = parse_options(params["name"], _definition_options(params))
    return Wanted(
        definition=definition,
        digest=_digest(params["digest"], check),
        revision=_revision(params["revision"], params["digest"]),
        proxy=_proxy(params["proxy"] or {}),
    )


def _proxy(raw: Mapping[str, Any]) -> dict[str, Any]:
    problems: list[Problem] = []
    settings = read_settings(Place("proxy.settings", problems), raw.get("settings") or {})
    if problems:
        raise DefinitionError(problems)
    named = {key: value for key, value in raw.items() if value is not None and key != "settings"}
    return {**settings, **named}


def _definition_options(params: Mapping[str, Any]) -> dict[str, Any]:
    """The keys of ``definition``, and over them the options of the same names."""
    whole = params.get("definition") or {}
    if "secrets" in whole:
        raise HundredError(
            "definition must not have the key secrets",
            next_step="give the option secrets, which Ansible keeps out of its output",
        )
    if isinstance(whole.get("build"), Mapping) and "secrets" in whole["build"]:
        raise HundredError(
            "definition must not have the key build.secrets: no host needs them",
            next_step="take the definition that service_definition returns, which has no secrets",
        )
    # Where a service runs, how it is built and what runs around a deploy is the controller's
    # concern: a change of it is none of the release here.
    whole = {key: value for key, value in whole.items() if key not in ("hosts", "build", "tasks")}
    named = {key: params[key] for key in DEFINITION_ARGUMENTS if params[key] is not None}
    return {**whole, **named}


def make_result(service: str, outcome: Outcome, diff: bool) -> dict[str, Any]:
    """The result of a module."""
    journal = outcome.journal
    release = journal.committed
    result: dict[str, Any] = {
        "changed": outcome.changed,
        "service": service,
        "actions": list(outcome.actions),
        "notes": list(outcome.notes),
        "revision": release.revision if release is not None else None,
        "digest": release.digest if release is not None else None,
        "generation": release.generation if release is not None else None,
        "release": release.release if release is not None else None,
        "previous_revision": outcome.former.revision if outcome.former is not None else None,
        "replicas": [{"name": name, "address": address} for name, address in outcome.replicas],
        "seconds": outcome.seconds,
        "deploys": list(outcome.deploys),
    }
    if diff:
        result["diff"] = list(outcome.diff)
    told: dict[str, Any] = _told(result)
    return told


def _told(value: Any) -> Any:
    """The same with the digest that does not exist yet named as such."""
    if isinstance(value, str):
        return value.replace(NOT_BUILT, "(not built yet)")
    if isinstance(value, list):
        return [_told(item) for item in value]
    if isinstance(value, dict):
        return {key: _told(item) for key, item in value.items()}
    return value


def open_host(params: Mapping[str, Any]) -> ServiceHost:
    """The service on this host, as a module's options name it.

    :raises DefinitionError: the name is none of a service.
    """
    return ServiceHost(make_settings(params), checked_name(params["name"]))
