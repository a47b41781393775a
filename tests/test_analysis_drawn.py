"""The rows of a picture: the same ones through the generations, any first part a sample; and the null on the map."""

from __future__ import annotations

import clouds
import numpy as np
import pytest

from geometry.analysis.arrays import arrays_of
from geometry.analysis.asked import Options
from geometry.analysis.drawn import agreement, drawn_rows, null_on_map
from geometry.analysis.plan import plan
from geometry.projection import project
from geometry.projection.frame import pooled_frame
from geometry.types import EmbeddingSet

N = 120


def test_without_ids_equal_sets_draw_the_same_numbers_in_a_seeded_order() -> None:
    sets = [clouds.gaussian(N, 4, seed) for seed in range(2)]
    first, second = drawn_rows(plan(sets, Options(statistics="cone")), most=50)
    assert first.tolist() == second.tolist() and len(set(first.tolist())) == 50
    assert abs(first.mean() - (N - 1) / 2) < 15 and first.tolist() != sorted(first.tolist())
    other = drawn_rows(plan(sets, Options(statistics="cone", seed=1)), most=50)[0]
    assert other.tolist() != first.tolist()


def test_with_ids_the_same_rows_are_drawn_whatever_their_place() -> None:
    ids = np.array([f"row {i}" for i in range(N)])
    order = np.random.default_rng(0).permutation(N)
    fewer = order[:90]
    sets = [EmbeddingSet(clouds.gaussian(N, 4)[of], generation=g, ids=ids[of]) for g, of in ((0, order), (1, fewer))]
    first, second = drawn_rows(plan(sets, Options(statistics="cone")))
    assert ids[order][first][:90].tolist() == ids[fewer][second].tolist()
    assert sorted(first.tolist()) == list(range(N)) and sorted(second.tolist()) == list(range(90))


def test_ids_that_repeat_match_nothing() -> None:
    sets = [EmbeddingSet(clouds.gaussian(N, 4), generation=g, ids=np.zeros(N)) for g in range(2)]
    first, second = drawn_rows(plan(sets, Options(statistics="cone")))
    assert first.tolist() == second.tolist() and len(first) == N


@pytest.mark.parametrize("cloud", ["gaussian", "clusters"])
def test_the_null_has_the_size_and_the_spread_of_the_set_and_not_its_structure(cloud: str) -> None:
    points = getattr(clouds, cloud)(600, 12)
    made = plan([points], Options(statistics="cone"))
    frame = pooled_frame(made.scans)
    null = null_on_map(made, frame, 0)
    assert null is not None
    centred = points - points.mean(axis=0)
    assert np.sqrt((null**2).sum(1).mean()) == pytest.approx(np.sqrt((centred**2).sum(1).mean()), rel=1e-6)
    direction = centred @ frame.axes
    assert null.shape == (600, 3)
    nearest = [_nearest(rows / np.linalg.norm(rows, axis=1, keepdims=True)) for rows in (direction, null)]
    assert (nearest[0] < 0.8 * nearest[1]) == (cloud == "clusters")


def _nearest(unit: np.ndarray) -> float:
    cosines = unit @ unit.T
    np.fill_diagonal(cosines, -1)
    return float(np.median(np.arccos(np.clip(cosines.max(axis=1), -1, 1))))


def test_a_point_has_no_null() -> None:
    made = plan([np.full((50, 4), 0.1), clouds.gaussian(50, 4)], Options(statistics="cone"))
    assert null_on_map(made, pooled_frame(made.scans), 0) is None


def test_agreement_tells_one_row_from_two_of_one_number() -> None:
    places = clouds.gaussian(500, 3)
    assert agreement(places, 0.4 * places) == pytest.approx(1)
    assert abs(agreement(places, clouds.gaussian(500, 3, 1))) < 0.15
    assert agreement(places, np.zeros((500, 3))) == 0


def test_a_run_keeps_the_agreement_of_generations_that_draw_the_same_numbers() -> None:
    sets = [clouds.gaussian(N, 4), 0.5 * clouds.gaussian(N, 4), clouds.gaussian(N + 1, 4, 1)]
    made = plan(sets, Options(statistics="cone"))
    found = arrays_of(made, project(made.scans, rows=drawn_rows(made)))
    assert found["agreement.1"] == pytest.approx(1, abs=1e-6) and "agreement.2" not in found
