"""Every effect is 0 for equal sets and right for known ones; between halves of one set it is chance about 0."""

from __future__ import annotations

import clouds
import numpy as np
import pytest

from geometry.nulls.halves import pool
from geometry.pairs import Scan, executor
from geometry.pairs.subsample import halves
from geometry.verdict.effects import EFFECTS, Effect, entropy_rank

ENGINE = executor("cpu")
BY_NAME = {effect.statistic: effect for effect in EFFECTS}
SETS = {
    "gaussian": clouds.gaussian(300, 8),
    "clusters": clouds.clusters(300, 8),
    "copies": clouds.copies(300, 8, share=0.3),
}


def scan(points: clouds.Cloud) -> Scan:
    return Scan(points, ENGINE)


def observed(name: str, points: clouds.Cloud, reference: clouds.Cloud) -> float:
    """In the natural unit."""
    effect = BY_NAME[name]
    found = effect.observed(scan(points), scan(reference))
    assert found is not None
    return effect.natural(found)


@pytest.mark.parametrize("cloud", SETS)
@pytest.mark.parametrize("effect", [e for e in EFFECTS if e.change != "tails"], ids=lambda e: e.statistic)
def test_equal_sets_have_no_effect(effect: Effect, cloud: str) -> None:
    points = SETS[cloud]
    found = effect.observed(scan(points), scan(points.copy()))
    assert found == pytest.approx(0, abs=1e-9)
    assert not effect.beyond(effect.natural(0.0))


def test_a_set_lies_in_no_tail_of_itself() -> None:
    """Each row has itself as a neighbour at distance 0 among the reference: a little below its own tail's share."""
    assert observed("tail_survival", SETS["gaussian"], SETS["gaussian"]) < 1


@pytest.mark.parametrize("factor", [0.5, 2.0, 10.0])
def test_variance_goes_with_the_square_of_the_scale(factor: float) -> None:
    points = SETS["clusters"]
    raw = BY_NAME["scale"].observed(scan(factor * points + 3), scan(points))
    assert raw == pytest.approx(2 * np.log(factor))
    assert observed("scale", factor * points, points) == pytest.approx(factor**2)


def test_rank_is_the_ratio_of_the_entropy_ranks() -> None:
    """Three equal directions against twelve of which as many are equal, by whitened rows: exactly 3 / 12."""
    whole = np.linalg.qr(clouds.gaussian(400, 13) - clouds.gaussian(400, 13).mean(axis=0))[0][:, :12]
    part = np.hstack([whole[:, :3], np.zeros((400, 9))])
    assert observed("effective_rank", part, whole) == pytest.approx(3 / 12, rel=1e-6)


def test_entropy_rank() -> None:
    assert entropy_rank(np.array([2.0, 2.0, 2.0, 0.0])) == pytest.approx(3)
    assert entropy_rank(0.5 ** np.arange(60.0)) == pytest.approx(4)  # geometric, q = .5
    assert entropy_rank(np.zeros(3)) == 1


def test_intrinsic_dimension_of_a_plane_against_a_cube() -> None:
    plane, cube = (clouds.periodic_table(800, d, 1) for d in (2, 4))
    found = BY_NAME["mle"].observed(Scan.of(plane, ENGINE), Scan.of(cube, ENGINE))
    assert found == pytest.approx(np.log(2 / 4), abs=0.08)


def test_tails_are_counted_in_units_of_what_should_be_there() -> None:
    reference = clouds.gaussian(800, 2)
    assert observed("tail_survival", clouds.gaussian(800, 2, 1) + 100, reference) == pytest.approx(20)
    assert observed("tail_survival", 0.1 * clouds.gaussian(800, 2, 1), reference) == 0
    assert BY_NAME["tail_survival"].observed(scan(0.1 * clouds.gaussian(800, 2, 1)), scan(reference)) == -1
    half_gone = np.vstack([clouds.gaussian(400, 2, 1) + 100, np.zeros((400, 2)) + 1e-3 * clouds.gaussian(400, 2, 2)])
    assert observed("tail_survival", half_gone, reference) == pytest.approx(10)


