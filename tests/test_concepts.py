"""Concepts: a planted direction is found and moved along, planted analogies are parallel, a copied token is not new."""

from __future__ import annotations

import numpy as np
import pytest

from geometry import InputError, UsageError
from geometry.concepts import against_table, change, direction, emphasise, measure, parallelism

RNG = np.random.default_rng(0)
STEP = np.eye(6)[2] * 4
ABSENT = RNG.normal(size=(300, 6))
PRESENT = RNG.normal(size=(200, 6)) + STEP


def test_a_planted_direction_is_found_with_its_distance_and_separability() -> None:
    found = direction(PRESENT, ABSENT)
    assert found.unit @ (STEP / 4) > 0.99
    assert found.distance.low is not None and found.distance.high is not None
    assert found.distance.low < 4.1 and found.distance.high > 3.9
    assert float(found.separability) == pytest.approx(0.9977, abs=0.01)  # Phi(4 / sqrt 2)
    assert float(found.effect) == pytest.approx(4, abs=0.4)


def test_no_direction_between_draws_of_one_law() -> None:
    found = direction(RNG.normal(size=(200, 6)), RNG.normal(size=(200, 6)))
    assert abs(float(found.separability) - 0.5) < 0.12
    assert found.separability.null == 0.5


def test_a_discriminant_looks_past_noise_that_the_means_do_not() -> None:
    noise = np.diag([8.0, 1, 1, 1])
    present = RNG.normal(size=(400, 4)) @ noise + [3, 3, 0, 0]
    absent = RNG.normal(size=(400, 4)) @ noise
    plain, better = (float(direction(present, absent, by=by).separability) for by in ("means", "discriminant"))
    assert better > plain + 0.05


def test_emphasis_moves_the_rows_by_the_gap_and_back() -> None:
    found = direction(PRESENT, ABSENT)
    moved = emphasise(ABSENT, found, 1.0)
    assert found.scores(moved).mean() - found.scores(ABSENT).mean() == pytest.approx(found.length)
    assert emphasise(moved, found, -1.0) == pytest.approx(ABSENT)


def test_what_became_of_a_concept() -> None:
    before, after = direction(PRESENT, ABSENT), direction(PRESENT - 0.75 * STEP, ABSENT)
    lost = change(before, after)
    assert lost["distance"] == pytest.approx(0.25, abs=0.1)
    assert lost["separability"] is not None and lost["separability"] < -0.1
    assert float(measure(before, PRESENT - STEP, ABSENT)["separability"]) == pytest.approx(0.5, abs=0.1)


def test_bad_groups_and_ways_are_errors() -> None:
    with pytest.raises(UsageError, match="means"):
        direction(PRESENT, ABSENT, by="magic")
    with pytest.raises(InputError):
        direction(PRESENT, ABSENT[:, :3])
    assert direction(PRESENT[:1], ABSENT).separability.status == "undefined"


def test_planted_analogies_are_parallel_and_shuffled_ones_are_not() -> None:
    first = 3 * RNG.normal(size=(60, 8))
    second = first + np.ones(8) + 0.1 * RNG.normal(size=(60, 8))
    found = parallelism(first, second)
    assert float(found.parallelism) > 0.95 and float(found.analogy) > 0.95
    assert found.parallelism.z is not None and found.parallelism.z > 5
    dealt = parallelism(first, second[RNG.permutation(60)])
    assert dealt.parallelism.z is not None and abs(dealt.parallelism.z) < 4
    assert float(dealt.analogy) < 0.3
    with pytest.raises(InputError, match="pairs"):
        parallelism(first, second[:5])


def test_a_copied_token_is_not_new_and_a_far_row_is() -> None:
    table = RNG.normal(size=(400, 8))
    copy, far = against_table(np.stack([table[17], np.full(8, 30.0)]), table, k=3)
    assert float(copy.novelty) == 0 and copy.nearest[0] == 17 and copy.dist[0] == 0
    assert copy.cosine[0] == pytest.approx(1)
    assert float(far.novelty) == 1 and far.norm_level == 1
    assert far.norm == pytest.approx(30 * np.sqrt(8)) and len(far.nearest) == 3
    with pytest.raises(InputError, match="dimensions"):
        against_table(np.zeros((1, 3)), table)
