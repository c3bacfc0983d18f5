# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The orders, in SQLite. Replicas of one host share the file; SQLite's locks work between them."""

from __future__ import annotations

import sqlite3
import threading

SCHEMA = """
CREATE TABLE IF NOT EXISTS orders (
    id TEXT PRIMARY KEY,
    product TEXT NOT NULL,
    quantity INTEGER NOT NULL,
    cents INTEGER NOT NULL,
    received INTEGER NOT NULL DEFAULT 1
)
"""


class Orders:
    """The orders in one database file.

    The file is opened at the first use in each thread; every method raises sqlite3.Error when it
    cannot be opened or does not answer.
    """

    def __init__(self, database: str) -> None:
        self.database = database
        self._of_thread = threading.local()

    def add(self, order_id: str, product: str, quantity: int, cents: int) -> None:
        """Store an order. The same id again is the same order, and is only counted as received."""
        with self._connection() as connection:
            connection.execute(
                "INSERT INTO orders (id, product, quantity, cents) VALUES (?, ?, ?, ?)"
                " ON CONFLICT (id) DO UPDATE SET received = received + 1",
                (order_id, product, quantity, cents),
            )

    def totals(self) -> tuple[int, int]:
        """(number of orders, their sum in cents)."""
        query = "SELECT count(*), coalesce(sum(cents), 0) FROM orders"
        count, cents = self._connection().execute(query).fetchone()
        return count, cents

    def received_ids(self) -> list[str]:
        """The id of every order request, as often as it was received."""
        rows = self._connection().execute("SELECT id, received FROM orders")
        return [order_id for order_id, received in rows for _unused in range(received)]

    def check(self) -> None:
        """Do nothing but raise sqlite3.Error when the database does not answer."""
        self._connection().execute("SELECT 1 FROM orders LIMIT 1").fetchone()

    def _connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._of_thread, "connection", None)
        if connection is None:
            connection = sqlite3.connect(self.database, timeout=10)
            # Readers and a writer at once, and no fsync per order: a power cut may cost the last.
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute(SCHEMA)
            self._of_thread.connection = connection
        return connection
