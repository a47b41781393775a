"""mode_coverage: modes taken away by hand come out as lost, by label and by cluster."""

from __future__ import annotations

import numpy as np
import pytest

from geometry.catalog import compute
from geometry.compare.mode_coverage import mode_coverage
from geometry.errors import InputError, UsageError
from geometry.pairs import executor, scan
from geometry.pairs.scan import Scan
from geometry.types import Moments


def of(points: np.ndarray, labels: np.ndarray | None = None) -> Scan:
    return scan(points, executor(), labels=labels)


def drawn(seed: int, n: int, *, without: tuple[int, ...] = ()) -> tuple[np.ndarray, np.ndarray]:
    """Rows about five far centres, some of which are left out, and their labels."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(99).standard_normal((5, 6)) * 20
    which = rng.choice([c for c in range(5) if c not in without], n)
    return centres[which] + rng.standard_normal((n, 6)), np.array(list("abcde"))[which]


@pytest.mark.parametrize("without", [(), (0,), (1, 3)])
def test_clusters_taken_away_are_lost(without: tuple[int, ...]) -> None:
    reference = of(drawn(0, 1200)[0])
    found = mode_coverage(of(drawn(1, 900, without=without)[0]), reference)
    lost = found["lost"]
    everything, which = drawn(0, 1200)
    number = mode_coverage(of(everything), reference)["lost"].per_point
    gone = lost.profile["lost"][number[number >= 0]]
    np.testing.assert_array_equal(gone, np.isin(which[number >= 0], np.array(list("abcde"))[list(without)]))
    assert float(lost) == lost.profile["lost"].sum()
    assert (float(lost) > 0) == bool(without)
    assert float(found["kept"]) == min(float(e) for name, e in found.items() if name.startswith("mode"))
    assert lost.null == 0


def test_labels_are_the_modes_where_both_sets_have_them() -> None:
    reference, generated = of(*drawn(0, 1000)), of(*drawn(1, 500, without=(2,)))
    found = mode_coverage(generated, reference)
    assert set(found) == {"lost", "kept", *"abcde"}
    assert float(found["lost"]) == 1
    assert float(found["c"]) == float(found["kept"]) == 0.0
    assert found["c"].low == 0
    assert 0 < found["c"].high < 0.1
    share = {name: np.mean(np.asarray(s.labels) == "a") for name, s in (("r", reference), ("g", generated))}
    assert float(found["a"]) == pytest.approx(share["g"] / share["r"])
    assert found["a"].low < float(found["a"]) < found["a"].high
    assert float(mode_coverage(generated, of(reference.points))["lost"]) >= 1
    assert "a" not in mode_coverage(generated, reference, by="clusters")


def test_labels_unknown_to_the_reference_count_as_rows_but_are_no_mode() -> None:
    reference = of(np.zeros((100, 1)), np.array(["a", "b"] * 50))
    generated = of(np.zeros((100, 1)), np.array(["a"] * 50 + ["z"] * 50))
    found = mode_coverage(generated, reference)
    assert float(found["a"]) == 1.0
    assert float(found["b"]) == 0.0
    np.testing.assert_array_equal(found["lost"].per_point, [0] * 50 + [-1] * 50)


def test_labels_named_like_a_summary_keep_a_row_of_their_own() -> None:
    labels = np.array(["lost", "kept"] * 20)
    found = mode_coverage(of(np.zeros((40, 1)), labels), of(np.zeros((40, 1)), labels))
    assert set(found) == {"lost", "kept", "label lost", "label kept"}


def test_modes_under_one_percent_are_only_in_the_profile() -> None:
    labels = np.array(["big"] * 995 + ["rare"] * 5)
    found = mode_coverage(of(np.zeros((1000, 1)), np.array(["big"] * 1000)), of(np.zeros((1000, 1)), labels))
    assert "rare" not in found
    assert found["lost"].profile["mode"].tolist() == ["big", "rare"]
    assert float(found["lost"]) == 0


def test_seed_is_used() -> None:
    rng = np.random.default_rng(0)
    generated, reference = of(rng.standard_normal((400, 3))), of(rng.standard_normal((400, 3)))
    assert float(mode_coverage(generated, reference)["kept"]) != float(
        mode_coverage(generated, reference, seed=1)["kept"]
    )


def test_kept_has_the_null_of_a_smallest_ratio() -> None:
    rng = np.random.default_rng(0)
    found = [
        mode_coverage(of(rng.standard_normal((400, 3))), of(rng.standard_normal((800, 3))))["kept"] for _ in range(24)
    ]
    assert np.mean([float(f) for f in found]) == pytest.approx(np.mean([f.null for f in found]), abs=0.04)


def test_undefined_and_errors() -> None:
    rng = np.random.default_rng(0)
    points = of(rng.standard_normal((40, 2)))
    assert mode_coverage(points, of(np.ones((40, 2))))["lost"].reason == "no-spread"
    assert mode_coverage(points, of(rng.standard_normal((5, 2))))["kept"].reason == "few-rows"
    with pytest.raises(UsageError, match="no modes by 'colour'"):
        mode_coverage(points, points, by="colour")
    with pytest.raises(UsageError, match="needs labels on both sets"):
        mode_coverage(points, points, by="labels")
    with pytest.raises(InputError, match="needs the points"):
        mode_coverage(scan(Moments(40, np.zeros(2), np.eye(2)), executor()), points)


def test_compute_passes_labels_of_both_sets() -> None:
    (x, a), (y, b) = drawn(0, 200, without=(4,)), drawn(1, 300)
    found = compute("mode_coverage", x, y, labels=a, reference_labels=b)
    assert isinstance(found, dict)
    assert float(found["e"]) == 0
