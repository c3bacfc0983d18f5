# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The command and LoadProcess count the same, stop when told, and say when something was lost."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.load import LOST, LoadFailed, LoadProcess
from tests.load.process import READY, ROOT
from tests.ports import free_port


class OwnProcess:
    """A server in a process of its own, as the command line meets it."""

    SOURCE = (
        "import asyncio\n"
        "from tests.load.misbehaving import serving\n"
        "async def behave(visit): {behave}\n"
        "async def main():\n"
        "    async with serving(behave) as server:\n"
        "        print(server.port, flush=True)\n"
        "        await asyncio.sleep(60)\n"
        "asyncio.run(main())\n"
    )

    def __init__(self, behave: str = "visit.answer(fields='X-Release: v1\\r\\n')") -> None:
        source = self.SOURCE.format(behave=behave)
        self.process = subprocess.Popen(
            [sys.executable, "-c", source], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )

    def __enter__(self) -> str:
        assert self.process.stdout is not None
        return f"http://127.0.0.1:{self.process.stdout.readline().strip()}"

    def __exit__(self, *_unused: object) -> None:
        self.process.kill()
        self.process.communicate()


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "tests.load", *arguments]


def test_the_command_counts_until_it_is_terminated(tmp_path: Path) -> None:
    with OwnProcess() as url:
        client = subprocess.Popen(
            command("--url", url, "--rate", "100", "--json", str(tmp_path / "out.json")),
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        time.sleep(1.5)
        client.send_signal(signal.SIGTERM)
        said, _unused = client.communicate(timeout=20)
    assert client.returncode == 0
    data = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    total = data["total"]
    assert total["sent"] == total["ok"] > 5
    assert sum(bucket["ok"] for bucket in data["buckets"]) == total["ok"]
    assert total["releases"] == {"v1": total["ok"]}
    assert set(total["outcomes"]) == {outcome.label for outcome in LOST}
    assert f"lost: 0 of {total['sent']}; duplicates: not checked" in said


def test_a_client_at_real_time_priority_is_served_before_ordinary_programs() -> None:
    with OwnProcess() as url:
        client = subprocess.Popen(
            command("--url", url, "--real-time", "--seconds", "20"),
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert client.stdout is not None and client.stdout.readline().strip() == READY
        policy = os.sched_getscheduler(client.pid)
        client.send_signal(signal.SIGTERM)
        client.communicate(timeout=20)
    assert (policy, client.returncode) == (os.SCHED_FIFO, 0)


def test_the_command_fails_when_something_is_lost_or_duplicated(tmp_path: Path) -> None:
    short = ("--seconds", "0.5", "--rate", "100")
    with OwnProcess("visit.answer(status=503)") as url:
        lost = subprocess.run(
            command("--url", url, *short), cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False
        )
    assert lost.returncode == 1
    assert "503: 5" in lost.stdout
    note = (
        f"visit.answer(); open({str(tmp_path)!r} + '/a.ids', 'a').write((visit.id + chr(10)) * 2)"
    )
    with OwnProcess(note) as url:
        twice = subprocess.run(
            command("--url", url, *short, "--ids-dir", str(tmp_path)),
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert twice.returncode == 1
    assert "lost: 0 of 5" in twice.stdout
    assert "duplicates: 5" in twice.stdout
    wrong = subprocess.run(
        command("--url", "ftp://x"), cwd=ROOT, stderr=subprocess.PIPE, text=True, check=False
    )
    assert wrong.returncode == 2
    assert "want http://" in wrong.stderr


def test_being_out_of_descriptors_is_the_clients_own_error() -> None:
    with OwnProcess("pass") as url:
        line = " ".join(command("--url", url, "--seconds", "0.5", "--timeout", "1"))
        ran = subprocess.run(
            ["bash", "-c", f"ulimit -n 24; exec {line}"],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
            check=False,
        )
    [row] = [row.split() for row in ran.stdout.splitlines() if row.startswith("client error")]
    assert int(row[-1]) > 100


def test_a_load_process_hands_over_every_sample() -> None:
    with OwnProcess() as url:
        with LoadProcess(url, "--rate", "200") as load:
            begin = time.monotonic()
            time.sleep(0.5)
            end = time.monotonic()
            with pytest.raises(LoadFailed, match="no result yet"):
                load.result  # noqa: B018
        result = load.result
    window = result.between(begin, end)
    assert window.sent == pytest.approx(100, abs=5), "the clocks of two processes do not agree"
    assert result.lost == 0
    assert result.answered_between("v1") is not None
    assert not math.isnan(result.own_lag.p99)


def test_a_load_process_without_an_answer_fails_at_once() -> None:
    with pytest.raises(LoadFailed, match="no good answer within 1 s"):
        LoadProcess(f"http://127.0.0.1:{free_port()}", ready_timeout=1).start()
