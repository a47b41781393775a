"""States of sets whose state is known, whatever their scale, padding, row order and place; flags; points of sets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import clouds
import numpy as np
import pytest

from geometry.pairs import Scan, executor
from geometry.verdict.state import Facts, State, facts_of, state_of

Cloud = clouds.Cloud
ENGINE = executor("cpu")
ALONE = {
    "clusters": lambda seed: clouds.clusters(700, 64, seed),
    "tree": lambda seed: clouds.tree(700, 48, seed),
    "helix": lambda seed: clouds.helix(700, 32, seed),
    "moons under noise": lambda seed: clouds.moons(800, 384, seed),
    "torus of two circles": lambda seed: clouds.torus(700, 32, seed, order=2),
    "torus of three circles": lambda seed: clouds.torus(1000, 32, seed),
    "swiss roll": lambda seed: clouds.swiss_roll(700, 32, seed),
    "digits": lambda seed: digits()[seed * 900 :][:897],
    "digits normalised": lambda seed: clouds.normalised(digits()[seed * 900 :][:897]),
    "forty clusters": lambda seed: clouds.normalised(
        clouds.clusters(1000, 96, seed, count=40) * np.arange(1.0, 97) ** -0.75
    ),
}
SPHERES = {
    "shell": lambda seed: clouds.shell(700, 64, seed),
    "gaussian": lambda seed: clouds.gaussian(700, 64, seed),
    "power law": lambda seed: clouds.power_law(700, 96, seed, 0.5),
    "2-sphere far off": lambda seed: clouds.sphere(700, 256, seed, offset=3.0),
}
PLAIN = {
    "rank 3": lambda seed: clouds.low_rank(700, 256, seed),
    "outlier": lambda seed: clouds.outlier(700, 96, seed),
    "near copies": lambda seed: clouds.copies(700, 96, seed, jitter=1e-6),
    "steep power law normalised": lambda seed: clouds.normalised(clouds.power_law(700, 96, seed, 1.5)),
    "flat ellipse of two": lambda seed: clouds.flat_ellipse(700, 96, seed),
    "flat ellipse of three": lambda seed: clouds.flat_ellipse(700, 96, seed, axes=(3.0, 2.0, 1.0)),
    "rogue coordinate": lambda seed: clouds.rogue(700, 96, seed),
    "2-sphere about the origin": lambda seed: clouds.sphere(700, 64, seed),
    "segment": lambda seed: clouds.segment(700, 96, seed),
    "student": lambda seed: clouds.student(1000, 96, seed),
    "gaussian off the origin normalised": lambda seed: clouds.normalised(clouds.gaussian(700, 64, seed) + 1),
}
MOVES: dict[str, Callable[[Cloud], Cloud]] = {
    "smaller": lambda x: 1e-3 * x,
    "larger": lambda x: 1e3 * x,
    "padded": lambda x: np.hstack([x, np.zeros((len(x), 40))]),
    "shuffled": lambda x: x[np.random.default_rng(1).permutation(len(x))],
    "moved": lambda x: x + np.linspace(-9, 11, x.shape[1]),
    "turned": lambda x: x @ clouds.rotation(x.shape[1], 3),
}
FACTS = Facts(
    rows=500, distinct_rows=500, copies=0.0, outliers=0.0, spread=1.0, rounding=1e-16, offset=0.0, scale_ratio=None,
    structure_gain=0.0, dimension_gap=0.0, angle_dimension=30.0, radial_cv=0.1, shell_ratio=1.0, core_shell_ratio=1.0,
    cone=0.0, normalised=False,
)  # fmt: skip


@cache
def digits() -> Cloud:
    from sklearn.datasets import load_digits

    pixels: Cloud = load_digits().data
    return pixels


def judged(points: Cloud, reference: Cloud | None = None, seed: int = 0) -> State:
    before = None if reference is None else Scan(reference, ENGINE)
    return state_of(facts_of(Scan(points, ENGINE, seed=seed), before))


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("name", ALONE)
def test_structure_reads_as_rich(name: str, seed: int) -> None:
    assert judged(ALONE[name](seed), seed=seed).state == "rich"


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("name", SPHERES)
def test_a_round_set_reads_as_sphere_like(name: str, seed: int) -> None:
    found = judged(SPHERES[name](seed), seed=seed)
    assert (found.state, found.reason) == ("sphere-like", "")


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("name", PLAIN)
def test_nothing_there_never_reads_as_structure(name: str, seed: int) -> None:
    found = judged(PLAIN[name](seed), seed=seed)
    assert found.facts.structure_gain is not None
    assert found.facts.dimension_gap is not None
    assert found.facts.structure_gain <= 0.05
    assert abs(found.facts.dimension_gap) <= 0.10
    low = found.facts.angle_dimension is not None and found.facts.angle_dimension <= 8
    assert found.state == ("low-dimensional" if low else "sphere-like")


def test_a_gaussian_of_rank_three_is_low_dimensional() -> None:
    found = judged(PLAIN["rank 3"](2))
    assert found.state == "low-dimensional"
    assert found.facts.angle_dimension == pytest.approx(3, abs=0.15)


STILL: dict[str, tuple[str, Callable[[], Cloud]]] = {
    "clusters": ("rich", lambda: clouds.clusters(300, 32, 3)),
    "gaussian": ("sphere-like", lambda: clouds.gaussian(300, 32, 3)),
    "2-sphere": ("sphere-like", lambda: clouds.sphere(500, 32, 3, offset=3.0)),
    "rank 3": ("low-dimensional", lambda: clouds.low_rank(300, 32, 3)),
    "few rows": ("undetermined", lambda: clouds.clusters(90, 32, 3)),
}


@cache
def unmoved(name: str) -> State:
    return judged(STILL[name][1]())


@pytest.mark.parametrize("move", MOVES)
@pytest.mark.parametrize("name", STILL)
def test_the_state_stays_where_it_was(name: str, move: str) -> None:
    state, maker = STILL[name]
    before, after = unmoved(name), judged(MOVES[move](maker()))
    assert (before.state, after.state) == (state, state)
    assert before.reason == after.reason
    if before.facts.structure_gain is not None and not before.facts.normalised:
        assert after.facts.structure_gain == pytest.approx(before.facts.structure_gain, abs=1e-6)


def test_float32_a_thousand_spreads_away_keeps_its_state() -> None:
    points = (clouds.clusters(300, 32, 3) + 1000).astype(np.float32)
    assert judged(points).state == "rich"


def test_under_a_hundred_distinct_rows_nothing_is_said_of_structure() -> None:
    few, enough = judged(clouds.clusters(99, 16)), judged(clouds.clusters(100, 16))
    assert (few.state, few.reason) == ("undetermined", "few-rows")
    assert few.facts.structure_gain is None
    assert enough.facts.structure_gain is not None
    doubled = judged(np.repeat(clouds.clusters(99, 16), 4, axis=0))
    assert (doubled.state, doubled.reason) == ("undetermined", "few-rows")


@pytest.mark.parametrize("rows", [1, 2])
def test_two_rows_are_no_state(rows: int) -> None:
    assert judged(np.ones((rows, 4))).state == "undetermined"


def test_weak_structure_is_named_as_such() -> None:
    """A uniform cube of three dimensions: neither nothing nor something, by both gauges' limits."""
    for gain, gap in ((0.07, 0.0), (0.0, 0.12), (0.0, -0.12)):
        found = state_of(replace(FACTS, structure_gain=gain, dimension_gap=gap))
        assert (found.state, found.reason) == ("undetermined", "weak-structure")
    for gain, gap in ((0.10, 0.0), (0.0, 0.15), (-0.2, -0.15)):
        assert state_of(replace(FACTS, structure_gain=gain, dimension_gap=gap)).state == "rich"


