#!/usr/bin/python
# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module image_build: documentation, arguments, one call into the core."""

from __future__ import annotations

DOCUMENTATION = r"""
module: image_build
short_description: Build a tested image from a commit
version_added: 0.1.0
author:
  - hundred.containers authors (@hundred-containers)
description:
  - Builds an image from a clean export (C(git archive)) of one commit. What is changed, untracked
    or
    ignored in the work tree never reaches the image.
  - The image gets the full SHA of the commit as its tag, after the commands of O(test) have
    succeeded in it.
    A failed test leaves no tag.
  - An image that exists for the revision, in the registry or on this engine, is not built again,
    whatever
    else has changed since in the options. A revision's tag names one image for good.
notes:
  - The image is labelled with C(org.opencontainers.image.revision),
    C(org.opencontainers.image.source),
    C(org.opencontainers.image.created) (the time of the commit) and C(hundred.image) (the O(name)).
  - Build arguments and labels are readable in the image. Secrets belong into O(secrets).
  - Submodules are refused, unless C(.gitattributes) (C(export-ignore)) or C(.dockerignore) leaves
    them out.
  - Files of Git LFS need C(git-lfs) on the host, set up by C(git lfs install). Pointers without
    their content are refused, unless C(.dockerignore) leaves them out. No other filter of git's
    configuration is applied.
  - The classic builder gets the accounts of all registries of Docker's own configuration, so that
    it can pull base images. A credential helper that fails is a warning, and its accounts are left
    out.
  - An image whose test failed is kept without a tag, so that one can look into it. C(docker image
    prune) removes it.
attributes:
  check_mode:
    support: full
    details:
      - The registry is asked, the commit exported and its files checked. Nothing is built or
        tested.
  diff_mode:
    support: full
    details:
      - The diff is the list of actions.
options:
  name:
    description:
      - The image's repository, without tag, for example V(registry.example.com/shop).
      - A name without a registry's host is one of this engine alone.
    type: str
    required: true
  source:
    description:
      - A git work tree, a folder of one, or a bare repository, on the host that the task runs on.
    type: path
    required: true
  revision:
    description:
      - What to build. A commit's SHA, a branch, a tag, or whatever else git resolves to one commit
        in O(source).
    type: str
    required: true
  dockerfile:
    description: Path of the Dockerfile below O(source).
    type: str
    default: Dockerfile
  context:
    description: Folder below O(source) that is the build context.
    type: str
    default: .
  target:
    description: The stage to build, of a Dockerfile with more than one.
    type: str
  args:
    description: Build arguments.
    type: dict
    default: {}
  tags:
    description:
      - Further tags that the image gets on this engine, for example V(latest). They may move.
      - They are set too when the image is here already. When it is in the registry alone,
        M(hundred.containers.image_push) sets them.
    type: list
    elements: str
    default: []
  platform:
    description: The platform to build for, for example V(linux/amd64). The engine's own by default.
    type: str
  crontab:
    description:
      - The path of a crontab in the source, relative to O(source).
      - It is read from the commit and refused if a line of it is bad. The image carries it in its
        labels, so that the hosts that run its entries (the key C(cron) of a definition) need no
        source. An image of the revision that exists already is not built again for it.
    type: str
  labels:
    description: Further labels of the image.
    type: dict
    default: {}
  source_url:
    description:
      - The label C(org.opencontainers.image.source).
      - By default the URL of the remote C(origin), else the repository's path. Credentials in a URL
        are left out.
    type: str
  test:
    description:
      - Commands that are run in the new image, each in a container of its own, before it is tagged.
        All must end with 0.
      - A command is a list of words, or a string that is split as a shell does. It replaces the
        image's entry point.
        The image's environment, user and working directory apply, and the engine's default network.
    type: list
    elements: raw
    default: []
  test_timeout:
    description: Seconds that each command of O(test) may take.
    type: int
    default: 600
  secrets:
    description:
      - Secrets of the build by their id. A step gets one with C(RUN --mount=type=secret,id=...).
        They need BuildKit.
    type: dict
    default: {}
  secret_files:
    description: Secrets as O(secrets), by their id, with the path of a file on the host that has
      the value.
    type: dict
    default: {}
  cache_from:
    description: Where BuildKit takes cached layers from, as C(docker buildx build --cache-from).
    type: list
    elements: str
    default: []
  cache_to:
    description:
      - Where BuildKit keeps cached layers, as C(docker buildx build --cache-to).
      - BuildKit writes them at the end of the build, before the commands of O(test) are run. So a
        cache in a registry has the layers of an image whose tests fail, too. V(type=inline) is part
        of the image and is pushed with it alone.
    type: list
    elements: str
    default: []
  builder:
    description:
      - V(buildkit) is the buildx plugin of Docker's command, V(classic) the engine's own builder.
      - V(auto) is BuildKit where the host has the plugin, else the classic builder.
    type: str
    choices: [auto, classic, buildkit]
    default: auto
  lookup:
    description:
      - Where an image of the revision is looked for before it is built.
      - V(registry) asks the registry, which must answer, and this engine. V(local) asks this engine
        alone.
      - V(auto) asks the registry if O(name) names one.
    type: str
    choices: [auto, registry, local]
    default: auto
  force:
    description: Build even if an image of the revision exists, and move the revision's tag on this
      engine to the new one.
    type: bool
    default: false
  timeout:
    description: Seconds that the export and the build may take.
    type: int
    default: 3600
seealso:
  - module: hundred.containers.image_push
extends_documentation_fragment:
  - hundred.containers.attributes
  - hundred.containers.attributes.action_group
  - hundred.containers.engine
  - hundred.containers.registry
requirements:
  - git on the host
  - the buildx plugin of Docker's command on the host, for O(secrets), O(secret_files),
    O(cache_from) and O(cache_to)
"""

