# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The definition of a service as the core uses it: parsed, validated, with units resolved.

Times are seconds, sizes are bytes. ``parse.py`` makes these from what a user writes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Route:
    """Requests that belong to the service.

    :param host: a host name, ``*.example.com`` for any name below it, None for every host.
    :param path: a path prefix that ends at a path segment (``/api`` takes ``/api`` and ``/api/x``,
        not ``/apis``).
    :param published: the port that the proxy listens on, for ``protocol: tcp`` only.
    """

    host: str | None = None
    path: str = "/"
    published: int | None = None


@dataclass(frozen=True)
class Volume:
    """A named volume or a host path (it starts with ``/``) mounted at ``target``."""

    source: str
    target: str
    read_only: bool = False


@dataclass(frozen=True)
class Resources:
    """Limits of one replica: CPUs as a fraction of a core, memory in bytes, number of processes."""

    cpus: float | None = None
    memory: int | None = None
    pids: int | None = None


@dataclass(frozen=True)
class Health:
    """How a replica is judged.

    With ``path`` an HTTP GET on the service's port must answer 2xx or 3xx; with ``command`` the
    command is run in the container and must exit 0; with neither a service with a port must accept
    a TCP connection, and a worker must be running.

    :param interval: seconds between probes of a settled replica.
    :param start_interval: seconds between probes until it is settled (Docker's word).
    :param timeout: seconds a probe may take.
    :param successes: consecutive passes that make a replica settled.
    :param failures: consecutive failures that make a settled replica unhealthy.
    :param healthy_deadline: seconds from start within which it must be settled.
    """

    path: str | None = None
    command: tuple[str, ...] | None = None
    interval: float = 1.0
    start_interval: float = 0.1
    timeout: float = 2.0
    successes: int = 2
    failures: int = 3
    healthy_deadline: float = 60.0


@dataclass(frozen=True)
class Update:
    """How one release replaces another; the words are those of Compose's ``update_config``.

    :param order: ``start-first`` or ``stop-first``.
    :param parallelism: how many replicas are started (and with stop-first replaced) at once.
    :param delay: seconds between two such batches.
    :param monitor: seconds that the new replicas are watched after the switch.
    :param failure_action: ``rollback``, ``pause`` or ``continue``, when a replica fails in that
        window.
    """

    order: str = "start-first"
    parallelism: int = 1
    delay: float = 0.0
    monitor: float = 5.0
    failure_action: str = "rollback"


@dataclass(frozen=True)
class Logging:
    """Docker's log driver and its options; bounded by default."""

    driver: str = "json-file"
    options: Mapping[str, str] = field(default_factory=lambda: {"max-size": "10m", "max-file": "3"})


@dataclass(frozen=True)
class Build:
    """Where the image comes from.

    :param source: the git work tree, absolute or relative to the inventory's folder.
    :param dockerfile: path of the Dockerfile inside ``source``.
    :param context: folder below ``source`` that is sent as build context.
    :param target: the stage to build.
    :param args: build arguments.
    :param test: commands run in the built image; all must exit 0 before the image is tagged.
    """

    source: str = "."
    dockerfile: str = "Dockerfile"
    context: str = "."
    target: str | None = None
    args: Mapping[str, str] = field(default_factory=dict)
    test: tuple[tuple[str, ...], ...] = ()
    platform: str | None = None
    tags: tuple[str, ...] = ()
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    cache_from: tuple[str, ...] = ()
    cache_to: tuple[str, ...] = ()


@dataclass(frozen=True)
class Task:
    """A command that is run once for a whole deploy, in a container of the new release.

    :param timeout: seconds after which it is stopped and has failed.
    """

    name: str
    command: tuple[str, ...]
    timeout: float = 600.0


@dataclass(frozen=True)
class Tasks:
    """What runs around a deploy.

    :param before: before the first swap, such as a migration; a failure stops the deploy.
    :param after: after the last swap.
    """

    before: tuple[Task, ...] = ()
    after: tuple[Task, ...] = ()


@dataclass(frozen=True)
class Cron:
    """A crontab whose entries run in containers of the service's image, on one host.

    :param file: its path in the source tree; the image carries its content.
    :param text: the crontab itself, instead of a file.
    :param host: the inventory's name of the host that runs it; None: the first one of the service.
    :param overlap: what happens when an entry is due while its last run is still at work: ``skip``,
        ``wait`` or ``allow``.
    :param timeout: seconds after which a run is stopped and has failed.
    """

    file: str | None = None
    text: str | None = None
    host: str | None = None
    overlap: str = "skip"
    timeout: float = 3600.0


@dataclass(frozen=True)
class Definition:
    """Everything about one service except the revision it runs.

    :param ulimits: limits by name, each as ``SOFT:HARD``, with -1 for none.
    :param extra_hosts: addresses by host name, for the replica's ``/etc/hosts``.
    :param secret_environment: names of secrets that are environment variables as well.
    """

    name: str
    image: str
    hosts: str | None = None
    replicas: int = 1
    command: tuple[str, ...] | None = None
    entrypoint: tuple[str, ...] | None = None
    user: str | None = None
    working_dir: str | None = None
    init: bool = True
    read_only: bool = False
    tmpfs: tuple[str, ...] = ()
    cap_drop: tuple[str, ...] = ()
    cap_add: tuple[str, ...] = ()
    no_new_privileges: bool = False
    ulimits: Mapping[str, str] = field(default_factory=dict)
    extra_hosts: Mapping[str, str] = field(default_factory=dict)
    dns: tuple[str, ...] = ()
    dns_search: tuple[str, ...] = ()
    dns_options: tuple[str, ...] = ()
    stop_signal: str | None = None
    port: int | None = None
    protocol: str = "http"
    routes: tuple[Route, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    secret_environment: tuple[str, ...] = ()
    volumes: tuple[Volume, ...] = ()
    resources: Resources = field(default_factory=Resources)
    health: Health = field(default_factory=Health)
    update: Update = field(default_factory=Update)
    logging: Logging = field(default_factory=Logging)
    drain_timeout: float = 30.0
    stop_grace_period: float = 10.0
    retain: int = 3
    build: Build | None = None
    tasks: Tasks | None = None
    cron: Cron | None = None
