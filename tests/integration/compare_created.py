# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run on a host: what the core creates without the SDK is what the SDK creates.

Two containers, one made by the core and one by the SDK, of a definition that says all and of one
that says nothing. Prints whether the engine tells the same of both. The arguments are the folder
of the host's copy of the core, and an image.
"""

from __future__ import annotations

import json
import sys
from ipaddress import ip_network
from typing import Any

from docker import APIClient
from docker.types import Ulimit

FOLDER, IMAGE = sys.argv[1:]
sys.path.insert(0, FOLDER)

from hundred.definition.stored import from_mapping  # noqa: E402
from hundred.engine.containers import Engine, Spec  # noqa: E402

NAME, VOLUME, NETWORK = "compared", "compared-data", "hundred"
LABELS = {"hundred.service": NAME, "hundred.revision": "abc"}
LOG_LABELS = "hundred.service,hundred.revision,hundred.slot"
SECRETS = "/etc/compared-secrets"

# What two containers have each of their own.
OWN = ("Id", "Name", "Created", "HostnamePath", "HostsPath", "ResolvConfPath", "LogPath")

sdk = APIClient(version="auto")
engine = Engine()


def told(identity: str) -> dict[str, Any]:
    """What the engine tells of a container, which is removed then."""
    row = sdk.inspect_container(identity)
    for key in OWN:
        row.pop(key, None)
    row["Config"].pop("Hostname")
    row["GraphDriver"].pop("Data", None)
    for network in row["NetworkSettings"]["Networks"].values():
        network.pop("DNSNames", None)  # the id is one of them
    row["Mounts"].sort(key=lambda mount: mount["Destination"])  # the engine's order is by chance
    sdk.remove_container(identity, v=True)
    return row


def compare(spec: Spec, options: dict[str, Any], **host_options: Any) -> None:
    """Fail if the core's container is not the SDK's."""
    by_core = told(engine.create(spec))
    made = sdk.create_container(
        IMAGE,
        name=NAME,
        labels=LABELS,
        host_config=sdk.create_host_config(
            network_mode=NETWORK,
            restart_policy={"Name": "no"},
            auto_remove=spec.one_off,
            **host_options,
        ),
        networking_config=sdk.create_networking_config(
            {NETWORK: sdk.create_endpoint_config(ipv4_address=spec.address)}
        ),
        **options,
    )
    by_sdk = told(made["Id"])
    assert by_core == by_sdk, json.dumps([by_core, by_sdk])


def compare_all() -> None:
    """One for which all is said."""
    subnet = ip_network(sdk.inspect_network(NETWORK)["IPAM"]["Config"][0]["Subnet"])
    address = str(subnet[-10])
    said = {
        "command": ["sleep", "60"],
        "entrypoint": ["env"],
        "user": "1000:1000",
        "working_dir": "/tmp",
        "stop_signal": "SIGINT",
        "environment": {"PLAIN": "text", "LINES": 'a=b\n"c" $d', "EMPTY": ""},
    }
    tmpfs = ["/run", "/tmp:size=8m,mode=1777"]
    hosts = {"me": "host-gateway", "db": "10.9.8.7"}
    definition = from_mapping(
        {
            "name": NAME,
            "image": IMAGE,
            **said,
            "init": True,
            "read_only": True,
            "no_new_privileges": True,
            "tmpfs": tmpfs,
            "volumes": [f"{VOLUME}:/data", "/srv:/srv:ro"],
            "cap_add": ["NET_ADMIN"],
            "cap_drop": ["ALL"],
            "ulimits": {"nofile": "1024:2048"},
            "extra_hosts": hosts,
            "dns": ["10.0.0.53"],
            "dns_search": ["example.com"],
            "dns_options": ["ndots:2"],
            "resources": {"cpus": 0.5, "memory": 256 << 20, "pids": 64},
            "logging": {"driver": "json-file", "options": {"max-size": "1m"}},
        }
    )
    assert definition.volumes and definition.ulimits and definition.resources.pids
    compare(
        Spec(NAME, IMAGE, NETWORK, address, LABELS, definition, SECRETS),
        said,
        binds=[f"{VOLUME}:/data:rw", "/srv:/srv:ro", f"{SECRETS}:/run/secrets:ro"],
        init=True,
        read_only=True,
        security_opt=["no-new-privileges"],
        tmpfs=tmpfs,
        cap_add=["NET_ADMIN"],
        cap_drop=["ALL"],
        ulimits=[Ulimit(name="nofile", soft=1024, hard=2048)],
        extra_hosts=hosts,
        dns=["10.0.0.53"],
        dns_search=["example.com"],
        dns_opt=["ndots:2"],
        nano_cpus=500000000,
        mem_limit=256 << 20,
        pids_limit=64,
        log_config={"Type": "json-file", "Config": {"max-size": "1m", "labels": LOG_LABELS}},
    )
    sdk.remove_volume(VOLUME)


def compare_nothing(once: bool) -> None:
    """One for which nothing is said.

    :param once: it runs a command, at a terminal.
    """
    definition = from_mapping({"name": NAME, "image": IMAGE})
    logging = definition.logging
    compare(
        Spec(NAME, IMAGE, NETWORK, None, LABELS, definition, None, once, once),
        {"healthcheck": {"test": ["NONE"]}, "tty": True, "stdin_open": True} if once else {},
        init=definition.init,
        read_only=definition.read_only,
        log_config={"Type": logging.driver, "Config": {**logging.options, "labels": LOG_LABELS}},
    )


compare_all()
compare_nothing(once=False)
compare_nothing(once=True)
print("the same")
