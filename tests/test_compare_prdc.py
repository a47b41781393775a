"""prdc: closed answers, its nulls by simulation, copies, and errors against the spread over draws."""

from __future__ import annotations

import numpy as np
import pytest

from geometry.compare.prdc import expected_coverage, prdc
from geometry.errors import UsageError
from geometry.pairs import executor, scan
from geometry.pairs.scan import Scan
from geometry.types import Estimate


def of(points: np.ndarray) -> Scan:
    return scan(points, executor())


def values(found: dict[str, Estimate]) -> dict[str, float]:
    return {name: float(estimate) for name, estimate in found.items()}


def test_line_by_hand() -> None:
    """Reference 0 1 2 3, k = 1, radius 1 each; generated 0.5, 3.5, 10 with radii 3, 3, 6.5."""
    generated, reference = np.array([[0.5], [3.5], [10.0]]), np.arange(4.0)[:, None]
    found = prdc(of(generated), of(reference), k=1)
    assert values(found) == {"precision": 2 / 3, "recall": 1.0, "density": (2 + 1) / 3, "coverage": 3 / 4}
    np.testing.assert_array_equal(found["precision"].per_point, [True, True, False])
    np.testing.assert_array_equal(found["coverage"].per_point, [True, True, False, True])


def test_radius_itself_is_inside() -> None:
    found = prdc(of(np.array([[-1.0], [2.0]])), of(np.array([[0.0], [1.0]])), k=1)
    assert values(found) == {"precision": 1.0, "recall": 1.0, "density": 1.0, "coverage": 1.0}


@pytest.mark.parametrize("distinct", [1, 3, 40, 400])
def test_identical_sets_with_copies_do_not_fall(distinct: int) -> None:
    rng = np.random.default_rng(0)
    points = rng.standard_normal((distinct, 6)).astype(np.float32)[rng.integers(0, distinct, 400)]
    found = prdc(of(points), of(points.copy()))
    assert float(found["precision"]) == float(found["recall"]) == float(found["coverage"]) == 1.0
    assert float(found["density"]) >= 1.0


def test_far_sets_share_nothing() -> None:
    rng = np.random.default_rng(0)
    found = prdc(of(rng.standard_normal((100, 4))), of(rng.standard_normal((120, 4)) + 1e3))
    assert set(values(found).values()) == {0.0}


def test_one_mode_of_two_keeps_precision_and_loses_recall() -> None:
    rng = np.random.default_rng(0)
    reference = rng.standard_normal((400, 3)) + 100 * (np.arange(400) % 2)[:, None]
    found = values(prdc(of(rng.standard_normal((400, 3))), of(reference)))
    assert found["precision"] > 0.9
    assert found["recall"] < 0.55
    assert found["coverage"] < 0.55


@pytest.mark.parametrize(("n_reference", "n_generated", "k"), [(60, 30, 5), (30, 60, 5), (40, 40, 2)])
def test_nulls_hold_for_samples_of_one_law(n_reference: int, n_generated: int, k: int) -> None:
    """Density 1 and the coverage formula with N the reference and M the generated rows, not the other way round."""
    rng = np.random.default_rng(0)
    density, coverage = [], []
    for _ in range(200):
        points = rng.standard_t(3, (n_reference + n_generated, 2))
        found = prdc(of(points[n_reference:]), of(points[:n_reference]), k=k)
        density.append(float(found["density"]))
        coverage.append(float(found["coverage"]))
    for draws, null in ((density, found["density"].null), (coverage, found["coverage"].null)):
        assert abs(np.mean(draws) - null) < 4 * np.std(draws) / np.sqrt(len(draws))
    if n_reference != n_generated:
        swapped = expected_coverage(n_generated, n_reference, k)
        assert abs(np.mean(coverage) - swapped) > 10 * np.std(coverage) / np.sqrt(len(coverage))


def test_coverage_null_closed() -> None:
    assert expected_coverage(3, 1, 1) == pytest.approx(1 - 2 / 3)
    assert expected_coverage(1000, 1000, 5) == pytest.approx(1 - np.prod((999 - np.arange(5)) / (1999 - np.arange(5))))


def test_standard_errors_match_the_spread_over_draws() -> None:
    rng = np.random.default_rng(1)
    found = [prdc(of(rng.standard_normal((240, 8)) * 1.1), of(rng.standard_normal((300, 8)))) for _ in range(24)]
    for name in ("precision", "recall", "density", "coverage"):
        spread = np.std([float(f[name]) for f in found])
        assert 0.6 < np.mean([f[name].stderr for f in found]) / spread < 1.6, name
    assert found[0]["density"].low < float(found[0]["density"]) < found[0]["density"].high


def test_translation_by_1e4_changes_nothing_in_float32() -> None:
    rng = np.random.default_rng(0)
    generated, reference = (np.rint(rng.standard_normal((300, 16)) * 256) / 256 for _ in range(2))
    plain = prdc(of(generated.astype(np.float32)), of(reference.astype(np.float32)))
    moved = prdc(of((generated + 1e4).astype(np.float32)), of((reference + 1e4).astype(np.float32)))
    assert values(plain) == values(moved)


def test_options_are_used() -> None:
    rng = np.random.default_rng(0)
    generated, reference = of(rng.standard_normal((200, 5))), of(rng.standard_normal((200, 5)))
    assert values(prdc(generated, reference, k=2)) != values(prdc(generated, reference))
    first, second = (prdc(generated, reference, seed=seed)["density"].stderr for seed in (0, 1))
    assert first != second
    with pytest.raises(UsageError, match="k of 1 or more"):
        prdc(generated, reference, k=0)


def test_few_rows_are_undefined_on_the_side_that_lacks_them() -> None:
    rng = np.random.default_rng(0)
    found = prdc(of(rng.standard_normal((3, 2))), of(rng.standard_normal((40, 2))))
    assert found["recall"].reason == "few-rows"
    assert found["precision"].status == found["density"].status == found["coverage"].status == "ok"
    found = prdc(of(rng.standard_normal((40, 2))), of(rng.standard_normal((5, 2))))
    assert [name for name, e in found.items() if e.status == "undefined"] == ["precision", "density", "coverage"]
