"""run.json: valid by its schema, strict, complete, and the same twice; arrays for everything the pictures show."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import clouds
import numpy as np
import pytest
from jsonschema import Draft202012Validator

from geometry import analyze
from geometry.analysis import Analysis
from geometry.catalog import DEFAULT
from geometry.errors import InputError, UsageError
from geometry.registry import entry as entry_of
from geometry.schema import read_record, schema_text, write_record
from geometry.schema.files import dumps
from geometry.types import EmbeddingSet

N, D = 150, 8


def sets() -> list[EmbeddingSet]:
    labels = clouds.cluster_labels(N)
    law = [clouds.clusters(N, D, g) for g in range(2)]
    made = [*law, np.full((N, D), 0.1), law[0][:2], law[1][:60]]
    return [EmbeddingSet(x, generation=g, labels=labels[: len(x)]) for g, x in enumerate(made)]


@cache
def analysed(seed: int = 0) -> Analysis:
    """Two laws, a point, two rows, and few rows."""
    return analyze(sets(), seed=seed)


def document(analysis: Analysis) -> dict[str, Any]:
    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    text = dumps({**analysis.record.run, "results": analysis.results})
    found: dict[str, Any] = json.loads(text, parse_constant=refuse)
    return found


def test_the_document_is_strict_and_valid() -> None:
    Draft202012Validator(json.loads(schema_text())).validate(document(analysed()))


def test_every_statistic_has_rows_and_none_failed() -> None:
    rows = analysed().results
    assert {row["name"] for row in rows} == set(DEFAULT)
    assert [row["reason"] for row in rows if row["status"] == "failed"] == []
    for entry in map(entry_of, DEFAULT):
        places = {row["position"] for row in rows if row["name"] == entry.name}
        assert places == ({1, 2, 3, 4} if entry.needs_reference else {0, 1, 2, 3, 4})
    numbers = [row[f] for row in rows for f in ("value", "stderr", "low", "high", "null", "z") if row[f] is not None]
    assert np.isfinite(numbers).all()


def test_values_are_there_exactly_where_the_status_is_ok() -> None:
    for row in analysed().results:
        assert (row["value"] is not None) == (row["status"] == "ok") == (row["reason"] == "")


def test_states_of_the_sequence() -> None:
    entries = analysed().verdict["generations"]
    assert [entry["state"] for entry in entries] == ["rich", "rich", "point-like", "undetermined", "undetermined"]


def test_inputs_are_told() -> None:
    run = analysed().record.run
    assert [one["n"] for one in run["inputs"]] == [N, N, N, 2, 60]
    assert [one["labelled"] for one in run["inputs"]] == [True] * 5
    assert run["inputs"][2]["hygiene"] != run["inputs"][0]["hygiene"]
    assert len({one["digest"] for one in run["inputs"]}) == 5
    assert any("unequal rows" in note for note in run["warnings"])
    assert any("k was lowered" in note for note in run["warnings"])
    none = [None] * 5
    assert run["exactness"] == {"neighbors": "exact", "uncertified_rows": [0] * 5, "recall": none, "streamed": none}


def test_options_are_recorded() -> None:
    run = analyze([clouds.gaussian(80, 4)], statistics="scale", k=7, seed=3, sample=50, device="cpu").record.run
    assert (run["seed"], run["k"], run["device"]) == (3, 7, "cpu")
    assert run["arguments"]["statistics"] == ["scale"]
    assert (run["inputs"][0]["n"], run["inputs"][0]["n_used"]) == (80, 50)


def test_arrays_are_named_and_of_the_shapes_told() -> None:
    record = analysed().record
    assert record.arrays.keys() == record.run["arrays"].keys()
    for name, array in record.arrays.items():
        assert record.run["arrays"][name]["shape"] == list(array.shape)
        assert record.run["arrays"][name]["dtype"] == str(array.dtype)
    for g, n in enumerate([N, N, N, 2, 60]):
        assert record.arrays[f"coordinates.radial.{g}"].shape == (n, 3)
        assert np.array_equal(record.arrays[f"labels.{g}"].astype(int), sets()[g].labels[record.arrays[f"rows.{g}"]])  # type: ignore[index]
        assert np.all(np.diff(record.arrays[f"eigenvalues.{g}"]) <= 0)
    for g in (0, 1, 4):
        widths = np.diff(record.arrays["radius.edges"])
        assert (record.arrays[f"radius.{g}"] * widths).sum() == pytest.approx(1)
        assert record.arrays[f"gauge.{g}"].shape[1] == 3
    assert "radius.2" not in record.arrays  # a point has no radii
    assert "gauge.3" not in record.arrays


def test_the_headline_gauges_are_those_of_the_arrays() -> None:
    analysis = analysed()
    (gain,) = [r["value"] for r in analysis.results if r["name"] == "structure_gain" and r["position"] == 0]
    assert gain == analysis.record.arrays["gauge.0"][:, 1].max()
    assert gain == analysis.verdict["generations"][0]["evidence"]["state"]["structure_gain"]


def same(one: np.ndarray, other: np.ndarray) -> bool:
    """Equal, a row that was not looked at (NaN) in the same places."""
    return np.array_equal(one, other, equal_nan=one.dtype.kind == "f")


def test_two_runs_are_equal_and_the_seed_counts() -> None:
    again = analyze(sets())
    assert dumps(again.results) == dumps(analysed().results)
    assert dumps(again.verdict) == dumps(analysed().verdict)
    assert all(same(again.record.arrays[k], v) for k, v in analysed().record.arrays.items())
    other = analyze(sets()[:2], seed=1, statistics="structure_gain")
    gains = [row["value"] for row in analysed().results if row["name"] == "structure_gain"]
    assert other.results[0]["value"] != gains[0]


def test_a_record_survives_the_disk(tmp_path: Any) -> None:
    record = analysed().record
    write_record(record, tmp_path)
    back = read_record(tmp_path)
    assert dumps(back.run) == dumps(record.run)
    assert dumps(back.results) == dumps(record.results)
    assert back.arrays.keys() == record.arrays.keys()
    assert all(same(back.arrays[name], array) for name, array in record.arrays.items())


def test_what_cannot_be_run_is_refused() -> None:
    points = [clouds.gaussian(50, 4), clouds.gaussian(50, 4, 1)]
    for options in ({"refrence": 1}, {"reference": 9}, {"reference": "no"}, {"statistics": "nothing"}):
        with pytest.raises(UsageError):
            analyze(points, **options)
    with pytest.raises(UsageError, match=r"'refrence'.*reference"):
        analyze(points, refrence=1)
    with pytest.raises(InputError, match="two rows or fewer"):
        analyze([clouds.gaussian(2, 4), clouds.gaussian(1, 4)])
    with pytest.raises(InputError):
        analyze([clouds.gaussian(50, 4), clouds.gaussian(50, 5)])
    with pytest.raises(InputError):
        analyze([])
