# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A shop with an empty database of its own for every test."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask.testing import FlaskClient
from shop import create_app


@pytest.fixture
def client(tmp_path: Path) -> FlaskClient:
    return create_app(str(tmp_path / "orders.db")).test_client()
