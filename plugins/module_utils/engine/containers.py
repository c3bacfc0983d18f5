# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Containers as a rollout needs them: found by label, created stopped, started, judged, removed.

Only containers that carry our labels are ever listed or touched (I7).
"""

from __future__ import annotations

import importlib.util
import os
import re
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..definition.model import Definition
from ..errors import EngineError, NotFoundError, StateError
from .api import open_client
from .client import CALL_TIMEOUT, address, connect, engine_errors

if TYPE_CHECKING:
    from docker import APIClient

LABEL_SERVICE = "hundred.service"
LABEL_RELEASE = "hundred.release"
LABEL_GENERATION = "hundred.generation"
LABEL_SLOT = "hundred.slot"
LABEL_REVISION = "hundred.revision"
LABEL_ADDRESS = "hundred.address"

# The log drivers of Docker that take the option "labels" and send labels with each line.
LABELLING_DRIVERS = ("json-file", "journald", "gelf", "fluentd", "gcplogs", "splunk")

# What of a revision stands in the tag of a line, as git abbreviates commits.
TAG_CHARACTERS = 12

SECRETS_TARGET = "/run/secrets"

_HEALTH = re.compile(r"\((?:health: )?(healthy|unhealthy|starting)\)")


@dataclass(frozen=True)
class Container:
    """One of our containers as the engine lists it.

    :param state: the engine's word: created, running, paused, restarting, removing, exited or dead.
    :param address: the static address that it was created with; it keeps it while stopped.
    :param healthcheck: healthy, unhealthy or starting when the image has a HEALTHCHECK, else None.
    """

    id: str
    name: str
    service: str
    release: str
    generation: int
    slot: int
    revision: str
    address: str
    image: str
    state: str
    healthcheck: str | None = None

    @property
    def running(self) -> bool:
        """Whether its process runs."""
        return self.state == "running"

    def is_of(self, generation: int, release: str) -> bool:
        """Whether it was made for that release under that number."""
        return self.generation == generation and self.release == release


@dataclass(frozen=True)
class ContainerState:
    """The engine's account of one container's process.

    :param restarts: how often the engine's restart policy has started it again.
    :param started_at: the engine's own time stamp of the last start, to recognise a restart.
    """

    running: bool
    exit_code: int
    oom_killed: bool
    started_at: str
    restarts: int
    error: str
    healthcheck: str | None


@dataclass(frozen=True)
class Spec:
    """What is needed to create one container of a service.

    :param address: its static address; None: whatever the engine gives.
    :param one_off: it runs one command and is removed by the engine when that ends.
    :param interactive: it has a terminal and an input.
    :param log_labels: those of its labels that its log lines carry, where the driver can say them.
    """

    name: str
    image: str
    network: str
    address: str | None
    labels: Mapping[str, str]
    definition: Definition
    secrets_dir: str | None
    one_off: bool = False
    interactive: bool = False
    log_labels: Sequence[str] = (LABEL_SERVICE, LABEL_REVISION, LABEL_SLOT)


def container_name(service: str, generation: int, slot: int) -> str:
    """The name of a replica's container, as design.md fixes it."""
    return "%s-g%d-%d" % (service, generation, slot)


def _container(row: Mapping[str, Any]) -> Container | None:
    labels = row.get("Labels") or {}
    try:
        generation = int(labels[LABEL_GENERATION])
        slot = int(labels[LABEL_SLOT])
        service = labels[LABEL_SERVICE]
    except (KeyError, ValueError):
        # Somebody else's container that borrowed one of our labels: not ours to touch.
        return None
    health = _HEALTH.search(row.get("Status") or "")
    return Container(
        id=row["Id"],
        name=row["Names"][0].lstrip("/"),
        service=service,
        release=labels.get(LABEL_RELEASE, ""),
        generation=generation,
        slot=slot,
        revision=labels.get(LABEL_REVISION, ""),
        address=labels.get(LABEL_ADDRESS, ""),
        image=row.get("Image") or "",
        state=row.get("State") or "",
        healthcheck=health.group(1) if health else None,
    )


