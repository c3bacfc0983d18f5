# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The names in a definition: services, images, variables, capabilities, signals, revisions."""

from __future__ import annotations

import re
from typing import Any

from .problems import REFUSED, Place, nearest
from .shapes import Word

# Fits a DNS label with "-g<generation>-<slot>" behind it (63 characters).
LONGEST_SERVICE = 40

# What stands for all services on a command line.
EVERY = "all"

# Docker's names of the limits of setrlimit(2), as its option --ulimit takes them.
ULIMITS = (
    "core",
    "cpu",
    "data",
    "fsize",
    "locks",
    "memlock",
    "msgqueue",
    "nice",
    "nofile",
    "nproc",
    "rss",
    "rtprio",
    "rttime",
    "sigpending",
    "stack",
)

_SERVICE = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?", re.ASCII)
_CONTAINER = re.compile(r".*-g\d+-\d+", re.ASCII)
_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REGISTRY = re.compile(
    r"(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*(?::(?P<port>\d{1,5}))?",
    re.ASCII,
)
_REPOSITORY = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*", re.ASCII)
_TAGGED = re.compile(r"(?P<repository>.*[^/]):(?P<tag>[^/:]*)")
_PLAIN_REVISION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/+-]{0,127}", re.ASCII)
_COMMIT = re.compile(r"[0-9a-f]{7,64}", re.ASCII)
_REVISION = re.compile(r"[A-Za-z0-9_@][A-Za-z0-9_@./+#={}~^-]*", re.ASCII)

CAPABILITIES = frozenset(
    [
        "ALL",
        "AUDIT_CONTROL",
        "AUDIT_READ",
        "AUDIT_WRITE",
        "BLOCK_SUSPEND",
        "BPF",
        "CHECKPOINT_RESTORE",
        "CHOWN",
        "DAC_OVERRIDE",
        "DAC_READ_SEARCH",
        "FOWNER",
        "FSETID",
        "IPC_LOCK",
        "IPC_OWNER",
        "KILL",
        "LEASE",
        "LINUX_IMMUTABLE",
        "MAC_ADMIN",
        "MAC_OVERRIDE",
        "MKNOD",
        "NET_ADMIN",
        "NET_BIND_SERVICE",
        "NET_BROADCAST",
        "NET_RAW",
        "PERFMON",
        "SETFCAP",
        "SETGID",
        "SETPCAP",
        "SETUID",
        "SYS_ADMIN",
        "SYS_BOOT",
        "SYS_CHROOT",
        "SYS_MODULE",
        "SYS_NICE",
        "SYS_PACCT",
        "SYS_PTRACE",
        "SYS_RAWIO",
        "SYS_RESOURCE",
        "SYS_TIME",
        "SYS_TTY_CONFIG",
        "SYSLOG",
        "WAKE_ALARM",
    ]
)
SIGNALS = frozenset(
    [
        "SIGABRT",
        "SIGALRM",
        "SIGBUS",
        "SIGCHLD",
        "SIGCONT",
        "SIGFPE",
        "SIGHUP",
        "SIGILL",
        "SIGINT",
        "SIGIO",
        "SIGPIPE",
        "SIGPROF",
        "SIGPWR",
        "SIGQUIT",
        "SIGSEGV",
        "SIGSYS",
        "SIGTERM",
        "SIGTRAP",
        "SIGTSTP",
        "SIGTTIN",
        "SIGTTOU",
        "SIGURG",
        "SIGUSR1",
        "SIGUSR2",
        "SIGVTALRM",
        "SIGWINCH",
        "SIGXCPU",
        "SIGXFSZ",
    ]
)
_REALTIME = re.compile(r"SIGRT(?:MIN(?:\+(?:[1-9]|1[0-5]))?|MAX(?:-(?:[1-9]|1[0-4]))?)", re.ASCII)

