"""novelty: rows made to be copies, blends and outside; the nulls in any dimension; hull residuals by hand."""

from __future__ import annotations

import clouds
import numpy as np
import pytest

from geometry.catalog import compute
from geometry.compare.hull import hull_residuals
from geometry.compare.novelty import KINDS
from geometry.errors import UsageError
from geometry.types import Neighbors


def residuals(query: list[float], base: list[list[float]]) -> float:
    """Of one row to the hull of all base rows."""
    queries, rows = np.array([query]), np.array(base)
    sq_dist = ((rows - queries) ** 2).sum(axis=1)
    order = np.argsort(sq_dist)
    table = Neighbors(np.sqrt(sq_dist[order])[None], order[None], np.ones(1, np.bool_), sq_dist[order][None])
    return float(hull_residuals(queries, rows, table)[0])


def test_hull_by_hand() -> None:
    square = [[0.0, 0], [2, 0], [0, 2], [2, 2]]
    assert residuals([1, 0.5], square) == pytest.approx(0, abs=1e-9)
    assert residuals([1, -1], square) == pytest.approx(1 / np.sqrt(10))
    assert residuals([3, 3], square) == pytest.approx(np.sqrt(2) / np.sqrt(18))
    assert residuals([0, 0], [[0.0, 0], [0, 0]]) == 0


def test_hull_residual_is_the_least_over_random_weights() -> None:
    base, query = clouds.gaussian(6, 4), clouds.gaussian(1, 4, 3)[0]
    weights = np.random.default_rng(0).dirichlet(np.full(6, 0.5), 20000)
    best = np.linalg.norm(weights @ base - query, axis=1).min()
    made = residuals(query.tolist(), base.tolist()) * np.linalg.norm(base - query, axis=1).max()
    assert made <= best + 1e-9
    assert made == pytest.approx(best, rel=0.1)


@pytest.mark.parametrize("d", [2, 10, 64])
def test_fresh_rows_of_the_law_are_sorted_as_the_reference_is(d: int) -> None:
    made = compute("novelty", clouds.gaussian(500, d, 1), clouds.gaussian(1000, d), level=0.05)
    for kind in ("copy", "extrapolation"):
        assert made[kind].null == pytest.approx(0.05, abs=0.005)
        assert abs(made[kind].z) < 3.5
    assert made["interpolation"].value > 0.85
    assert sum(float(one) for one in made.values()) == pytest.approx(1)
    assert np.sum([one.per_point for one in made.values()], axis=0).tolist() == [1] * 500


@pytest.mark.parametrize("d", [3, 20])
def test_each_kind_is_found(d: int) -> None:
    """Two modes 30 apart; copies, rows half way between two rows of different modes, and rows far out."""
    reference = clouds.gaussian(800, d) + 30 * (np.arange(800) % 2)[:, None] / np.sqrt(d)
    fresh = clouds.gaussian(100, d, 1) + 30 * (np.arange(100) % 2)[:, None] / np.sqrt(d)
    copies = reference[:100] + 1e-3 * clouds.gaussian(100, d, 2)
    blends = (reference[200:300:2] + reference[301:401:2]) / 2
    outside = 10 * np.sqrt(d) * clouds.shell(60, d, 3)
    outside = outside[outside.sum(axis=1) < 0]
    made = compute("novelty", np.vstack([fresh, copies, blends, outside]), reference)
    kinds = np.argmax([made[kind].per_point for kind in KINDS], axis=0)
    assert (kinds[100:200] == 0).mean() > 0.97
    assert (kinds[:100] == 1).mean() > 0.9
    assert (kinds[200:250] == 2).mean() > 0.9
    assert (kinds[250:] != 1).mean() > 0.9 and (kinds[250:] == 0).sum() == 0


def test_rows_outside_one_mode_extrapolate() -> None:
    reference = clouds.gaussian(800, 5)
    made = compute("novelty", 4 * np.sqrt(5) * clouds.shell(100, 5, 3), reference)
    assert made["extrapolation"].value > 0.9
    assert made["extrapolation"].z > 10 and made["extrapolation"].low > 0.8


def test_a_reference_of_copies_has_no_copies_to_find() -> None:
    doubled = np.repeat(clouds.gaussian(100, 4), 2, axis=0)
    assert compute("novelty", doubled, doubled)["copy"].value == 0


def test_options() -> None:
    x, y = clouds.gaussian(300, 4, 1), clouds.gaussian(300, 4)
    strict, loose = (compute("novelty", x, y, level=level)["extrapolation"].value for level in (0.01, 0.2))
    assert loose > strict + 0.05
    few, many = (compute("novelty", x, y, k=k)["extrapolation"].profile["residual"].mean() for k in (3, 20))
    assert few > many + 0.1
    for options in ({"k": 1}, {"level": 0.0}, {"level": 0.7}):
        with pytest.raises(UsageError, match="novelty"):
            compute("novelty", x, y, **options)
    assert compute("novelty", x, y[:20])["copy"].reason == "few-rows"
