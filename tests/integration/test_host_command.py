# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The command ``hundred`` on a host, as a person and as a machine use it."""

from __future__ import annotations

import json
import os
import pty
import select
import shlex
import subprocess
import time
from typing import Any

import pytest

from .conftest import release_of
from .service_host import ServiceHost
from .test_supervisor import status, wait_for

CONFIG = "/etc/hundred/config.json"


@pytest.fixture
def host(target: ServiceHost, digests, web) -> ServiceHost:
    """Two replicas of v1 with a secret, and the command without the supervisor."""
    assert not target.call("host_command", {"supervise": False}).failed
    options = {**web, "secrets": {"TOKEN": "s3cret-value"}, **release_of(digests, "v1")}
    result = target.rollout(options)
    assert not result.failed, result.output
    return target


def hundred(target: ServiceHost, *words: str, check: bool = False) -> subprocess.CompletedProcess:
    return target.host.run(["hundred", *words], check=check)


def newest(target: ServiceHost) -> dict[str, Any]:
    """The newest entry of the history. A cron job that another test left at work may end, and be
    told of, at any time.
    """
    told = json.loads(hundred(target, "history", "shop", "--json").stdout)
    return [item for item in told if "entry" not in item][-1]


class Terminal:
    """A person at a terminal, over SSH."""

    def __init__(self, target: ServiceHost, command: str) -> None:
        self.child, self.channel = pty.fork()
        if self.child == 0:
            words = target.host.ssh_command
            os.execvp(words[0], [*words[:-1], "-tt", words[-1], command])
        self.seen = ""

    def read_until(self, text: str, seconds: float = 30.0) -> bool:
        deadline = time.monotonic() + seconds
        while text not in self.seen and time.monotonic() < deadline:
            if select.select([self.channel], [], [], 0.2)[0]:
                try:
                    self.seen += os.read(self.channel, 65536).decode("utf-8", "replace")
                except OSError:
                    break
        return text in self.seen

    def type(self, text: str) -> None:
        os.write(self.channel, text.encode())

    def end(self) -> int:
        """Its exit code."""
        self.read_until("nothing ever says this", 20)
        status = os.waitpid(self.child, 0)[1]
        os.close(self.channel)
        return os.waitstatus_to_exitcode(status)


@pytest.mark.once
@pytest.mark.timeout(300)
def test_a_console_has_a_terminal_the_secrets_and_a_line_in_the_history(host):
    terminal = Terminal(host, "LOGNAME=mallory hundred console shop -- sh")
    assert terminal.read_until("$"), terminal.seen
    terminal.type("tty; cat /run/secrets/TOKEN | wc -c; echo $((40+2))\n")
    assert terminal.read_until("42"), terminal.seen
    assert "/dev/pts/" in terminal.seen and "12" in terminal.seen
    # The terminal of the container sees Ctrl-C, and the console goes on.
    terminal.type("sleep 60\n")
    time.sleep(1)
    terminal.type("\x03")
    terminal.type("stty size; exit 5\n")
    assert terminal.end() == 5, terminal.seen
    assert wait_for(lambda: host.docker("ps", "-aq", "--filter", "label=hundred.run") == "", 10)
    entry = newest(host)
    assert entry["action"] == "console sh" and entry["by"].startswith("root on"), entry
    assert (entry["result"], entry["exit_code"]) == ("failed", 5), entry
    logged = host.host.run("journalctl -t hundred -o cat -n 2 --no-pager").stdout.splitlines()
    assert logged[0].startswith("begin console in shop by root on"), logged
    assert logged[1].startswith("end (exit code 5) console in shop by root on"), logged
    assert all(line.endswith(": sh") for line in logged), logged