@pytest.mark.parametrize("share", [0.02, 0.1])
def test_copies_are_a_difference_of_shares(share: float) -> None:
    found = observed("duplicates", clouds.copies(500, 8, share=share), clouds.gaussian(500, 8, 1))
    assert found == pytest.approx(2 * share)  # a row and its original are both near another
    back = observed("duplicates", clouds.gaussian(500, 8, 1), clouds.copies(500, 8, share=share))
    assert back == pytest.approx(-2 * share)


def test_limits_are_those_of_the_named_changes() -> None:
    beyond = {
        "scale": (0.49, 2.01), "effective_rank": (0.66, 1.51), "mle": (0.66, 1.51), "tail_survival": (0.49, 2.01),
    }  # fmt: skip
    within = {
        "scale": (0.51, 1.99), "effective_rank": (0.68, 1.49), "mle": (0.68, 1.49), "tail_survival": (0.51, 1.99),
    }  # fmt: skip
    for name, effect in BY_NAME.items():
        assert all(effect.beyond(value) for value in beyond.get(name, (0.011,)))
        assert not any(effect.beyond(value) for value in within.get(name, (0.009, -0.5)))


@pytest.mark.parametrize("effect", EFFECTS, ids=lambda effect: effect.statistic)
@pytest.mark.parametrize("maker", [clouds.gaussian, clouds.clusters], ids=lambda maker: maker.__name__)
def test_halves_differ_by_chance_alone(effect: Effect, maker: clouds.Maker) -> None:
    a, b = clouds.draws_of(maker, 2, 400, 6)
    both = pool(scan(a), scan(b))
    values = np.array([effect.between_halves(both, half) for half in halves(800, 24, 1)])
    assert np.isfinite(values).all()
    assert abs(values.mean()) <= 3.5 * values.std(ddof=1) / np.sqrt(24) + 0.03
    if effect.statistic != "duplicates":
        assert 0 < values.std() < 0.5
        assert both.spread(lambda half: effect.between_halves(both, half)) == pytest.approx(values.std(), rel=0.7)
    else:
        assert not values.any()


def test_copies_in_both_sets_differ_between_halves() -> None:
    both = pool(scan(clouds.copies(300, 8, share=0.2)), scan(clouds.copies(300, 8, 1, share=0.2)))
    assert both.spread(lambda half: BY_NAME["duplicates"].between_halves(both, half)) > 0.01


def test_an_empty_tail_of_few_rows_is_not_beyond_chance() -> None:
    """Seven rows expected, none found: the error is at least that of independent rows, 1 / 4 at n = 150."""
    effect = BY_NAME["tail_survival"]
    assert effect.least_error(150) == pytest.approx(0.25, abs=0.01)
    assert effect.least_error(600) == pytest.approx(effect.least_error(150) / 2)
    a, b = clouds.draws_of(clouds.gaussian, 2, 2000, 2)
    both = pool(scan(a), scan(b))
    error = both.spread(lambda half: effect.between_halves(both, half))
    assert effect.least_error(2000) == pytest.approx(error, rel=0.5)


def test_an_effect_without_a_value_is_none() -> None:
    point, few = np.ones((60, 4)), clouds.gaussian(3, 4)
    assert BY_NAME["scale"].observed(scan(clouds.gaussian(60, 4)), scan(point)) is None
    assert BY_NAME["mle"].observed(scan(few), scan(few)) is None
    assert BY_NAME["tail_survival"].observed(scan(few), scan(few)) is None
    lost = BY_NAME["scale"].observed(scan(point), scan(clouds.gaussian(60, 4)))
    assert lost is not None
    assert np.isfinite(lost)
    assert np.isnan(BY_NAME["mle"].between_halves(pool(scan(few), scan(few)), np.arange(6) < 3))