@pytest.mark.parametrize("seed", [0, 1])
def test_known_limits(seed: int) -> None:
    """A uniform cube is neither nothing nor something; rows of independent softmax read as structure."""
    rng = np.random.default_rng(seed)
    cube = judged(clouds.laid_in(rng.uniform(-1, 1, (700, 3)), 32, seed, 0.01), seed=seed)
    assert (cube.state, cube.reason) == ("undetermined", "weak-structure")
    shares = np.exp(2 * rng.standard_normal((700, 10)))
    assert judged(shares / shares.sum(axis=1, keepdims=True), seed=seed).state == "rich"


def far(points: Cloud, distance: float) -> Cloud:
    return points + distance / np.sqrt(points.shape[1])


POINTS = {
    "all equal": (np.full((300, 16), 0.3), "copies"),
    "one row in two hundred left": (np.repeat(clouds.gaussian(2, 16), 250, axis=0), "copies"),
    "spread of rounding": (far(1e-16 * clouds.gaussian(300, 16), 1.0), "rounding"),
    "spread of rounding in float32": (far(1e-7 * clouds.gaussian(300, 16), 1.0).astype(np.float32), "rounding"),
    "tiny and far": (far(1e-6 * clouds.gaussian(300, 16), 1.0), "offset"),
}