@pytest.mark.once
@pytest.mark.timeout(300)
def test_a_console_ends_with_its_time_and_with_its_terminal(host, digests, web):
    # An entrypoint that runs no command is no hindrance to a shell.
    options = {**host.options, **web, **release_of(digests, "v1"), "secrets": {"TOKEN": "s3cret"}}
    direct = {"entrypoint": ["python3"], "command": ["/app/app.py"], **options}
    assert not host.call("service_rollout", direct).failed
    limited = Terminal(host, "hundred console shop --timeout 5s")
    assert limited.read_until("$"), limited.seen
    assert limited.end() == 124, limited.seen
    assert "ended after 5 s" in limited.seen
    lost = Terminal(host, "hundred console shop --generation 1 -- sleep 300")
    assert wait_for(lambda: host.docker("ps", "-q", "--filter", "label=hundred.run"), 20)
    os.kill(lost.child, 9)
    os.waitpid(lost.child, 0)
    os.close(lost.channel)
    assert wait_for(lambda: not host.docker("ps", "-aq", "--filter", "label=hundred.run"), 30)
    # The loss is told in the history, and one that nobody could catch in the journal.
    assert wait_for(lambda: "from outside" in str(newest(host)["reason"]), 10), newest(host)
    killed = Terminal(host, "hundred console shop --generation 1 -- sleep 301")
    assert wait_for(lambda: host.docker("ps", "-q", "--filter", "label=hundred.run"), 20)
    host.host.run(
        "kill -9 $(pgrep -f '[h]undred console shop --generation 1 -- sleep 301' | tail -1)"
    )
    killed.end()
    logged = host.host.run("journalctl -t hundred -o cat -n 1 --no-pager").stdout
    assert logged.startswith("begin console") and logged.strip().endswith(": sleep 301"), logged
    host.host.run("docker rm -f $(docker ps -q --filter label=hundred.run)")
    refused = hundred(host, "console", "shop")
    assert refused.returncode == 1 and "needs a terminal" in refused.stderr


@pytest.mark.once
@pytest.mark.timeout(300)
def test_run_gives_the_output_and_the_exit_code(host, digests, web):
    words = ["sh", "-c", "echo to you; cat /run/secrets/TOKEN | wc -c; exit 3"]
    done = hundred(host, "run", "shop", "--", *words)
    assert (done.returncode, done.stdout.split()) == (3, ["to", "you", "12"])
    assert "s3cret" not in done.stdout + done.stderr
    mixed = hundred(host, "run", "shop", "--", "sh", "-c", "echo data; echo a complaint >&2")
    assert (mixed.stdout, mixed.stderr) == ("data\n", "a complaint\n")
    late = hundred(host, "run", "shop", "--timeout", "1s", "--", "sleep", "60")
    assert late.returncode == 124
    missing = hundred(host, "run", "shop", "--revision", "abc", "--", "true")
    assert missing.returncode == 1 and "no release of revision abc" in missing.stderr
    # Two releases of one revision are told apart by their numbers.
    changed = {**web, "secrets": {"TOKEN": "another"}, **release_of(digests, "v1")}
    assert host.rollout(changed).changed
    revision = changed["revision"]
    count = ["--", "sh", "-c", "wc -c </run/secrets/TOKEN"]
    unclear = hundred(host, "run", "shop", "--revision", revision[:6], *count)
    assert unclear.returncode == 1 and "(generation 1), " in unclear.stderr, unclear.stderr
    for number, length in ((1, "12"), (2, "7")):
        chosen = hundred(host, "run", "shop", "--generation", str(number), *count)
        assert chosen.stdout.strip() == length, (chosen.stdout, chosen.stderr)
    wrong = hundred(host, "run", "shop", "--timeout", "soon", "--", "true")
    assert wrong.returncode == 2 and "duration" in wrong.stderr


@pytest.mark.once
@pytest.mark.timeout(300)
def test_a_run_whose_output_goes_nowhere_ends(host):
    began = time.monotonic()
    seen = host.host.run(["bash", "-c", "hundred run shop -- yes | head -2; echo ${PIPESTATUS[0]}"])
    assert seen.stdout.split() == ["y", "y", "141"] and not seen.stderr, seen
    assert time.monotonic() - began < 20, "it is stopped at once, not at its time limit"
    full = host.host.run("hundred run shop -- echo all of it > /dev/full", check=False)
    assert full.returncode == 1 and "No space left on device" in full.stderr, full
    assert newest(host)["result"] == "failed" and "No space" in newest(host)["reason"]
    assert not host.docker("ps", "-aq", "--filter", "label=hundred.run")
    ends = host.host.run("journalctl -t hundred -o cat -n 1 --no-pager").stdout
    assert ends.startswith("end (not completed) run in shop"), ends


