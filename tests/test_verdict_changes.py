"""Each change is named on a set made for it, alone or with what must go with it, and none for draws of one law."""

from __future__ import annotations

from collections.abc import Callable

import clouds
import numpy as np
import pytest

from geometry.analysis.asked import Options
from geometry.analysis.judge import look, verdicts
from geometry.analysis.plan import plan
from geometry.compare.holm import holm
from geometry.pairs import Scan, executor
from geometry.types import Array, EmbeddingSet
from geometry.verdict.changes import CHANGES, Change, changes_of
from geometry.verdict.constants import LEVEL

ENGINE = executor("cpu")
N = 400
Cloud = clouds.Cloud


def measured(points: Cloud, reference: Cloud, labels: Array | None = None, known: Array | None = None) -> list[Change]:
    return changes_of(Scan(points, ENGINE, labels=labels), Scan(reference, ENGINE, labels=known))


def named(found: list[Change]) -> list[str]:
    """Changes that stand: large, and significant with Holm over all looks."""
    significant = holm([one.p for one in found], LEVEL)
    return [one.change for one, stands in zip(found, significant, strict=True) if stands and one.beyond]


def one(found: list[Change], name: str) -> Change:
    return next(change for change in found if change.change == name)


def refit(points: Cloud, seed: int = 0) -> Cloud:
    rng = np.random.default_rng(seed)
    return rng.multivariate_normal(points.mean(axis=0), np.cov(points.T), len(points))


def two_balls(share: float, seed: int) -> Cloud:
    points = 0.15 * clouds.gaussian(N, 4, seed)
    points[:, 0] += np.where(np.arange(N) < share * N, 2.0, -2.0)
    return points


def inside(radius: float) -> Cloud:
    points = clouds.gaussian(4 * N, 3, 3)
    return points[np.linalg.norm(points, axis=1) < radius][:N]


def with_copies(share: float) -> Cloud:
    return clouds.copies(N, 16, 1, share=share)


FLAT = np.sqrt(np.r_[np.full(8, 1.6), np.full(8, 0.1)])
MADE: dict[str, tuple[Callable[[], Cloud], Callable[[], Cloud], set[str]]] = {
    "two balls of uneven weight": (lambda: two_balls(0.88, 1), lambda: two_balls(0.5, 2), {"variance"}),
    "half the scale": (lambda: clouds.gaussian(N, 16, 1) / 2, lambda: clouds.gaussian(N, 16, 2), {"variance", "tails"}),
    "half the directions": (lambda: clouds.gaussian(N, 16, 1) * FLAT, lambda: clouds.gaussian(N, 16, 2), {"dimension"}),
    "gaussian of a torus": (
        lambda: refit(clouds.torus(N, 16, 1)),
        lambda: clouds.torus(N, 16, 1),
        {"structure", "dimension", "tails"},
    ),
    "tail cut off": (lambda: inside(1.9), lambda: clouds.gaussian(N, 3, 2), {"tails"}),
    "copies": (lambda: with_copies(0.05), lambda: clouds.gaussian(N, 16, 2), {"duplicates"}),
}


@pytest.mark.parametrize("name", MADE)
def test_a_change_is_named_and_nothing_else(name: str) -> None:
    points, reference, expected = MADE[name]
    found = measured(points(), reference())
    assert set(named(found)) == expected
    assert [change.change for change in found] == [c for c in CHANGES if c in {one.change for one in found}]


def lost_mode(count: int, n: int, dropped: int = 2) -> tuple[tuple[Cloud, Array], tuple[Cloud, Array]]:
    """(reference, set) with labels from the same clusters, the set without one of them."""
    order = np.random.default_rng(5).permutation(3 * n)
    points, labels = clouds.clusters(3 * n, 8, 1, count=count)[order], clouds.cluster_labels(3 * n, count)[order]
    left = np.flatnonzero(labels[n:] != dropped)[:n] + n
    return (points[:n], labels[:n]), (points[left], labels[left])


def test_a_lost_label_is_a_lost_mode() -> None:
    (reference, known), (points, labels) = lost_mode(10, N)
    found = measured(points, reference, labels, known)
    assert named(found) == ["modes"]
    modes = one(found, "modes")
    assert modes.detail == {"lost": 1.0, "of": 10.0, "names": ["2"]}
    assert modes.effect == 0
    assert modes.z < -4
    assert "modes" not in named(measured(reference, reference, known, known))


def test_a_lost_cluster_is_a_lost_mode_without_labels() -> None:
    (reference, _), (points, _) = lost_mode(4, 900)
    found = measured(points, reference)
    assert named(found) == ["modes"]
    assert (one(found, "modes").detail["lost"] or 0) >= 1  # type: ignore[operator]


def test_structure_is_lost_only_where_it_was() -> None:
    torus = clouds.torus(N, 16, 1)
    lost = one(measured(refit(torus), torus), "structure")
    assert lost.beyond
    assert lost.effect < 0.2
    assert lost.z < -5
    rise = measured(torus, refit(torus))
    assert "structure" not in [change.change for change in rise]  # a rise is no loss
    kept = one(measured(*clouds.draws_of(clouds.clusters, 2, N, 16)), "structure")
    assert not kept.beyond
    assert kept.effect == pytest.approx(1, abs=0.15)


