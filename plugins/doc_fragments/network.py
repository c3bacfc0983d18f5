# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The option of the modules that put containers into a service's network."""

from __future__ import annotations


class ModuleDocFragment:
    """Documents NETWORK_ARGUMENTS of module_utils/arguments.py."""

    DOCUMENTATION = r"""
options:
  network:
    description: The bridge network of the service; it is created if it is not there.
    type: dict
    default: {}
    suboptions:
      name:
        description: Name of the network.
        type: str
        default: hundred
      subnet:
        description: The whole network in CIDR notation.
        type: str
        default: 10.213.0.0/20
      ip_range:
        description: The part of it from which the engine gives addresses to anything but replicas.
        type: str
        default: 10.213.8.0/21
"""
