# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The same in its image, in a real container."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.app.running import request

NAME = f"hundred-test-app-{os.getpid()}"


def docker(*arguments: str) -> str:
    ran = subprocess.run(["docker", *arguments], check=True, stdout=subprocess.PIPE, text=True)
    return ran.stdout.strip()


@contextmanager
def container(image: str, *options: str) -> Iterator[int]:
    """A running container; yields its port on the loopback once it listens."""
    docker("run", "--detach", "--name", NAME, "--publish", "127.0.0.1::8000", *options, image)
    try:
        deadline = time.monotonic() + 20
        while "listening" not in docker("logs", NAME) and time.monotonic() < deadline:
            time.sleep(0.05)
        yield int(docker("port", NAME, "8000").rpartition(":")[2])
    finally:
        docker("rm", "--force", "--volumes", NAME)


def test_the_image_names_its_release_and_runs_unprivileged(app_image: str) -> None:
    with container(app_image) as port:
        answer = json.loads(request(port, "/version")[1])
        assert answer["release"] == "built"
        assert docker("ps", "--quiet", "--filter", f"name={NAME}") == answer["replica"]
        assert docker("exec", NAME, "id", "-u") == "10001"


def test_a_container_stops_gracefully_as_process_1(app_image: str) -> None:
    with container(app_image):
        begin = time.monotonic()
        docker("stop", "--time", "10", NAME)
        assert time.monotonic() - begin < 3
        assert docker("inspect", "--format", "{{.State.ExitCode}}", NAME) == "0"
        assert "in_flight_at_sigterm=0 requests_after=0" in docker("logs", NAME)


def test_ids_outlive_the_container_in_a_volume(app_image: str) -> None:
    volume = f"{NAME}-ids"
    mount = ("--volume", f"{volume}:/ids")
    try:
        with container(app_image, *mount, "--env", "APP_IDS_DIR=/ids", "--hostname", "r1") as port:
            assert request(port, "/echo?id=x")[0] == 200
        kept = docker("run", "--rm", *mount, app_image, "cat", "/ids/r1.ids")
    finally:
        docker("volume", "rm", volume)
    assert kept == "x"


def test_a_secret_is_shown_as_digest_mode_and_owner(app_image: str, tmp_path: Path) -> None:
    secret = tmp_path / "TOKEN"
    secret.write_bytes(b"s3cret")
    os.chown(secret, 10001, 10001)
    secret.chmod(0o400)
    with container(app_image, "--volume", f"{secret}:/run/secrets/TOKEN:ro") as port:
        status, body = request(port, "/secret?name=TOKEN")
    digest = hashlib.sha256(b"s3cret").hexdigest()
    assert status == 200
    assert json.loads(body) == {"sha256": digest, "mode": "0400", "uid": 10001, "gid": 10001}
