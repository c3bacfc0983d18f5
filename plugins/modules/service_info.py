# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tell what runs of the services on a host."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: service_info
short_description: Tell what runs of the services on a host
version_added: 0.1.0
description:
  - Returns for each service on the host its release, the state of its replicas, its routes, what
    was good before, its history and who holds its lock.
  - Every replica is probed once, as its definition says. Nothing is changed.
author: hundred.containers authors (@hundred-containers)
extends_documentation_fragment:
  - hundred.containers.engine
  - hundred.containers.attributes
  - hundred.containers.attributes.action_group
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
options:
  name:
    description: Name of one service; without it all services on the host are returned.
    type: str
  history:
    description: How many entries of the history to return, the newest last.
    type: int
    default: 10
  state_dir:
    description: Folder of everything that is remembered on the host.
    type: path
    default: /var/lib/hundred
seealso:
  - module: hundred.containers.service_rollout
  - module: hundred.containers.service_rollback
"""

EXAMPLES = r"""
---
- name: Look at everything on this host
  hundred.containers.service_info:
  register: running

- name: Look at the shop
  hundred.containers.service_info:
    name: shop
    history: 50
"""

RETURN = r"""
services:
  description: One entry for each service, in the order of their names.
  returned: success
  type: list
  elements: dict
  contains:
    service:
      description: Name of the service.
      type: str
      sample: shop
    state:
      description: V(present), V(stopped), V(interrupted) when a rollout was killed or is under
        way, or V(unknown) when all services were asked for and this one cannot be described; then
        it has only C(service), C(state), C(reason) and C(history).
      type: str
      sample: present
    reason:
      description: Why the state is unknown, and what to do.
      type: str
      sample: the journal is damaged
    revision:
      description: The committed revision.
      type: str
      sample: 5d41402abc4b2a76b9719d911017c592ae3f0000
    image:
      description: The image by digest.
      type: str
      sample:
        registry.example.com/shop@sha256:6c3c624b58dbbcd3c0dd82b4c53f04194d1247c6eebdaab7c610cf7d66709b3b
    digest:
      description: The image's digest.
      type: str
      sample: sha256:6c3c624b58dbbcd3c0dd82b4c53f04194d1247c6eebdaab7c610cf7d66709b3b
    definition_hash:
      description: The same on every host that was brought to the same definition; values of secrets
        and the crontab, which one host has, do not count.
      type: str
      sample: 0b5a3c1d9e2f
    generation:
      description: Number of the committed release on this host.
      type: int
      sample: 2
    since:
      description: When it was committed, or its definition changed, in UTC.
      type: str
      sample: "2026-11-22T20:15:41Z"
    replicas_wanted:
      description: How many replicas the definition asks for.
      type: int
      sample: 2
    replicas_healthy:
      description: How many of the committed release run and pass their probe.
      type: int
      sample: 2
    replicas:
      description: All containers of the service, with what their probe saw.
      type: list
      elements: dict
      sample:
        - name: shop-g2-1
          slot: 1
          generation: 2
          address: 10.213.0.3
          state: running
          healthy: true
          seen: GET /up answers 200
          routed: ready
    routes:
      description: Routes of the committed release.
      type: list
      elements: dict
      sample: [{"host": "shop.example.com", "path": "/"}]
    releases:
      description: Earlier good releases that are kept, oldest first.
      type: list
      elements: dict
      sample: [{"generation": 1, "revision": "1a79a4d60de6718e8e5b326e338ae53300000000"}]
    deploy:
      description: The deploy over many hosts that is incomplete here, in words; empty when none is.
      type: str
      sample: ""
    freeze:
      description: Why nobody is to deploy it now, in words; empty when one may.
      type: str
      sample: ""
    lock:
      description: Who holds the lock, in words; empty when it is free.
      type: str
      sample: ""
    repairs:
      description: How often the supervisor has repaired the service.
      type: int
      sample: 0
    problems:
      description: What is not as it should be, one sentence each.
      type: list
      elements: str
      sample: ["cron report-1a2b3c4d failed at 2026-11-23T02:30:04Z with exit code 1"]
    problem_kinds:
      description:
        - What each of C(problems) is about, in the same order, for machines that read it.
        - One of V(paused), V(unfinished), V(replica), V(missing), V(runs on), V(crashes), V(cron),
          V(proxy).
      type: list
      elements: str
      sample: ["cron"]
    cron:
      description: The cron entries that this host runs, with what came of their last runs.
      type: list
      elements: dict
      sample:
        - entry: report-1a2b3c4d
          schedule: 30 2 * * *
          timezone: Europe/Berlin
          last: 1795401004.2
          result: failed
          exit_code: 1
          seconds: 3.9
    history:
      description: The newest entries of the history, oldest first.
      type: list
      elements: dict
      sample: [{"action": "rollout", "result": "ok", "seconds": 2.1}]
former:
  description:
    - The history of services that are not on the host any more, since they were removed or their
      first deploy was undone, each with C(service) and C(history). Empty with O(name) or with
      O(history=0).
  returned: success
  type: list
  elements: dict
  sample: []
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.hundred.containers.plugins.module_utils import arguments
from ansible_collections.hundred.containers.plugins.module_utils.ansible_module import run
from ansible_collections.hundred.containers.plugins.module_utils.rollout.calls import service_info


def main() -> None:
    """Read the options, call the core, return what came of it."""
    module = AnsibleModule(**arguments.service_info(), supports_check_mode=True)
    run(module, lambda: service_info(module.params, module.check_mode, module._diff))


if __name__ == "__main__":
    main()
