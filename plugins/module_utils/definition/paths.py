# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The paths and addresses in a definition: routes, volumes, folders."""

from __future__ import annotations

import posixpath
import re
from typing import Any

from .model import Route, Volume
from .problems import REFUSED, Place, shown
from .shapes import UNPRINTABLE, Section, Whole, line

# Where the host's state lies, secrets of every service among it.
STATE_FOLDER = "/var/lib/hundred"
SECRETS_FOLDER = "/run/secrets"

PORT = Whole(1, 65535)

_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)
# Characters that neither a proxy's configuration nor a URL gives a meaning of its own. "%" is not
# among them: one proxy compares the path as it was sent, the other decodes it first.
_URL_PATH = re.compile(r"/[A-Za-z0-9._~!&+,=:@/-]*", re.ASCII)
_URL_QUERY = re.compile(r"[A-Za-z0-9._~!&+,=:@/%-]*", re.ASCII)
_ODD_SEGMENT = re.compile(r"//|/\.{1,2}(?:/|$)")
# At most what Linux takes (PATH_MAX, with the NUL at its end).
_FILE_PATH = re.compile(rf"/[^{UNPRINTABLE}:,\"\\]{{0,4094}}")
_VOLUME_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]+", re.ASCII)
# What Linux takes as the number of a user or group; the one above means none.
_LAST_ID = 2**32 - 2
# What engines take of the mount options of tmpfs (moby's pkg/mount; tmpfs(5)).
_TMPFS_OPTION = re.compile(
    r"size=\d+[kKmMgG%]?|mode=[0-7]{3,4}|[ug]id=\d{1,10}|nr_(?:blocks|inodes)=\d+[kKmMgG]?"
    r"|mpol=(?:default|local|prefer|bind|interleave)(?:=(?:static|relative))?(?::[\d-]+)?"
    r"|defaults|ro|rw|sync|async|dirsync"
    r"|(?:no)?(?:suid|dev|exec|mand|atime|diratime|relatime|strictatime)",
    re.ASCII,
)


def host(place: Place, value: Any) -> Any:
    """A host name, or ``*.`` and a host name for every name below it; it is lower-cased."""
    must = "must be a host name such as shop.example.com or *.example.com"
    if not isinstance(value, str):
        return place.refuse(must, value)
    if value == "*":
        return place.refuse(must, value, "leave host out to take every host")
    if "://" in value or "/" in value:
        return place.refuse(must, value, "a path goes into the key path")
    if re.fullmatch(r"[^:]+:\d+", value, re.ASCII):
        return place.refuse(must, value, "leave out the port")
    # Before its case is folded: the Kelvin sign becomes a k of ASCII.
    if not value.isascii():
        return place.refuse(must, value, "write an international name in its xn-- form")
    name = value.lower()
    labels = (name[2:] if name.startswith("*.") else name).split(".")
    if len(name) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        return place.refuse(must, value)
    return name


def route_path(place: Place, value: Any) -> Any:
    """A path prefix of URLs; a slash at its end is taken off, since prefixes end at a segment."""
    must = (
        "must be a path such as /api: a slash, then letters, digits and . _ ~ ! & + , = : @ - /,"
        " with no //, /./ or /../"
    )
    if not isinstance(value, str) or not _URL_PATH.fullmatch(value) or _ODD_SEGMENT.search(value):
        return place.refuse(must, value)
    if len(value) > 1024:
        return place.refuse("must be at most 1024 characters long", value)
    return str(value).rstrip("/") or "/"


def health_path(place: Place, value: Any) -> Any:
    """The path, perhaps with a query, that a probe asks for."""
    must = "must be a path such as /up, in the characters that a URL may have unquoted"
    if not isinstance(value, str):
        return place.refuse(must, value)
    path, *rest = value.split("?", 1)
    query = "".join(rest)
    if not _URL_PATH.fullmatch(path) or _ODD_SEGMENT.search(path) or len(value) > 1024:
        return place.refuse(must, value)
    if not _URL_QUERY.fullmatch(query) or re.search(r"%(?![0-9A-Fa-f]{2})", query):
        return place.refuse(must, value)
    return str(value)


_ROUTE = Section(
    {"host": host, "path": route_path, "published": PORT}, "host and path, or published"
)


def route(place: Place, value: Any) -> Any:
    """One route; whether it fits the protocol is checked with the whole definition."""
    before = len(place.problems)
    keys = _ROUTE(place, value)
    if keys is REFUSED or len(place.problems) > before:
        return REFUSED
    if not keys:
        return place.refuse("must have host, path or both (or published with protocol: tcp)", value)
    return Route(**keys)


def absolute(place: Place, value: Any) -> Any:
    """An absolute path of a file or folder, without ``..``."""
    must = "must be an absolute path without .."
    if not isinstance(value, str) or not _FILE_PATH.fullmatch(value) or ".." in value.split("/"):
        return place.refuse(must, value)
    return _normal(value)


