# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of every module that has the engine talk to a registry."""

from __future__ import annotations


class ModuleDocFragment:
    """Documents REGISTRY_ARGUMENTS of module_utils/arguments.py."""

    DOCUMENTATION = r"""
options:
  registry_username:
    description:
      - User name at the registry that O(name) names.
      - Without it, the credentials come from Docker's own configuration (C(~/.docker/config.json),
        E(DOCKER_CONFIG)) and its credential helpers, of the user that the task runs as.
    type: str
  registry_password:
    description:
      - Password or token that belongs to O(registry_username).
      - The engine gets it with the request; it is never written to a file, an argument or a log.
    type: str
  retries:
    description:
      - How many times a transient failure of the registry (refused or reset connection, time-out,
        5xx answer, too many requests) is tried again, after 0.5, 1, 2, ... seconds, at most 10.
      - What another try cannot cure (wrong credentials, an unknown certificate authority, a full
        disk) fails at once.
    type: int
    default: 5
"""
