# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The API: products, orders, a report that takes its time, prices as they change."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from typing import Any

from flask import Blueprint, Response, current_app, g, jsonify, request, session

from . import settings
from .catalogue import PRODUCTS
from .orders import Orders
from .version import VERSION

LONGEST = 30.0
"""Seconds that a report or a stream takes at most."""

api = Blueprint("api", __name__, url_prefix="/api")


def orders() -> Orders:
    """The running application's orders."""
    found: Orders = current_app.extensions["orders"]
    return found


def answer(**content: Any) -> Response:
    """A JSON answer that says to which request, and who gave it."""
    who = {"request_id": g.request_id, "version": VERSION, "replica": settings.REPLICA}
    return jsonify({**content, **who})


@api.get("/products")
def products() -> Response:
    """All products."""
    return answer(products=[vars(product) for product in PRODUCTS.values()])


@api.post("/orders")
def order() -> tuple[Response, int]:
    """Take an order, {"id": ..., "product": ..., "quantity": ...}; an id counts once."""
    wish = request.get_json(silent=True)
    if not isinstance(wish, dict):
        return answer(error="want a JSON object"), 400
    product = PRODUCTS.get(str(wish.get("product")))
    quantity = wish.get("quantity", 1)
    order_id = wish.get("id", g.request_id)
    if product is None:
        return answer(error=f"no such product; there are: {', '.join(PRODUCTS)}"), 404
    if not isinstance(quantity, int) or not 1 <= quantity <= 100:
        return answer(error="quantity must be a number from 1 to 100"), 400
    if not isinstance(order_id, str) or not 1 <= len(order_id) <= 64:
        return answer(error="id must be a text of 1 to 64 characters"), 400
    cents = quantity * product.price
    orders().add(order_id, product.key, quantity, cents)
    session["bought"] = session.get("bought", 0) + quantity
    return answer(order={"id": order_id, "product": product.key, "cents": cents}), 201


@api.get("/orders/ids")
def order_ids() -> Response:
    """The id of every order request, a line each: more lines than orders means one came twice."""
    lines = "".join(f"{order_id}\n" for order_id in orders().received_ids())
    return Response(lines, mimetype="text/plain")


@api.get("/report")
def report() -> Response:
    """Sum the orders up, slowly: after so many ?seconds=."""
    time.sleep(_seconds(default=2.0))
    count, cents = orders().totals()
    return answer(orders=count, cents=cents)


@api.get("/prices")
def prices() -> Response:
    """Prices as they change, for so many ?seconds=, as server-sent events; the last is "end"."""
    stream = _price_events(_seconds(default=10.0), g.request_id)
    # A proxy that buffers would keep the events until the end.
    return Response(stream, mimetype="text/event-stream", headers={"X-Accel-Buffering": "no"})


def _price_events(seconds: float, request_id: str) -> Iterator[str]:
    end, number = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        product = random.choice(list(PRODUCTS.values()))
        cents = round(product.price * random.uniform(0.9, 1.1))
        number += 1
        yield f"data: {product.key} {cents}\n\n"
        time.sleep(0.25)
    # Who reads along can tell from this that nothing was cut off.
    yield f"data: end {number} {request_id}\n\n"


def _seconds(default: float) -> float:
    wish = request.args.get("seconds", default, type=float)
    return min(max(wish, 0.0), LONGEST)
