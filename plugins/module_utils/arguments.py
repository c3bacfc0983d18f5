# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of the modules, as Ansible's argument specifications.

It imports nothing, so that an action plugin on the controller can check options without the core.
"""

from __future__ import annotations

from typing import Any

STATE_DIR = "/var/lib/hundred"

# What modules share; documented by the fragments of the same names.
ENGINE_ARGUMENTS: dict[str, Any] = {"docker_host": {"type": "str"}}
REGISTRY_ARGUMENTS: dict[str, Any] = {
    "registry_username": {"type": "str"},
    "registry_password": {"type": "str", "no_log": True},
    "retries": {"type": "int", "default": 5},
}
REGISTRY_TOGETHER: list[list[str]] = [["registry_username", "registry_password"]]

HOST_ARGUMENTS: dict[str, Any] = {
    "lock_timeout": {"type": "str", "default": "0s"},
    "started_by": {"type": "str"},
    "state_dir": {"type": "path", "default": STATE_DIR},
}

NETWORK_ARGUMENTS: dict[str, Any] = {
    "network": {
        "type": "dict",
        "default": {},
        "options": {
            "name": {"type": "str", "default": "hundred"},
            "subnet": {"type": "str", "default": "10.213.0.0/20"},
            "ip_range": {"type": "str", "default": "10.213.8.0/21"},
        },
    },
}

# The keys of a definition as options. Their values are checked by the core, which names the key,
# what it must be and what it was; Ansible's own conversion would hide what was written.
DEFINITION_ARGUMENTS: dict[str, Any] = {
    "image": {"type": "str"},
    "replicas": {"type": "raw"},
    "command": {"type": "raw"},
    "entrypoint": {"type": "raw"},
    "user": {"type": "raw"},
    "working_dir": {"type": "raw"},
    "init": {"type": "raw"},
    "read_only": {"type": "raw"},
    "tmpfs": {"type": "raw"},
    "cap_drop": {"type": "raw"},
    "cap_add": {"type": "raw"},
    "no_new_privileges": {"type": "raw"},
    "ulimits": {"type": "raw"},
    "extra_hosts": {"type": "raw"},
    "dns": {"type": "raw"},
    "dns_search": {"type": "raw"},
    "dns_options": {"type": "raw"},
    "secret_environment": {"type": "raw", "no_log": False},  # names, no values
    "stop_signal": {"type": "raw"},
    "port": {"type": "raw"},
    "protocol": {"type": "raw"},
    "routes": {"type": "raw"},
    "environment": {"type": "raw"},
    "secrets": {"type": "dict", "no_log": True},
    "volumes": {"type": "raw"},
    "resources": {"type": "raw"},
    "health": {"type": "raw"},
    "update": {"type": "raw"},
    "logging": {"type": "raw"},
    "drain_timeout": {"type": "raw"},
    "stop_grace_period": {"type": "raw"},
    "retain": {"type": "raw"},
    "cron": {"type": "raw"},
}


def service_rollout() -> dict[str, Any]:
    """Those of ``service_rollout``; keys of a definition are checked by the core."""
    return {
        "argument_spec": {
            "name": {"type": "str", "required": True},
            "state": {
                "type": "str",
                "choices": ["present", "stopped", "started", "restarted", "absent"],
                "default": "present",
            },
            "digest": {"type": "str"},
            "revision": {"type": "str"},
            "prefetch": {"type": "bool", "default": False},
            "proxy": {
                "type": "dict",
                "default": {},
                "options": {
                    "driver": {
                        "type": "str",
                        "choices": ["haproxy", "nginx"],
                        "default": "haproxy",
                    },
                    "http_port": {"type": "int", "default": 80},
                    "settings": {"type": "dict", "default": {}},
                },
            },
            "deploy": {
                "type": "dict",
                "options": {
                    "id": {"type": "str", "required": True},
                    "lease": {"type": "str", "default": "30m"},
                    "ended": {"type": "list", "elements": "str", "default": []},
                    "ancestors": {"type": "list", "elements": "str", "default": []},
                    "descendants": {"type": "list", "elements": "str", "default": []},
                    "claimed": {"type": "bool", "default": False},
                    "completes": {"type": "list", "elements": "str", "default": []},
                    "keep": {"type": "bool", "default": False},
                    "force": {"type": "bool", "default": False},
                },
            },
            "override": {"type": "str"},
            "definition": {"type": "dict"},
            **DEFINITION_ARGUMENTS,
            **HOST_ARGUMENTS,
            **NETWORK_ARGUMENTS,
            **ENGINE_ARGUMENTS,
            **REGISTRY_ARGUMENTS,
        },
        "required_if": [
            ("state", "present", ("revision", "digest"), True),
            ("state", "present", ("image", "definition"), True),
        ],
        "required_together": REGISTRY_TOGETHER,
    }


def service_rollback() -> dict[str, Any]:
    """Those of ``service_rollback``."""
    return {
        "argument_spec": {
            "name": {"type": "str", "required": True},
            "undo": {"type": "list", "elements": "str"},
            "claims": {"type": "str", "choices": ["end", "release", "complete", "renew"]},
            "lease": {"type": "str", "default": "30m"},
            "look": {"type": "bool", "default": False},
            "to": {"type": "str"},
            "ended": {"type": "list", "elements": "str", "default": []},
            **HOST_ARGUMENTS,
            **ENGINE_ARGUMENTS,
            **REGISTRY_ARGUMENTS,
        },
        "mutually_exclusive": [["to", "undo"]],
        "required_by": {"claims": ("undo",)},
        "required_together": REGISTRY_TOGETHER,
    }


def service_info() -> dict[str, Any]:
    """Those of ``service_info``."""
    return {
        "argument_spec": {
            "name": {"type": "str"},
            "history": {"type": "int", "default": 10},
            "state_dir": {"type": "path", "default": STATE_DIR},
            **ENGINE_ARGUMENTS,
        },
    }