def relative(place: Place, value: Any) -> Any:
    """A path below the source tree: relative, and it does not lead out."""
    text = line(place, value)
    if text is REFUSED:
        return REFUSED
    parts = text.split("/")
    odd = ".." in parts or "\\" in text or len(text) > 4095
    if text.startswith(("/", "~", "-")) or odd:
        return place.refuse("must be a path inside the source tree, relative and without ..", value)
    return posixpath.normpath(text)


def file(place: Place, value: Any) -> Any:
    """A file below the source tree."""
    text = relative(place, value)
    if text == ".":
        return place.refuse("must be a file inside the source tree, not its folder", value)
    return text


def source(place: Place, value: Any) -> Any:
    """The folder of a git work tree, absolute or relative to the playbook's folder."""
    must = "must be the path of a git work tree"
    text = line(place, value)
    if text is REFUSED:
        return REFUSED
    if "://" in text or text.startswith("git@"):
        return place.refuse(must, value, "clone it first and name the folder")
    return place.refuse(must, value) if text.startswith("-") else text


def volume(place: Place, value: Any) -> Any:
    """``name:/target`` or ``/host/path:/target``, with ``:ro`` behind it if it is read-only."""
    must = "must be a string such as data:/data or /srv/data:/data:ro"
    if not isinstance(value, str):
        return place.refuse(must, value)
    try:
        source_part, target_part, mode = volume_parts(value)
    except ValueError:
        return place.refuse(must, value)
    origin = _volume_source(place, source_part, value)
    target = mount_target(place, target_part, value)
    if origin is None or target is None:
        return REFUSED
    return Volume(source=origin, target=target, read_only=mode == "ro")


def volume_parts(text: str) -> tuple[str, str, str]:
    """Source, target and mode (``ro``, ``rw``) of a volume.

    :raises ValueError: there are not two or three parts, or the mode is another one.
    """
    parts = [*text.split(":"), "rw"]
    if not 3 <= len(parts) <= 4 or parts[2] not in ("ro", "rw"):
        raise ValueError("not a volume")
    return parts[0], parts[1], parts[2]


def _volume_source(place: Place, origin: str, value: str) -> str | None:
    if not origin.startswith("/"):
        if _VOLUME_NAME.fullmatch(origin) and len(origin) <= 255:
            return origin
        advice = "a path must be absolute" if "/" in origin else None
        place.refuse(
            "must start with the name of a volume (two or more letters, digits, _ . -)"
            " or an absolute path",
            value,
            advice,
        )
        return None
    if not _FILE_PATH.fullmatch(origin) or ".." in origin.split("/"):
        place.refuse("must have an absolute path without .. in front of the colon", value)
        return None
    folder = _normal(origin)
    if _within(folder, STATE_FOLDER):
        place.refuse(f"must not mount {STATE_FOLDER}: it holds the secrets of services", value)
        return None
    return folder


def mount_target(place: Place, target: str, value: str) -> str | None:
    """Where something is mounted in the container; None when it was refused.

    :param value: what the user wrote, for the message.
    """
    if not _FILE_PATH.fullmatch(target) or ".." in target.split("/"):
        place.refuse("must have an absolute path without .. as its target", value)
        return None
    folder = _normal(target)
    if folder == "/" or _within(folder, "/proc"):
        place.refuse(f"must not be mounted over {folder} of the container", value)
        return None
    # In most images /var/run is a link to /run.
    if _within(folder.replace("/var/run/", "/run/", 1), SECRETS_FOLDER):
        place.refuse(f"must not be mounted over {SECRETS_FOLDER}: secrets stand there", value)
        return None
    return folder


def tmpfs(place: Place, value: Any) -> Any:
    """A folder in memory, ``/run`` or with mount options ``/run:size=64m``."""
    if not isinstance(value, str):
        return place.refuse("must be a path such as /run or /run:size=64m", value)
    target, colon, options = value.partition(":")
    folder = mount_target(place, target, value)
    if folder is None:
        return REFUSED
    if colon:
        wrong = [word for word in options.split(",") if not _is_tmpfs_option(word)]
        if wrong:
            return place.refuse(
                f"must have mount options such as size=64m,mode=1777; none is {shown(wrong[0])}",
                value,
            )
    if folder == "/dev" and "dev" not in options.split(","):
        # The engine mounts it with "nodev", and cannot make the devices in it then.
        return place.refuse("must have the mount option dev over /dev of the container", value)
    return folder + colon + options


def _is_tmpfs_option(word: str) -> bool:
    key, _equals, number = word.partition("=")
    known = bool(_TMPFS_OPTION.fullmatch(word))
    return known and (key not in ("uid", "gid") or int(number) <= _LAST_ID)


def _normal(path: str) -> str:
    """The path without doubled and closing slashes (``normpath`` keeps two at the front)."""
    return posixpath.normpath("/" + path.lstrip("/"))


def _within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder + "/")
