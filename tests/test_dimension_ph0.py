"""ph0: the slope by hand, known dimensions, its option and error."""

from __future__ import annotations

import clouds
import numpy as np
import pytest
from scipy.sparse.csgraph import minimum_spanning_tree
from scipy.spatial.distance import pdist, squareform

from geometry.catalog import compute
from geometry.dimension.ph0 import PARTS
from geometry.errors import UsageError


@pytest.mark.parametrize("power", [1.0, 0.5])
def test_slope_by_hand(power: float) -> None:
    points = clouds.gaussian(200, 3)
    deal = np.random.default_rng(0).permutation(200)
    means = []
    for parts in PARTS:
        pieces = [points[deal % parts == piece] for piece in range(parts)]
        means.append(np.mean([(minimum_spanning_tree(squareform(pdist(p))).data ** power).sum() for p in pieces]))
    slope = np.polyfit(np.log(200 / np.array(PARTS)), np.log(means), 1)[0]
    assert compute("ph0", points, power=power).value == pytest.approx(power / (1 - slope), rel=1e-9)


@pytest.mark.parametrize(("maker", "dim"), [(clouds.helix, 1), (clouds.swiss_roll, 2), (clouds.sphere, 2)])
def test_curves_and_surfaces(maker: clouds.Maker, dim: int) -> None:
    options = {} if maker is clouds.sphere else {"noise": 0.0}
    assert compute("ph0", maker(1000, 6, 0, **options)).value == pytest.approx(dim, rel=0.1)


def test_error_is_that_of_repeated_draws_or_larger() -> None:
    made = [compute("ph0", clouds.sphere(320, 4, seed)) for seed in range(8)]
    spread = np.std([one.value for one in made], ddof=1)
    assert 0.4 < np.mean([one.stderr for one in made]) / spread < 4


def test_power_is_positive_and_rows_are_enough() -> None:
    with pytest.raises(UsageError, match="power = 0"):
        compute("ph0", clouds.gaussian(50, 3), power=0)
    assert compute("ph0", clouds.gaussian(39, 3)).reason == "few-rows"
    assert len(compute("ph0", clouds.gaussian(80, 3)).profile["log_rows"]) == 3