@pytest.mark.once
@pytest.mark.timeout(300)
def test_logs_follow_the_replicas_of_the_next_release(host, digests, web):
    some = hundred(host, "logs", "shop", "-n", "5", check=True)
    assert any(line.startswith("shop-g1-1 | ") for line in some.stdout.splitlines()), some.stdout
    follower = subprocess.Popen(
        [*host.host.ssh_command, "hundred logs shop -f -n 0"],
        stdout=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
    )
    try:
        time.sleep(2)
        # One that is started again goes on, and no line comes twice.
        host.docker("kill", "shop-g1-1")
        time.sleep(1)
        host.docker("start", "shop-g1-1")
        assert wait_for(lambda: status(host)["problems"] == [], 20)
        since = host.docker("inspect", "--format", "{{.State.StartedAt}}", "shop-g1-1").strip()
        again = host.host.run(f"docker logs --since {since} shop-g1-1 2>&1").stdout.splitlines()
        time.sleep(2)
        options = {**web, "secrets": {"TOKEN": "s3cret-value"}, **release_of(digests, "v2")}
        assert not host.rollout(options).failed
        time.sleep(2)
        assert follower.poll() is None
    finally:
        follower.terminate()
    text = follower.communicate(timeout=20)[0]
    assert "shop-g1-1 | " in text and "shop-g2-1 | " in text, text
    assert [text.count(f"shop-g1-1 | {line}\n") for line in again] == [1] * len(again), text
    assert again


def found(target: ServiceHost) -> dict[str, str]:
    """What doctor says is wrong, by what it looked at."""
    rows: list[dict[str, Any]] = json.loads(hundred(target, "doctor", "--json").stdout)
    return {row["subject"]: row["problem"] for row in rows if row["problem"]}


@pytest.mark.once
@pytest.mark.timeout(300)
def test_status_and_doctor_tell_what_is_wrong_and_end_with_1(host):
    # Who may not look is not told that all is well.
    for words in ("status", "status --json", "history", "status shop"):
        refused = host.host.run(f"runuser -u nobody -- hundred {words}", check=False)
        assert refused.returncode == 1 and "as root" in refused.stderr + refused.stdout, words
    assert hundred(host, "status").returncode == 0
    well = status(host)
    assert set(found(host)) == {"supervisor"}
    host.docker("kill", "shop-g1-2")
    assert hundred(host, "status").returncode == 1
    assert "shop-g1-2" in found(host)["shop"]
    table = hundred(host, "doctor").stdout
    assert "Next: " in table and "hundred logs shop" in table
    # What start finds dead it starts.
    hundred(host, "start", "shop", check=True)
    assert status(host)["problems"] == []
    host.docker("rm", "-f", "shop-g1-1", "shop-g1-2")
    assert found(host)["shop"] == status(host)["problems"][0] == "2 of 2 replicas are missing"
    hundred(host, "start", "shop", check=True)
    # What only the next start would miss.
    folder = "/var/lib/hundred/services/shop/secrets"
    host.host.run(f"mv {folder} {folder}.away")
    host.host.run("""sed -i 's#"metrics_file": ""#"metrics_file": "/nosuch/h.prom"#' """ + CONFIG)
    try:
        assert "secrets are gone: TOKEN" in found(host)["shop"]
        assert "/nosuch does not exist" in found(host)["metrics"]
    finally:
        host.host.run(f"mv {folder}.away {folder}; sed -i 's#/nosuch/h.prom##' {CONFIG}")
    until = {"name": "shop", "end": "1h", "reason": "the sale", "started_by": "anna"}
    assert not host.call("service_freeze", until).failed
    assert "the sale" in hundred(host, "doctor").stdout and set(found(host)) == {"supervisor"}
    assert not host.call("service_freeze", {"name": "shop", "state": "absent"}).failed
    hundred(host, "stop", "shop", check=True)
    assert "hundred start shop has it serve again" in hundred(host, "doctor").stdout
    assert set(found(host)) == {"supervisor"}
    hundred(host, "start", "shop", check=True)
    host.host.run(["systemctl", "stop", host.driver])
    try:
        assert found(host)["shop"]
        silent = status(host)
        assert silent["state"] == "present" and silent["revision"] == well["revision"], silent
        assert silent["replicas_healthy"] == silent["replicas_wanted"] == 2, silent
        assert silent["problem_kinds"] == ["proxy"] and host.driver in silent["problems"][0].lower()
        shown = hundred(host, "status")
        assert shown.returncode == 1 and well["revision"][:12] in shown.stdout, shown.stdout
    finally:
        host.host.run(["systemctl", "start", host.driver])
    host.host.run("systemctl stop docker.socket docker", timeout=120)
    try:
        done = hundred(host, "doctor")
        assert done.returncode == 1 and "does not answer" in done.stdout
        done = hundred(host, "status")
        assert done.returncode == 1 and "does not answer" in done.stderr
        assert "rollout" in hundred(host, "history", "shop", check=True).stdout
        assert "Traceback" not in done.stderr
    finally:
        host.host.run("systemctl start docker", timeout=120)


