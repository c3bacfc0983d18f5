# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The keys of a definition, each with the check of its value: all that may be written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Callable

from ..proxy.addresses import plain_address
from . import names, paths
from .model import Build, Cron, Health, Logging, Resources, Task, Tasks, Update
from .problems import REFUSED, Place
from .shapes import (
    LONGEST_ARGUMENT,
    NOT_TEXT,
    ListOf,
    MapOf,
    Number,
    OneOf,
    Parsed,
    Section,
    Whole,
    argument,
    command,
    each_once,
    encodable,
    flag,
    line,
    program,
    size,
)
from .units import Duration, Size

TEST_ADVICE = "each test is a list or a string of its own: write [[pytest, -q]]"

# A probe more often than this measures itself; it is also the proxies' smallest useful interval.
SHORTEST_INTERVAL = 0.01
# The shortest time limit of a command that is run once, in seconds: its container starts in it.
SHORTEST_RUN = 1.0

# The engine refuses less ("Minimum memory limit allowed is 6MB").
SMALLEST_MEMORY = 6 * 1024**2

# The kernel's limits: 1 ms of each 100 ms, CONFIG_NR_CPUS and PID_MAX_LIMIT.
FEWEST_CPUS, MOST_CPUS = 0.01, 8192
MOST_PIDS = 4194304

# What JSON carries exactly everywhere; for more there is -1, no limit.
NO_LIMIT, MOST_OF_A_LIMIT = -1, 2**53

# A hundred is what the project is for; the addresses of the default network allow many more.
MOST_REPLICAS = 100


class Made:
    """A section that becomes an object; keys that are not given have the object's defaults."""

    def __init__(self, section: Section, make: Callable[..., Any]) -> None:
        self.section = section
        self.make = make

    def __call__(self, place: Place, value: Any) -> Any:
        """Check one value."""
        keys = self.section(place, value)
        return REFUSED if keys is REFUSED else self.make(**keys)


def replicas(place: Place, value: Any) -> Any:
    """The number of replicas on each host; none is a state, not a number."""
    if value in (0, "0") and not isinstance(value, bool):
        return place.refuse(
            f"must be a whole number from 1 to {MOST_REPLICAS}",
            value,
            "state: stopped stops a service",
        )
    return Whole(1, MOST_REPLICAS)(place, value)


def environment(place: Place, value: Any) -> Any:
    """The variables of a replica; a name and its value together are one argument to Linux."""
    checked = MapOf(names.environment, argument, "variables to strings")(place, value)
    if checked is not REFUSED:
        for name, text in checked.items():
            if size(name) + 1 + size(text) >= LONGEST_ARGUMENT:
                must = f"must be shorter than {LONGEST_ARGUMENT} bytes with its name"
                place.hidden().at(name).refuse(must, text)
    return checked


def secret_value(place: Place, value: Any) -> Any:
    """The content of a secret."""
    if isinstance(value, str) and value:
        if not encodable(value):
            return place.refuse(
                NOT_TEXT, value, "encode it with b64encode, and decode it in the app"
            )
        return str(value)
    return place.refuse("must be a string, not empty", value)


def health_command(place: Place, value: Any) -> Any:
    """A command that exits 0 in a healthy replica."""
    checked = program(place, value)
    if checked is not REFUSED and checked[0] in ("CMD", "CMD-SHELL", "NONE"):
        advice = f"leave out {checked[0]}; write [sh, -c, ...] for a shell"
        return place.hidden().refuse("must start with the program to run", value, advice)
    return checked


def test_command(place: Place, value: Any) -> Any:
    """A test of an image. A word of its own in the list of tests would be a command of its own."""
    return program(place, value, TEST_ADVICE)


def capabilities(place: Place, value: Any) -> Any:
    """A list of capabilities without repetitions."""
    checked = ListOf(names.capability, "capabilities")(place, value)
    return checked if checked is REFUSED or each_once(place, checked, "capability") else REFUSED


def crontab_text(place: Place, value: Any) -> Any:
    """A crontab, with every bad line told."""
    if not isinstance(value, str):
        return place.refuse("must be the text of a crontab", value)
    # Few services have one, and every deploy and every call on a host reads definitions.
    from ..cron.crontab import CrontabError, parse_crontab

    try:
        parse_crontab(value)
    except CrontabError as error:
        for problem in error.problems:
            place.hidden().note(str(problem))
        return REFUSED
    return str(value)


def hosts(place: Place, value: Any) -> Any:
    """The inventory group, or a pattern of Ansible's, whose hosts run the service."""
    checked = line(place, value)
    if checked is not REFUSED and checked.startswith("-"):
        return place.refuse("must be an inventory group or a pattern of hosts", value)
    return checked


