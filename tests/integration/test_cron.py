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
from .test_supervisor import log, status, wait_for

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
    beside = {"text": "* * * * * sleep 110", "overlap": "allow"}
    worker = {"name": "twice", "environment": {"APP_MODE": "worker"}, "update": {"monitor": "0s"}}
    also = target.rollout({**worker, "cron": beside, **release_of(digests, "v1")})
    assert not also.failed, also.output

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
    # Where that is allowed, the next one begins beside it.
    listed = ["ps", "-q", "--filter", "label=hundred.run=twice"]
    assert wait_for(lambda: len(target.docker(*listed).split()) == 2, 70)
    assert not target.call("service_rollout", {"name": "twice", "state": "absent"}).failed
    assert target.docker(*listed) == ""
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


def begin(target: ServiceHost, unit: str, *words: str) -> None:
    """Run ``hundred`` as a timer does: in a unit of its own."""
    target.host.run(["systemd-run", "--quiet", "--collect", f"--unit={unit}", "hundred", *words])


def at_work(target: ServiceHost) -> list[str]:
    """The ids of one-off containers that run."""
    return target.docker("ps", "-q", "--filter", "label=hundred.run").split()


def in_force(target: ServiceHost) -> bool:
    names = [name for name in timers(target) if name.endswith(".timer")]
    shown = target.host.run(["systemctl", "show", "--property=ActiveState,UnitFileState", *names])
    return "ActiveState=inactive" not in shown.stdout and "=disabled" not in shown.stdout


@pytest.mark.once
@pytest.mark.timeout(600)
def test_what_ends_attendants_and_timers_ends_no_promise(target, digests, web):
    assert not target.call("host_command", {"supervise": False}).failed
    gate = "/var/lib/docker/volumes/gate/_data/open"
    text = "@yearly until [ -e /gate/open ]; do sleep 0.1; done; echo opened\n@yearly echo quick"
    options = {
        **web,
        **release_of(digests, "v1"),
        "cron": {"text": text, "overlap": "wait", "timeout": "2m"},
        "volumes": ["gate:/gate"],
        "secrets": {"TOKEN": "0123456789"},
        "stop_grace_period": "1s",
    }
    done = target.rollout(options)
    assert not done.failed, done.output
    slow, quick = (item["entry"] for item in status(target)["cron"])

    # Timers that were written and not enabled, as after a kill in between.
    target.host.run(
        "systemctl disable --quiet --now $(cd /etc/systemd/system; ls hundred-cron.*.timer)"
    )
    assert not in_force(target)
    again = target.rollout(options)
    assert again.changed and any("enable" in line for line in again["actions"]), again.output
    assert in_force(target) and not target.rollout(options).changed

    # One waits for a run that nobody attends any more; others are passed over.
    begin(target, "first", "job", "shop", slow)
    assert wait_for(lambda: at_work(target), 60)
    orphan = at_work(target)
    target.host.run(["systemctl", "kill", "--signal=KILL", "first"])
    begin(target, "second", "job", "shop", slow)
    waits = f"/var/lib/hundred/services/shop/jobs/{slow}.next"
    assert wait_for(lambda: target.host.run(f"ls {waits} || true").stdout, 60)
    assert target.host.run(["hundred", "job", "shop", slow]).returncode == 0
    assert "the next one waits" in runs(target, slow)[-1]["reason"]
    assert at_work(target) == orphan
    target.host.run(["touch", gate])
    assert wait_for(lambda: [item for item in runs(target, slow) if item["result"] == "ok"], 60)
    assert runs(target, slow)[-1]["output"] == ["opened"]
    assert not at_work(target)

    # What is stopped with its unit is in the history, and gone.
    target.host.run(["rm", gate])
    begin(target, "third", "job", "shop", slow)
    begin(target, "other", "run", "shop", "--", "sleep", "300")
    assert wait_for(lambda: len(at_work(target)) == 2, 60)
    target.host.run(["systemctl", "stop", "third", "other"])
    assert at_work(target) == []
    last = runs(target, slow)[-1]
    assert (last["result"], last["reason"]) == ("failed", "was ended from outside")
    ended = target.info("shop")["history"][-1]
    assert ended["result"] == "failed" and "ended" in ended["reason"]

    # A job that finds no engine has failed, and status says so.
    nowhere = '{"docker_host": "unix:///run/nowhere.sock"}'
    target.host.put_file("/tmp/nowhere.json", nowhere)
    lost = target.host.run(
        f"HUNDRED_CONFIG=/tmp/nowhere.json hundred job shop {quick}", check=False
    )
    assert lost.returncode == 1
    last = runs(target, quick)[-1]
    assert last["result"] == "failed" and "does not answer" in last["reason"]
    assert any(quick in text for text in status(target)["problems"])

    # The supervisor enables timers, and ends what has outlived its time with its secrets.
    target.host.run(
        "systemctl disable --quiet --now $(cd /etc/systemd/system; ls hundred-cron.*.timer)"
    )
    begin(target, "fourth", "run", "shop", "--timeout", "10s", "--", "sleep", "300")
    assert wait_for(lambda: at_work(target), 60)
    target.host.run(["systemctl", "kill", "--signal=KILL", "fourth"])
    assert not target.call("host_command", {"supervise": True}).failed
    try:
        assert wait_for(lambda: in_force(target), 60), log(target)
        assert wait_for(lambda: not at_work(target), 90), log(target)
        folder = "/var/lib/hundred/services/shop/run"
        assert wait_for(lambda: not target.host.run(["ls", folder]).stdout, 5)
    finally:
        target.call("host_command", {"supervise": False})

    # Who removes a service removes the commands that are at work in it.
    begin(target, "fifth", "run", "shop", "--", "sleep", "300")
    assert wait_for(lambda: at_work(target), 60)
    absent = {"name": "shop", "state": "absent"}
    name = target.docker("ps", "--filter", "label=hundred.run", "--format", "{{.Names}}").strip()
    planned = target.call("service_rollout", absent, check=True)
    assert any(name in line for line in planned["actions"]), planned.output
    assert not target.call("service_rollout", absent).failed
    assert at_work(target) == [] and target.host.run(["ls", folder], check=False).stdout == ""
    target.docker("volume", "rm", "gate")
