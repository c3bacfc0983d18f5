# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which user a container runs as, by number: the owner of its secrets."""

from __future__ import annotations

import io

from ..errors import EngineError, NotFoundError
from .client import engine_errors
from .containers import Engine

_PASSWD = "/etc/passwd"


def parse_user(user: str, passwd: str) -> tuple[int, int] | None:
    """The numbers of a ``USER`` as the engine reads it: ``name``, ``uid``, ``name:group`` or
    ``uid:gid``. Pure.

    A group given by name is passed over: only the user reads the files.

    :param passwd: the image's ``/etc/passwd``.
    :returns: uid and gid, or None for a name that the image does not have.
    """
    name, _unused, group = user.partition(":")
    if not name:
        return (0, 0)
    for line in passwd.splitlines():
        fields = line.split(":")
        if len(fields) >= 4 and name in (fields[0], fields[2]) and fields[2].isdigit():
            return (int(fields[2]), int(group) if group.isdigit() else int(fields[3]))
    if name.isdigit():
        return (int(name), int(group) if group.isdigit() else 0)
    return None


def user_ids(engine: Engine, container: str) -> tuple[int, int]:
    """The uid and gid that a container's process gets.

    :raises EngineError: its user is a name that its image does not have.
    """
    with engine_errors(f"inspect the container {container}"):
        user = str(engine.client.inspect_container(container)["Config"].get("User") or "")
    found = parse_user(user, "" if user in ("", "0", "root") else _read_passwd(engine, container))
    if found is None and user != "root":
        raise EngineError(f"the image has no user {user}", step="secrets")
    return found or (0, 0)


def _read_passwd(engine: Engine, container: str) -> str:
    try:
        with engine_errors(f"read {_PASSWD} of the container {container}"):
            chunks, _unused = engine.client.get_archive(container, _PASSWD)
            archive = b"".join(chunks)
    except NotFoundError:
        return ""  # an image without a user database: numbers only
    import tarfile  # here, since most calls make no container

    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        member = tar.next()
        stream = tar.extractfile(member) if member is not None else None
        return stream.read().decode("utf-8", "replace") if stream is not None else ""
