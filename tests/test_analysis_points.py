"""Per-point arrays, profiles, and what of the reference is lost since when."""

from __future__ import annotations

from typing import Any

import clouds
import numpy as np
import pytest

from geometry.analysis.asked import Options
from geometry.analysis.plan import Plan, plan
from geometry.analysis.points import point_arrays
from geometry.analysis.rows import outcomes_of
from geometry.catalog import compute
from geometry.types import Array, EmbeddingSet


def arrays(made: Plan) -> dict[str, Array]:
    return point_arrays(made, [outcomes_of(made, g) for g in range(len(made.sets))])


def test_values_of_rows_and_profiles_are_kept() -> None:
    sets = [clouds.gaussian(150, 4), clouds.gaussian(150, 4, 1)]
    found = arrays(plan(sets, Options(statistics="mle,corr_int")))
    for g, points in enumerate(sets):
        direct: Any = compute("mle", points)
        assert found[f"point.mle.harmonic.{g}"] == pytest.approx(direct.per_point.astype(np.float32), nan_ok=True)
        assert len(found[f"profile.corr_int.log_radius.{g}"]) > 1


def test_a_sample_of_rows_is_put_back_in_its_place() -> None:
    sets = [clouds.gaussian(60, 4), clouds.gaussian(90, 4, 1)]
    made = plan(sets, Options(statistics="tail_survival"))
    beyond = arrays(made)["point.tail_survival.beyond_90.1"]
    part = made.scans[1].at_most(60)
    assert beyond.shape == (90,)
    assert part.numbers is not None
    direct: Any = compute("tail_survival", part.points, sets[0])
    assert np.isnan(np.delete(beyond, part.numbers)).all()
    assert (beyond[part.numbers] == direct["beyond_90"].per_point).all()


def test_lost_tail_rows_and_modes_are_named_with_the_generation_since_when() -> None:
    whole = clouds.clusters(400, 6)
    labels = np.array([f"mode {i % 4}" for i in range(400)])
    ids = np.array([f"row {i}" for i in range(400)])
    kept = labels != "mode 2"
    fewer = whole[kept][np.arange(400) % kept.sum()] + 1e-3 * clouds.gaussian(400, 6)
    sets = [
        EmbeddingSet(points, generation=g, labels=names, ids=ids)
        for g, (points, names) in enumerate(
            [(whole, labels), (whole + 1e-3, labels), (fewer, labels[kept][np.arange(400) % kept.sum()])]
        )
    ]
    found = arrays(plan(sets, Options(statistics="tail_survival,mode_coverage")))
    assert found["lost.modes.names"].tolist() == ["mode 2"]
    assert found["lost.modes.since"].tolist() == [2]
    rows = found["lost.tails.rows"]
    assert found["lost.tails.ids"].tolist() == [f"row {i}" for i in rows]
    assert found["lost.tails.labels"].tolist() == labels[rows].tolist()
    assert set(found["lost.tails.since"].tolist()) <= {1, 2}
