# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A small tea shop: Flask, SQLite, an API and a page. gunicorn runs "shop:app"."""

from __future__ import annotations

import logging
import time
import uuid

from flask import Flask, Response, g, request

from . import settings
from .api import api
from .orders import Orders
from .pages import pages
from .version import VERSION

SLOW = 1.0
"""Seconds from which on a request is worth a line in the log."""

log = logging.getLogger("shop")


def create_app(database: str = settings.DATABASE) -> Flask:
    """The application with its orders in that file."""
    app = Flask("shop")
    app.secret_key = settings.secret_key()
    app.extensions["orders"] = Orders(database)
    app.register_blueprint(api)
    app.register_blueprint(pages)
    app.before_request(_begin)
    app.after_request(_end)
    return app


def _begin() -> None:
    """Every request has an id: the caller's, or a new one."""
    g.began = time.monotonic()
    named = request.headers.get("X-Request-Id") or request.args.get("id")
    g.request_id = named[:64] if named else uuid.uuid4().hex


def _end(response: Response) -> Response:
    """Say who answered; log what is worth a line, not the thousands of good short answers."""
    response.headers["X-Release"] = f"v{VERSION}"
    response.headers["X-Replica"] = settings.REPLICA
    response.headers["X-Request-Id"] = g.request_id
    seconds = time.monotonic() - g.began
    failed = response.status_code >= 400 and request.path != "/up"  # which logs its own reason
    if failed or seconds >= SLOW:
        log.info(
            "%s %s %d %.3f s %s",
            request.method,
            request.path,
            response.status_code,
            seconds,
            g.request_id,
        )
    return response


app = create_app()
