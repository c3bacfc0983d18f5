# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What .dockerignore leaves out of the classic builder's context."""

from __future__ import annotations

import pytest
from ansible_collections.hundred.containers.plugins.module_utils.errors import BuildError
from ansible_collections.hundred.containers.plugins.module_utils.image.ignore import IgnoreRules


@pytest.mark.parametrize(
    ("rules", "ignored", "kept"),
    [
        ("", [], ["a", "b/c"]),
        ("# a\n\n   \n", [], ["a", "# a"]),
        ("a", ["a", "a/b", "a/b/c"], ["b/a", "ab", "A"]),
        ("/a/", ["a", "a/b"], ["b/a"]),
        ("./a//b", ["a/b"], ["a"]),
        ("*.md", ["x.md", ".md"], ["docs/x.md", "x.mdx", "xmd"]),
        ("*/x", ["a/x", "b/x/y"], ["x", "a/b/x"]),
        ("**/x", ["x", "a/x", "a/b/x", "a/x/y"], ["ax", "a/xb"]),
        ("a/**", ["a/b", "a/b/c"], ["a", "b"]),
        ("a/**/z", ["a/z", "a/b/z", "a/b/c/z"], ["a/bz", "z"]),
        ("**", ["a", "a/b"], []),
        ("*", ["a", "a/b"], []),
        ("x?", ["x1"], ["x", "x12", "x/"]),
        ("[a-c]x", ["ax", "cx"], ["dx"]),
        ("[^a]x", ["bx"], ["ax"]),
        (r"\*x", ["*x"], ["ax"]),
        ("a+b(c)", ["a+b(c)"], ["aab(c)"]),
        ("*.md\n!README.md", ["x.md"], ["README.md"]),
        ("!README.md\n*.md", ["x.md", "README.md"], []),
        ("*\n!src\nsrc/*.tmp", ["a", "src/x.tmp"], ["src", "src/a/b.c"]),
        ("a\n!a/b", ["a", "a/c"], ["a/b", "a/b/c"]),
        ("\ufeffa\r\nb \r\n", ["a", "b"], ["c"]),
        ("..", [], ["a"]),
        ("with space", ["with space"], ["with"]),
    ],
)
def test_the_rules_of_docker_hold(rules: str, ignored: list[str], kept: list[str]) -> None:
    subject = IgnoreRules(rules)
    assert [path for path in [*ignored, *kept] if subject.ignored(path)] == ignored


@pytest.mark.parametrize("rules", ["a\n!", "a\n! ", "a\n[b", "a\nb\\", "a\n[]", "a\n[z-a]"])
def test_a_line_that_is_no_pattern_is_named(rules: str) -> None:
    with pytest.raises(BuildError, match="line 2"):
        IgnoreRules(rules)