def logging(**keys: Any) -> Logging:
    """The log driver; Docker's own file drivers stay bounded unless their bounds are given."""
    driver = keys.get("driver", Logging().driver)
    options: dict[str, str] = {}
    if driver in ("json-file", "local"):
        options.update(Logging().options)
    options.update(keys.get("options", {}))
    return Logging(driver=driver, options=options)


DNS_SERVER = Parsed(plain_address, "must be the address of a name server")
EXTRA_ADDRESS = Parsed(
    plain_address, "must be an address, or host-gateway", words=("host-gateway",)
)

LIMIT = Whole(NO_LIMIT, MOST_OF_A_LIMIT)
LIMITS = Section({"soft": LIMIT, "hard": LIMIT}, "soft and hard")


def ulimit(place: Place, value: Any) -> Any:
    """A limit: a number for both, or a mapping with soft and hard; as ``SOFT:HARD``.

    That form is taken too: definitions are handed on in it.
    """
    if isinstance(value, str) and ":" in value:
        value = dict(zip(("soft", "hard"), value.split(":", 1)))
    if isinstance(value, Mapping):
        pair = LIMITS(place, value)
        for key in LIMITS.keys:
            if key not in value:
                place.at(key).note("is missing")
    else:
        number = LIMIT(place, value)
        pair = {} if number is REFUSED else {"soft": number, "hard": number}
    if len(pair) < len(LIMITS.keys):
        return REFUSED
    soft, hard = pair["soft"], pair["hard"]
    if hard != NO_LIMIT and (soft == NO_LIMIT or soft > hard):
        return place.refuse("must not have a soft limit above the hard one", f"{soft}:{hard}")
    return "%d:%d" % (soft, hard)


def ulimits(place: Place, value: Any) -> Any:
    """Limits by name, each as ``SOFT:HARD``."""
    checked = MapOf(names.ulimit, ulimit, "limits to numbers", private=False)(place, value)
    if checked is not REFUSED and checked.get("nofile", "").endswith(f":{NO_LIMIT}"):
        # fs.nr_open bounds it, even for root.
        place.at("nofile").note("must have a number: Linux lets nobody open files without limit")
    return checked


RESOURCES = Section(
    {
        "cpus": Number(FEWEST_CPUS, MOST_CPUS),
        "memory": Size(SMALLEST_MEMORY),
        "pids": Whole(1, MOST_PIDS),
    },
    "limits",
    {
        "limits": "cpus, memory and pids stand directly below resources",
        "reservations": "replicas have limits only",
    },
)

HEALTH = Section(
    {
        "path": paths.health_path,
        "command": health_command,
        "interval": Duration(SHORTEST_INTERVAL),
        "start_interval": Duration(SHORTEST_INTERVAL),
        "timeout": Duration(SHORTEST_INTERVAL),
        "successes": Whole(1, 1000),
        "failures": Whole(1, 1000),
        "healthy_deadline": Duration(SHORTEST_INTERVAL),
    },
    "health settings",
    {
        "test": "did you mean command?",
        "retries": "did you mean failures?",
        "start_period": "did you mean healthy_deadline?",
        "deadline": "did you mean healthy_deadline?",
    },
)

UPDATE = Section(
    {
        "order": OneOf("start-first", "stop-first"),
        "parallelism": Whole(1, MOST_REPLICAS),
        "delay": Duration(),
        "monitor": Duration(),
        "failure_action": OneOf("rollback", "pause", "continue"),
    },
    "update settings",
    {"max_failure_ratio": "any failed replica fails the update"},
)

LOGGING = Section(
    {
        "driver": names.log_driver,
        "options": MapOf(names.log_option, argument, "log options to strings", literal=True),
    },
    "driver and options",
)

BUILD = Section(
    {
        "source": paths.source,
        "dockerfile": paths.file,
        "context": paths.relative,
        "target": names.stage,
        "args": MapOf(names.variable, argument, "build arguments to strings"),
        "test": ListOf(test_command, "commands"),
        "platform": names.platform,
        "tags": ListOf(names.tag, "tags"),
        "secrets": MapOf(
            names.build_secret, secret_value, "names to the values of secrets", literal=True
        ),
        "cache_from": ListOf(line, "strings"),
        "cache_to": ListOf(line, "strings"),
    },
    "build settings",
)

TASK = Section(
    {"name": names.task, "command": command, "timeout": Duration(SHORTEST_RUN)},
    "settings of a task",
    {
        "run": "did you mean command?",
        "cmd": "did you mean command?",
        "shell": "write command: [sh, -c, ...] to have a shell",
        "environment": "a task has the environment and the secrets of its service",
    },
)


def task(place: Place, value: Any) -> Any:
    """A command with a name."""
    keys = TASK(place, value)
    if keys is REFUSED:
        return REFUSED
    for key in ("name", "command"):
        if key not in value:
            place.at(key).note("is missing")
    return Task(**keys) if {"name", "command"} <= set(keys) else REFUSED