class Engine:
    """The container engine of this host.

    Each thread gets a connection of its own: the SDK's client is a ``requests`` session, which is
    not promised to be safe for use by several threads.
    """

    def __init__(self, docker_host: str | None = None) -> None:
        self._docker_host = docker_host
        self._local = threading.local()
        self._own()  # fails early, with the reason

    @property
    def client(self) -> APIClient:
        """This thread's connection."""
        client: Any = self._own()
        return client  # type: ignore[no-any-return]

    def require_sdk(self) -> None:
        """Have all that is needed to change anything.

        A swap may need the SDK or not; so it is looked for and not imported (see api.py).

        :raises EngineError: the SDK is missing.
        """
        found = importlib.util.find_spec("docker")
        if found is None or found.origin is None:  # a folder of that name is no package
            connect(self._docker_host)

    def _own(self) -> Any:
        client = getattr(self._local, "client", None)
        if client is None:
            client = open_client(
                address(self._docker_host),
                lambda version: connect(self._docker_host, version=version),
                CALL_TIMEOUT,
            )
            self._local.client = client
        return client

    def containers(self, service: str | None = None) -> list[Container]:
        """Our containers in any state, of one service or of all, in the order of generation and
        slot.
        """
        label = LABEL_SERVICE if service is None else f"{LABEL_SERVICE}={service}"
        with engine_errors("list the containers"):
            rows = self.client.containers(all=True, filters={"label": [label]})
        found = [container for container in map(_container, rows) if container is not None]
        return sorted(found, key=lambda item: (item.service, item.generation, item.slot))

    def create(self, spec: Spec) -> str:
        """Create the container, not started, and return its id.

        A call may fail here, by a timeout for one, and have succeeded there: a container of that
        name which carries exactly our labels and was never started is adopted.

        :raises ConflictError: the name is taken by something else.
        """
        try:
            return self._create(spec)
        except EngineError as error:
            found = self._left_by_a_failed_call(spec)
            if found is None:
                raise error
            return found

    def _left_by_a_failed_call(self, spec: Spec) -> str | None:
        try:
            with engine_errors(f"inspect the container {spec.name}"):
                row = self.client.inspect_container(spec.name)
        except EngineError:
            return None  # what is told is why it could not be created
        return str(row["Id"]) if may_be_adopted(row, spec.labels) else None

    def _create(self, spec: Spec) -> str:
        client: Any = self.client  # the SDK's type stubs lack this call
        with engine_errors(f"create the container {spec.name}"):
            created = client.create_container_from_config(_config(spec), spec.name)
        return str(created["Id"])

    def start(self, container: str) -> None:
        """Start a created or exited container.

        :raises ConflictError: its address is taken by another container.
        """
        with engine_errors(f"start the container {container}"):
            self.client.start(container)

    def stop(self, container: str, grace: float) -> None:
        """SIGTERM (or the stop signal), and SIGKILL when it still runs after ``grace`` seconds.

        The engine counts whole seconds, so ``grace`` is rounded up.
        """
        seconds = int(grace) + (1 if grace > int(grace) else 0)
        try:
            with engine_errors(f"stop the container {container}"):
                self.client.stop(container, timeout=seconds)
        except NotFoundError:
            return  # gone is stopped

    def remove(self, container: str) -> None:
        """Remove a container with its anonymous volumes, killing it if it still runs."""
        try:
            with engine_errors(f"remove the container {container}"):
                self.client.remove_container(container, v=True, force=True)
        except NotFoundError:
            return  # somebody was faster; it is gone, as wanted

    def state(self, container: str) -> ContainerState | None:
        """The state of one container; None when it does not exist any more."""
        try:
            with engine_errors(f"inspect the container {container}"):
                row = self.client.inspect_container(container)
        except NotFoundError:
            return None
        state = row["State"]
        return ContainerState(
            running=bool(state.get("Running")) and not state.get("Restarting"),
            exit_code=int(state.get("ExitCode") or 0),
            oom_killed=bool(state.get("OOMKilled")),
            started_at=str(state.get("StartedAt") or ""),
            restarts=int(row.get("RestartCount") or 0),
            error=str(state.get("Error") or ""),
            healthcheck=(state.get("Health") or {}).get("Status"),
        )

    def restart_when_it_dies(self, container: str) -> None:
        """Have the engine start it again after a crash or a reboot, unless it was stopped on
        purpose.
        """
        with engine_errors(f"set the restart policy of {container}"):
            self._set_restart_policy(container, "unless-stopped")

    def leave_when_it_dies(self, container: str) -> None:
        """Have the engine leave it as it is when it dies: the supervisor sees to it."""
        try:
            with engine_errors(f"set the restart policy of {container}"):
                self._set_restart_policy(container, "no")
        except NotFoundError:
            return  # it was removed meanwhile

    def _set_restart_policy(self, container: str, policy: str) -> None:
        client: Any = self.client
        client.update_container(container, restart_policy={"Name": policy})

    def logs(self, container: str, lines: int) -> list[str]:
        """The last ``lines`` lines that it wrote, oldest first; nothing when they cannot be read.

        Some drivers ("none", and those that send lines elsewhere) refuse. A log is asked for to
        explain a failure, which must not be hidden by another.
        """
        try:
            with engine_errors(f"read the log of {container}"):
                text: bytes = self.client.logs(container, tail=lines, stdout=True, stderr=True)
        except EngineError:
            return []
        return text.decode("utf-8", "replace").splitlines()


