# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The connection to the container engine, and the translation of its errors.

The Docker SDK's low-level client is used over the engine's socket, but for the few calls of api.py;
both SDK generations that Debian packages (5.0.3 and 7.x) offer every call that this package makes.
"""

from __future__ import annotations

import getpass
import os
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ..errors import ConflictError, EngineError, HundredError, NotFoundError, RegistryError
from .api import NoAnswer, Refusal

if TYPE_CHECKING:
    from docker import APIClient

DEFAULT_SOCKET = "unix:///var/run/docker.sock"

# Enough for an engine that is busy with ten container starts; a pull or a build has a stream, not a
# single answer, and is not limited by it.
CALL_TIMEOUT = 60

_START = "start it (systemctl start docker) and read its log (journalctl -u docker)"

_CONFLICT = re.compile(
    r"already in use|port is already allocated|address already in use|conflict", re.IGNORECASE
)
_REGISTRY = re.compile(
    r"unauthorized|authentication required|no basic auth|denied|dial tcp|connection refused"
    r"|no such host|tls|x509|i/o timeout|server gave http response|EOF|registry",
    re.IGNORECASE,
)


def address(docker_host: str | None = None) -> str:
    """Where the engine is: as given, or as ``DOCKER_HOST`` says, or at the usual socket."""
    return docker_host or os.environ.get("DOCKER_HOST") or DEFAULT_SOCKET


def connect(
    docker_host: str | None = None, timeout: int = CALL_TIMEOUT, version: str | None = None
) -> APIClient:
    """A client of the engine on this host.

    :param docker_host: the engine's address; default: ``DOCKER_HOST`` or the usual socket.
    :param timeout: seconds to wait for an answer to one call.
    :param version: of the API, where it is known that the engine speaks it; asked for otherwise.
        That is not cheap: the engine starts two programs to answer (measured on 20.10).
    :raises EngineError: the SDK is missing or the engine does not answer.
    """
    # Debian 12's SDK imports distutils. Where setuptools is installed it replaces distutils by its
    # own copy and takes 0.2 s to do so (measured); the interpreter's is enough.
    os.environ.setdefault("SETUPTOOLS_USE_DISTUTILS", "stdlib")
    try:
        from docker import APIClient
        from docker.errors import DockerException, InvalidConfigFile
    except ImportError as error:
        raise EngineError(
            f"the Docker SDK for Python is missing: {error}",
            next_step="install python3-docker (the role hundred.containers.docker_host does)",
        ) from error
    base_url = address(docker_host)
    try:
        return APIClient(base_url=base_url, version=version or "auto", timeout=timeout)
    except InvalidConfigFile as error:
        raise EngineError(
            f"Docker's own configuration cannot be read: {error}",
            next_step="mend config.json in ~/.docker or in the folder that DOCKER_CONFIG names",
        ) from error
    except DockerException as error:
        if "Permission denied" in str(error):
            raise EngineError(
                f"the user {getpass.getuser()} may not use the engine at {base_url}",
                next_step="work as root (become: true), or add the user to the group docker",
            ) from error
        raise EngineError(
            f"the engine at {base_url} does not answer: {error}",
            next_step=_START,
        ) from error


@contextmanager
def engine_errors(doing: str, registry: bool = False) -> Iterator[None]:
    """Translate the errors of the SDK and of our own calls into ours.

    :param doing: what was being done, as in "create the container shop-g2-1".
    :param registry: the call has the engine talk to a registry, so failures may be the registry's.
    :raises NotFoundError: the thing does not exist.
    :raises ConflictError: a name, port or address is taken.
    :raises RegistryError: the registry is the cause.
    :raises EngineError: everything else.
    """
    try:
        yield
    except HundredError:
        raise
    except socket.timeout as error:
        raise EngineError(f"cannot {doing}: the engine does not answer in time") from error
    except Exception as error:
        _translate(error, doing, registry)
        raise


def _translate(error: Exception, doing: str, registry: bool) -> None:
    """Raise ours in place of an error of the engine's or the SDK's; nothing for any other."""
    if isinstance(error, Refusal):
        raise _refused(error.status, error.explanation, doing, registry) from error
    if isinstance(error, NoAnswer):
        raise EngineError(
            f"cannot {doing}: the engine does not answer: {error}",
            next_step=_START,
        ) from error
    # Imported when there is one: see api.py.
    from docker.errors import APIError, DockerException
    from requests.exceptions import RequestException

    if isinstance(error, APIError):
        text = str(error.explanation or error)
        raise _refused(error.status_code, text, doing, registry) from error
    if isinstance(error, (DockerException, RequestException)):
        raise EngineError(f"cannot {doing}: {error}") from error


def _refused(status: int | None, text: str, doing: str, registry: bool) -> EngineError:
    """Our error for a call that the engine answered with a failure. Pure."""
    message = f"cannot {doing}: {text}"
    if registry and _REGISTRY.search(text) and "manifest unknown" not in text:
        return RegistryError(message)
    if status == 404:
        return NotFoundError(message)
    if status == 409 or _CONFLICT.search(text):
        return ConflictError(message)
    return EngineError(message)
