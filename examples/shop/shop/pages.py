# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The page for people, and the two endpoints for those who run the shop."""

from __future__ import annotations

import logging
import sqlite3

from flask import Blueprint, Response, current_app, jsonify, render_template, session

from . import settings
from .api import orders
from .catalogue import PRODUCTS
from .version import COLOUR, VERSION

log = logging.getLogger("shop")
pages = Blueprint("pages", __name__)


@pages.get("/")
def home() -> str:
    """The shop."""
    return render_template(
        "shop.html",
        products=PRODUCTS.values(),
        colour=COLOUR,
        version=VERSION,
        revision=settings.REVISION,
        replica=settings.REPLICA,
        bought=session.get("bought", 0),
    )


@pages.get("/up")
def up() -> tuple[str, int]:
    """Whether this replica can do its work: 200, or 503 with the reason in body and log."""
    reason = ""
    try:
        orders().check()
    except sqlite3.Error as error:
        reason = f"cannot use the orders database {orders().database}: {error}"
    # It is asked ten times a second: a line when the answer changes, not one each time.
    if reason != current_app.extensions.setdefault("sickness", ""):
        current_app.extensions["sickness"] = reason
        log.error("%s", f"not healthy: {reason}" if reason else "healthy again")
    return (f"{reason}\n", 503) if reason else ("ok\n", 200)


@pages.get("/version")
def version() -> Response:
    """Which release this is, and which replica answered."""
    release = {"version": VERSION, "revision": settings.REVISION, "replica": settings.REPLICA}
    return jsonify(release)
