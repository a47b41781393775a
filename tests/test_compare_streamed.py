"""Two sets that stay in their files: sampled rows against all rows, counts of all, and errors that hold."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from geometry.catalog import compute
from geometry.compare.prdc import expected_coverage
from geometry.pairs import Scan, executor
from geometry.pairs.stored import stored_array
from geometry.pairs.streamed import Whole
from geometry.types import Array, Estimate

N, D = 420, 4
WHOLE = ("tail_survival", "novelty", "mode_coverage")


def face(points: Array, m: int, seed: int = 1, labels: Array | None = None) -> Scan:
    """m of the rows, their neighbours looked up among all."""
    numbers = np.sort(np.random.default_rng(seed).choice(len(points), m, replace=False))
    scan = Scan(points[numbers], executor("cpu"), labels=None if labels is None else labels[numbers])
    scan.numbers = numbers
    return Whole(stored_array(points), scan, 20, 1 << 12, labels).neighbors


@pytest.fixture(scope="module")
def sets() -> tuple[Array, Array]:
    """A reference of three clusters, and a set of other numbers that has lost one of them and has copies."""
    rng = np.random.default_rng(0)
    centres = 6 * rng.standard_normal((3, D))
    reference = centres[rng.integers(0, 3, N)] + rng.standard_normal((N, D))
    generated = centres[rng.integers(0, 2, N - 50)] + rng.standard_normal((N - 50, D))
    generated[:20] = reference[:20]
    return generated.astype(np.float32), reference.astype(np.float32)


def each(found: Any) -> Iterator[Estimate]:
    yield from found.values() if isinstance(found, dict) else [found]


@pytest.mark.parametrize("name", WHOLE)
def test_with_every_row_sampled_it_is_what_is_in_memory(sets: tuple[Array, Array], name: str) -> None:
    found = compute(name, *(face(one, len(one)) for one in sets))
    known = compute(name, *sets)
    for a, b in zip(each(found), each(known), strict=True):
        assert (a.value, a.null, a.z, a.low, a.high, a.n, a.k) == (b.value, b.null, b.z, b.low, b.high, b.n, b.k)
        assert not a.exact
        np.testing.assert_array_equal(np.asarray(a.per_point, float), np.asarray(b.per_point, float))


def test_density_and_coverage_are_of_all_rows(sets: tuple[Array, Array]) -> None:
    found, known = compute("prdc", *(face(one, len(one)) for one in sets)), compute("prdc", *sets)
    assert isinstance(found, dict)
    assert isinstance(known, dict)
    for name in ("density", "coverage"):
        assert found[name].value == pytest.approx(known[name].value, rel=1e-12)
        assert (found[name].null, found[name].n) == (known[name].null, N)
    some = compute("prdc", *(face(one, 200) for one in sets))
    assert isinstance(some, dict)
    assert list(some) == list(known)
    assert some["coverage"].null == expected_coverage(N, N - 50, 5)
    for name in ("density", "coverage"):
        assert not some[name].exact
        assert (some[name].low or 0) < (known[name].value or 0) < (some[name].high or 0)
        assert f"200 of {N} rows" in some[name].method
    assert some["recall"].method.endswith(f"200 of {N - 50} rows, 200 of {N} rows")
    alone = compute("prdc", *(face(one, 200).points for one in sets))
    assert isinstance(alone, dict)
    assert some["precision"].value == alone["precision"].value
    assert abs((alone["coverage"].value or 0) - (known["coverage"].value or 0)) > 0 < abs(200 - N)


def test_tails_and_modes_are_looked_for_in_all_rows(sets: tuple[Array, Array]) -> None:
    """Of 120 sampled rows: densities are those among all, and every row is counted in the modes."""
    generated, reference = sets
    tails = compute("tail_survival", face(generated, 120), face(reference, 120))
    whole = compute("tail_survival", generated, reference)
    modes = compute("mode_coverage", face(generated, 120), face(reference, 120))
    assert isinstance(tails, dict)
    assert isinstance(whole, dict)
    assert isinstance(modes, dict)
    assert tails["tails_kept"].null == whole["tails_kept"].null  # of all rows
    assert f"{N - 50} rows in balls against 120 rows among {N}" in tails["tails_kept"].method
    assert (tails["beyond_90"].low or 0) <= (whole["beyond_90"].value or 0) <= (tails["beyond_90"].high or 0)
    profile = modes["lost"].profile
    assert profile is not None
    assert profile["generated"].sum() > 250
    assert profile["reference"].sum() > 250
    assert modes["lost"].n == N - 50
    assert f"all {N - 50} rows against {N - 60}, clusters of 120 rows" in modes["lost"].method


def test_labels_of_all_rows_are_counted(sets: tuple[Array, Array]) -> None:
    generated, reference = sets
    names = np.arange(N) % 7
    one, other = names[: len(generated)].copy(), names
    one[one == 3] = 2
    found = compute("mode_coverage", face(generated, 90, labels=one), face(reference, 90, labels=other))
    known = compute("mode_coverage", generated, reference, labels=one, reference_labels=other)
    for a, b in zip(each(found), each(known), strict=True):
        assert (a.value, a.low, a.high, a.n, a.variant) == (b.value, b.low, b.high, b.n, b.variant)
        assert a.exact
    assert isinstance(found, dict)
    assert found["lost"].per_point is not None
    assert found["lost"].per_point.shape == (90,)


def test_one_of_two_sets_may_be_in_memory(sets: tuple[Array, Array]) -> None:
    generated, reference = sets
    for pair in ((face(generated, 150), Scan(reference, executor("cpu"))), (generated, face(reference, 150))):
        for name in (*WHOLE, "prdc"):
            for one in each(compute(name, *pair)):
                assert one.status == "ok"
                assert not one.exact


def test_copies_are_told_against_all_rows(sets: tuple[Array, Array]) -> None:
    """A copy of a row that the sample of the reference does not hold is none of its copies, but one of all rows'."""
    generated, reference = sets
    found = compute("novelty", face(generated, len(generated)), face(reference, 150))
    alone = compute("novelty", generated, face(reference, 150).points)
    assert isinstance(found, dict)
    assert isinstance(alone, dict)
    assert found["copy"].per_point is not None
    assert alone["copy"].per_point is not None
    assert found["copy"].per_point[:20].all()
    assert alone["copy"].per_point[:20].sum() < 15


