# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tells its colour and its host name; runs in a container, as ``python3 -c``."""

from __future__ import annotations

import http.server
import os
import signal
import socket


class Answer(http.server.BaseHTTPRequestHandler):
    """Answers every GET alike."""

    def do_GET(self) -> None:
        """Answer with colour and host name."""
        text = f"{os.environ['COLOUR']} {socket.gethostname()}\n".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


def stop(number: int, _frame: object) -> None:
    """End, as SIGTERM asks."""
    raise SystemExit(128 + number)


signal.signal(signal.SIGTERM, stop)
http.server.ThreadingHTTPServer(("", 8000), Answer).serve_forever()
