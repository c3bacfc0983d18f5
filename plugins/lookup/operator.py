# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who runs a playbook: a user of the controller, not of a host."""

from __future__ import annotations

DOCUMENTATION = r"""
---
name: operator
short_description: Who runs the playbook
version_added: 0.1.0
description:
  - The name of the user who runs Ansible on the controller, or who became root there with C(sudo).
  - It needs no environment variable, since containers, cron and CI jobs have none.
author: hundred.containers authors (@hundred-containers)
options: {}
"""

EXAMPLES = r"""
---
- name: Stop the shop in the name of who runs this
  hundred.containers.service_rollout:
    name: shop
    state: stopped
    started_by: "{{ lookup('hundred.containers.operator') }}"
"""

RETURN = r"""
_raw:
  description: The name of the user, or its number where it has no name.
  type: list
  elements: str
  sample: ["anna"]
"""

import getpass
import os
from collections.abc import Mapping, Sequence
from typing import Any

from ansible.plugins.lookup import LookupBase


class LookupModule(LookupBase):
    """The lookup plugin ``hundred.containers.operator``."""

    def run(
        self, terms: Sequence[Any], variables: Mapping[str, Any] | None = None, **kwargs: Any
    ) -> list[str]:
        """The name of the operator, as a list of one."""
        return [operator(os.environ)]


def operator(environment: Mapping[str, str]) -> str:
    """The user who runs this process, or who became root with sudo to run it."""
    if environment.get("SUDO_USER"):
        return environment["SUDO_USER"]
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user of a container who is not in its /etc/passwd
        return f"uid {os.getuid()}"
