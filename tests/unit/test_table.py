# Copyright: (c) 2026, the hundred.containers authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A table is aligned, complete and plain text."""

from __future__ import annotations

from ansible_collections.hundred.containers.plugins.module_utils.text_table import render


def table(columns, rows, title=None) -> list[str]:
    return render(columns, rows, title).split("\n")


def test_columns_are_as_wide_as_their_widest_cell():
    rows = [{"host": "web1", "now": "1a2b3c4"}, {"host": "a-longer-name", "now": "x"}]
    assert table(["host", "now"], rows) == [
        "host           now",
        "-------------  -------",
        "web1           1a2b3c4",
        "a-longer-name  x",
    ]


def test_numbers_stand_to_the_right():
    rows = [{"s": 2.1}, {"s": 12}, {"s": None}]
    assert table(["s"], rows) == ["  s", "---", "2.1", " 12", "  -"]


def test_a_column_with_words_and_numbers_stands_to_the_left():
    assert table(["seconds"], [{"seconds": 2}, {"seconds": "failed"}])[2:] == ["2", "failed"]


def test_nothing_is_cut():
    reason = "x" * 500
    assert reason in render(["why"], [{"why": reason}])


def test_lines_of_a_cell_stand_below_each_other():
    rows = [{"host": "web1", "why": "exited\nlast line\n"}, {"host": "web2"}]
    assert table(["host", "why"], rows)[2:] == ["web1  exited", "      last line", "web2  -"]


def test_cells_without_a_value_have_a_dash_and_booleans_are_words():
    rows = [{"a": None, "b": "", "c": True, "d": False, "e": [], "f": ["x", "y"]}]
    columns = ["a", "b", "c", "d", "e", "f", "missing"]
    assert table(columns, rows)[2].split("  ") == ["-", "-", "yes", "no", "-", "x, y", "-"]


def test_keys_that_are_no_column_are_not_shown():
    assert "hidden" not in render(["a"], [{"a": 1, "b": "hidden"}])


def test_a_table_without_rows_says_so():
    assert table(["host", "now"], []) == ["host  now", "----  ---", "(none)"]


def test_the_title_stands_above():
    assert table(["a"], [{"a": 1}], "Deployed shop")[:3] == ["Deployed shop", "", "a"]


def test_wide_characters_keep_the_columns_aligned():
    lines = table(["host", "now"], [{"host": "日本", "now": "x"}, {"host": "web1", "now": "x"}])
    assert lines[2:] == ["日本  x", "web1  x"]


def test_terminals_have_nothing_to_obey():
    text = render(["why"], [{"why": "\x1b[31mred\x1b[0m \x07bell\tend"}], "a\x1b]0;title\x07")
    assert "\x1b" not in text
    assert "\x07" not in text
    assert "red" in text
