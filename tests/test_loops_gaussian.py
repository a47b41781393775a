"""The recursive Gaussian refit against its closed answers: every bound is 4.5 standard errors of the replicates."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import psi

from geometry import loops
from geometry.loops import Lineage
from geometry.types import Floats

N, D, T, REPLICATES = 20, 3, 8, 3000


def lineage(regime: str, **options: float) -> Lineage:
    return loops.run("gaussian", regime=regime, generations=T, n=N, d=D, replicates=REPLICATES, seed=5, **options)  # type: ignore[arg-type]


def agrees(values: Floats, expected: float | Floats) -> None:
    """Mean over replicates (axis 0) within 4.5 of its standard errors of `expected`, and those errors are not idle."""
    stderr = values.std(axis=0, ddof=1) / np.sqrt(len(values))
    assert np.all(stderr > 0)
    assert np.all(np.abs(values.mean(axis=0) - expected) < 4.5 * stderr)


def variances(run: Lineage, t: int) -> Floats:
    return np.trace(run[t].parameters["covariance"], axis1=1, axis2=2) / D


def test_replace_shrinks_by_one_minus_one_over_n() -> None:
    run = lineage("replace")
    for t in range(1, T + 1):
        agrees(run[t].parameters["covariance"], (1 - 1 / N) ** t * np.eye(D))
        agrees(D * variances(run, t) + (run[t].parameters["mean"] ** 2).sum(axis=1), D)


def test_replace_fans_the_eigenvalues_out() -> None:
    run = lineage("replace")
    rate = psi((N - np.arange(1, D + 1)) / 2) - np.log(N / 2)
    for t in (1, 4, T):
        diagonal = np.diagonal(np.linalg.cholesky(run[t].parameters["covariance"]), axis1=1, axis2=2)
        agrees(2 * np.log(diagonal), t * rate)


def test_accumulate_holds() -> None:
    run = lineage("accumulate")
    for t in (1, 2, 4, T):
        agrees(variances(run, t), np.prod(1 - 1 / (N * np.arange(1, t + 1.0) ** 2)))
    assert run[T].origins == dict.fromkeys(range(T), N)


def test_fresh_stands_at_its_fixed_point() -> None:
    share = 0.5
    run = loops.run("gaussian", regime="fresh", generations=25, n=N, d=2, replicates=3000, real_share=share, seed=1)
    mean2 = 1 / (N * (1 - share**2) + share)
    agrees((run[25].parameters["mean"] ** 2).mean(axis=1), mean2)
    agrees(np.trace(run[25].parameters["covariance"], axis1=1, axis2=2) / 2, 1 - mean2)


def test_subsample_lies_between_replace_and_accumulate() -> None:
    last = [variances(lineage(name), T).mean() for name in ("accumulate", "accumulate-subsample", "replace")]
    assert last[0] > last[1] > last[2]


def test_regimes_keep_their_order_at_generation_ten() -> None:
    """In total variance and in effective rank, but for lambda, which scales all directions alike."""
    arms = [("fresh", {"real_share": 0.5}), ("accumulate", {}), ("accumulate-subsample", {}), ("replace", {})]
    variance, rank = [], []
    for regime, more in [*arms, ("replace", {"bias": 0.9})]:
        run = loops.run("gaussian", regime=regime, generations=10, n=40, d=8, replicates=400, seed=4, **more)  # type: ignore[arg-type]
        values = np.linalg.eigvalsh(run[10].parameters["covariance"]).clip(1e-300)
        shares = values / values.sum(axis=1, keepdims=True)
        variance.append(values.sum(axis=1).mean())
        rank.append(np.exp(-(shares * np.log(shares)).sum(axis=1)).mean())
    assert min(variance[:2]) > variance[2] > variance[3] > variance[4]
    assert min(rank[:2]) > rank[2] > rank[3]
    assert abs(rank[3] - rank[4]) < 1e-9


def test_the_decay_halves_when_the_rows_double() -> None:
    slopes = []
    for n in (20, 40):
        run = loops.run("gaussian", regime="replace", generations=12, n=n, d=4, replicates=4000, seed=n)
        means = [variances_of(one.parameters["covariance"]).mean() for one in run]
        slopes.append(np.polyfit(np.arange(13), np.log(means), 1)[0])
    assert np.allclose(slopes, np.log(1 - 1 / np.array([20, 40])), rtol=0.15)
    assert abs(slopes[0] / slopes[1] - 2) < 0.4


def variances_of(covariance: Floats) -> Floats:
    return np.trace(covariance, axis1=1, axis2=2)


def test_bias_multiplies_the_standard_deviation_of_every_draw() -> None:
    run = lineage("replace", bias=0.9)
    agrees(variances(run, 3), 0.9**4 * (1 - 1 / N) ** 3)


def test_generation_zero_is_the_true_law_and_its_first_batch() -> None:
    run = lineage("replace")
    assert len(run) == T + 1
    assert np.array_equal(run[0].parameters["covariance"][7], np.eye(D))
    assert not run[0].parameters["mean"].any()
    assert run[0].samples.shape == (REPLICATES, N, D)
    assert np.allclose(run[1].parameters["mean"], run[0].samples.mean(axis=1))
    assert np.allclose(run[1].parameters["covariance"][3], np.cov(run[0].samples[3].T, ddof=0))


def test_shapes_with_one_replicate() -> None:
    run = loops.run("gaussian", regime="replace", generations=1, n=30, d=4)
    assert run[1].samples.shape == run[1].embeddings.shape == (30, 4)
    assert run[1].parameters["mean"].shape == (1, 4)
    assert [view.generation for view in run.samples_view()] == [0, 1]
    assert run.representation_view() == []


def test_seed_decides_everything() -> None:
    same, again, other = (loops.run("gaussian", regime="fresh", generations=3, n=9, seed=s) for s in (1, 1, 2))
    assert same[3].samples.tobytes() == again[3].samples.tobytes()
    assert same[3].samples.tobytes() != other[3].samples.tobytes()


@pytest.mark.parametrize("n", [2, 4])
def test_fewer_rows_than_dimensions_is_a_singular_fit_not_an_error(n: int) -> None:
    run = loops.run("gaussian", regime="replace", generations=6, n=n, d=6)
    assert np.linalg.matrix_rank(run[1].parameters["covariance"][0]) == n - 1
    assert np.isfinite(run[6].samples).all()
