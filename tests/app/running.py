# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The application as a plain process of this machine, for tests that need no container."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any

APP = Path(__file__).resolve().parent / "app.py"


class RunningApp:
    """ "with RunningApp(UNHEALTHY="1") as app": app.py with APP_UNHEALTHY=1 on a free port."""

    def __init__(self, **behaviour: str) -> None:
        wishes = {f"APP_{name}": value for name, value in behaviour.items()}
        self._environment = {"APP_HOST": "127.0.0.1", "APP_PORT": "0", **wishes}
        self._output = tempfile.TemporaryFile()  # noqa: SIM115  closed by __exit__
        self.began = time.monotonic()
        self.process = subprocess.Popen(
            [sys.executable, "-S", "-E", str(APP)],
            env={"PATH": os.environ["PATH"], **self._environment},
            stdout=self._output,
            stderr=subprocess.STDOUT,
        )

    def __enter__(self) -> RunningApp:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._output.close()

    @property
    def age(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.began

    @property
    def output(self) -> str:
        """What it has written to stdout and stderr."""
        size = os.fstat(self._output.fileno()).st_size
        return os.pread(self._output.fileno(), size, 0).decode("utf-8")

    def wait_for(self, pattern: str, timeout: float = 10.0) -> re.Match[str]:
        """Wait until the output matches; raises TimeoutError with the output."""
        deadline = time.monotonic() + timeout
        while not (found := re.search(pattern, self.output)):
            if time.monotonic() > deadline:
                raise TimeoutError(f"no {pattern!r} in:\n{self.output}")
            time.sleep(0.005)
        return found

    @property
    def port(self) -> int:
        """Where it listens; waits until it does."""
        return int(self.wait_for(r"listening on (\d+)").group(1))

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def request(self, path: str, body: str | None = None) -> tuple[int, str]:
        """(status, body) of a GET, or of a POST when there is a body to send."""
        return request(self.port, path, body)

    def json(self, path: str, body: str | None = None) -> Any:
        """The decoded body of an answer."""
        return json.loads(self.request(path, body)[1])

    def terminate(self, timeout: float = 10.0) -> int:
        """Send SIGTERM and wait; returns the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout)


def request(port: int, path: str, body: str | None = None) -> tuple[int, str]:
    """(status, body) from 127.0.0.1."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET" if body is None else "POST", path, body)
        answer = connection.getresponse()
        return answer.status, answer.read().decode("utf-8")
    finally:
        connection.close()
