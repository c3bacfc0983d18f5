# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Applications as plain processes of this machine, as members that a proxy can be given."""

from __future__ import annotations

import http.server
import json
import shutil
import signal
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

from ansible_collections.hundred.containers.plugins.module_utils.proxy.protocol import Member

from tests.app.running import RunningApp


class Replicas:
    """Running applications: "with Replicas("shop", 1, 2) as old" has shop-g1-1 and shop-g1-2."""

    def __init__(self, service: str, generation: int, count: int, **behaviour: str) -> None:
        self.release = f"{service}-g{generation}"
        self._ids = tempfile.mkdtemp(prefix="hundred-ids-")
        self.apps: list[RunningApp] = []
        for slot in range(1, count + 1):
            ids = Path(self._ids, str(slot))
            ids.mkdir()
            wishes = {"RELEASE": self.release, "IDS_DIR": str(ids), **behaviour}
            self.apps.append(RunningApp(**wishes))
        self.members = [
            Member(f"{self.release}-{slot}", "127.0.0.1", app.port)
            for slot, app in enumerate(self.apps, start=1)
        ]

    def __enter__(self) -> Replicas:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for app in self.apps:
            app.__exit__(kind, error, trace)
        shutil.rmtree(self._ids)

    def stop(self) -> list[str]:
        """SIGTERM to all. :returns: what each had in flight then, in its own words."""
        for app in self.apps:
            if app.process.poll() is None:
                app.process.send_signal(signal.SIGTERM)
        for app in self.apps:
            app.process.wait(15)
        return [app.output.rpartition("stopped: ")[2].strip() for app in self.apps]

    def kill(self) -> None:
        """SIGKILL to all."""
        for app in self.apps:
            app.process.kill()
            app.process.wait()

    def processed(self) -> list[str]:
        """The ids of all requests that reached one of them, repeats repeated."""
        files = Path(self._ids).glob("*/*.ids")
        return [line for name in files for line in name.read_text().splitlines()]


class _Mirror(http.server.BaseHTTPRequestHandler):
    """Answers who it is and what it was asked."""

    protocol_version = "HTTP/1.1"
    service = ""

    def do_GET(self) -> None:
        headers = {name.lower(): text for name, text in self.headers.items()}
        told = {"service": self.service, "path": self.path, "headers": headers}
        body = json.dumps(told).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        body = str(len(self.rfile.read(length))).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_unused: object) -> None:
        """Quiet."""


@contextmanager
def mirror(service: str) -> Iterator[Member]:
    """A service that answers with what it was asked."""
    handler = type("Mirror", (_Mirror,), {"service": service})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield Member(f"{service}-g1-1", "127.0.0.1", server.server_port)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
