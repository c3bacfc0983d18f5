# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The services that one run of a playbook is about, known before its first play."""

from __future__ import annotations

DOCUMENTATION = r"""
---
name: service_names
short_description: The services that a playbook is about
version_added: 0.1.0
description:
  - Splits a list of services with commas into their names, each once, in order; V(all) is every
    service of C(hundred_services), in its order.
  - More than 50 services are refused, unless O(limited=false).
  - Unlike that variable itself it is known when a playbook is loaded, before there is a play.
author: hundred.containers authors (@hundred-containers)
options:
  _terms:
    description: A name, names with commas between them, a list of names, or V(all).
    type: raw
    required: true
  limited:
    description: Whether to refuse more services than one deploy takes.
    type: bool
    default: true
"""

EXAMPLES = r"""
---
- name: Show the services of this run
  ansible.builtin.debug:
    msg: "{{ query('hundred.containers.service_names', 'shop,api') }}"
"""

RETURN = r"""
_raw:
  description: The names.
  type: list
  elements: str
  sample: ["shop", "api"]
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleError
from ansible.inventory.manager import InventoryManager
from ansible.plugins.lookup import LookupBase
from ansible.vars.manager import VariableManager

ALL = "all"
VARIABLE = "hundred_services"

# As many as there are playbooks for, in playbooks/parts/services.
MOST = 50

# The inventory's services by its sources, as they were when the playbook was loaded: its first play
# asks again, and must hear the same.
_known: dict[tuple[str, ...], list[str]] = {}


class LookupModule(LookupBase):
    """The lookup plugin ``hundred.containers.service_names``."""

    def run(
        self, terms: Sequence[Any], variables: Mapping[str, Any] | None = None, **kwargs: Any
    ) -> list[str]:
        """The names.

        :raises AnsibleError: there is none, they are too many, or ``all`` is asked for and
            nothing is defined.
        """
        names = list(dict.fromkeys(split(terms)))
        if not names:
            raise AnsibleError("no service is named: give it with -e service=NAME")
        if names == [ALL]:
            names = self._all(variables or {})
        if len(names) > MOST and kwargs.get("limited", True):
            raise AnsibleError(
                f"{len(names)} services are more than one run takes: name at most {MOST} of them "
                f"with -e service=NAME,NAME"
            )
        return names

    def _all(self, variables: Mapping[str, Any]) -> list[str]:
        sources = tuple(variables.get("ansible_inventory_sources") or ())
        if sources not in _known:
            inventory = InventoryManager(loader=self._loader, sources=list(sources))
            manager = VariableManager(loader=self._loader, inventory=inventory)
            found = manager.get_vars(host=inventory.get_host("localhost")).get(VARIABLE)
            if not isinstance(found, Mapping) or not found:
                raise AnsibleError(
                    f"service=all: the inventory's {VARIABLE} is no mapping of names to "
                    "definitions; name the services with -e service=NAME,NAME"
                )
            _known[sources] = [str(name) for name in found]
        return list(_known[sources])


def split(terms: Iterable[Any]) -> list[str]:
    """The names in what was given, nested lists and commas resolved. Pure."""
    names: list[str] = []
    for term in terms:
        if isinstance(term, (list, tuple)):
            names += split(term)
        else:
            names += [name.strip() for name in str(term).split(",") if name.strip()]
    return names
