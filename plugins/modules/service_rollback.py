# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Return a service on a host to its last good release."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: service_rollback
short_description: Return a service on a host to its last good release
version_added: 0.1.0
description:
  - Swaps a service on one host back to the release that served before, with the same guarantees as
    M(hundred.containers.service_rollout), from what the host remembers; neither the inventory nor
    the secret store is asked.
  - Two rollbacks in a row go back twice. After a rollout that was killed, it returns to the
    release that was committed.
  - Where a deploy over many hosts ended before it was complete, a host returns to what that deploy
    found, and one that it had not reached stays as it is.
author: hundred.containers authors (@hundred-containers)
extends_documentation_fragment:
  - hundred.containers.engine
  - hundred.containers.registry
  - hundred.containers.rollout
  - hundred.containers.attributes
  - hundred.containers.attributes.action_group
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
options:
  name:
    description: Name of the service.
    type: str
    required: true
  undo:
    description:
      - Names of deploys over many hosts, as the option C(deploy) of
        M(hundred.containers.service_rollout) has them.
      - The service returns to what the first of them found on this host, also when that is nothing
        at all, and their claim on it ends. A host that none of them touched last is left alone.
    type: list
    elements: str
  claims:
    description:
      - Only see to the claims of the deploys in O(undo), and return to nothing.
      - With V(end) they have ended, so that nobody waits for them. The host's part in these deploys
        is still to be completed by the next deploy, or undone by the next rollback.
      - V(release) is for deploys that have swapped nothing on any host. There is nothing to
        complete then, unless they were to complete another deploy.
      - V(complete) is for deploys that are complete on all hosts.
      - V(renew) is for a deploy that goes on. Its claim, if it has one here, lasts for O(lease)
        from now.
    type: str
    choices: [end, release, complete, renew]
  lease:
    description: With O(claims=renew), when the claim ends, for example V(30m).
    type: str
    default: 30m
  look:
    description:
      - Change nothing, and return what this host may return to, for the filter
        P(hundred.containers.way_back#filter), which chooses for all hosts of a service.
    type: bool
    default: false
  to:
    description:
      - The release to return to, as RV(releases) names it, instead of the one before. A host that
        serves it already is left alone.
      - Where a deploy ended before it was complete on this host, that counts and not this.
    type: str
  ended:
    description:
      - Deploys that are known to have ended. One that is not, and was heard of lately, is under
        way, and nothing is returned beside it.
    type: list
    elements: str
    default: []
seealso:
  - module: hundred.containers.service_rollout
  - module: hundred.containers.service_info
"""

EXAMPLES = r"""
---
- name: Return the shop to the release before
  hundred.containers.service_rollback:
    name: shop

- name: Undo a deploy that failed on another host
  hundred.containers.service_rollback:
    name: shop
    undo: ["20261123T151200Z-3f2c9a7b"]
"""

RETURN = r"""
actions:
  description: The steps that were taken or, in check mode, would be; one sentence each, in order.
  returned: success
  type: list
  elements: str
  sample: ["revision: 1a79a4d60de6 -> 5d41402abc4b", "start shop-g2-1 on 10.213.0.3:8000"]
notes:
  description: What went otherwise than planned without being a failure.
  returned: success
  type: list
  elements: str
  sample: []
revision:
  description: The revision that serves on this host now.
  returned: success
  type: str
  sample: 5d41402abc4b2a76b9719d911017c592ae3f0000
previous_revision:
  description: The revision that served before.
  returned: success or failure
  type: str
  sample: 1a79a4d60de6718e8e5b326e338ae53300000000
digest:
  description: The digest that the replicas run.
  returned: success
  type: str
  sample: sha256:6c3c624b58dbbcd3c0dd82b4c53f04194d1247c6eebdaab7c610cf7d66709b3b
release:
  description: Name of the release, made of the digest and the definition.
  returned: success
  type: str
  sample: 3f2c9a7be1d0
generation:
  description: Number of the release on this host.
  returned: success
  type: int
  sample: 2
replicas:
  description: Names and addresses of the replicas.
  returned: success
  type: list
  elements: dict
  sample: [{"name": "shop-g2-1", "address": "10.213.0.3"}]
seconds:
  description: Wall time on the host.
  returned: always
  type: float
  sample: 2.1
releases:
  description:
    - The earlier releases, oldest first, and last the committed one. The C(id) is the same on all
      hosts, unlike RV(release).
  returned: with O(look=true)
  type: list
  elements: dict
  sample: [{"id": "3f2c9a7be1d0", "revision": "1a79a4d60de6", "committed_at": 1795648000.5}]
unfinished:
  description: Whether a rollout was interrupted here.
  returned: with O(look=true)
  type: bool
  sample: false
deploys:
  description: The deploy that ended before it was complete on this host, and those before it.
  returned: success
  type: list
  elements: str
  sample: []
before:
  description: The deploy that touched this host last. Null if that stood for itself.
  returned: with O(look=true)
  type: str
  sample: 20261123T151200Z-3f2c9a7b
no_release:
  description: The host has no such release to return to, and is as it was.
  returned: failure, when that is why
  type: bool
  sample: true
planned:
  description: The steps that were to be taken when one of them failed.
  returned: failure
  type: list
  elements: str
  sample: ["start shop-g3-1 on 10.213.0.4:8000"]
step:
  description: The step that failed.
  returned: failure
  type: str
  sample: settle
replica:
  description: The container that failed.
  returned: failure, when it was one container
  type: str
  sample: shop-g3-1
serving:
  description: What serves requests after the failure.
  returned: failure
  type: str
  sample: revision 5d41402abc4b (generation 2), as before
next_step:
  description: What to do about it.
  returned: failure
  type: str
  sample: mend the cause and deploy again
logs:
  description: The last log lines of the replica that failed.
  returned: failure, when it was one container
  type: list
  elements: str
  sample: ["KeyError: 'DATABASE_URL'"]
health:
  description: What the replica's probes saw.
  returned: failure, when it was one container
  type: list
  elements: str
  sample: ["0.3 s: GET /up answers 503"]
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.hundred.containers.plugins.module_utils import arguments
from ansible_collections.hundred.containers.plugins.module_utils.ansible_module import run
from ansible_collections.hundred.containers.plugins.module_utils.rollout.calls import (
    service_rollback,
)


def main() -> None:
    """Read the options, call the core, return what came of it."""
    module = AnsibleModule(**arguments.service_rollback(), supports_check_mode=True)
    run(module, lambda: service_rollback(module.params, module.check_mode, module._diff))


if __name__ == "__main__":
    main()
