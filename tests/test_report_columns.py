"""Columns of plain text: widths, sides, and no trailing space."""

from geometry.report.columns import columns

ROWS = [("name", "x", "y"), ("a", "1", "22"), ("longer", "333", "")]


def test_the_first_stands_left_and_the_others_right():
    assert columns(ROWS) == ["name      x   y", "a         1  22", "longer  333"]


def test_as_many_as_are_asked_for_stand_left():
    assert columns(ROWS, left=3) == ["name    x    y", "a       1    22", "longer  333"]