def may_be_adopted(row: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Whether an inspected container is the one that a call with these labels has made. Pure.

    Its image gives it further labels.
    """
    found = (row.get("Config") or {}).get("Labels") or {}
    created = (row.get("State") or {}).get("Status") == "created"
    return created and labels.items() <= found.items()


def _config(spec: Spec) -> dict[str, Any]:
    """The container as the engine's API wants it; None stands for what is not said.

    :raises StateError: a secret that is to be a variable is not there.
    """
    definition = spec.definition
    variables = {**_secret_environment(spec), **definition.environment}
    addresses = {"IPAMConfig": {"IPv4Address": spec.address}} if spec.address is not None else {}
    return {
        "Image": spec.image,
        "Cmd": _words(definition.command),
        "Entrypoint": _words(definition.entrypoint),
        "Env": [f"{name}={value}" for name, value in variables.items()],
        "User": definition.user,
        "WorkingDir": definition.working_dir,
        "StopSignal": definition.stop_signal,
        "Labels": dict(spec.labels),
        "Healthcheck": {"Test": ["NONE"]} if spec.one_off else None,
        "Tty": spec.interactive,
        "OpenStdin": spec.interactive,
        "StdinOnce": spec.interactive,
        "AttachStdin": spec.interactive,
        "AttachStdout": True,
        "AttachStderr": True,
        "HostConfig": _host_config(spec),
        "NetworkingConfig": {"EndpointsConfig": {spec.network: addresses}},
    }


def _host_config(spec: Spec) -> dict[str, Any]:
    """What of a container is between it and its host, without what is not said."""
    definition = spec.definition
    config = {
        "Binds": _binds(spec),
        "NetworkMode": spec.network,
        "RestartPolicy": {"Name": "no"},
        "AutoRemove": spec.one_off,
        "Init": definition.init,
        "ReadonlyRootfs": definition.read_only,
        "Tmpfs": _tmpfs(definition.tmpfs),
        "CapAdd": list(definition.cap_add),
        "CapDrop": list(definition.cap_drop),
        "SecurityOpt": ["no-new-privileges"] if definition.no_new_privileges else None,
        "Ulimits": _ulimits(definition.ulimits),
        "ExtraHosts": [f"{host}:{ip}" for host, ip in sorted(definition.extra_hosts.items())],
        "Dns": list(definition.dns),
        "DnsSearch": list(definition.dns_search),
        "DnsOptions": list(definition.dns_options),
        "NanoCpus": _nano_cpus(definition.resources.cpus),
        "Memory": definition.resources.memory,
        "PidsLimit": definition.resources.pids,
        "LogConfig": {"Type": definition.logging.driver, "Config": _log_options(spec)},
    }
    return {key: value for key, value in config.items() if value not in (None, [], {})}


def _binds(spec: Spec) -> list[str]:
    binds = [
        "{}:{}:{}".format(volume.source, volume.target, "ro" if volume.read_only else "rw")
        for volume in spec.definition.volumes
    ]
    if spec.secrets_dir is not None:
        binds.append(f"{spec.secrets_dir}:{SECRETS_TARGET}:ro")
    return binds


def _tmpfs(mounts: Sequence[str]) -> dict[str, str]:
    """Options by path: of ``/run:size=8m`` it is ``size=8m``."""
    pairs = (mount.partition(":") for mount in mounts)
    return {path: options for path, _colon, options in pairs}


def _secret_environment(spec: Spec) -> dict[str, str]:
    """The secrets that the application wants as variables; their values are those of its files.

    :raises StateError: one of them is not there.
    """
    values = {}
    for name in spec.definition.secret_environment:
        try:
            if spec.secrets_dir is None:
                raise FileNotFoundError(name)
            path = os.path.join(spec.secrets_dir, name)
            with open(path, encoding="utf-8", newline="") as stream:
                values[name] = stream.read()
        except OSError as error:
            raise StateError(
                f"the secret {name} of {spec.name} is not on this host",
                step="secrets",
                next_step="deploy the revision; that brings it",
            ) from error
    return values


def _log_options(spec: Spec) -> dict[str, str]:
    """The log driver's options; lines tell whose they are where the driver can say it."""
    logging = spec.definition.logging
    options = dict(logging.options)
    if logging.driver in LABELLING_DRIVERS:
        options.setdefault("labels", ",".join(spec.log_labels))
    elif logging.driver == "syslog":
        # It takes the option "labels" and sends none; its own tag is the container's id.
        revision = spec.labels.get(LABEL_REVISION, "")
        options.setdefault("tag", f"{spec.name}/{revision[:TAG_CHARACTERS]}")
    return options


def _ulimits(limits: Mapping[str, str]) -> list[dict[str, Any]]:
    pairs = {name: text.split(":") for name, text in limits.items()}
    return [
        {"Name": name, "Soft": int(soft), "Hard": int(hard)} for name, (soft, hard) in pairs.items()
    ]


def _words(words: Sequence[str] | None) -> list[str] | None:
    return list(words) if words is not None else None


def _nano_cpus(cpus: float | None) -> int | None:
    return int(cpus * 1_000_000_000) if cpus is not None else None
