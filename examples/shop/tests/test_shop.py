# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The shop's own tests; the build runs them in the image, and a red one keeps its tag back."""

from __future__ import annotations

import logging
import os
import sqlite3
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from shop import create_app, settings
from shop.catalogue import PRODUCTS
from shop.version import COLOUR, VERSION


def test_the_page_shows_every_product_the_version_and_the_replica(client: FlaskClient) -> None:
    page = client.get("/").get_data(as_text=True)
    for expected in (*(p.name for p in PRODUCTS.values()), f"v{VERSION}", COLOUR, settings.REPLICA):
        assert expected in page


def test_an_order_is_stored_and_sums_up(client: FlaskClient) -> None:
    sold = client.post("/api/orders", json={"id": "o1", "product": "cup", "quantity": 3})
    assert sold.status_code == 201
    assert sold.get_json()["order"] == {"id": "o1", "product": "cup", "cents": 2370}
    report = client.get("/api/report?seconds=0").get_json()
    assert (report["orders"], report["cents"]) == (1, 2370)
    assert "3 things bought" in client.get("/").get_data(as_text=True)


def test_an_order_sent_twice_is_one_order_received_twice(client: FlaskClient) -> None:
    for _unused in range(2):
        assert client.post("/api/orders", json={"id": "o1", "product": "cup"}).status_code == 201
    assert client.get("/api/report?seconds=0").get_json()["orders"] == 1
    assert client.get("/api/orders/ids").get_data(as_text=True) == "o1\no1\n"


@pytest.mark.parametrize(
    ("wish", "status"),
    [
        ([], 400),
        ({"product": "car"}, 404),
        ({"product": "cup", "quantity": 0}, 400),
        ({"product": "cup", "quantity": "many"}, 400),
        ({"product": "cup", "id": "x" * 65}, 400),
    ],
)
def test_a_bad_order_is_refused(client: FlaskClient, wish: object, status: int) -> None:
    refused = client.post("/api/orders", json=wish)
    assert refused.status_code == status
    assert refused.get_json()["error"]


def test_every_answer_names_request_release_and_replica(client: FlaskClient) -> None:
    answer = client.get("/api/products", headers={"X-Request-Id": "r-7"})
    assert answer.get_json()["request_id"] == answer.headers["X-Request-Id"] == "r-7"
    assert answer.headers["X-Release"] == f"v{VERSION}"
    assert answer.headers["X-Replica"] == settings.REPLICA


def test_prices_stream_ends_with_the_number_of_events(client: FlaskClient) -> None:
    text = client.get("/api/prices?seconds=0.4&id=r-8").get_data(as_text=True)
    events = text.rstrip("\n").split("\n\n")
    assert events[-1] == f"data: end {len(events) - 1} r-8"
    assert len(events) > 1


def test_it_is_up_when_its_database_is(client: FlaskClient) -> None:
    assert client.get("/up").status_code == 200


def test_it_is_not_up_without_its_database_and_logs_why(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lost = create_app(str(tmp_path / "nowhere" / "orders.db")).test_client()
    with caplog.at_level(logging.ERROR, "shop"):
        answer = lost.get("/up")
    assert answer.status_code == 503
    assert "cannot use the orders database" in caplog.text
    assert "unable to open database file" in answer.get_data(as_text=True)


def test_orders_survive_a_new_release_on_the_same_volume(tmp_path: Path) -> None:
    database = str(tmp_path / "orders.db")
    for release in ("old", "new"):
        shop = create_app(database).test_client()
        assert shop.post("/api/orders", json={"id": release, "product": "cup"}).status_code == 201
    with sqlite3.connect(database) as connection:
        assert connection.execute("SELECT count(*) FROM orders").fetchone() == (2,)


def test_the_revision_comes_from_the_image() -> None:
    assert os.environ.get("SHOP_REVISION", "") in ("", settings.REVISION)
