"""Engines against float64: scalars to six digits on clouds that cost digits, and no squared distance below zero."""

from __future__ import annotations

import numpy as np
import pytest
from pair_clouds import CLOUDS, draw

from benchmarks import numerics
from geometry.types import Neighbors

ENGINES = [  # kernels are compiled for this file alone
    pytest.param(name, marks=pytest.mark.long) if name == "kernels" else name for name in numerics.ENGINES
]
STATISTICS = ("two_nn", "mle", "uniformity", "angle_dimension", "effective_rank", "frechet", "prdc")


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("cloud", ["offset", "outlier"])
def test_scalars_keep_six_digits(engine: str, cloud: str) -> None:
    points, other = (numerics.CLOUDS[cloud](90, 6, seed).astype(np.float32) for seed in (0, 1))
    wanted = list(STATISTICS)
    truth = dict(numerics._values(points, other, numerics.Reference(), wanted))
    found = dict(numerics._values(points, other, numerics.ENGINES[engine](), wanted))
    assert found.keys() == truth.keys()
    assert {name for name, _ in truth} == set(STATISTICS)
    for place, value in truth.items():
        assert found[place] == (None if value is None else pytest.approx(value, rel=1e-6, abs=1e-12)), place


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("maker", CLOUDS, ids=lambda maker: maker.__name__)
def test_no_squared_distance_is_negative(engine: str, dtype: type, maker: object) -> None:
    points, other = (draw(maker, 63, 5, dtype, seed) for seed in (0, 1))  # type: ignore[arg-type]
    assert numerics.least_sq_dist(numerics.ENGINES[engine](), points, other) >= 0


def test_a_negative_distance_would_be_seen() -> None:
    class Wrong(numerics.Reference):
        def neighbors(self, *args: object, **kwargs: object) -> Neighbors:
            found = super().neighbors(*args, **kwargs)  # type: ignore[arg-type]
            found.sq_dist[-1, 0] = -1e-300
            return found

    points = np.random.default_rng(0).standard_normal((30, 2))
    assert numerics.least_sq_dist(Wrong(), points, points) < 0
    assert numerics.least_sq_dist(numerics.Reference(), points, points) == 0