def test_half_the_structure_is_still_structure() -> None:
    """Balls four times as wide: the gain falls by log 4, to less than half but for the sharper of two gauges."""
    tight, wide = (clouds.clusters(N, 8, 1, spread=s) for s in (0.05, 0.1))
    found = one(measured(wide, tight), "structure")
    assert 0.5 < found.effect < 1
    assert not found.beyond


@pytest.mark.parametrize("factor", [0.75, 1.35])
def test_an_effect_below_the_limit_has_no_name_however_clear(factor: float) -> None:
    found = one(measured(factor * clouds.gaussian(N, 16, 1), clouds.gaussian(N, 16, 2)), "variance")
    assert found.p < 1e-6
    assert found.effect == pytest.approx(factor**2, rel=0.05)
    assert not found.beyond


def test_a_large_effect_of_few_rows_has_no_name() -> None:
    found = measured(1.8 * clouds.student(6, 2, 1, freedom=2), clouds.student(6, 2, 3, freedom=2))
    assert any(change.beyond for change in found)
    assert named(found) == []


def test_the_interval_lies_about_the_effect_and_bounds_the_onset() -> None:
    for factor, reach, whole in ((1.0, False, False), (1.41, True, False), (3.0, True, True)):
        change = one(measured(factor * clouds.gaussian(100, 4), clouds.gaussian(100, 4)), "variance")
        assert change.low < change.effect < change.high
        assert (change.reach, change.whole) == (reach, whole)
    tail = one(measured(inside(1.5), clouds.gaussian(N, 3, 2)), "tails")
    assert (tail.low, tail.effect) == (0, 0)
    assert tail.whole


def test_sets_are_compared_at_equal_rows() -> None:
    """150 rows of a cluster law have half the gain of 600: no loss against the larger set."""
    few, many = clouds.clusters(600, 16)[:150], clouds.clusters(600, 16)
    found = measured(few, many)
    assert one(found, "structure").effect == pytest.approx(1, abs=0.25)
    assert named(found) == []


def test_the_better_of_two_dimensions_is_paid_for() -> None:
    found = one(measured(*clouds.draws_of(clouds.gaussian, 2, N, 8)), "dimension")
    assert found.statistic in {"effective_rank", "mle"}
    plane = measured(clouds.low_rank(N, 16, 1), clouds.gaussian(N, 16, 2))
    assert one(plane, "dimension").beyond


@pytest.mark.parametrize("rows", [3, 10, 40])
def test_few_rows_are_no_error(rows: int) -> None:
    found = measured(clouds.clusters(rows, 8), clouds.clusters(N, 8, 1))
    assert all(np.isfinite([c.effect, c.low, c.high, c.z, c.p]).all() for c in found)
    assert "variance" in [c.change for c in found]


def test_a_point_has_lost_everything_and_a_point_for_a_reference_nothing() -> None:
    rich, point = clouds.clusters(N, 16), np.full((N, 16), 0.5)
    assert {"variance", "tails", "modes", "duplicates"} <= set(named(measured(point, rich)))
    found = measured(rich, point)
    assert all(np.isfinite([c.effect, c.low, c.high, c.z, c.p]).all() for c in found)


def verdict_of(sets: list[Cloud], labels: list[Array] | None = None, **options: int) -> dict[str, object]:
    given = [EmbeddingSet(points, labels=None if labels is None else labels[g]) for g, points in enumerate(sets)]
    return verdicts([look(plan(given, Options(**options)))])[0]  # type: ignore[arg-type]


@pytest.mark.parametrize("n", [150, 600])
@pytest.mark.parametrize("maker", [clouds.gaussian, clouds.clusters, clouds.student, clouds.power_law, clouds.helix])
def test_six_draws_of_one_law_report_no_change(maker: clouds.Maker, n: int) -> None:
    for seed in (40, 41, 42) if n == 150 else (40,):
        verdict = verdict_of(clouds.draws_of(maker, 6, n, 32, seed), seed=seed)
        assert [entry["changes"] for entry in verdict["generations"]] == [[]] * 6  # type: ignore[attr-defined]
        assert verdict["onsets"] == {}


def test_all_looks_are_counted() -> None:
    """A p of .0015 stands among the three looks of one generation, not among the fifteen of five."""
    points = clouds.gaussian(20, 4, 2)
    p = one(measured(1.8 * points, points), "variance").p
    assert LEVEL / 15 < p < LEVEL / 3
    assert verdict_of([points, 1.8 * points])["generations"][1]["changes"] == ["variance"]  # type: ignore[index]
    among = verdict_of([points, *[points.copy() for _ in range(4)], 1.8 * points])
    assert [entry["changes"] for entry in among["generations"]] == [[]] * 6  # type: ignore[attr-defined]
