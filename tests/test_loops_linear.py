"""Regression on its own labels against the closed answers: every bound is 4.5 standard errors of the replicates."""

from __future__ import annotations

import numpy as np
import pytest

from geometry import loops
from geometry.errors import UsageError
from geometry.loops import Lineage
from geometry.types import Floats

N, D, T, REPLICATES = 20, 3, 5, 2000
ONE_FIT = D / (N - D - 1)


def lineage(regime: str, **options: object) -> Lineage:
    return loops.run("linear", regime=regime, generations=T, n=N, d=D, replicates=REPLICATES, seed=3, **options)  # type: ignore[arg-type]


def excess(run: Lineage, t: int) -> Floats:
    found: Floats = ((run[t].parameters["weights"] - run[0].parameters["weights"]) ** 2).sum(axis=1)
    return found


def agrees(values: Floats, expected: float) -> None:
    assert abs(values.mean() - expected) < 4.5 * values.std(ddof=1) / np.sqrt(len(values))


@pytest.mark.parametrize("design", ["same", "fresh"])
def test_replace_adds_the_same_error_at_every_fit(design: str) -> None:
    run = lineage("replace", design=design, noise=0.5)
    for t in (1, T):
        agrees(excess(run, t), 0.25 * t * ONE_FIT)


def test_accumulate_is_bounded_by_the_sum_of_inverse_squares() -> None:
    run = lineage("accumulate")
    for t in (1, 2, T):
        agrees(excess(run, t), ONE_FIT * float((1 / np.arange(1.0, t + 1) ** 2).sum()))


def test_designs_are_the_same_or_fresh_and_follow_the_seed() -> None:
    same, fresh = (loops.run("linear", regime="replace", generations=2, n=9, d=2, design=d) for d in ("same", "fresh"))
    other = loops.run("linear", regime="replace", generations=2, n=9, d=2, seed=1)
    assert np.array_equal(same[0].samples[:, :2], same[2].samples[:, :2])
    assert not np.array_equal(fresh[0].samples[:, :2], fresh[2].samples[:, :2])
    assert not np.array_equal(same[0].samples[:, :2], other[0].samples[:, :2])
    assert not np.array_equal(same[1].samples[:, 2], same[2].samples[:, 2])


def test_bias_narrows_the_noise_of_labels() -> None:
    wide, still = (lineage("replace", bias=bias) for bias in (1.0, 0.1))
    assert excess(still, T).mean() < 0.4 * excess(wide, T).mean()  # the first fit sees real noise under both


def test_fewer_rows_than_inputs_give_the_fit_of_least_norm() -> None:
    run = loops.run("linear", regime="replace", generations=1, n=3, d=8)
    rows = run[0].samples
    assert np.allclose(run[1].parameters["weights"][0], np.linalg.pinv(rows[:, :-1]) @ rows[:, -1])


@pytest.mark.parametrize("options", [{"d": 0}, {"noise": 0.0}, {"design": "old"}])
def test_options_out_of_range(options: dict[str, object]) -> None:
    with pytest.raises(UsageError, match="linear"):
        loops.run("linear", regime="replace", generations=1, n=9, **options)  # type: ignore[arg-type]
