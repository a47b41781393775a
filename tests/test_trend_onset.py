"""Onset: the last stretch that holds to the end, its interval, and when it is provisional."""

from __future__ import annotations

from geometry.trend import Onset, onset

GENERATIONS = [1, 2, 3, 4]
NO = [False] * 4


def flags(text: str) -> list[bool]:
    return [letter == "x" for letter in text]


def test_the_first_generation_from_which_it_holds() -> None:
    assert onset(GENERATIONS, flags("..xx"), flags("..xx"), flags("..xx")) == Onset(3, 3, 3, False)
    assert onset(GENERATIONS, flags("xxxx"), flags("xxxx"), flags("xxxx")) == Onset(1, 1, 1, False)


def test_a_change_that_came_and_went_does_not_count() -> None:
    assert onset(GENERATIONS, flags("xx.x"), flags("xx.x"), flags("xx.x")) == Onset(4, 4, 4, True)
    assert onset(GENERATIONS, flags("xxx."), flags("xxxx"), flags("xxx.")) is None
    assert onset(GENERATIONS, NO, flags("xxxx"), NO) is None
    assert onset([], [], [], []) is None


def test_the_interval_reaches_from_where_it_may_to_where_it_must() -> None:
    assert onset(GENERATIONS, flags("..xx"), flags(".xxx"), flags("...x")) == Onset(3, 2, 4, False)
    assert onset(GENERATIONS, flags("..xx"), flags("x.xx"), NO) == Onset(3, 3, None, False)


def test_the_interval_always_holds_the_onset() -> None:
    assert onset(GENERATIONS, flags("..xx"), NO, NO) == Onset(3, 3, None, False)
    assert onset(GENERATIONS, flags("..xx"), flags("..xx"), flags("xxxx")) == Onset(3, 3, 3, False)


def test_the_last_alone_is_provisional_and_numbers_are_those_of_the_generations() -> None:
    assert onset([10, 20], flags(".x"), flags("xx"), flags(".x")) == Onset(20, 10, 20, True)
    assert onset([5], [True], [True], [True]) == Onset(5, 5, 5, True)
