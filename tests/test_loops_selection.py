"""Weights and filters by the look of rows, and drawing by weight."""

from __future__ import annotations

import numpy as np
import pytest

from geometry.errors import UsageError
from geometry.loops.selection import Look, resampled, seems_real, tail_weights


def look(weights: str = "provenance", n: int = 300) -> Look:
    generator = np.random.default_rng(0)
    real, narrow = generator.standard_normal((n, 2)), 0.6 * generator.standard_normal((n, 2))
    return Look(lambda j: real if j == 0 else narrow, weights)


def test_rows_are_drawn_as_often_as_their_weights_say() -> None:
    weight = np.array([0.0, 1.0, 2.5, 0.5])
    counts = np.bincount(resampled(weight, 40, np.random.default_rng(0)), minlength=4)
    assert np.all(np.abs(counts - 40 * weight / 4) < 1)
    assert resampled(np.ones(50), 50, np.random.default_rng(1)).tolist() == list(range(50))


def test_strata_alone_bring_back_the_mass_of_the_tails() -> None:
    seen = look("tail_survival")
    weight = tail_weights(seen, 1, 0)
    far = (seen.batch(1) ** 2).sum(1)
    assert abs(weight.mean() - 1) < 1e-9
    assert weight[far > np.quantile(far, 0.95)].mean() > 3 * weight[far < np.median(far)].mean()
    assert not np.allclose(weight, tail_weights(look(), 1, 0))


def test_equal_weights_where_there_is_no_answer() -> None:
    assert np.all(tail_weights(look(n=8), 1, 0) == 1)
    flat = Look(lambda j: np.random.default_rng(0).standard_normal((60, 2)) if j == 0 else np.ones((60, 2)))
    assert np.isfinite(tail_weights(flat, 1, 0)).all()
    assert np.all(seems_real(look(n=8), 2, 0) == 1)


def test_real_rows_seem_more_real() -> None:
    found = seems_real(look(), 2, 0)
    assert len(found) == 600
    assert found[:300].mean() > found[300:].mean() + 0.1


def test_unknown_weights() -> None:
    with pytest.raises(UsageError, match="choose one of provenance, tail_survival"):
        look("tails")
