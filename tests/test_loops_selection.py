"""Weights and filters by the look of rows, and drawing by weight."""

from __future__ import annotations

import numpy as np
import pytest

from geometry.errors import UsageError
from geometry.loops.selection import Look, included, seems_real, tail_weights, taken


def look(weights: str = "provenance", n: int = 300) -> Look:
    generator = np.random.default_rng(0)
    real, narrow = generator.standard_normal((n, 2)), 0.6 * generator.standard_normal((n, 2))
    return Look(lambda j: real if j == 0 else narrow, lambda: narrow, weights)


def test_rows_are_taken_once_with_the_shares_of_their_weights() -> None:
    weight = np.array([0.0, 1.0, 2.0, 3.0, 30.0])
    assert np.allclose(included(weight, 3), [0, 1 / 3, 2 / 3, 1, 1], atol=1e-6)
    counts = np.zeros(5)
    generator = np.random.default_rng(0)
    for _ in range(3000):
        rows = taken(weight, 3, generator)
        assert len(np.unique(rows)) == 3
        counts[rows] += 1
    assert np.all(np.abs(counts / 3000 - included(weight, 3)) < 4.5 * 0.5 / np.sqrt(3000) + 1e-9)
    assert taken(np.ones(50), 50, np.random.default_rng(1)).tolist() == list(range(50))
    assert len(np.unique(taken(np.array([1.0, 0, 0, 0]), 3, generator))) == 3


def test_strata_alone_bring_back_the_mass_of_the_tails() -> None:
    seen = look("tail_survival")
    weight = tail_weights(seen, 0)
    far = (seen.pool() ** 2).sum(1)
    assert abs(weight.mean() - 1) < 1e-9
    assert weight[far > np.quantile(far, 0.95)].mean() > 3 * weight[far < np.median(far)].mean()
    assert not np.allclose(weight, tail_weights(look(), 0))


def test_equal_weights_where_there_is_no_answer() -> None:
    assert np.all(tail_weights(look(n=8), 0) == 1)
    flat = Look(lambda j: np.random.default_rng(0).standard_normal((60, 2)), lambda: np.ones((60, 2)))
    assert np.isfinite(tail_weights(flat, 0)).all()
    assert np.all(seems_real(look(n=8), 2, 0) == 1)


def test_real_rows_seem_more_real() -> None:
    found = seems_real(look(), 2, 0)
    assert len(found) == 600
    assert found[:300].mean() > found[300:].mean() + 0.1


def test_unknown_weights() -> None:
    with pytest.raises(UsageError, match="choose one of provenance, tail_survival"):
        look("tails")
