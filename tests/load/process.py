# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The load client in a process of its own, so that a test's work does not colour the latencies."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType

from . import report
from .result import Result

ROOT = Path(__file__).resolve().parents[2]
"""The checkout, from which "python3 -m tests.load" works."""

READY = "load: first good answer"
"""The line that the command prints once a request has been answered well."""

LONGEST_RUN = 1800.0
"""Seconds after which a forgotten client ends by itself."""


class LoadFailed(RuntimeError):
    """The client did not start, got no good answer, or died; the text has its last words."""


class LoadProcess:
    """ "with LoadProcess(url, "--slow", "5") as load: ...", then load.result.

    Entering waits until a first request was answered well. Leaving stops the client, which lets
    what is in flight end; load.result then has every sample. Windows of it may be asked for with
    readings of time.monotonic() of this process (Result.between).

    Args:
        url: as for Load.
        arguments: further arguments of "python3 -m tests.load".
        ready_timeout: seconds to wait for the first good answer.
        stop_timeout: seconds that what is in flight may take to end.
    """

    def __init__(
        self, url: str, *arguments: str, ready_timeout: float = 10.0, stop_timeout: float = 60.0
    ) -> None:
        self._command = [sys.executable, "-m", "tests.load", "--url", url, *arguments, "--samples"]
        if "--seconds" not in arguments:
            self._command += ["--seconds", str(LONGEST_RUN)]
        self._ready_timeout, self._stop_timeout = ready_timeout, stop_timeout
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._result: Result | None = None

    @property
    def result(self) -> Result:
        """The finished run; raises LoadFailed while there is none."""
        if self._result is None:
            raise LoadFailed("the load has not been stopped: no result yet")
        return self._result

    def __enter__(self) -> LoadProcess:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start the client and wait for its first good answer; raises LoadFailed."""
        self._folder = tempfile.TemporaryDirectory(prefix="load-")
        with self._output.open("wb") as output:
            self._process = subprocess.Popen(
                [*self._command, "--json", str(self._json)],
                cwd=ROOT,
                env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        deadline = time.monotonic() + self._ready_timeout
        while READY not in self._said():
            if self._process.poll() is not None or time.monotonic() > deadline:
                said = self._discard()
                raise LoadFailed(f"no good answer within {self._ready_timeout:g} s:\n{said}")
            time.sleep(0.02)

    def stop(self) -> Result:
        """Stop the client and read its result; raises LoadFailed when it died without one."""
        if self._result is not None or self._process is None:
            return self.result
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(self._stop_timeout)
            self._result = report.from_json(json.loads(self._json.read_bytes()))
        except (subprocess.TimeoutExpired, FileNotFoundError, ValueError) as error:
            raise LoadFailed(f"no result ({error}):\n{self._discard()}") from error
        self._discard()
        return self._result

    @property
    def _json(self) -> Path:
        return self._file("result.json")

    @property
    def _output(self) -> Path:
        return self._file("output")

    def _file(self, name: str) -> Path:
        if self._folder is None:
            raise LoadFailed("the load was not started")
        return Path(self._folder.name) / name

    def _said(self) -> str:
        return self._output.read_text(encoding="utf-8", errors="replace")

    def _discard(self) -> str:
        """End the process and remove its files; returns what it printed."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        said = self._said()
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None
        return said
