"""Eigenvalues and y' log(A) y without eigenvectors, against both with them."""

from __future__ import annotations

import clouds
import numpy as np
import pytest

from geometry.catalog import compute
from geometry.collapse import vendi as module
from geometry.collapse.tridiagonal import eigenvalues_and_logs

SPECTRA = {
    "two": np.array([1.0, 0.3]),
    "flat": np.ones(30),
    "one far above the rest": np.append(1e-9 * np.linspace(1, 2, 40), 1.0),
    "over twelve orders": np.logspace(-12, 0, 70),
    "large unit": 1e6 * np.linspace(1, 5, 20),
    "diagonal alone": np.array([0.5, 0.25, 0.25]),
}


def matrix(name: str) -> tuple[np.ndarray, np.ndarray]:
    """A matrix with these eigenvalues and its eigenvectors."""
    values = SPECTRA[name]
    turn = np.eye(len(values)) if name == "diagonal alone" else clouds.rotation(len(values), 5)
    made = turn @ np.diag(values) @ turn.T
    return (made + made.T) / 2, turn


@pytest.mark.parametrize("name", SPECTRA)
def test_both_are_those_of_the_eigenvectors(name: str) -> None:
    made, turn = matrix(name)
    vectors = np.vstack([clouds.gaussian(150, len(made)), turn.T])  # more than run side by side; each eigenvector
    values, logs = eigenvalues_and_logs(made, vectors)
    np.testing.assert_allclose(values, np.sort(SPECTRA[name]), atol=1e-13 * values[-1] * len(values))
    want = (vectors @ turn) ** 2 @ np.log(SPECTRA[name])
    np.testing.assert_allclose(logs, want, atol=5e-3 * (vectors**2).sum(axis=1).max())


def test_directions_without_an_eigenvalue_are_cut_off_and_do_not_count_in_rows_that_lack_them() -> None:
    made = np.diag([0.6, 0.4, 0.0, 0.0])
    values, logs = eigenvalues_and_logs(made, np.array([[1.0, 0, 0, 0], [0, 2.0, 0, 0]]))
    assert values.tolist() == [0, 0, 0.4, 0.6]
    np.testing.assert_allclose(logs, [np.log(0.6), 4 * np.log(0.4)], atol=0.02)


@pytest.mark.parametrize("maker", [clouds.gaussian, clouds.power_law, clouds.clusters, clouds.low_rank])
def test_the_error_of_vendi_is_that_of_the_eigenvectors(maker: clouds.Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    points = maker(400, 24, 1) + 0.2
    short = compute("vendi", points)
    monkeypatch.setattr(module, "eigenvalues_and_logs", None)  # would be called, were it not for the order
    long = compute("vendi", points, q=1 + 1e-9)
    assert short.value == pytest.approx(long.value, rel=1e-6)
    assert short.stderr == pytest.approx(long.stderr, rel=5e-3)
    with pytest.raises(TypeError):
        compute("vendi", points)