variable = Word(
    "must be a name of letters, digits and underscores that starts with no digit",
    r"[A-Za-z_][A-Za-z0-9_]*",
)
# Dots and dashes as some programs want them (discovery.type), though no shell can read them.
environment = Word(
    "must be a name of letters, digits, underscores, dots and dashes that starts with no digit",
    r"[A-Za-z_][A-Za-z0-9_.-]*",
)
_user = Word(
    "must be a user or user:group, names or numbers, as a string in quotes",
    r"(?:[A-Za-z_][A-Za-z0-9_.-]*\$?|\d{1,10})(?::(?:[A-Za-z_][A-Za-z0-9_.-]*\$?|\d{1,10}))?",
)
# What engines take (moby/sys/user): they read the numbers as signed ones of 32 bits.
_LAST_USER = 2**31 - 1
log_driver = Word("must be the name of a log driver", r"[a-z0-9][a-z0-9_.:/-]*")
log_option = Word("must be the name of a log option", r"[A-Za-z0-9][A-Za-z0-9_.-]*")
stage = Word("must be the name of a build stage", r"[A-Za-z0-9][A-Za-z0-9_.-]*")
platform = Word(
    "must be a platform such as linux/amd64 or linux/arm64", r"linux/[a-z0-9_]+(?:/v[0-9]+)?"
)
task = Word(
    "must be a name of lower-case letters, digits and dashes",
    r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?",
    longest=40,
)
build_secret = Word(
    "must be a name of letters, digits, dots, dashes and underscores",
    r"[A-Za-z_][A-Za-z0-9_.-]*",
)


def service(place: Place, value: Any) -> Any:
    """The name of a service; it becomes a part of container, DNS and proxy names."""
    must = (
        f"must be a name of at most {LONGEST_SERVICE} lower-case letters, digits and dashes,"
        " with no dash at either end"
    )
    if not isinstance(value, str) or not _SERVICE.fullmatch(value) or len(value) > LONGEST_SERVICE:
        return place.refuse(must, value)
    if value.isdigit():
        return place.refuse("must have a letter: a number alone reads as an address", value)
    if value == EVERY:
        return place.refuse(f"must not be {EVERY}: -e service={EVERY} means every service", value)
    if _CONTAINER.fullmatch(value):
        return place.refuse("must not end like the name of a container (-g3-1)", value)
    return str(value)


# File names have 255 bytes, and the file is written under a longer one first.
LONGEST_SECRET = 240


def secret(place: Place, value: Any) -> Any:
    """The name of a secret; it becomes the name of a file below ``/run/secrets``."""
    checked = Word(
        "must be a file name of letters, digits, dots, dashes and underscores"
        " that starts with a letter or an underscore",
        r"[A-Za-z_][A-Za-z0-9_.-]*",
    )(place, value)
    if isinstance(checked, str) and ".." in checked:
        return place.refuse("must not contain two dots in a row", value)
    if isinstance(checked, str) and len(checked) > LONGEST_SECRET:
        return place.refuse(f"must have at most {LONGEST_SECRET} characters", value)
    return checked


def image(place: Place, value: Any) -> Any:
    """A repository such as ``registry.example.com:5000/shop``, without tag and digest."""
    must = "must be a repository such as registry.example.com/shop"
    if not isinstance(value, str):
        return place.refuse(must, value)
    if "://" in value:
        return place.refuse(must, value, "leave out {}".format(value[: value.index("://") + 3]))
    at_deploy = "the revision is given at deploy time"
    if "@" in value:
        return place.refuse(f"must not have a digest: {at_deploy}", value)
    tagged = _TAGGED.fullmatch(value)
    if tagged and tagged["tag"] and "/" not in tagged["tag"]:
        return place.refuse(f"must not have a tag: {at_deploy}", value)
    registry, repository = _split_registry(value)
    if repository != repository.lower() or (registry or "") != (registry or "").lower():
        return place.refuse(f"{must}, in lower case", value)
    if not _REPOSITORY.fullmatch(repository) or len(value) > 255:
        return place.refuse(must, value)
    if registry is not None:
        match = _REGISTRY.fullmatch(registry)
        if match is None or (match["port"] and not 1 <= int(match["port"]) <= 65535):
            return place.refuse(f"{must}; the registry must be a host or host:port", value)
    elif re.fullmatch(r"[0-9a-f]{64}", value):
        return place.refuse("must not look like the id of an image", value)
    return str(value)


