# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of every module that talks to a container engine."""

from __future__ import annotations


class ModuleDocFragment:
    """Documents ENGINE_ARGUMENTS of module_utils/arguments.py."""

    DOCUMENTATION = r"""
options:
  docker_host:
    description:
      - Address of the engine's API, for example V(unix:///var/run/docker.sock).
      - Without it, the environment variable E(DOCKER_HOST) counts, then the usual socket.
    type: str
requirements:
  - Docker Engine 20.10 or newer on the host
  - Docker SDK for Python 5.0.3 or newer on the host (C(python3-docker) of Debian 12 and 13)
"""
