"""Drift of categories against the closed answers: every bound is 4.5 standard errors of the replicates."""

from __future__ import annotations

import numpy as np
import pytest

from geometry import loops
from geometry.errors import UsageError

N, K, REPLICATES = 25, 6, 2000


def test_heterozygosity_falls_and_rare_categories_are_lost_as_they_should() -> None:
    run = loops.run("categorical", regime="replace", generations=8, n=N, categories=K, replicates=REPLICATES, seed=1)
    true = run[0].parameters["shares"][0]
    assert np.allclose(true, (1 / np.arange(1, K + 1)) / (1 / np.arange(1, K + 1)).sum())
    for t in (1, 4, 8):
        mixed = (run[t].parameters["shares"] * (1 - run[t].parameters["shares"])).sum(axis=1)
        expected = float((true * (1 - true)).sum()) * (1 - 1 / N) ** t
        assert abs(mixed.mean() - expected) < 4.5 * mixed.std(ddof=1) / np.sqrt(REPLICATES)
    lost, expected_lost = (run[1].parameters["shares"] == 0).mean(axis=0), (1 - true) ** N
    assert np.all(np.abs(lost - expected_lost) < 4.5 * np.sqrt(expected_lost * (1 - expected_lost) / REPLICATES))
    gone = run[4].parameters["shares"] == 0
    assert np.all(run[8].parameters["shares"][gone] == 0)


def test_power_and_temperature_and_embedding() -> None:
    flat = loops.run("categorical", regime="replace", generations=1, n=40, categories=4, power=0.0)
    assert np.allclose(flat[0].parameters["shares"], 0.25)
    assert flat[1].embeddings.shape == (40, 4)
    assert np.array_equal(flat[1].embeddings.argmax(1), flat[1].labels)
    cold = loops.run("categorical", regime="replace", generations=1, n=4000, categories=4, bias=0.2)
    shares = cold[1].parameters["shares"][0] ** 5
    drawn = np.bincount(cold[1].samples[:, 0], minlength=4) / 4000
    assert np.all(np.abs(drawn - shares / shares.sum()) < 0.03)
    with pytest.raises(UsageError, match="2 categories"):
        loops.run("categorical", regime="replace", generations=1, n=9, categories=1)
