# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Modules run by the host's own copy of the core, where it is of the same version."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from .conftest import release_of
from .service_host import ServiceHost

LIBRARY = "/usr/local/lib/hundred"
COMPARE_CREATED = Path(__file__).with_name("compare_created.py")

# The engine asked by the core and by the SDK; prints whether all answers are the same.
COMPARE = (
    """
import sys
from docker import APIClient
sys.path.insert(0, "%s/current")
from hundred.engine.api import open_client

def never(version):
    raise SystemExit("the SDK was used")

url, filters = "unix:///var/run/docker.sock", {"label": ["hundred.service=shop"]}
core, sdk = open_client(url, never, 5), APIClient(url, version="auto")
image = sys.argv[1]
rows, others = [client.containers(all=True, filters=filters) for client in (core, sdk)]
for row in rows + others:
    assert row.pop("Status").startswith("Up")  # with the seconds since then
assert rows and rows == others, (rows, others)
assert core.containers(all=True, filters={"label": ["hundred.service=none"]}) == []
for name, of in [("container", rows[0]["Id"]), ("image", image), ("network", "hundred")]:
    assert getattr(core, "inspect_" + name)(of) == getattr(sdk, "inspect_" + name)(of), name
print("the same")
"""
    % LIBRARY
)


def calls(target: ServiceHost) -> int:
    """How often the host's copy was called; each call leaves a line."""
    return len(target.host.run("cat /tmp/calls 2>/dev/null || true").stdout.splitlines())


def count_calls(target: ServiceHost) -> None:
    """Have the copy that is there note its calls."""
    target.host.run("rm -f /tmp/calls")
    script = f"sed -i '2i import os; os.system(\"echo call >>/tmp/calls\")' {LIBRARY}/current/call"
    target.host.run(script)


@pytest.fixture
def host(target: ServiceHost) -> Iterator[ServiceHost]:
    """A host that notes the calls of its copy."""
    count_calls(target)
    yield target
    target.host.run(f"rm -rf {LIBRARY}")
    assert not target.call("host_command", {"supervise": False}).failed


@pytest.mark.timeout(300)
def test_the_hosts_own_copy_does_what_the_module_does(host, digests, web):
    options = {**web, "secrets": {"TOKEN": "s3cret-value"}, **release_of(digests, "v1")}
    host.host.run(f"mv {LIBRARY} {LIBRARY}.away")
    by_module = host.rollout(options)
    assert not by_module.failed and calls(host) == 0, by_module.output
    host.host.run(f"mv {LIBRARY}.away {LIBRARY}")

    unchanged = host.rollout(options, verbose=3)
    assert not unchanged.changed and calls(host) == 1, unchanged.output
    assert "s3cret-value" not in unchanged.output
    planned = host.rollout({**options, **release_of(digests, "v2")}, check=True)
    assert planned.changed and "start shop-g2-1" in str(planned["actions"])
    assert "--- " in planned.output or "+revision" in planned.output or "before" in planned.output
    swapped = host.rollout({**options, **release_of(digests, "v2")})
    assert not swapped.failed and swapped["previous_revision"] == by_module["revision"]
    seen = host.info("shop")
    assert seen["revision"] == swapped["revision"]
    assert not host.rollback("shop").failed
    assert calls(host) == 5

    # A failure tells what a module's failure tells.
    broken = {**options, "environment": {"APP_EXIT_AT_ONCE": "3"}, **release_of(digests, "v3")}
    by_copy = host.rollout(broken)
    assert calls(host) == 6
    # Options that are wrong are the module's to refuse, and all on a host without this version.
    refused = host.rollout({**options, "state": "nosuch"})
    assert "state must be one of" in refused["msg"], refused.output
    assert calls(host) == 6
    host.host.run(f"mv {LIBRARY}/current/call {LIBRARY}/current/other")
    by_module = host.rollout(broken)
    assert calls(host) == 6
    for result in (by_copy, by_module):
        assert result.failed and "exited with code 3" in result["msg"], result.output
        assert "s3cret-value" not in result.output
    assert by_copy.values.keys() == by_module.values.keys()
    for key in ("step", "serving", "next_step", "planned"):
        assert key in by_copy.values, by_copy.output


@pytest.mark.once
def test_a_killed_call_is_told_as_a_failure(host, digests, web):
    killed = host.rollout({**web, **release_of(digests, "v1")}, kill_at="settled")
    assert killed.failed and killed["rc"] == 137 and calls(host) == 1, killed.output
    assert not host.rollout({**web, **release_of(digests, "v1")}).failed
    assert calls(host) == 2


def test_the_engine_is_looked_at_without_the_sdk_and_nothing_is_begun_where_it_lacks(
    target, digests, web
):
    options = {**web, **release_of(digests, "v1")}
    assert not target.rollout(options).failed
    image = f"{target.options['image']}@{digests['v1']}"
    assert target.host.run(["python3", "-c", COMPARE, image]).stdout == "the same\n"
    target.host.put_file("/tmp/compare_created.py", COMPARE_CREATED.read_text())
    made = target.host.run(["python3", "/tmp/compare_created.py", f"{LIBRARY}/current", image])
    assert made.stdout == "the same\n", made

    before = target.containers("shop")
    packages = "/usr/lib/python3/dist-packages"
    target.host.run(f"mv {packages}/docker {packages}/docker.away")
    try:
        unchanged = target.rollout(options)
        assert not unchanged.failed and not unchanged.changed, unchanged.output
        assert target.info("shop")["replicas_healthy"] == 2
        for how in ({"check": True}, {}):
            refused = target.rollout({**options, **release_of(digests, "v2")}, **how)
            assert "Docker SDK for Python is missing" in refused["msg"], refused.output
            assert "python3-docker" in refused["next_step"]
            assert "as before" in refused["serving"], refused.output
        prefetched = target.rollout({**options, **release_of(digests, "v2"), "prefetch": True})
        assert "Docker SDK for Python is missing" in prefetched["msg"], prefetched.output
        assert target.containers("shop") == before
    finally:
        target.host.run(f"mv {packages}/docker.away {packages}/docker")
    assert not target.rollout({**options, **release_of(digests, "v2")}).failed


def test_what_an_ordinary_swap_asks_it_asks_without_the_sdk(target, digests, web):
    first, second = ({**web, **release_of(digests, name)} for name in ("v1", "v2"))
    assert not target.rollout(first).failed
    assert not target.rollout({**second, "prefetch": True}).failed
    sdk = "/usr/lib/python3/dist-packages/docker/__init__.py"
    target.host.run(f"cp -p {sdk} {sdk}.kept && echo 'raise ImportError(1)' >{sdk}")
    try:
        for options in (second, {**second, "replicas": 3}, {**second, "replicas": 1}):
            done = target.rollout(options)
            assert not done.failed and done.changed, done.output
        back = target.call("service_rollback", {"name": "shop"})
        assert not back.failed and back.changed, back.output
        for state in ("stopped", "started", "absent"):
            done = target.call("service_rollout", {"name": "shop", "state": state})
            assert not done.failed and done.changed, done.output
        assert target.containers("shop") == {}
    finally:
        target.host.run(f"mv {sdk}.kept {sdk}")