EXAMPLES = r"""
- name: Build the release of the shop, if there is no image of it
  hundred.containers.image_build:
    name: registry.example.com/shop
    source: /srv/src/shop
    revision: v1.4.2
    test:
      - [pytest, -q]
    registry_username: ci
    registry_password: "{{ vault_registry_password }}"
  register: built

- name: Push it
  hundred.containers.image_push:
    name: registry.example.com/shop
    revision: "{{ built.revision }}"
    registry_username: ci
    registry_password: "{{ vault_registry_password }}"
  when: built.exists != 'registry'

- name: Build one service of a monorepo with a secret and a cache, by BuildKit
  hundred.containers.image_build:
    name: registry.example.com/mail
    source: /srv/src/everything/services/mail
    revision: main
    target: production
    secrets:
      npm_token: "{{ vault_npm_token }}"
    cache_from: ["type=registry,ref=registry.example.com/mail:cache"]
    cache_to: ["type=inline"]
"""

RETURN = r"""
actions:
  description: What was done, or in check mode would be done, in sentences. Empty if nothing.
  returned: success
  type: list
  elements: str
  sample:
    - "build registry.example.com/shop:8f3c1fae09d24f3a7c28bd5c8ff6c3c4a3c1b0de from /srv/src/shop"
    - "test it: pytest -q"
name:
  description: The repository.
  returned: success
  type: str
  sample: registry.example.com/shop
revision:
  description: The full SHA of the commit.
  returned: success, or a test failed
  type: str
  sample: 8f3c1fae09d24f3a7c28bd5c8ff6c3c4a3c1b0de
reference:
  description: The image by its revision tag.
  returned: success
  type: str
  sample: registry.example.com/shop:8f3c1fae09d24f3a7c28bd5c8ff6c3c4a3c1b0de
exists:
  description: Where an image of the revision was found, V(registry) or V(local). Null if it was
    built, or would be.
  returned: success
  type: str
  sample: registry
image_id:
  description: The image's id on this engine. Null if it is not here.
  returned: success, or a test failed
  type: str
  sample: sha256:3b5c1d0d2a6e4a0f8c5a7fc6b0b3a2a1bd6a47f1ea0e0f4e7ad2be1d1e7c9d55
size:
  description: The image's size in bytes on this engine. Null if it is not here.
  returned: success
  type: int
  sample: 148213760
digest:
  description: The digest under which the registry has the image. Null if it has none, or was not
    asked.
  returned: success
  type: str
  sample: sha256:9d2a6e4a0f8c5a7fc6b0b3a2a1bd6a47f1ea0e0f4e7ad2be1d1e7c9d553b5c1d
image:
  description: The image by its digest, which is what is deployed. Null if there is no digest.
  returned: success
  type: str
  sample: >-
    registry.example.com/api@sha256:9d2a6e4a0f8c5a7fc6b0b3a2a1bd6a47f1ea0e0f4e7ad2be1d1e7c9d553b5c1d
created:
  description: The time of the commit, as in the image's label.
  returned: success
  type: str
  sample: "2026-03-01T12:30:00+01:00"
ancestors:
  description: The commit and up to 49 before it, newest first, by the first twelve digits.
  returned: success
  type: list
  elements: str
  sample: ["5d41402abc4b", "1a79a4d60de6"]
descendants:
  description:
    - The newest commits, at most 100, of all branches and tags of the clone that have the commit in
      their history, newest first, by the first twelve digits.
  returned: success
  type: list
  elements: str
  sample: []
builder:
  description: What built the image, V(buildkit) or V(classic). Null if nothing was built.
  returned: success
  type: str
  sample: buildkit
tests:
  description: The commands of O(test) that were run.
  returned: success, or a test failed
  type: list
  elements: dict
  contains:
    command:
      description: The command.
      type: list
      elements: str
    exit_code:
      description: What it ended with. Null if its time was up.
      type: int
    seconds:
      description: How long it ran.
      type: float
seconds:
  description: How long everything took.
  returned: success
  type: float
  sample: 41.3
step:
  description: What failed, V(source), V(lookup), V(export), V(build) or V(test).
  returned: failure
  type: str
  sample: test
next_step:
  description: What to do about the failure.
  returned: failure
  type: str
  sample: read the output, repair the source, commit and build that revision
build_step:
  description: The instruction of the Dockerfile that failed.
  returned: the build failed
  type: str
  sample: "Step 4/7 : RUN make"
command:
  description: The test that failed.
  returned: a test failed
  type: list
  elements: str
  sample: [pytest, -q]
exit_code:
  description: What that test ended with. Null if its time was up.
  returned: a test failed
  type: int
  sample: 1
output:
  description: The last lines that the build or the failed test printed.
  returned: the build or a test failed
  type: list
  elements: str
  sample: ["1 failed, 12 passed in 3.20s"]
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.ansible_module import run
from ..module_utils.arguments import ENGINE_ARGUMENTS, REGISTRY_ARGUMENTS, REGISTRY_TOGETHER
from ..module_utils.engine.buildx import BuildKitOptions
from ..module_utils.engine.images import Credentials
from ..module_utils.image.build import build
from ..module_utils.image.build_request import BuildRequest, all_secrets, commands, text_values


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            **ENGINE_ARGUMENTS,
            **REGISTRY_ARGUMENTS,
            "name": {"type": "str", "required": True},
            "source": {"type": "path", "required": True},
            "revision": {"type": "str", "required": True},
            "dockerfile": {"type": "str", "default": "Dockerfile"},
            "context": {"type": "str", "default": "."},
            "target": {"type": "str"},
            "args": {"type": "dict", "default": {}},
            "tags": {"type": "list", "elements": "str", "default": []},
            "platform": {"type": "str"},
            "labels": {"type": "dict", "default": {}},
            "crontab": {"type": "str"},
            "source_url": {"type": "str"},
            "test": {"type": "list", "elements": "raw", "default": []},
            "test_timeout": {"type": "int", "default": 600},
            "secrets": {"type": "dict", "default": {}, "no_log": True},
            # Paths, not the secrets in them.
            "secret_files": {"type": "dict", "default": {}, "no_log": False},
            "cache_from": {"type": "list", "elements": "str", "default": []},
            "cache_to": {"type": "list", "elements": "str", "default": []},
            "builder": {
                "type": "str",
                "choices": ["auto", "classic", "buildkit"],
                "default": "auto",
            },
            "lookup": {
                "type": "str",
                "choices": ["auto", "registry", "local"],
                "default": "auto",
            },
            "force": {"type": "bool", "default": False},
            "timeout": {"type": "int", "default": 3600},
        },
        required_together=REGISTRY_TOGETHER,
        supports_check_mode=True,
    )
    run(module, lambda: build(_request(module.params), module.check_mode, module.warn))


def _request(params: dict[str, Any]) -> BuildRequest:
    return BuildRequest(
        name=params["name"],
        source=params["source"],
        revision=params["revision"],
        dockerfile=params["dockerfile"],
        context=params["context"],
        target=params["target"],
        args=text_values(params["args"], "args"),
        tags=params["tags"],
        platform=params["platform"],
        labels=text_values(params["labels"], "labels"),
        source_url=params["source_url"],
        tests=commands(params["test"]),
        buildkit=BuildKitOptions(
            secrets=all_secrets(
                text_values(params["secrets"], "secrets"),
                text_values(params["secret_files"], "secret_files"),
            ),
            cache_from=params["cache_from"],
            cache_to=params["cache_to"],
        ),
        builder=params["builder"],
        lookup=params["lookup"],
        force=params["force"],
        timeout=params["timeout"],
        test_timeout=params["test_timeout"],
        retries=params["retries"],
        credentials=Credentials.given(params["registry_username"], params["registry_password"]),
        docker_host=params["docker_host"],
        crontab=params["crontab"],
    )


if __name__ == "__main__":
    main()
