#!/usr/bin/python
# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module image_push: documentation, arguments, one call into the core."""

from __future__ import annotations

DOCUMENTATION = r"""
module: image_push
short_description: Push an image and learn its digest
version_added: 0.1.0
author:
  - hundred.containers authors (@hundred-containers)
description:
  - Pushes the image of a revision, as M(hundred.containers.image_build) has built it on this
    engine, and returns the
    digest under which the registry has it, which is what is deployed.
  - Nothing is pushed when the registry has the image.
  - A revision's tag that names other content in the registry is not moved, unless by O(force).
notes:
  - The images are compared by the digests that the engine knows the image by. If it knows none for
    this registry, the one
    there is pulled by its digest and compared, which check mode does not do and says so; one that
    lies here is compared in check mode as well, and refused.
  - An image that another tool has pushed may get another digest under O(tags), as the engine pushes
    it with a manifest of its own. A warning says so.
attributes:
  check_mode:
    support: full
    details:
      - The registry is asked. An image that is not here is taken for one that is still to be built,
        since check mode builds none, and the action says so.
  diff_mode:
    support: full
    details:
      - The diff is the list of actions.
options:
  name:
    description: The image's repository, with the registry's host and without tag.
    type: str
    required: true
  revision:
    description: The full SHA of the commit that the image was built from. It is the tag to push,
      which must not move.
    type: str
  tag:
    description: The tag to push instead of a revision's. It may move.
    type: str
  digest:
    description:
      - The digest under which the registry has the image already, as
        M(hundred.containers.image_build) returns it. O(tags) are put on that one, whatever this
        engine has of the revision, and nothing else is pushed.
      - With O(revision), the revision's tag must name it in the registry. Without, it may be any
        digest of the repository.
      - Not together with O(tag) or O(force).
    type: str
  tags:
    description: Further tags that the image gets in the registry, for example V(latest). They may
      move.
    type: list
    elements: str
    default: []
  force:
    description:
      - Push even if the revision's tag names other content in the registry.
      - Hosts that deployed the old digest keep it.
    type: bool
    default: false
seealso:
  - module: hundred.containers.image_build
  - module: hundred.containers.image_pull
extends_documentation_fragment:
  - hundred.containers.attributes
  - hundred.containers.attributes.action_group
  - hundred.containers.engine
  - hundred.containers.registry
"""

EXAMPLES = r"""
- name: Push the image of a revision, with Docker's own credentials
  hundred.containers.image_push:
    name: registry.example.com/shop
    revision: 8f3c1fae09d24f3a7c28bd5c8ff6c3c4a3c1b0de
    tags: [latest]
  register: pushed

- name: Have every host pull it before the rollout
  hundred.containers.image_pull:
    name: registry.example.com/shop
    digest: "{{ pushed.digest }}"
  delegate_to: "{{ item }}"
  loop: "{{ groups.web }}"

- name: Let a tag name what the registry has already
  hundred.containers.image_push:
    name: registry.example.com/shop
    digest: sha256:9d2a6e4a0f8c5a7fc6b0b3a2a1bd6a47f1ea0e0f4e7ad2be1d1e7c9d553b5c1d
    tags: [stable]
"""

RETURN = r"""
actions:
  description: What was done, or in check mode would be done, in sentences. Empty if nothing.
  returned: success
  type: list
  elements: str
  sample: ["push registry.example.com/shop:8f3c1fae09d24f3a7c28bd5c8ff6c3c4a3c1b0de"]
name:
  description: The repository.
  returned: success
  type: str
  sample: registry.example.com/shop
reference:
  description: The image by its revision tag, or by the tag or digest that was given instead.
  returned: success
  type: str
  sample: registry.example.com/shop:8f3c1fae09d24f3a7c28bd5c8ff6c3c4a3c1b0de
digest:
  description: The digest under which the registry has the image. Null in check mode if it would be
    pushed.
  returned: success, or the revision's tag names other content
  type: str
  sample: sha256:9d2a6e4a0f8c5a7fc6b0b3a2a1bd6a47f1ea0e0f4e7ad2be1d1e7c9d553b5c1d
image:
  description: The image by its digest. Null in check mode if it would be pushed.
  returned: success
  type: str
  sample: >-
    registry.example.com/api@sha256:9d2a6e4a0f8c5a7fc6b0b3a2a1bd6a47f1ea0e0f4e7ad2be1d1e7c9d553b5c1d
image_id:
  description: The image's id on this engine. Null if it is in the registry alone.
  returned: success
  type: str
  sample: sha256:3b5c1d0d2a6e4a0f8c5a7fc6b0b3a2a1bd6a47f1ea0e0f4e7ad2be1d1e7c9d55
seconds:
  description: How long everything took.
  returned: success
  type: float
  sample: 3.1
step:
  description: What failed.
  returned: failure
  type: str
  sample: push
next_step:
  description: What to do about the failure.
  returned: failure
  type: str
  sample: build it first (image_build), on this host
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.ansible_module import run
from ..module_utils.arguments import ENGINE_ARGUMENTS, REGISTRY_ARGUMENTS, REGISTRY_TOGETHER
from ..module_utils.engine.images import Credentials
from ..module_utils.image.push import PushRequest, push


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            **ENGINE_ARGUMENTS,
            **REGISTRY_ARGUMENTS,
            "name": {"type": "str", "required": True},
            "revision": {"type": "str"},
            "tag": {"type": "str"},
            "digest": {"type": "str"},
            "tags": {"type": "list", "elements": "str", "default": []},
            "force": {"type": "bool", "default": False},
        },
        required_one_of=[["revision", "tag", "digest"]],
        mutually_exclusive=[["revision", "tag"], ["tag", "digest"]],
        required_together=REGISTRY_TOGETHER,
        supports_check_mode=True,
    )
    run(module, lambda: push(_request(module.params), module.check_mode, module.warn))


def _request(params: dict[str, Any]) -> PushRequest:
    return PushRequest(
        name=params["name"],
        revision=params["revision"],
        tag=params["tag"],
        digest=params["digest"],
        tags=params["tags"],
        force=params["force"],
        retries=params["retries"],
        credentials=Credentials.given(params["registry_username"], params["registry_password"]),
        docker_host=params["docker_host"],
    )


if __name__ == "__main__":
    main()
