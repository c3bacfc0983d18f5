# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who runs a playbook is known without variables, and is the same in every playbook."""

from __future__ import annotations

import os
import pwd
import re
from pathlib import Path

import pytest
from ansible_collections.hundred.containers.plugins.lookup.operator import operator

ROOT = Path(__file__).parents[2]
NAMES = ("SUDO_USER", "LOGNAME", "USER", "LNAME", "USERNAME")


def test_the_operator_needs_no_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    assert operator(os.environ) == pwd.getpwuid(os.getuid()).pw_name
    assert operator({"SUDO_USER": "anna"}) == "anna"


def test_every_task_that_acts_in_a_name_acts_in_the_operators() -> None:
    files = [*ROOT.glob("playbooks/**/*.yml"), *ROOT.glob("roles/*/defaults/main.yml")]
    lines = [line for file in files for line in file.read_text().splitlines()]
    said = [line for line in lines if re.match(r" *(hundred_)?started_by:", line)]
    assert len(said) >= 6
    assert all("lookup('hundred.containers.operator')" in line for line in said), said
