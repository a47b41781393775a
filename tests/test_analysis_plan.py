"""What a run looks at: references, statistics, smaller and unequal sets, samples, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import clouds
import numpy as np
import pytest

from geometry.analysis.asked import Options
from geometry.analysis.plan import FEW, Plan, chosen, plan
from geometry.catalog import DEFAULT, statistics
from geometry.errors import InputError, UsageError
from geometry.nulls.core import ROWS
from geometry.types import EmbeddingSet


def planned(*sizes: int, **options: Any) -> Plan:
    return plan([clouds.gaussian(n, 6, g) for g, n in enumerate(sizes)], Options(**options))


def test_the_reference_is_found_by_number_and_by_name() -> None:
    sets = [EmbeddingSet(clouds.gaussian(50, 4, g), generation=10 * g, name=f"run {g}") for g in range(3)]
    for reference, position in ((0, 0), (20, 2), ("20", 2), ("run 1", 1)):
        made = plan(sets, Options(reference=reference))
        assert made.reference == position
        assert made.others == [g for g in range(3) if g != position]


def test_the_reference_of_checkpoints_that_do_not_begin_at_0_is_the_earliest() -> None:
    sets = [EmbeddingSet(clouds.gaussian(50, 4, g), generation=g) for g in (300, 100, 200)]
    for reference in (0, "0"):
        made = plan(sets, Options(reference=reference))
        assert made.sets[made.reference].generation == 100
    with pytest.raises(UsageError, match="none of the generations"):
        plan(sets, Options(reference=1))


@pytest.mark.parametrize("reference", [7, "nothing", -1])
def test_an_unknown_reference_names_those_there_are(reference: int | str) -> None:
    with pytest.raises(UsageError, match=r"none of the generations: 0 \(gen_0\), 1 \(gen_1\)"):
        planned(50, 50, reference=reference)


def test_statistics_are_chosen_by_name() -> None:
    every = [entry.name for entry in statistics()]
    assert [entry.name for entry in chosen("all")] == every
    assert [entry.name for entry in chosen("default")] == list(DEFAULT)
    assert set(DEFAULT) <= set(every)
    assert [entry.name for entry in chosen("scale, two_nn")] == ["scale", "two_nn"]
    assert [entry.name for entry in chosen(("mle",))] == ["mle"]
    with pytest.raises(UsageError, match="did you mean 'two_nn'"):
        chosen("two_n")


def test_the_table_is_as_wide_as_k_or_the_widest_statistic() -> None:
    assert planned(200, k=70, statistics="scale").scans[0].k == 70
    assert planned(200, k=2, statistics="mle").scans[0].k == next(e.k for e in statistics() if e.name == "mle")


def test_a_small_set_lowers_k_with_a_warning() -> None:
    made = planned(50, 20, k=32)
    assert [note for note in made.warnings if "lowered" in note] == [
        "gen_1: 20 rows allow 19 neighbours, not k = 32; k was lowered for this set"
    ]
    assert made.scans[1].neighbors(19).k == 19
    assert not planned(50, 50, k=32).warnings


def test_unequal_rows_are_flagged() -> None:
    assert any("unequal rows (60, 50)" in note for note in planned(60, 50).warnings)
    assert not planned(60, 60).warnings


def test_rows_of_the_gauges_are_those_of_the_smallest_set_that_has_gauges() -> None:
    assert planned(400, 300).gauge_rows == 300
    assert planned(400, FEW - 1, 200).gauge_rows == 200
    assert planned(50, 60).gauge_rows == ROWS


def test_a_sample_is_seeded_and_keeps_labels() -> None:
    points, labels = clouds.gaussian(200, 4), np.arange(200)
    made = [plan([EmbeddingSet(points, labels=labels)], Options(sample=80, seed=seed)).scans[0] for seed in (0, 0, 1)]
    assert [scan.n for scan in made] == [80, 80, 80]
    assert np.array_equal(made[0].points, made[1].points)
    assert not np.array_equal(made[0].points, made[2].points)
    assert made[0].labels is not None
    assert np.array_equal(made[0].points, points[made[0].labels])
    assert planned(200, sample=300).scans[0].n == 200


def test_nothing_can_be_said_of_sets_of_two_rows() -> None:
    with pytest.raises(InputError, match=r"two rows or fewer \(gen_0: 2, gen_1: 1\)"):
        planned(2, 1)
    assert len(planned(2, 3).sets) == 2


def test_sets_of_several_layers_are_refused() -> None:
    sets = [EmbeddingSet(clouds.gaussian(20, 4), generation=g, layer=f"layer {g}") for g in range(2)]
    with pytest.raises(InputError, match="2 layers"):
        plan(sets, Options())


def test_dropped_rows_are_told() -> None:
    spoiled = clouds.gaussian(60, 4)
    spoiled[7] = np.nan
    made = plan([spoiled, clouds.gaussian(59, 4)], Options(nan="drop"))
    assert any("1 rows with NaN" in note for note in made.warnings)
    assert made.scans[0].n == 59
    with pytest.raises(InputError, match="NaN"):
        plan([spoiled], Options())


def test_a_path_is_read(tmp_path: Path) -> None:
    for g in range(2):
        np.save(tmp_path / f"gen_{g}.npy", clouds.gaussian(30, 4, g))
    for source in (tmp_path, str(tmp_path), [tmp_path / "gen_0.npy", tmp_path / "gen_1.npy"]):
        made = plan(source, Options())
        assert [scan.n for scan in made.scans] == [30, 30]
        assert np.array_equal(made.scans[1].points, clouds.gaussian(30, 4, 1))