def test_errors_of_sampled_balls_cover_their_spread() -> None:
    """One law, ten pairs of sets of 1,000: values spread about their nulls by what they claim."""
    rng, values, claimed = np.random.default_rng(3), [], []
    for draw in range(10):
        pair = [rng.standard_normal((1000, 2)).astype(np.float32) for _ in range(2)]
        found = compute("prdc", *(face(one, 200, draw) for one in pair))
        assert isinstance(found, dict)
        values.append([found[name].value for name in ("density", "coverage")])
        claimed.append([found[name].stderr for name in ("density", "coverage")])
    nulls = 1.0, expected_coverage(1000, 1000, 5)
    spread = np.sqrt(np.mean((np.array(values, float) - nulls) ** 2, axis=0))
    ratio = np.mean(np.array(claimed, float), axis=0) / spread
    assert (ratio > 0.7).all()
    assert (ratio < 2.5).all()


@pytest.mark.parametrize("name", [*WHOLE, "prdc"])
@pytest.mark.parametrize("rows", [1, 2, 40])
def test_collapsed_sets_in_files(name: str, rows: int) -> None:
    """One row over again, and hardly any rows: a value that holds, or none with its reason."""
    same = np.ones((rows, 3))
    for one in each(compute(name, face(same, rows), face(same, rows))):
        assert one.status == "ok" or one.reason
