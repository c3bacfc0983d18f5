# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Swap a service on a host for another release without losing a request."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: service_rollout
short_description: Swap a service on a host for another release without losing a request
version_added: 0.1.0
description:
  - Brings one service on one host to a release, in one call. New replicas are started and probed,
    the proxy takes them in and proves that it serves them, and only then are the old ones drained
    and stopped.
  - Whatever fails before the new release serves leaves the old one as it was; a replica that fails
    in the C(monitor) window afterwards brings the old one back.
  - The task may be killed at any moment; the next run with the same or with another release
    continues from what it finds.
  - An unchanged release changes nothing.
author: hundred.containers authors (@hundred-containers)
extends_documentation_fragment:
  - hundred.containers.engine
  - hundred.containers.network
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
  state:
    description:
      - V(present) has the release serve.
      - V(stopped) stops the replicas and keeps them, so that the service stays stopped over
        reboots; its routes answer 503. A proxy that does not answer keeps nobody from it.
      - V(started) starts a service that was stopped, in the release that served before. One that
        runs is repaired where it needs it.
      - V(restarted) replaces every replica by a new one of the same release, as a rollout does, and
        starts a service that was stopped. It is always changed.
      - V(absent) removes routes, replicas, commands and cron jobs at work, secrets and memory
        of the service from this host. Volumes, images and the history
        stay.
    type: str
    choices: [present, stopped, started, restarted, absent]
    default: present
  prefetch:
    description:
      - Only have the image on the host, and return in RV(needed) whether a rollout would do
        anything.
    type: bool
    default: false
  proxy:
    description:
      - Which proxy routes to the service, and where it listens.
    type: dict
    default: {}
    suboptions:
      driver:
        description: The proxy on this host.
        type: str
        choices: [haproxy, nginx]
        default: haproxy
      http_port:
        description: The port for services with O(protocol=http).
        type: int
        default: 80
      settings:
        description:
          - What else the proxy is to do for all services of this host; C(trusted_proxies),
            C(bind_addresses), C(metrics_address), C(master_socket) of HAProxy, and the durations
            C(timeout_connect), C(timeout_client), C(timeout_server), C(timeout_keep_alive),
            C(timeout_request), C(timeout_tunnel).
        type: dict
        default: {}
  deploy:
    description:
      - The deploy over many hosts that this is part of; the playbook C(deploy) gives it.
      - The host then remembers what it found, for the option C(undo) of
        M(hundred.containers.service_rollback), and refuses every other deploy and rollout of the
        service until this one is complete on it, undone, or not heard of for O(deploy.lease).
    type: dict
    suboptions:
      id:
        description: The deploy's name, the same on all hosts and of no other deploy.
        type: str
        required: true
      lease:
        description: When the claim ends after it was last heard of, for example V(30m).
        type: str
        default: 30m
      ended:
        description: Other deploys that are known to have ended, whatever their lease says.
        type: list
        elements: str
        default: []
      ancestors:
        description:
          - The revision and commits before it, as M(hundred.containers.image_build) returns them.
          - A revision that is older than the one that serves is refused, by the commit times in
            the labels of both images, unless the serving one is among these.
        type: list
        elements: str
        default: []
      descendants:
        description:
          - Commits after the revision, as M(hundred.containers.image_build) returns them. A
            revision is refused when the serving one is among these, whatever the commit times.
        type: list
        elements: str
        default: []
      claimed:
        description:
          - A call with O(prefetch) has claimed the service on this host for this deploy. Where that
            claim is gone since another deploy came between, and something is to be changed, it is
            refused. A claim that only has ended by itself is renewed.
        type: bool
        default: false
      completes:
        description:
          - Deploys that this one took over on other hosts. Where one of them is complete on this
            host, this one is undone to what that one found. The action plugin adds those that
            calls with O(prefetch) from the same controller have found.
        type: list
        elements: str
        default: []
      keep:
        description:
          - Hold the claim on this host when the release is there, since something of the deploy
            comes after it; M(hundred.containers.service_rollback) with C(claims=complete) ends it.
            Where that does not happen the next deploy is told so (RV(owed)).
        type: bool
        default: false
      force:
        description: Bring a revision that is older than the one that serves all the same.
        type: bool
        default: false
  override:
    description:
      - Why to roll out all the same while the service is frozen
        (M(hundred.containers.service_freeze)). It is kept in the history.
    type: str
  definition:
    description:
      - Keys of a definition in one mapping, as C(hundred_services) has them, but for C(secrets).
      - An option of the same name, if given, counts instead. C(hosts) and C(build) mean nothing
        here.
    type: dict
  image:
    description:
      - The repository of the image, without tag or digest.
      - Required with O(state=present), here or in O(definition).
    type: str
  digest:
    description:
      - Digest of the image's manifest, as M(hundred.containers.image_push) returns it. Containers
        are created
        from it, never from a tag.
      - Required with O(state=present), except in check mode, where the image may not be built yet.
    type: str
  revision:
    description:
      - The commit that the image was built from; a name for people, on labels and in the history.
      - Without it, the label C(org.opencontainers.image.revision) of the image; if it has none, the
        first twelve digits of the digest.
      - Required with O(state=present) without O(digest).
    type: str
  replicas:
    description: How many containers of the service run on this host. A change of it alone scales
      up or down.
    type: raw
  command:
    description: The command to run instead of the image's, as a list or as one string.
    type: raw
  entrypoint:
    description: The entry point instead of the image's, as a list or as one string.
    type: raw
  user:
    description: The user (and group) of the process.
    type: raw
  working_dir:
    description: The working directory of the process.
    type: raw
  init:
    description: Whether a small init process forwards signals and reaps zombies.
    type: raw
  read_only:
    description: Whether the root file system is read-only.
    type: raw
  tmpfs:
    description: Paths that get a temporary file system in memory.
    type: raw
  cap_drop:
    description: Capabilities to drop, or V(ALL).
    type: raw
  cap_add:
    description: Capabilities to add.
    type: raw
  no_new_privileges:
    description: Whether setuid programs and file capabilities give a replica nothing.
    type: raw
  ulimits:
    description: Limits of setrlimit(2) by name, numbers or mappings with C(soft) and C(hard); V(-1)
      is no limit.
    type: raw
  extra_hosts:
    description: Host names and their addresses, for the replica's C(/etc/hosts).
    type: raw
  dns:
    description: Addresses of name servers.
    type: raw
  dns_search:
    description: Domains in which short names are looked for.
    type: raw
  dns_options:
    description: Options of resolv.conf(5).
    type: raw
  secret_environment:
    description: Names of O(secrets) that are environment variables of a replica as well, where
      C(docker inspect) on the host shows them.
    type: raw
  stop_signal:
    description: The signal that asks the process to end.
    type: raw
  port:
    description: The port that a replica listens on. Without it the service is a worker and is not
      routed.
    type: raw
  protocol:
    description: V(http) or V(tcp).
    type: raw
  routes:
    description:
      - Which requests belong to the service, a list of mappings with C(host) and C(path), or with
        C(published)
        for O(protocol=tcp).
    type: raw
  environment:
    description: Environment variables. Their names may be shown, their values are not.
    type: raw
  secrets:
    description: Values that appear as files V(/run/secrets/NAME) in the containers, readable by
      their user only.
    type: dict
  volumes:
    description: Volumes, as C(name:/target) or C(/host/path:/target), with C(:ro) for read-only
      ones.
    type: raw
  resources:
    description: Limits of one replica; C(cpus), C(memory), C(pids).
    type: raw
  health:
    description:
      - When a replica counts as working; C(path) or C(command), C(interval), C(start_interval),
        C(timeout),
        C(successes), C(failures), C(healthy_deadline).
    type: raw
  update:
    description:
      - How one release replaces another; C(order), C(parallelism), C(delay), C(monitor),
        C(failure_action).
    type: raw
  logging:
    description: The log C(driver) and its C(options).
    type: raw
  drain_timeout:
    description: How long requests in flight may take before their replica is stopped all the same.
    type: raw
  stop_grace_period:
    description: How long a replica may take to end after its stop signal.
    type: raw
  retain:
    description: How many earlier good releases are kept to return to.
    type: raw
  cron:
    description:
      - The path of the crontab that the image carries, or a mapping with C(file) or C(text), and
        C(overlap) and C(timeout). Its entries are run on this host.
    type: raw
