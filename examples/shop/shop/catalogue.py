# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the shop sells."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Product:
    """One thing for sale; the price is in cents."""

    key: str
    name: str
    picture: str
    price: int


PRODUCTS = {
    product.key: product
    for product in (
        Product("teapot", "Teapot", "🫖", 2490),
        Product("cup", "Cup", "🍵", 790),
        Product("kettle", "Kettle", "♨️", 4900),
        Product("biscuits", "Biscuits", "🍪", 350),
    )
}
