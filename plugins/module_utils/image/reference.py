# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of images: repositories, tags, revision tags and digests. Pure.

The grammar is that of the reference package of the distribution project, which every engine uses.
"""

from __future__ import annotations

import re

from ..errors import HundredError

_HOST_LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
_HOST = re.compile(rf"(?:{_HOST_LABEL}(?:\.{_HOST_LABEL})*|\[[0-9a-fA-F:]+\])(?::[0-9]+)?")
_PATH = re.compile(r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
# The two object formats of git.
_FULL_SHA = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")

_LONGEST_NAME = 255


def registry_host(name: str) -> str | None:
    """The registry that a repository's name names, ``None`` when it names none.

    Docker would take a name without a host as one on Docker Hub; we take it as local.
    """
    first, slash, _rest = name.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        return first
    return None


def named_host(name: str) -> str:
    """The registry that a repository's name names.

    :raises HundredError: it names none.
    """
    host = registry_host(name)
    if host is None:
        raise HundredError(
            f"the image name {name!r} names no registry",
            next_step="put the registry's host in front, as in registry.example.com/shop"
            " (docker.io/... for Docker Hub)",
        )
    return host


def check_repository(name: str) -> str:
    """The name, if it is that of a repository without tag or digest.

    :raises HundredError: it is not; the message says why.
    """
    host = registry_host(name)
    path = name[len(host) + 1 :] if host else name
    if "@" in path or ":" in path:
        raise _bad_name(name, "has a tag or digest: give the repository alone")
    if host and not _HOST.fullmatch(host):
        raise _bad_name(name, f"has no valid registry host ({host})")
    if path != path.lower():
        raise _bad_name(name, "has upper-case letters, which no registry takes")
    if not all(_PATH.fullmatch(part) for part in path.split("/")):
        raise _bad_name(
            name, "must be words of a-z and 0-9, joined by ., _ or -, separated by slashes"
        )
    if len(name) > _LONGEST_NAME:
        raise _bad_name(name, f"is longer than {_LONGEST_NAME} characters")
    return name


def check_tag(tag: str) -> str:
    """The tag, if it is one that may move.

    :raises HundredError: it is malformed, or looks like a revision's, which never moves.
    """
    if not _TAG.fullmatch(tag):
        raise HundredError(
            f"{tag!r} is not a tag: up to 128 letters, digits, _, . and -, not starting with . or -"
        )
    if is_full_sha(tag):
        raise HundredError(
            f"the tag {tag} looks like a revision",
            next_step="name revisions by the option revision; other tags must not look like one",
        )
    return tag


def is_digest(text: str) -> bool:
    """Whether it is ``sha256:`` and 64 hexadecimal digits in lower case."""
    return bool(_DIGEST.fullmatch(text))


def check_digest(digest: str) -> str:
    """The digest, if it is one.

    :raises HundredError: it is not ``sha256:`` and 64 hexadecimal digits in lower case.
    """
    if not is_digest(digest):
        raise HundredError(
            f"{digest!r} is not a digest: it must be sha256: and 64 hexadecimal digits",
            next_step="take the digest that image_push returned",
        )
    return digest


def is_full_sha(text: str) -> bool:
    """Whether the text is the full name of a commit, as only revision tags are."""
    return _FULL_SHA.fullmatch(text) is not None


def check_revision(revision: str) -> str:
    """The revision, if it is a full SHA.

    :raises HundredError: it is not.
    """
    if not is_full_sha(revision):
        raise HundredError(
            f"{revision!r} is not a full commit SHA",
            next_step="take the revision that image_build returned, or git rev-parse",
        )
    return revision


def _bad_name(name: str, problem: str) -> HundredError:
    return HundredError(f"the image name {name!r} {problem}")
