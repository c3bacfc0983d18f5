#!/usr/bin/python
# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module image_pull: documentation, arguments, one call into the core."""

from __future__ import annotations

DOCUMENTATION = r"""
module: image_pull
short_description: Pull an image by its digest
version_added: 0.1.0
author:
  - hundred.containers authors (@hundred-containers)
description:
  - Has an image on the host before anything needs it, so that a rollout waits for no download.
  - The image is named by its digest alone, so what is pulled is what was pushed.
attributes:
  check_mode:
    support: full
    details:
      - The registry is asked whether it has the digest, if the image is not here.
  diff_mode:
    support: full
    details:
      - The diff is the list of actions.
options:
  name:
    description: The image's repository, with the registry's host and without tag.
    type: str
    required: true
  digest:
    description: The image's digest, as M(hundred.containers.image_push) returns it.
    type: str
    required: true
seealso:
  - module: hundred.containers.image_push
extends_documentation_fragment:
  - hundred.containers.attributes
  - hundred.containers.attributes.action_group
  - hundred.containers.engine
  - hundred.containers.registry
"""

EXAMPLES = r"""
- name: Have the image here before the rollout
  hundred.containers.image_pull:
    name: registry.example.com/shop
    digest: sha256:9d2a6e4a0f8c5a7fc6b0b3a2a1bd6a47f1ea0e0f4e7ad2be1d1e7c9d553b5c1d
    registry_username: web
    registry_password: "{{ vault_registry_password }}"
"""

RETURN = r"""
actions:
  description: What was done, or in check mode would be done, in sentences. Empty if nothing.
  returned: success
  type: list
  elements: str
  sample:
    - >-
      pull
      registry.example.com/api@sha256:9d2a6e4a0f8c5a7fc6b0b3a2a1bd6a47f1ea0e0f4e7ad2be1d1e7c9d553b5c1d
name:
  description: The repository.
  returned: success
  type: str
  sample: registry.example.com/shop
digest:
  description: The digest.
  returned: success
  type: str
  sample: sha256:9d2a6e4a0f8c5a7fc6b0b3a2a1bd6a47f1ea0e0f4e7ad2be1d1e7c9d553b5c1d
image:
  description: The image by its digest.
  returned: success
  type: str
  sample: >-
    registry.example.com/api@sha256:9d2a6e4a0f8c5a7fc6b0b3a2a1bd6a47f1ea0e0f4e7ad2be1d1e7c9d553b5c1d
image_id:
  description: The image's id on this engine. Null in check mode if it would be pulled.
  returned: success
  type: str
  sample: sha256:3b5c1d0d2a6e4a0f8c5a7fc6b0b3a2a1bd6a47f1ea0e0f4e7ad2be1d1e7c9d55
size:
  description: The image's size in bytes on this engine. Null in check mode if it would be pulled.
  returned: success
  type: int
  sample: 148213760
seconds:
  description: How long everything took.
  returned: success
  type: float
  sample: 2.4
next_step:
  description: What to do about the failure.
  returned: failure
  type: str
  sample: push the image first (image_push), and use the digest it returns
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.ansible_module import run
from ..module_utils.arguments import ENGINE_ARGUMENTS, REGISTRY_ARGUMENTS, REGISTRY_TOGETHER
from ..module_utils.engine.images import Credentials
from ..module_utils.image.pull import PullRequest, pull


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            **ENGINE_ARGUMENTS,
            **REGISTRY_ARGUMENTS,
            "name": {"type": "str", "required": True},
            "digest": {"type": "str", "required": True},
        },
        required_together=REGISTRY_TOGETHER,
        supports_check_mode=True,
    )
    run(module, lambda: pull(_request(module.params), module.check_mode, module.warn))


def _request(params: dict[str, Any]) -> PullRequest:
    return PullRequest(
        name=params["name"],
        digest=params["digest"],
        retries=params["retries"],
        credentials=Credentials.given(params["registry_username"], params["registry_password"]),
        docker_host=params["docker_host"],
    )


if __name__ == "__main__":
    main()