def completed(target: ServiceHost, typed: str) -> str:
    """What bash offers behind what was typed."""
    words = [shlex.quote(word) for word in typed.split(" ")]
    script = (
        f". /etc/bash_completion.d/hundred; COMP_WORDS=({' '.join(words)});"
        f' COMP_CWORD={len(words) - 1}; _hundred; echo "${{COMPREPLY[@]}}"'
    )
    return target.host.run(["bash", "-c", script]).stdout.strip()


@pytest.mark.once
def test_mistakes_are_told_in_a_line(host):
    for words, text in (
        (["status", "nosuch"], "nosuch"),
        (["stop", "../etc"], "must be a name"),
        (["restart", "nosuch"], "nosuch is not on this host; it has shop"),
        (["job", "shop", "nosuch"], "no cron entry"),
    ):
        done = hundred(host, *words)
        assert done.returncode == 1 and text in done.stderr, (words, done.stderr)
        assert "Traceback" not in done.stderr
    assert "nosuch" not in host.host.run("ls /var/lib/hundred/services").stdout
    for words, text in (
        (["nosuch"], "nosuch"),
        (["run", "shop"], "no command"),
        (["run", "shop", "--timeout", "1ms", "--", "true"], "less than 1 s"),
        (["run", "shop", "--revision", "", "--", "true"], "empty"),
        (["logs", "shop", "-n", "²"], "not a whole number"),
    ):
        done = hundred(host, *words)
        assert done.returncode == 2 and text in done.stderr, (words, done.stderr)
    # Who may talk to the engine is no root yet.
    host.host.run("useradd --groups docker deployer || test $? = 9")
    for words in ("run shop -- true", "job shop report", "doctor", "status"):
        done = host.host.run(f"su deployer -c 'hundred {words} 2>&1'", check=False)
        assert done.returncode == 1 and "run it as root" in done.stdout, (words, done.stdout)
        assert "move it away" not in done.stdout and "does not run" not in done.stdout
    for words in (["status", "nosuch"], ["restart", "nosuch"], ["history", "nosuch"]):
        done = hundred(host, *words, "--json")
        told = json.loads(done.stdout)
        assert done.returncode == 1 and told["failed"] and "nosuch" in told["msg"], done
    for typed, offered in (
        ("hundred st", "status stop start"),
        ("hundred doctor ", "--json"),
        ("hundred status --", "--json --help"),
        ("hundred status --json ", "shop"),
        ("hundred logs -n 5 ", "shop"),
        ("hundred stop --lock-timeout 5s sh", "shop"),
        ("hundred run --revision ", host.info("shop")["revision"]),
        ("hundred run shop --gen", "--generation"),
    ):
        assert offered in completed(host, typed), (typed, offered)
    assert completed(host, "hundred status shop ") == "--json --help"
    hundred(host, "stop", "shop", check=True)
    skipped = hundred(host, "job", "shop", "report", check=True)
    assert skipped.stderr == "hundred: not run: the service is stopped\n"


@pytest.mark.once
@pytest.mark.timeout(300)
def test_a_restart_is_rolling_and_plans_are_told(host):
    plan = hundred(host, "restart", "shop", "--check", check=True).stdout
    assert "shop-g2-1" in plan and set(host.containers("shop")) == {"shop-g1-1", "shop-g1-2"}
    hundred(host, "restart", "shop", check=True)
    assert set(host.containers("shop")) == {"shop-g2-1", "shop-g2-2"}
    assert status(host)["revision"] == host.info("shop")["revision"]
    assert newest(host)["action"] == "restart"
    back = host.rollback("shop")
    assert back.failed, "a restart is no release to return from"
