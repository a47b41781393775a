"""Every registered statistic keeps its declared invariances: 1e-5 in float64, 1e-3 in float32 at 1000 spreads' offset.

Relative to the value's size or 1, whichever is larger: several statistics are logarithms or live near 0. Statistics of
two sets get a reference changed in the same way; labels and ids stay with their rows.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import clouds
import numpy as np
import pytest

from geometry.catalog import compute, statistics
from geometry.registry import Entry, entry
from geometry.types import Estimate

N, D = 600, 12
OFFSET = 1000.0
Change = Callable[[clouds.Cloud], clouds.Cloud]
ORDER = np.random.default_rng(11).permutation(N)
CHANGES: dict[str, Change] = {
    "translation": lambda x: x + np.linspace(-3, 5, D),
    "rotation": lambda x: x @ clouds.rotation(D, 12),
    "scale": lambda x: 1.7e-3 * x,
    "row order": lambda x: x[ORDER],
    "zero-padding": lambda x: np.hstack([x, np.zeros((len(x), 7))]),
}
DECLARED = [(found, change) for found in statistics() for change in found.invariances]
MOVED = [found for found in statistics() if "translation" in found.invariances]


def pair() -> tuple[clouds.Cloud, clouds.Cloud]:
    """A set with clusters and a spectrum, and a reference of the same kind; centred away from the origin."""
    spectrum = np.arange(1.0, D + 1) ** -0.3
    return tuple(clouds.clusters(N, D, seed, count=6, spread=0.5) * spectrum + 0.3 for seed in (1, 2))


@cache
def before(name: str) -> dict[str, Estimate]:
    return values(entry(name), *pair())


def values(found: Entry, x: clouds.Cloud, y: clouds.Cloud, order: Any = slice(None)) -> dict[str, Estimate]:
    options: dict[str, Any] = {}
    if "labels" in found.needs:
        labels = clouds.cluster_labels(N, 6)[order]
        options = {"labels": labels, "reference_labels": labels} if found.takes_reference else {"labels": labels}
    if "ids" in found.needs:
        options |= {"ids": np.arange(N)[order], "reference_ids": np.arange(N)[order]}
    outcome = compute(found.name, x, y if found.needs_reference else None, **options)
    return {"": outcome} if isinstance(outcome, Estimate) else outcome


def assert_close(found: Entry, after: dict[str, Estimate], tolerance: float) -> None:
    made = before(found.name)
    assert made.keys() == after.keys()
    assert any(estimate.status == "ok" for estimate in made.values())
    for key, estimate in made.items():
        assert estimate.status == after[key].status, key
        if estimate.value is not None:
            error = abs(after[key].value - estimate.value) / max(abs(estimate.value), 1.0)
            assert error <= tolerance, f"{found.name} {key}: {estimate.value} became {after[key].value}"


@pytest.mark.parametrize(("found", "change"), DECLARED, ids=lambda v: v.name if isinstance(v, Entry) else v)
def test_declared_invariance_in_float64(found: Entry, change: str) -> None:
    x, y = pair()
    order = ORDER if change == "row order" else slice(None)
    after = values(found, CHANGES[change](x), CHANGES[change](y), order)
    assert_close(found, after, 1e-5)


@pytest.mark.parametrize("found", MOVED, ids=lambda found: found.name)
def test_offset_of_a_thousand_spreads_in_float32(found: Entry) -> None:
    x, y = pair()
    far = [(points + OFFSET * x.std()).astype(np.float32) for points in (x, y)]
    assert_close(found, values(found, *far), 1e-3)


@pytest.mark.parametrize("name", ["rankme", "cone", "mean_cosine", "uniformity"])
def test_statistics_about_the_origin_do_move_with_it(name: str) -> None:
    x, _ = pair()
    assert abs(float(compute(name, x + 3)) - float(compute(name, x))) > 0.01


def test_scale_moves_with_the_unit() -> None:
    x, _ = pair()
    assert float(compute("scale", 10 * x)) == pytest.approx(100 * float(compute("scale", x)), rel=1e-9)
