# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A git repository for tests."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path


class Repository:
    """A git repository with a work tree.

    :param path: a folder to make it in.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir(parents=True)
        self.git("init", "--quiet", "--initial-branch=main")

    def git(self, *arguments: str, environment: Mapping[str, str] | None = None) -> str:
        """Run git in it; what it printed."""
        identity = {
            "GIT_AUTHOR_NAME": "tester",
            "GIT_AUTHOR_EMAIL": "tester@example.com",
            "GIT_COMMITTER_NAME": "tester",
            "GIT_COMMITTER_EMAIL": "tester@example.com",
        }
        done = subprocess.run(
            ["git", *arguments],
            cwd=self.path,
            env={**os.environ, **identity, **(environment or {})},
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    def write(self, files: Mapping[str, str]) -> None:
        """Write files to the work tree."""
        for name, content in files.items():
            path = self.path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)

    def commit(
        self,
        files: Mapping[str, str] | None = None,
        message: str = "a change",
        environment: Mapping[str, str] | None = None,
    ) -> str:
        """Write files, commit all that is in the work tree; the full SHA."""
        self.write(files or {})
        self.git("add", "--all")
        self.git(
            "commit", "--quiet", "--allow-empty", f"--message={message}", environment=environment
        )
        return self.git("rev-parse", "HEAD")