def _split_registry(value: str) -> tuple[str | None, str]:
    """The registry, None for the engine's default one, and the repository in it."""
    first, slash, rest = value.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        return first, rest
    return None, value


def capability(place: Place, value: Any) -> Any:
    """A Linux capability, with or without ``CAP_``; the prefix is taken off."""
    # Before its case is folded: a long s and a dotless i become letters of ASCII.
    if isinstance(value, str) and value.isascii():
        name = value.upper()
        name = name[4:] if name.startswith("CAP_") else name
        if name in CAPABILITIES:
            return name
        return place.refuse("must be a Linux capability", value, nearest(name, CAPABILITIES))
    return place.refuse("must be a Linux capability", value)


def ulimit(place: Place, value: Any) -> Any:
    """The name of a limit of setrlimit(2), as Docker writes it."""
    if isinstance(value, str) and value in ULIMITS:
        return value
    hint = nearest(value, ULIMITS) if isinstance(value, str) else None
    return place.refuse("must be the name of a limit such as nofile", value, hint)


def host(place: Place, value: Any) -> Any:
    """A host name or a domain."""
    return Word(
        "must be a host name",
        r"(?=.{1,253}$)[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9])?"
        r"(?:\.[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9])?)*",
    )(place, value)


def search_domain(place: Place, value: Any) -> Any:
    """A domain in which short names are looked for; a dot alone is Docker's word for none."""
    return value if value == "." else host(place, value)


def dns_option(place: Place, value: Any) -> Any:
    """An option of resolv.conf(5)."""
    return Word("must be an option such as ndots:1 or rotate", r"[a-z][a-z0-9-]*(?::\d+)?")(
        place, value
    )


def signal(place: Place, value: Any) -> Any:
    """A signal's name, with or without ``SIG``; the prefix is added."""
    must = "must be the name of a signal such as SIGTERM"
    # Before its case is folded, as for capabilities.
    if not isinstance(value, str) or not value.isascii():
        return place.refuse(must, value)
    name = value.upper()
    name = name if name.startswith("SIG") else "SIG" + name
    if name in ("SIGKILL", "SIGSTOP"):
        return place.refuse(
            f"must not be {name}: no program can act on it",
            value,
            "SIGKILL comes by itself after stop_grace_period",
        )
    if name in SIGNALS or _REALTIME.fullmatch(name):
        return name
    return place.refuse(must, value, nearest(name, SIGNALS))


def tag(place: Place, value: Any) -> Any:
    """A further tag for the image; revisions' names are ours to give."""
    checked = Word(
        "must be a tag of letters, digits, dots, dashes and underscores",
        r"[A-Za-z0-9_][A-Za-z0-9_.-]*",
        longest=128,
    )(place, value)
    if isinstance(checked, str) and re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", checked):
        return place.refuse("must not look like a revision: those tags are made by builds", value)
    return checked


def is_plain_revision(text: str) -> bool:
    """Whether it can stand in a label and in tables as it is: a commit's SHA, or such as v1.4.2."""
    return bool(_PLAIN_REVISION.fullmatch(text))


def revision(place: Place, value: Any) -> Any:
    """What git is asked to resolve: a commit, a branch, a tag, ``HEAD~1``; never an option."""
    must = "must be a commit (7 to 64 hexadecimal digits) or a name that git resolves"
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return place.refuse(must, value, "put it in quotes: YAML reads it as a number")
    if not isinstance(value, str) or len(value) > 255:
        return place.refuse(must, value)
    if _COMMIT.fullmatch(value):
        return str(value)
    broken = ("..", "//", "/.", ".lock/")
    if not _REVISION.fullmatch(value) or any(part in value for part in broken):
        return place.refuse(must, value)
    if value.endswith(("/", ".", ".lock")):
        return place.refuse(must, value)
    return str(value)


def user(place: Place, value: Any) -> Any:
    """Whom the processes of a container run as: ``app``, ``1000`` or ``app:www-data``."""
    found = _user(place, value)
    if found is not REFUSED and any(
        part.isdigit() and int(part) > _LAST_USER for part in found.split(":")
    ):
        return place.refuse(f"must have numbers of at most {_LAST_USER}", value)
    return found
