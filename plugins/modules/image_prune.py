#!/usr/bin/python
# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module image_prune: documentation, arguments, one call into the core."""

from __future__ import annotations

DOCUMENTATION = r"""
module: image_prune
short_description: Remove old images of a repository from an engine
version_added: 0.1.0
author:
  - hundred.containers authors (@hundred-containers)
description:
  - Removes images that M(hundred.containers.image_build) has built for a repository, on a host that
    builds or on one that runs services. The newest revisions stay.
  - An image also stays while any container uses it, running or not, whoever made the container;
    while a service of this host runs it, may return to it or has had it pulled; and while another
    image is built on it.
  - What M(hundred.containers.image_build) left without a tag goes, such as the image of a red test.
  - Images of other repositories and images without the labels of
    M(hundred.containers.image_build) are never touched. An image that another repository names as
    well loses its tags and digests in this one, and stays.
notes:
  - Hosts of services need this seldom, as M(hundred.containers.service_rollout) removes what no
    service can return to after each success.
  - The registry and the build cache are not pruned.
  - An image that somebody builds on one of these without BuildKit is told from ours by its parent.
    With BuildKit the engine knows no parent, so one that was left untagged counts as ours.
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
    details:
      - The diff is the list of actions.
options:
  name:
    description: The repository, as M(hundred.containers.image_build) has it.
    type: str
    required: true
  keep:
    description:
      - How many revisions to keep, the newest by the time of their commit.
      - What containers use and services may need is kept beside them.
    type: int
    default: 5
  state_dir:
    description: Folder where services of this host remember their releases. It may be missing.
    type: path
    default: /var/lib/hundred
seealso:
  - module: hundred.containers.image_build
  - module: hundred.containers.service_rollout
extends_documentation_fragment:
  - hundred.containers.attributes
  - hundred.containers.attributes.action_group
  - hundred.containers.engine
"""

EXAMPLES = r"""
- name: Keep the newest three on the build host
  hundred.containers.image_prune:
    name: registry.example.com/shop
    keep: 3

- name: Remove all that nobody on this host needs any more
  hundred.containers.image_prune:
    name: registry.example.com/shop
    keep: 0
"""

RETURN = r"""
actions:
  description: What was done, or in check mode would be done, in sentences. Empty if nothing.
  returned: success
  type: list
  elements: str
  sample: ["remove registry.example.com/shop:8f3c1fae09d24f3a7c28bd5c8ff6c3c4a3c1b0de"]
name:
  description: The repository.
  returned: success
  type: str
  sample: registry.example.com/shop
removed:
  description: The images that were removed, or in check mode would be, the newest first.
  returned: success
  type: list
  elements: dict
  contains:
    image_id:
      description: The image's id on this engine.
      type: str
    revision:
      description: The commit that it was built from.
      type: str
    references:
      description: Its tags and digests in the repository. Empty for one without a tag.
      type: list
      elements: str
  sample:
    - image_id: sha256:3b5c1d0d2a6e4a0f8c5a7fc6b0b3a2a1bd6a47f1ea0e0f4e7ad2be1d1e7c9d55
      revision: 8f3c1fae09d24f3a7c28bd5c8ff6c3c4a3c1b0de
      references: ["registry.example.com/shop:8f3c1fae09d24f3a7c28bd5c8ff6c3c4a3c1b0de"]
kept:
  description: The images that stay, the newest first, with the same keys and C(reason).
  returned: success
  type: list
  elements: dict
  sample:
    - image_id: sha256:9d2a6e4a0f8c5a7fc6b0b3a2a1bd6a47f1ea0e0f4e7ad2be1d1e7c9d553b5c1d
      revision: 5d41402abc4b2a76b9719d911017c592ae3f0000
      references: ["registry.example.com/shop:5d41402abc4b2a76b9719d911017c592ae3f0000"]
      reason: the container shop-g2-1 uses it
freed:
  description: Bytes of layers that are gone from the disk. Null in check mode, and if the engine
    does not tell within 20 seconds.
  returned: success
  type: int
  sample: 148213760
seconds:
  description: How long everything took.
  returned: success
  type: float
  sample: 0.4
step:
  description: What failed.
  returned: failure
  type: str
  sample: observe
next_step:
  description: What to do about the failure.
  returned: failure
  type: str
  sample: "work as root on hosts of services (become: true)"
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.ansible_module import run
from ..module_utils.arguments import ENGINE_ARGUMENTS, STATE_DIR
from ..module_utils.image.prune import PruneRequest, prune


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            **ENGINE_ARGUMENTS,
            "name": {"type": "str", "required": True},
            "keep": {"type": "int", "default": 5},
            "state_dir": {"type": "path", "default": STATE_DIR},
        },
        supports_check_mode=True,
    )
    run(module, lambda: prune(_request(module.params), module.check_mode, module.warn))


def _request(params: dict[str, Any]) -> PruneRequest:
    return PruneRequest(
        name=params["name"],
        keep=params["keep"],
        state_dir=params["state_dir"],
        docker_host=params["docker_host"],
    )


if __name__ == "__main__":
    main()
