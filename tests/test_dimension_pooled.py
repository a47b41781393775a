"""pooled: sums over rows, the error from halves, and when there is no value."""

from __future__ import annotations

import clouds
import numpy as np
import pytest

from geometry.catalog import compute
from geometry.dimension.pooled import MOST_COLUMNS, columns_for, pooled
from geometry.errors import UsageError
from geometry.pairs import scan
from geometry.pairs.torch_engine import TorchExecutor
from geometry.types import Floats, Neighbors


def first_over_last(dist: Floats) -> tuple[Floats, Floats]:
    return dist[:, 0], dist[:, -1]


def test_sums_over_sums_and_each_row_its_own() -> None:
    table = Neighbors(np.array([[1.0, 2.0], [3.0, 4.0], [0.0, 0.0]]))
    made = pooled("lid", scan(table, TorchExecutor()), 2, 2, first_over_last)
    assert made.value == pytest.approx(4 / 6)
    np.testing.assert_allclose(made.per_point, [0.5, 0.75, np.nan])


@pytest.mark.parametrize("name", ["lid", "mom", "mada"])
def test_error_is_that_of_repeated_draws_or_larger(name: str) -> None:
    made = [compute(name, clouds.torus(500, 6, seed, noise=0.0), k=20) for seed in range(8)]
    spread = np.std([estimate.value for estimate in made], ddof=1)
    assert 0.7 < np.mean([estimate.stderr for estimate in made]) / spread < 4


def test_a_table_as_wide_as_k_still_has_an_error() -> None:
    assert columns_for(20) < columns_for(30) < columns_for(60) == MOST_COLUMNS
    assert columns_for(150) == 150
    assert compute("lid", clouds.gaussian(500, 3), k=MOST_COLUMNS).stderr > 0


def test_k_falls_to_the_neighbours_there_are() -> None:
    assert compute("lid", clouds.gaussian(12, 3)).k == 11
    assert compute("lid", clouds.gaussian(2, 3)).reason == "few-rows"
    with pytest.raises(UsageError, match="mada: k = 1"):
        compute("mada", clouds.gaussian(50, 3), k=1)