seealso:
  - module: hundred.containers.service_rollback
  - module: hundred.containers.service_info
  - module: hundred.containers.image_push
"""

EXAMPLES = r"""
---
- name: Swap the shop
  hundred.containers.service_rollout:
    name: shop
    image: registry.example.com/shop
    digest: sha256:6c3c624b58dbbcd3c0dd82b4c53f04194d1247c6eebdaab7c610cf7d66709b3b
    revision: 5d41402abc4b2a76b9719d911017c592ae3f0000
    replicas: 2
    port: 8000
    routes:
      - host: shop.example.com
    health:
      path: /up

- name: Stop it until the next deploy
  hundred.containers.service_rollout:
    name: shop
    state: stopped

- name: Replace every replica without losing a request
  hundred.containers.service_rollout:
    name: shop
    state: restarted

- name: Remove it from this host
  hundred.containers.service_rollout:
    name: shop
    state: absent
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
  description: The revision that serves on this host now; in check mode the one that would.
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
deploys:
  description: The deploy that this was part of, and those that it completes.
  returned: success
  type: list
  elements: str
  sample: ["20261123T151200Z-3f2c9a7b"]
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
needed:
  description: Whether a rollout would do anything, or, if RV(owed), what comes after it.
  returned: success
  type: bool
  sample: true
owed:
  description:
    - Nothing is to be swapped, but an earlier deploy with O(deploy.keep) died after it had swapped
      this host, so that what was to come after its swaps is still to be done.
  returned: success
  type: bool
  sample: false
taken_over:
  description:
    - Another deploy has taken the place of this one on the host, and sees to what this one had
      done.
  returned: failure, when that is why
  type: bool
  sample: true
asked_at:
  description: When that was, by the controller's clock, in seconds since the epoch.
  returned: with O(prefetch=true)
  type: float
  sample: 1795648000.5
prefetched:
  description: Only the image was seen to, or was to be.
  returned: with O(prefetch=true)
  type: bool
  sample: true
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.hundred.containers.plugins.module_utils import arguments
from ansible_collections.hundred.containers.plugins.module_utils.ansible_module import run
from ansible_collections.hundred.containers.plugins.module_utils.rollout.calls import (
    service_rollout,
)


def main() -> None:
    """Read the options, call the core, return what came of it."""
    module = AnsibleModule(**arguments.service_rollout(), supports_check_mode=True)
    run(module, lambda: service_rollout(module.params, module.check_mode, module._diff))


if __name__ == "__main__":
    main()
