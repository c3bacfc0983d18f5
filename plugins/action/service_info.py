# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs ``service_info`` by the host's own copy of the core."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..module_utils import arguments
from ..plugin_utils.library_call import LibraryCall


class ActionModule(LibraryCall):
    """The action plugin of ``hundred.containers.service_info``."""

    MODULE = "service_info"

    def arguments(self) -> Mapping[str, Any]:
        """The module's argument specification."""
        return arguments.service_info()
