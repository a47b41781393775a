"""The law of an isotropic spectrum: its closed moments, and the eigenvalues of noise."""

from __future__ import annotations

import clouds
import numpy as np
import pytest

from geometry.pairs.marchenko_pastur import law


@pytest.mark.parametrize(("n", "d"), [(1000, 10), (300, 100), (100, 100), (100, 400)])
def test_moments(n: int, d: int) -> None:
    made = law(n, d)
    aspect = min(n, d) / max(n, d)
    assert made.count == min(n, d)
    assert made.weights.sum() == pytest.approx(1)
    assert made.weights @ made.nodes == pytest.approx(1, rel=1e-9)
    assert made.weights @ made.nodes**2 == pytest.approx(1 + aspect, rel=1e-9)
    assert made.weights @ (made.nodes * np.log(made.nodes)) == pytest.approx(aspect / 2, rel=1e-6)


@pytest.mark.parametrize(("n", "d"), [(400, 50), (50, 400)])
def test_eigenvalues_of_noise(n: int, d: int) -> None:
    made = law(n, d)
    values = np.linalg.eigvalsh(np.cov(clouds.gaussian(n, d).T))[::-1][: made.count - 1]
    values = values / values.mean()
    assert np.median(values) == pytest.approx(made.median, rel=0.02)
    assert values[0] == pytest.approx(made.edge, rel=0.08)  # the largest lags behind by n^(-2/3)