def tasks(place: Place, value: Any) -> Any:
    """A list of commands with names that differ."""
    checked = ListOf(task, "mappings such as {name: migrate, command: [flask, db, upgrade]}")(
        place, value
    )
    if checked is REFUSED or each_once(place, tuple(item.name for item in checked), "task"):
        return checked
    return REFUSED


CRON = Section(
    {
        "file": paths.file,
        "text": crontab_text,
        "host": line,
        "overlap": OneOf("skip", "wait", "allow"),
        "timeout": Duration(SHORTEST_RUN),
    },
    "settings of a crontab",
    {"schedule": "times stand in the crontab itself", "owner": "did you mean host?"},
)


def cron(place: Place, value: Any) -> Any:
    """The path of a crontab in the source tree, or a mapping with it."""
    if isinstance(value, str):
        path = paths.file(place, value)
        return REFUSED if path is REFUSED else Cron(file=path)
    keys = CRON(place, value)
    if keys is REFUSED:
        return REFUSED
    if ("file" in value) == ("text" in value):
        place.note("must have file, a path in the source tree, or text, the crontab itself")
        return REFUSED
    return Cron(**keys) if {"file", "text"} & set(keys) else REFUSED


TASKS = Section({"before": tasks, "after": tasks}, "the lists before and after")

DEFINITION = Section(
    {
        "image": names.image,
        "hosts": hosts,
        "replicas": replicas,
        "command": command,
        "entrypoint": program,
        "user": names.user,
        "working_dir": paths.absolute,
        "init": flag,
        "read_only": flag,
        "tmpfs": ListOf(paths.tmpfs, "paths such as /run"),
        "cap_drop": capabilities,
        "cap_add": capabilities,
        "no_new_privileges": flag,
        "ulimits": ulimits,
        "extra_hosts": MapOf(names.host, EXTRA_ADDRESS, "host names to addresses", private=False),
        "dns": ListOf(DNS_SERVER, "addresses"),
        "dns_search": ListOf(names.search_domain, "domains"),
        "dns_options": ListOf(names.dns_option, "options such as ndots:1"),
        "stop_signal": names.signal,
        "port": paths.PORT,
        "protocol": OneOf("http", "tcp"),
        "routes": ListOf(paths.route, "mappings such as {host: shop.example.com, path: /}"),
        "environment": environment,
        "secrets": MapOf(
            names.secret, secret_value, "names to the values of secrets", literal=True
        ),
        "secret_environment": ListOf(names.variable, "names of secrets"),
        "volumes": ListOf(paths.volume, "strings such as data:/data"),
        "resources": Made(RESOURCES, Resources),
        "health": Made(HEALTH, Health),
        "update": Made(UPDATE, Update),
        "logging": Made(LOGGING, logging),
        "drain_timeout": Duration(),
        "stop_grace_period": Duration(),
        "retain": Whole(1, 100),
        "build": Made(BUILD, Build),
        "tasks": Made(TASKS, Tasks),
        "cron": cron,
    },
    "keys",
    {
        "ports": "the proxy publishes a service: see port and routes",
        "expose": "did you mean port?",
        "env": "did you mean environment?",
        "env_file": "variables stand in environment and secrets",
        "healthcheck": "did you mean health?",
        "restart": "what dies is started again; there is nothing to set",
        "restart_policy": "what dies is started again; there is nothing to set",
        "deploy": "replicas, resources and update are keys of the definition itself",
        "update_config": "did you mean update?",
        "rollback_config": "did you mean update?",
        "networks": "all replicas of a host are in one network",
        "network_mode": "all replicas of a host are in one network",
        "container_name": "containers are named after the service, its generation and slot",
        "depends_on": "services are deployed one by one",
        "privileged": "cap_add gives single capabilities",
        "mem_limit": "did you mean resources.memory?",
        "pids_limit": "did you mean resources.pids?",
        "security_opt": "did you mean no_new_privileges?",
        "dns_opt": "did you mean dns_options?",
        "stop_timeout": "did you mean stop_grace_period?",
        "tag": "the revision is given at deploy time",
        "version": "the revision is given at deploy time",
        "revision": "the revision is given at deploy time",
        "digest": "the revision is given at deploy time",
        "name": "a service is named by its key in hundred_services",
    },
)

SECTIONS: Mapping[str, Section] = {
    "resources": RESOURCES,
    "health": HEALTH,
    "update": UPDATE,
    "logging": LOGGING,
    "build": BUILD,
    "tasks": TASKS,
    "cron": CRON,
}


def _name_keys_of_sections() -> None:
    """A key of a section that stands beside the section is pointed to its place."""
    for name, section in SECTIONS.items():
        for key in section.keys:
            if key not in DEFINITION.keys:
                DEFINITION.hints.setdefault(key, f"did you mean {name}.{key}?")


_name_keys_of_sections()
