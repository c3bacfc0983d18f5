# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the lab's images are made of. A recipe's hash is its image's tag, so a change rebuilds.

``bare-<suite>``
    A Debian host with systemd, sshd and Python. Everything that our roles install there lies in
    the apt cache already, so that installing takes seconds and no download.
``full-<suite>``
    The same with engine, SDK and both proxies installed. Docker is enabled; HAProxy and nginx
    are disabled, since both want port 80; their configuration is as Debian ships it. The packages
    stay in apt's cache, for the test that upgrades the engine.
``registry``
    Debian's docker-registry and htpasswd, without systemd.
``python``
    A small base for applications: Debian with Python and apt, nothing else.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Literal, Union

Suite = Literal["bookworm", "trixie"]
Kind = Literal["full", "bare"]

SUITES: tuple[Suite, ...] = ("bookworm", "trixie")
KINDS: tuple[Kind, ...] = ("full", "bare")

REPOSITORY = "hundred-lab"

_HOST_PACKAGES = (
    "systemd systemd-sysv dbus openssh-server python3 python3-apt ca-certificates "
    "curl iproute2 procps"
).split()

_ENGINE_AND_PROXIES: dict[Suite, str] = {
    "bookworm": "docker.io iptables python3-docker haproxy nginx",
    "trixie": "docker.io docker-cli docker-buildx iptables python3-docker haproxy nginx",
}
_REGISTRY = "docker-registry apache2-utils"
# What roles may install beyond that: git for builds on a host, and what a CA needs.
_OTHER_CACHED = "git openssl python3-cryptography"

# Units that would change the kernel of the machine that runs the lab (modules, sysctls, mounts of
# kernel file systems), or take apt's lock in the middle of a test.
_MASKED = (
    "systemd-modules-load.service systemd-sysctl.service systemd-udevd.service "
    "systemd-udev-trigger.service dev-hugepages.mount dev-mqueue.mount sys-kernel-config.mount "
    "sys-kernel-debug.mount sys-kernel-tracing.mount sys-fs-fuse-connections.mount "
    "proc-sys-fs-binfmt_misc.automount apt-daily.timer apt-daily-upgrade.timer "
    "e2scrub_all.timer e2scrub_reap.service fstrim.timer getty.target console-getty.service"
)

_NO_DOCUMENTATION = [
    "--dpkgopt=path-exclude=/usr/share/man/*",
    "--dpkgopt=path-exclude=/usr/share/doc/*",
    "--dpkgopt=path-include=/usr/share/doc/*/copyright",
    "--dpkgopt=path-exclude=/usr/share/info/*",
    "--dpkgopt=path-exclude=/usr/share/locale/*",
]


@dataclass(frozen=True)
class Bootstrap:
    """An image made from Debian's packages alone, by mmdebstrap.

    :param name: the image's name below :data:`REPOSITORY`.
    :param arguments: mmdebstrap's, without the suite and the output.
    :param changes: Dockerfile instructions for the image's settings.
    """

    name: str
    suite: Suite
    arguments: tuple[str, ...]
    changes: tuple[str, ...] = ()

    @property
    def tag(self) -> str:
        """The image's full name; it changes with the recipe."""
        return _tag(self.name, self.suite, *self.arguments, *self.changes)


@dataclass(frozen=True)
class Layered:
    """An image made on top of another by a Dockerfile (without its FROM line)."""

    name: str
    base: Bootstrap | Layered
    dockerfile: str

    @property
    def tag(self) -> str:
        """The image's full name; it changes with the recipe and with its base's."""
        return _tag(self.name, self.base.tag, self.dockerfile)


Recipe = Union[Bootstrap, Layered]


def _tag(name: str, *ingredients: str) -> str:
    digest = hashlib.sha256("\0".join(ingredients).encode()).hexdigest()
    return f"{REPOSITORY}/{name}:{digest[:12]}"


def _base(suite: Suite) -> Bootstrap:
    return Bootstrap(
        f"base-{suite}",
        suite,
        ("--variant=minbase", f"--include={','.join(_HOST_PACKAGES)}"),
        ("ENV LANG=C.UTF-8",),
    )


def _bare(suite: Suite) -> Layered:
    return Layered(
        f"bare-{suite}",
        _base(suite),
        "RUN apt-get update && apt-get install --download-only --yes --no-install-recommends "
        f"{_ENGINE_AND_PROXIES[suite]} {_REGISTRY} {_OTHER_CACHED}\n"
        f"RUN systemctl mask {_MASKED} && systemctl set-default multi-user.target"
        " && install -d -m 0700 /root/.ssh\n"
        "STOPSIGNAL SIGRTMIN+3\n"
        'CMD ["/sbin/init"]\n',
    )


def _full(suite: Suite) -> Layered:
    return Layered(
        f"full-{suite}",
        _bare(suite),
        "RUN DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends "
        f"{_ENGINE_AND_PROXIES[suite]} && systemctl disable haproxy nginx\n",
    )


def host_recipe(suite: Suite, kind: Kind) -> Recipe:
    """The recipe of a host's image."""
    return _full(suite) if kind == "full" else _bare(suite)


def registry_recipe() -> Recipe:
    """The recipe of the ready registry's image."""
    return Layered(
        "registry",
        _bare("bookworm"),
        "RUN DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends "
        f"{_REGISTRY}\n"
        'CMD ["sleep", "infinity"]\n'
        "STOPSIGNAL SIGKILL\n",
    )


def python_recipe() -> Recipe:
    """The recipe of the base image for applications."""
    return Bootstrap(
        "python",
        "bookworm",
        (
            "--variant=apt",
            # Else usrmerge comes, and 60 MB of Perl with it.
            "--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr",
            "--include=usr-is-merged,python3",
            *_NO_DOCUMENTATION,
        ),
        ("ENV LANG=C.UTF-8 PYTHONUNBUFFERED=1", 'CMD ["python3"]'),
    )


def all_recipes() -> dict[str, Recipe]:
    """Every image by the name that the command line knows it by."""
    recipes: dict[str, Recipe] = {
        f"{kind}-{suite}": host_recipe(suite, kind) for suite in SUITES for kind in KINDS
    }
    recipes["registry"] = registry_recipe()
    recipes["python"] = python_recipe()
    return recipes
