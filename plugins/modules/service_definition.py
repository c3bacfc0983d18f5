# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin of the same name; it runs on the controller only."""

from __future__ import annotations

DOCUMENTATION = r"""
module: service_definition
short_description: Validates the definitions of services on the controller
version_added: 0.1.0
author: hundred.containers authors (@hundred-containers)
extends_documentation_fragment:
  - hundred.containers.attributes.controller
description:
  - Validates every definition in C(hundred_services), and returns those that were asked for.
  - Unknown keys, bad values, impossible combinations and hosts that the inventory does not have are
    refused in one error that has every problem, with the path of the key and what it must be.
  - It runs on the controller and contacts no host.
options:
  services:
    description:
      - The definitions, as a mapping of the services' names.
      - Without it the variable C(hundred_services) is read, and each of its values is templated by
        itself. A variable that is not defined is reported with the path of the key that uses it.
    type: raw
  names:
    description:
      - The services to return.
      - Without it, or with an empty list, all are returned. All are validated in either case.
      - A list in which every name is empty is refused.
    type: list
    elements: str
  proxy:
    description: The proxy of the hosts; C(protocol=tcp) needs V(haproxy).
    type: str
    choices: [haproxy, nginx]
    default: haproxy
  proxy_settings:
    description: C(hundred_proxy_settings), to be checked.
    type: raw
  http_port:
    description: The proxy's port of all services with C(protocol=http); no other may publish it.
    type: int
    default: 80
  revision:
    description:
      - The revision that is going to be built or deployed.
      - Checked only for its form, a commit or a name that git resolves, and never an option of git.
    type: raw
  digest:
    description:
      - The digest of the image that is going to be deployed, when none is built.
      - Checked for its form; O(revision) then must be a plain name, which git does not resolve, and
        C(image) must name a registry.
    type: raw
  build_host:
    description:
      - The host that is going to build the images of the services that were asked for.
      - Each of them then must name a registry in C(image), and have C(build), with an absolute
        C(build.source) unless this is V(localhost); there a relative one is returned as the
        absolute path beside the inventory.
    type: str
  deploy:
    description:
      - Also name a deploy that begins, and write down on the controller which process performs it.
      - How it is to go over the hosts. It is checked and returned with defaults filled in; with
        O(only_hosts) it is not looked at.
    type: dict
    suboptions:
      batches:
        description: Numbers of hosts, or shares, that are swapped at a time.
        type: raw
      batch_pause:
        description: Seconds between two batches, or V(confirm).
        type: raw
      on_failure:
        description: V(rollback) or V(pause).
        type: raw
      unreachable:
        description: V(fail) or V(skip).
        type: raw
      unreachable_limit:
        description: With V(skip), how many hosts may be out of reach.
        type: raw
      lease:
        description: When the deploy's claim on a host ends after it was last heard of.
        type: raw
      force:
        description: Whether a revision may be deployed that is older than the one that serves.
        type: raw
      hooks:
        description:
          - Task files to include at moments of the deploy; C(before_batch), C(after_batch),
            C(before_host), C(after_host), C(on_failure). Relative paths begin in the inventory's
            folder.
        type: raw
  only_hosts:
    description:
      - Only find the hosts of the services, their images if these can be resolved, and whether they
        are built, and look at nothing else in their definitions.
      - For going back and for looking, which a broken definition or a missing vault password must
        not prevent.
    type: bool
    default: false
  freeze:
    description:
      - With O(only_hosts), also refuse what the hosts would not take as O(freeze.reason) and
        O(freeze.end) of M(hundred.containers.service_freeze).
    type: dict
    suboptions:
      reason:
        description: Why nobody is to deploy.
        type: raw
      end:
        description: Until when.
        type: raw
seealso:
  - module: hundred.containers.table
"""

EXAMPLES = r"""
- name: Validate all definitions and take that of one service
  hundred.containers.service_definition:
    names: shop
    proxy: "{{ hundred_proxy | default('haproxy') }}"
  delegate_to: localhost
  run_once: true
  register: definitions

- name: Validate definitions from somewhere else
  hundred.containers.service_definition:
    services: "{{ lookup('file', 'services.yml') | from_yaml }}"
  delegate_to: localhost
  run_once: true
"""

RETURN = r"""
deploy:
  description:
    - A name for the deploy that begins, those that ended on this controller, and how it goes over
      the hosts. Its C(claim) is what the option C(deploy) of
      M(hundred.containers.service_rollout) takes.
  returned: with O(deploy)
  type: dict
  sample: {id: 20261123T151200Z-3f2c9a7b, ended: [], batches: [1, "25%", "100%"]}
names:
  description: The services that were asked for, in that order.
  returned: success, without O(only_hosts=true)
  type: list
  elements: str
  sample: [shop]
services:
  description: What was asked for, by the services' names. The values of secrets are not in it.
  returned: success
  type: dict
  contains:
    hosts:
      description: The hosts that run the service, in the inventory's order.
      type: list
      elements: str
    image:
      description: With O(only_hosts), the repository. Null if it is missing or cannot be resolved.
      type: str
    built:
      description: With O(only_hosts), whether it has the key C(build).
      type: bool
    definition:
      description:
        - Not returned with I(only_hosts), and so are the others below.
        - The definition with defaults filled in, durations in seconds and sizes in bytes.
        - Without C(hosts), C(build), C(tasks) and C(secrets).
      type: dict
    tasks:
      description: The commands to run C(before) the first swap of a deploy and C(after) the last.
      type: dict
    kept:
      description: With O(deploy), whether anything of it comes after swaps, these or hooks.
      type: bool
    build:
      description: The keys of C(build), if the definition has it; of its secrets the names only.
      type: dict
    secret_names:
      description: The names of the service's secrets.
      type: list
      elements: str
  sample:
    shop:
      hosts: [web1, web2]
      definition: {image: registry.example.com/shop, replicas: 2, port: 8000}
      build: {source: ., dockerfile: Dockerfile}
      tasks: {before: [{name: migrate, command: [flask, db, upgrade], timeout: 600.0}], after: []}
      secret_names: [DATABASE_URL]
"""
