"""Eigenvalues of small matrices beside LAPACK's: all orders, degenerate spectra, scales, and what is left over."""

from __future__ import annotations

import numpy as np
import pytest

from geometry.pairs import small_eigenvalues
from geometry.pairs.small_eigenvalues import LANES, LARGEST, eigenvalues


def matrices(k: int, m: int) -> np.ndarray:
    """Gram matrices of full and of low rank, diagonal, zero, of one value, indefinite, graded, tiny and huge."""
    rng = np.random.default_rng([k, m])
    rows = rng.standard_normal((m, k, k + 3))
    made = rows @ rows.transpose(0, 2, 1)
    thin = rng.standard_normal((k, 2))
    turn = np.linalg.qr(rng.standard_normal((k, k)))[0]
    graded = (turn * np.logspace(0, -14, k)) @ turn.T
    some = [np.zeros((k, k)), np.eye(k), np.diag(np.arange(k) - 2.0), np.ones((k, k)), thin @ thin.T, rows[0][:, :k]]
    some = [(one + one.T) / 2 for one in (*some, graded)]
    made[: len(some)] = some[:m]
    made[-2:] *= np.array([1e-100, 1e100])[:, None, None]
    return made


@pytest.mark.parametrize("k", [2, 3, 4, 7, 20, 50, 101])
def test_values_are_those_of_lapack(k: int) -> None:
    given = matrices(k, 2 * LANES + 5)
    kept = given.copy()
    truth = np.linalg.eigvalsh(given)
    scale = np.abs(truth).max(axis=1)
    assert np.all(np.abs(eigenvalues(given) - truth).max(axis=1) <= 32 * k * np.finfo(float).eps * scale)
    assert np.array_equal(given, kept)


def test_each_is_the_same_alone_and_among_others() -> None:
    given = matrices(12, 3 * LANES)
    alone = np.concatenate([eigenvalues(one[None]) for one in given])
    assert np.array_equal(eigenvalues(given), alone)


@pytest.mark.parametrize("k", [1, LARGEST + 1])
def test_the_smallest_and_the_large_go_to_lapack(k: int) -> None:
    given = np.eye(k)[None] * 3
    assert np.array_equal(eigenvalues(given), np.linalg.eigvalsh(given))


def test_what_does_not_converge_goes_to_lapack(monkeypatch: pytest.MonkeyPatch) -> None:
    given = matrices(6, LANES)
    monkeypatch.setattr(small_eigenvalues, "_all", lambda held: (np.zeros((len(held), 6)), np.arange(LANES) % 2 == 0))
    found = eigenvalues(given)
    assert np.array_equal(found[1::2], np.linalg.eigvalsh(given[1::2])) and not found[::2].any()
