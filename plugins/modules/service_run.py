# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a one-off command as a service would: its image, environment, secrets, volumes, limits."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: service_run
short_description: Run a one-off command as a service would
version_added: 0.1.0
description:
  - Runs a command once in a container of a service, with the image, the environment, the secrets,
    the volumes and the limits of the service. The container is gone afterwards, also when the task
    is killed; the engine removes it when the command ends.
  - Without O(definition) it runs in a release that this host has, on the network of that release
    whatever O(network) says, and needs nothing but that host.
  - The image's entry point, or that of the definition, stays in front of the command.
  - The replicas of the service are not touched.
author: hundred.containers authors (@hundred-containers)
extends_documentation_fragment:
  - hundred.containers.engine
  - hundred.containers.network
  - hundred.containers.registry
  - hundred.containers.attributes
  - hundred.containers.attributes.action_group
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
options:
  name:
    description: Name of the service.
    type: str
    required: true
  command:
    description: The command, as a list or as one string; no shell runs it.
    type: raw
    required: true
  title:
    description:
      - A name of the command for messages and the history.
      - A command of the same title that is still at work on the host, since the task that started
        it was killed, is waited for before this one starts.
    type: str
  timeout:
    description: How long it may take; then it is stopped and has failed.
    type: str
    default: 10m
  digest:
    description:
      - With O(definition), the digest of the image to run it in.
      - Required then, except in check mode, where the image may not be built yet.
    type: str
  revision:
    description:
      - With O(definition), the commit that the image was built from.
      - Without it, the beginning of the revision of a release that is kept on this host; by
        default that of the release that serves.
      - Several releases that fit are refused; O(generation) tells them apart.
    type: str
  generation:
    description:
      - Without O(definition), the number of a release that is kept on this host, as
        M(hundred.containers.service_info) shows it. Releases of one revision differ in their
        definition or in their secrets.
    type: int
  definition:
    description:
      - The definition of the service as C(hundred_services) has it, but for C(secrets), to run the
        command in a release that the host may not have yet.
    type: dict
  secrets:
    description: With O(definition), the values of its secrets.
    type: dict
  deploy:
    description:
      - The deploy over many hosts that this is part of, whose claim on this host, if it has one,
        lasts as long as the command may take.
    type: dict
    suboptions:
      id:
        description: The deploy's name.
        type: str
        required: true
      lease:
        description: When the claim ends after it was last heard of.
        type: str
        default: 30m
  started_by:
    description:
      - Who starts this, for the history.
    type: str
  state_dir:
    description:
      - Folder of everything that is remembered on the host, readable by root only.
    type: path
    default: /var/lib/hundred
seealso:
  - module: hundred.containers.service_rollout
"""

EXAMPLES = r"""
---
- name: Look at the migrations of the release that serves
  hundred.containers.service_run:
    name: shop
    command: [flask, db, current]
  register: migrations

- name: Create an account
  hundred.containers.service_run:
    name: shop
    command: flask accounts create anna
    title: create-account
    timeout: 1m
"""

RETURN = r"""
exit_code:
  description: The command's; V(null) when its time was up.
  returned: when it was started
  type: int
  sample: 0
output:
  description: The lines of both of its streams in order, the last mebibyte of them.
  returned: when it was started
  type: list
  elements: str
  sample: ["INFO  [alembic.runtime.migration] Running upgrade -> 1a2b3c4d"]
revision:
  description: The revision of the image that it ran in.
  returned: success
  type: str
  sample: 5d41402abc4b2a76b9719d911017c592ae3f0000
seconds:
  description: How long it ran.
  returned: success
  type: float
  sample: 2.1
actions:
  description: What was done or, in check mode, would be.
  returned: success
  type: list
  elements: str
  sample: ["run migrate in revision 5d41402abc4b"]
serving:
  description: What serves requests after a failure.
  returned: failure
  type: str
  sample: revision 5d41402abc4b (generation 2), as before
next_step:
  description: What to do about a failure.
  returned: failure
  type: str
  sample: mend the cause, and see what the command has done before it is run again
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.hundred.containers.plugins.module_utils.ansible_module import run
from ansible_collections.hundred.containers.plugins.module_utils.arguments import (
    ENGINE_ARGUMENTS,
    NETWORK_ARGUMENTS,
    REGISTRY_ARGUMENTS,
    REGISTRY_TOGETHER,
    STATE_DIR,
)
from ansible_collections.hundred.containers.plugins.module_utils.rollout.one_off import (
    make_image,
    make_task,
    remembered,
    run_once,
)
from ansible_collections.hundred.containers.plugins.module_utils.rollout.options import open_host


def main() -> None:
    """Read the options, call the core, return what came of it."""
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "command": {"type": "raw", "required": True},
            "title": {"type": "str"},
            "timeout": {"type": "str", "default": "10m"},
            "digest": {"type": "str"},
            "revision": {"type": "str"},
            "generation": {"type": "int"},
            "definition": {"type": "dict"},
            "secrets": {"type": "dict", "no_log": True},
            "deploy": {
                "type": "dict",
                "options": {
                    "id": {"type": "str", "required": True},
                    "lease": {"type": "str", "default": "30m"},
                },
            },
            "started_by": {"type": "str"},
            "state_dir": {"type": "path", "default": STATE_DIR},
            **NETWORK_ARGUMENTS,
            **ENGINE_ARGUMENTS,
            **REGISTRY_ARGUMENTS,
        },
        required_by={"digest": ("definition",)},
        required_together=REGISTRY_TOGETHER,
        mutually_exclusive=[("definition", "generation")],
        supports_check_mode=True,
    )

    def call() -> dict[str, Any]:
        params = module.params
        task = make_task(params)
        host = open_host(params)
        if params["definition"] is None:
            image = remembered(host, params["revision"], params["generation"])
        else:
            image = make_image(host, params, module.check_mode)
        action = f"run {task.name} in revision {image.revision[:12]}"
        result = {"changed": True, "actions": [action], "revision": image.revision}
        if module.check_mode:
            return result
        ended = run_once(host, image, task, params["title"])
        told = {"exit_code": ended.exit_code, "output": list(ended.output)}
        return {**result, **told, "seconds": ended.seconds}

    run(module, call)


if __name__ == "__main__":
    main()
