"""The grammar of conditions: what each form means, when it holds, and what is said of text that is no condition."""

from __future__ import annotations

import pytest

from geometry.errors import UsageError
from geometry.verdict.conditions import Condition, parse, parse_all


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("effective_rank<0.8x", Condition("effective_rank", "", "<", 0.8, "x")),
        ("effective_rank.covariance <= .8x", Condition("effective_rank", "covariance", "<=", 0.8, "x")),
        ("prdc.recall<0.5", Condition("prdc", "recall", "<", 0.5)),
        ("tails.z>4", Condition("tails", "", ">", 4.0, "z")),
        ("prdc.recall.z < -3", Condition("prdc", "recall", "<", -3.0, "z")),
        ("rayleigh>=4z", Condition("rayleigh", "", ">=", 4.0, "z")),
        ("scale.total>1e-3", Condition("scale", "total", ">", 1e-3)),
        ("modality_gap.cone of text>.7", Condition("modality_gap", "cone of text", ">", 0.7)),
    ],
)
def test_forms(text: str, meaning: Condition) -> None:
    assert parse(text) == meaning
    assert parse(str(meaning)) == meaning


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("effective_rank", "no condition"),
        ("effective_rank=3", "no condition"),
        ("<3", "no condition"),
        ("rank<three", "no condition"),
        ("rank<80%", "not '%'"),
        ("rank<2y", "not 'y'"),
        ("rank.z<2x", "leave out the x"),
        ("rank<1<2", "no condition"),
    ],
)
def test_what_is_no_condition(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        parse(text)


def test_holds_by_operator_and_unit() -> None:
    assert [parse(f"a{op}2").holds(2.0) for op in ("<", "<=", ">", ">=")] == [False, True, False, True]
    assert parse("a<.8x").holds(7.9, reference=10.0) and not parse("a<.8x").holds(8.1, reference=10.0)
    assert parse("a>4z").holds(0.0, z=5.0) and not parse("a>4z").holds(100.0, z=3.0)


def test_what_is_missing_decides_nothing() -> None:
    assert parse("a<1").holds(None) is None
    assert parse("a<1x").holds(0.5) is None
    assert parse("a<1z").holds(0.5) is None


def test_several() -> None:
    assert [one.name for one in parse_all("a<1, b>2x;c.z>3")] == ["a", "b", "c"]
    assert parse_all(["a<1", "b<2,"]) == (parse("a<1"), parse("b<2"))
