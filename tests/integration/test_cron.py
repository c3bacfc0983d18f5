# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A crontab at work: real minutes, real timers, through a deploy and a rollback."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from .conftest import clean, release_of
from .service_host import ServiceHost
from .test_supervisor import status, wait_for

CRONTAB = """\
# Every minute, for real.
GREETING="hello there"
* * * * * echo $GREETING from $(cat /app/release) with $(cat /run/secrets/TOKEN | wc -c) bytes
* * * * * exit 7
* * * * * sleep 75
@reboot   echo booted
"""


def runs(target: ServiceHost, entry: str) -> list[dict[str, Any]]:
    """What the history tells of an entry, the newest last."""
    text = target.host.run(["hundred", "history", "shop", "--json", "-n", "200"]).stdout
    return [item for item in json.loads(text) if str(item.get("entry", "")).startswith(entry)]


def timers(target: ServiceHost) -> list[str]:
    listed = target.host.run("ls /etc/systemd/system | grep '^hundred-cron' || true").stdout
    return listed.split()


def said(target: ServiceHost, text: str) -> bool:
    return any(text in " ".join(item["output"]) for item in runs(target, "echo-"))


@pytest.mark.once
@pytest.mark.timeout(600)
def test_a_crontab_runs_every_minute_and_follows_a_deploy_and_a_rollback(target, digests, web):
    assert not target.call("host_command", {"supervise": False}).failed
    options = {**web, "cron": {"text": CRONTAB}, "secrets": {"TOKEN": "0123456789"}}
    planned = target.rollout({**options, **release_of(digests, "v1")}, check=True)
    assert any("schedule its cron entries" in line for line in planned["actions"]), planned.output
    assert timers(target) == []
    first = target.rollout({**options, **release_of(digests, "v1")})
    assert not first.failed, first.output
    assert len([name for name in timers(target) if name.endswith(".timer")]) == 3
    again = target.rollout({**options, **release_of(digests, "v1")})
    assert not again.failed and not again.changed, again.output

    assert wait_for(lambda: said(target, "hello there from v1 with 10 bytes"), 90)
    assert wait_for(lambda: runs(target, "exit-"), 30)
    failed = runs(target, "exit-")[-1]
    assert (failed["result"], failed["exit_code"]) == ("failed", 7)
    assert any("exit-7" in text for text in status(target)["problems"])
    shown = target.host.run(["hundred", "status"], check=False)
    assert shown.returncode == 1 and "@reboot" in shown.stdout, shown.stdout

    second = target.rollout({**options, **release_of(digests, "v2")})
    assert not second.failed, second.output
    assert wait_for(lambda: said(target, "hello there from v2"), 90)
    # The one that takes longer than a minute is passed over while it is at work.
    skipped = wait_for(
        lambda: [item for item in runs(target, "sleep-") if item["result"] == "skipped"], 90
    )
    assert skipped and "still at work" in skipped[0]["reason"]
    assert not target.rollback("shop").failed
    count = len(runs(target, "echo-"))
    assert wait_for(lambda: len(runs(target, "echo-")) > count, 90)
    assert "from v1" in " ".join(runs(target, "echo-")[-1]["output"])
    assert not [item for item in runs(target, "echo-") if "booted" in item["output"]]

    target.host.run(["hundred", "stop", "shop"])
    assert timers(target) == []
    target.host.run(["hundred", "start", "shop"])
    assert len(timers(target)) == 7
    # Times that nobody may have meant are refused before anything is touched.
    nowhere = {"cron": {"text": "CRON_TZ=Europe/Nowhere\n@daily true"}}
    bad = target.rollout({**options, **nowhere, **release_of(digests, "v2")})
    assert bad.failed and "Europe/Nowhere" in bad["msg"], bad.output
    gone = target.rollout({**web, **release_of(digests, "v1")})
    assert not gone.failed and timers(target) == [], gone.output


@pytest.fixture
def own_network(target: ServiceHost) -> Iterator[dict[str, str]]:
    """A network that is not the one of who says nothing."""
    target.docker("network", "rm", "hundred", check=False)
    yield {"name": "own", "subnet": "10.214.0.0/24", "ip_range": "10.214.0.128/25"}
    clean(target)
    target.docker("network", "rm", "own", check=False)


@pytest.mark.once
@pytest.mark.timeout(300)
def test_a_job_is_on_the_releases_network_and_is_stopped_at_its_time_limit(
    target, digests, web, own_network
):
    assert not target.call("host_command", {"supervise": False}).failed
    cron = {"text": "@yearly tail -n 1 /etc/hosts; sleep 60", "timeout": "2s"}
    options = {**web, "cron": cron, "network": own_network}
    done = target.rollout({**options, **release_of(digests, "v1")})
    assert not done.failed, done.output
    entry = status(target)["cron"][0]["entry"]
    began = time.monotonic()
    assert target.host.run(["hundred", "job", "shop", entry], check=False).returncode == 124
    assert time.monotonic() - began < 20
    assert "did not end within 2 s" in runs(target, entry)[-1]["reason"]
    assert runs(target, entry)[-1]["output"][0].startswith("10.214.0.")
    title = f"label=hundred.run-title=cron-{entry}"
    assert target.docker("ps", "-aq", "--filter", title) == ""
    words = ["tail", "-n", "1", "/etc/hosts"]
    said = target.host.run(["hundred", "run", "shop", "--", *words]).stdout
    assert said.startswith("10.214.0."), said
    ran = target.call("service_run", {"name": "shop", "command": words})
    assert ran["output"][0].startswith("10.214.0."), ran.output
    assert "hundred" not in target.docker("network", "ls", "--format", "{{.Name}}").split()
