"""Leave-group-out: one group that carries all structure by construction, groups of one law, limits and errors."""

from __future__ import annotations

from functools import cache

import clouds
import numpy as np
import pytest

from geometry.attribution import GroupEffect, groups
from geometry.attribution.part import STATISTICS
from geometry.errors import InputError, UsageError
from geometry.types import EmbeddingSet

N, D, ROWS, HALVES = 480, 10, 300, 8


def carried() -> tuple[np.ndarray, np.ndarray]:
    """Labels a, b, c lie evenly on a sphere; d lies on six points of it: without d the set is a sphere."""
    points, labels = clouds.shell(N, D), np.array(list("abcd"))[np.arange(N) % 4]
    held = labels == "d"
    clumps = clouds.shell(6, D, 9)[np.arange(held.sum()) % 6] + 0.03 * clouds.gaussian(int(held.sum()), D, 3)
    points[held] = clouds.normalised(clumps)
    return points, labels


@cache
def effects() -> dict[str, GroupEffect]:
    points, labels = carried()
    made = groups(EmbeddingSet(points, labels=labels), rows=ROWS, halves=HALVES)
    return {effect.group: effect for effect in made}


def test_the_carrier_comes_first_and_takes_the_structure_with_it() -> None:
    made = effects()
    assert next(iter(made)) == "d"
    first = made["d"]
    assert (first.rows, first.share) == (N // 4, 0.25)
    gain = first.changes["structure_gain"].profile
    assert gain["with"][0] > 0.2
    assert gain["without"][0] < 0.06
    assert first.structure_fall > 0.2
    assert "structure_gain" in first.significant
    assert first.changes["structure_gain"].high < 0


def test_the_dimension_comes_back_without_it() -> None:
    change = effects()["d"].changes["mle"]
    assert change.value == pytest.approx(change.profile["without"][0] - change.profile["with"][0])
    assert change.value > 0
    assert effects()["d"].changes["effective_rank"].value > 0
    assert all(effects()[group].changes["effective_rank"].value < 0.05 for group in "abc")


def test_the_others_carry_none() -> None:
    """With a sphere's share left out, what remains is more structured, not less."""
    for group in "abc":
        one = effects()[group]
        assert one.structure_fall < 0.1
        assert one.changes["structure_gain"].value > -0.05


def test_groups_of_one_law_change_nothing() -> None:
    for effect in groups(clouds.gaussian(N, D), np.arange(N) % 2, rows=200, halves=4):
        assert effect.significant == ()
        for name in STATISTICS:
            change = effect.changes[name]
            assert change.null == 0
            assert change.low < change.value < change.high
            assert abs(change.z) < 6, name


def test_every_look_takes_as_many_rows() -> None:
    assert {change.n for effect in effects().values() for change in effect.changes.values()} == {ROWS}
    points, labels = carried()
    made = groups(points[:200], labels[:200], halves=2)
    assert {change.n for effect in made for change in effect.changes.values()} == {150}


def test_groups_that_leave_too_few_rows_or_are_too_small() -> None:
    number = np.repeat([0, 1, 2], [150, 60, 1])
    made = groups(clouds.gaussian(211, 3), number, halves=2)
    assert [effect.group for effect in made] == [1, 0]  # one row is under 1 %
    assert {change.reason for change in made[1].changes.values()} == {"few-rows"}
    assert np.isnan(made[1].structure_fall)
    alone = groups(clouds.gaussian(50, 3), np.zeros(50))
    assert {change.reason for change in alone[0].changes.values()} == {"few-rows"}


def test_given_groups_take_the_place_of_labels() -> None:
    points, labels = carried()
    made = groups(EmbeddingSet(points[:240], labels=np.zeros(240)), labels[:240], rows=120, halves=2)
    assert {effect.group for effect in made} == set("abcd")


def test_a_point_has_nothing_to_carry() -> None:
    for effect in groups(np.ones((240, 4)), np.arange(240) % 2, halves=2):
        assert all(change.status == "undefined" for change in effect.changes.values())


def test_what_is_asked_must_make_sense() -> None:
    points = clouds.gaussian(200, 3)
    with pytest.raises(UsageError, match="labels"):
        groups(points)
    with pytest.raises(UsageError, match="halves"):
        groups(points, np.zeros(200), halves=1)
    with pytest.raises(InputError, match="200 rows"):
        groups(points, np.zeros(20))
