# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks at images and containers of this machine's engine."""

from __future__ import annotations

import io
import json
import subprocess
import tarfile
from typing import Any

from tests.lab.command import docker


def files_of(image: str) -> dict[str, tarfile.TarInfo]:
    """The files of an image that has only what its Dockerfile copied, by their path."""
    container = docker("create", image, "none").stdout.strip()
    try:
        exported = subprocess.run(["docker", "export", container], capture_output=True, check=True)
    finally:
        docker("rm", container)
    engine = {".dockerenv", "dev", "etc", "proc", "sys"}
    with tarfile.open(fileobj=io.BytesIO(exported.stdout)) as tar:
        return {m.name: m for m in tar if m.name.split("/")[0] not in engine}


def content_of(image: str, path: str) -> str:
    container = docker("create", image, "none").stdout.strip()
    try:
        copied = subprocess.run(
            ["docker", "cp", f"{container}:/{path}", "-"], capture_output=True, check=True
        )
    finally:
        docker("rm", container)
    with tarfile.open(fileobj=io.BytesIO(copied.stdout)) as tar:
        file = tar.extractfile(tar.next() or "")
        assert file is not None
        return file.read().decode()


def inspect(image: str) -> dict[str, Any]:
    facts: dict[str, Any] = json.loads(docker("image", "inspect", image).stdout)[0]
    return facts


def containerd_store() -> bool:
    """Whether the engine of this machine keeps images in containerd's store."""
    told = docker("info", "--format", "{{.DriverStatus}}").stdout
    return "io.containerd.snapshotter" in told


def has_tags(name: str) -> bool:
    return bool(docker("image", "ls", "--quiet", name).stdout.split())


def containers_of_tests() -> list[str]:
    names = docker("ps", "--all", "--filter=name=hundred-test-", "--format={{.Names}}").stdout
    return names.split()
