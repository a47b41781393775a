"""Curve detectors: an orientation sweep is a ring in the middle layers, in order of orientation, until it fades."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.curves import BINS, Loop, Network, agreement, bins, drawn, generations, probed, swept, tuning
from geometry.catalog import compute
from geometry.loops.reproducible import reproducible


def test_arcs_turn_with_their_orientation() -> None:
    """A quarter turn of the angle is a quarter turn of the picture, drawn at the same place without noise."""
    images = [drawn(np.array([angle]), np.random.default_rng(3), noise=0.0)[0, 0] for angle in (0.3, 0.3 + np.pi / 2)]
    weights = [image / image.sum() for image in images]
    y, x = np.mgrid[:20, :20]
    spread = [np.cov(np.stack([x.ravel(), y.ravel()]), aweights=w.ravel()) for w in weights]
    assert spread[0][0, 0] == pytest.approx(spread[1][1, 1], rel=0.03)
    assert spread[0][0, 1] == pytest.approx(-spread[1][0, 1], rel=0.05)
    assert bins(np.array([0.0, 2 * np.pi - 1e-9, -1e-9])).tolist() == [0, BINS - 1, BINS - 1]


def test_agreement_of_an_order_with_an_angle() -> None:
    angle = np.linspace(0, 2 * np.pi, 200, endpoint=False)
    assert agreement((0.3 - 2 * angle / (2 * np.pi)) % 1, angle, 2) > 0.99
    assert agreement(np.random.default_rng(0).uniform(size=200), angle, 2) < 0.2


@pytest.fixture(scope="module")
def nets() -> list[Network]:
    """One that was never trained, one of true labels, and one of labels that hardly know of it."""
    with reproducible(5):
        untrained = Network().eval()
    return [untrained, *generations(2, Loop(rows=600, steps=150, temperature=30.0))]


def test_the_ring_is_learnt_in_the_middle_and_faded_away(nets: list[Network]) -> None:
    made = []
    for net in nets:
        angle, rows = swept(net, 256, 3)
        made.append({name: compute("ring", rows[name]) for name in ("conv1", "conv3")})
    untrained, learnt, faded = (one["conv3"] for one in made)
    assert learnt.value > 3 * learnt.null and agreement(learnt.per_point, angle, 2) > 0.9
    assert made[1]["conv1"].value < 1.2 * made[1]["conv1"].null
    for one in (untrained, faded):
        assert one.value < 1.2 * one.null


def test_curvature_tells_how_the_sweep_bends(nets: list[Network]) -> None:
    """Around a ring the mean sweep turns by little; where there is none its steps have no direction."""
    turning = [compute("curvature", swept(net, 48, 12)[1]["conv3"])["turning"] for net in nets]
    assert turning[1].value < 0.6 * turning[1].null
    assert turning[0].value > 0.85 * turning[0].null


def test_tuning_curves_of_units_that_answer() -> None:
    sweep = np.c_[np.cos(np.arange(8)), np.full(8, 3.0), 2 * np.cos(np.arange(8))]
    made = tuning(sweep)
    assert made.shape == (2, 8) and np.allclose(made[0], made[1]) and np.allclose((made**2).sum(1), 1)


@pytest.mark.long
def test_the_loop_loses_the_ring_generation_by_generation() -> None:
    found = [probed(net)["conv3"] for net in generations(4, Loop())]
    for one in found[:2]:
        assert one["ring"] > 2 * one["ring_null"] and one["agreement"] > 0.9
        assert one["units_ring"] > 2.5 * one["units_null"]
    for one in found[2:]:
        assert one["ring"] < one["ring_null"] and one["units_ring"] < one["units_null"]
    assert found[0]["turning"] < 0.5 * found[0]["turning_null"] < found[3]["turning"]
