"""Holm's correction on worked examples: order, ties at the bound, the first that fails ends it, and its level."""

from __future__ import annotations

import numpy as np

from geometry.compare.holm import holm


def test_a_worked_example() -> None:
    # .01 <= .05/4, .03 > .05/3: what follows stands no longer, though .04 alone would be below .05
    assert holm([0.03, 0.01, 0.04, 0.2], 0.05) == [False, True, False, False]
    assert holm([0.005, 0.01, 0.02, 0.05], 0.05) == [True, True, True, True]


def test_a_bound_that_is_met_is_kept() -> None:
    assert holm([0.5, 0.5], 1.0) == [True, True]
    assert holm([0.5000001, 0.6], 1.0) == [False, False]


def test_none_one_and_what_is_no_number() -> None:
    assert holm([], 0.05) == []
    assert holm([0.05], 0.05) == [True]
    assert holm([float("nan")], 0.05) == [False]
    assert holm([float("nan"), 0.001], 0.05) == [False, True]
    assert holm([0.001, float("nan")], 0.05) == [True, False]


def test_false_words_among_many_looks_stay_below_the_level() -> None:
    drawn = np.random.default_rng(0).uniform(size=(4000, 24))
    share = np.mean([any(holm(list(p), 0.05)) for p in drawn])
    assert 0.035 < share < 0.06  # 1 - (1 - .05/24)^24 = .0488, standard error .0034