@pytest.mark.parametrize("name", POINTS)
def test_a_set_without_spread_is_a_point(name: str) -> None:
    points, reason = POINTS[name]
    found = judged(points)
    assert found.state == "point-like"
    assert found.reason in {reason, "rounding"}
    assert found.flags == ()


def test_lost_scale_needs_a_reference_and_a_set_far_away() -> None:
    reference = clouds.gaussian(300, 16)
    shrunk = 1e-3 * clouds.gaussian(300, 16, 1)
    assert judged(far(shrunk, 2.0)).state == "sphere-like"
    assert judged(far(shrunk, 2.0), reference).state == "point-like"
    assert judged(far(shrunk, 2.0), reference).reason == "scale"
    assert judged(shrunk, reference).state == "sphere-like"  # only the unit has changed
    assert judged(far(0.02 * clouds.gaussian(300, 16, 1), 20.0), reference).state == "sphere-like"  # 4e-4 is left


def test_copies_up_to_the_limit_leave_a_set_what_it_is() -> None:
    half = np.repeat(clouds.clusters(300, 16), 2, axis=0)
    found = judged(half)
    assert found.state == "rich"
    assert found.facts.copies == pytest.approx(0.5)
    assert "duplicated" in found.flags


def test_flags_have_their_own_facts() -> None:
    assert judged(clouds.gaussian(300, 16) + 2).flags == ("cone",)
    assert judged(clouds.gaussian(300, 16)).flags == ()
    assert judged(clouds.outlier(300, 16)).facts.outliers == pytest.approx(1 / 300)
    assert "outliers" in judged(clouds.outlier(300, 16)).flags
    assert "heavy-tailed" in judged(clouds.student(500, 64, freedom=2)).flags
    assert "duplicated" in judged(clouds.copies(300, 16, share=0.1)).flags


def test_a_shell_is_hollow_unless_its_length_is_by_design() -> None:
    centred = clouds.shell(400, 32)
    assert judged(centred).flags == ("normalised",)
    assert set(judged(centred + 1).flags) == {"cone", "hollow"}
    assert set(judged(clouds.normalised(clouds.clusters(400, 32) + 0.5)).flags) >= {"normalised"}
    assert "hollow" not in judged(clouds.gaussian(400, 32)).flags


def test_the_gauges_look_at_the_rows_asked_for() -> None:
    scan = Scan(clouds.clusters(500, 16), ENGINE)
    assert facts_of(scan, rows=200).distinct_rows == 200
    assert facts_of(scan).distinct_rows == 500


def test_scale_ratio_is_that_of_the_variances() -> None:
    points = clouds.gaussian(150, 8)
    facts = facts_of(Scan(3 * points, ENGINE), Scan(points, ENGINE))
    assert facts.scale_ratio == pytest.approx(9)
    assert facts_of(Scan(points, ENGINE)).scale_ratio is None


def test_two_tight_clusters_enclose_nothing_and_a_circle_does() -> None:
    """Both lie at one distance from their middle; only what goes around it has an inside."""
    apart = np.where(np.arange(400) % 2 == 0, 1.0, -1.0)[:, None] * np.eye(16)[0]
    made = judged(apart + 0.01 * clouds.gaussian(400, 16))
    assert (made.state, made.flags) == ("low-dimensional", ())
    turn = np.random.default_rng(0).uniform(0, 2 * np.pi, 400)
    circle = np.column_stack([np.cos(turn), np.sin(turn)])
    assert "hollow" in judged(circle + 3).flags
