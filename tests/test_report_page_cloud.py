"""The points of the page: rows matched by ids, by numbers or not at all; values, labels and nulls beside their rows."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import records
from test_report_page_packing import unpacked

from geometry.report.page.cloud import clouds
from geometry.report.page.packing import MIDDLE, MISSING
from geometry.types import Record


def changed(arrays: dict[str, Any], generations: int = 2, **run: Any) -> Record:
    record = records.record(generations)
    return replace(record, run={**record.run, **run}, arrays={**record.arrays, **arrays})


def found(record: Record, **options: Any) -> dict[str, Any]:
    made = clouds(record, **options)
    assert made is not None
    return made


def keys(made: dict[str, Any], g: int) -> np.ndarray:
    return np.cumsum(unpacked(made["generations"][g]["keys"]), dtype=np.uint32)


def test_places_are_those_of_the_record_in_the_order_of_the_rows() -> None:
    record = records.record(2)
    order = np.random.default_rng(0).permutation(records.N)
    shuffled = {f"{name}.1": record.arrays[f"{name}.1"][order] for name in ("coordinates.radial", "rows", "labels")}
    one, other = (found(r)["generations"][1] for r in (record, changed(shuffled)))
    assert one == other
    back = (unpacked(one["places"]).reshape(3, -1).T.astype(float) - MIDDLE) / MIDDLE * one["reach"]
    assert back == pytest.approx(record.arrays["coordinates.radial.1"], abs=one["reach"] / 8191)


def test_rows_are_matched_by_ids_where_all_have_them_else_by_number_else_not() -> None:
    names = np.array([f"row {i}" for i in range(records.N)])
    order = np.random.default_rng(0).permutation(records.N)
    both = found(changed({"ids.0": names, "ids.1": names[order]}))
    assert both["matching"] == "ids"
    ids = np.array(unpacked(both["ids"]))
    assert keys(both, 0).tolist() == keys(both, 1).tolist() == list(range(900)) and (ids == names).all()
    one, other = (unpacked(both["generations"][g]["places"]).reshape(3, -1).T for g in (0, 1))
    plain = found(records.record(2))["generations"]
    assert (one == unpacked(plain[0]["places"]).reshape(3, -1).T).all()
    assert (other[order] == unpacked(plain[1]["places"]).reshape(3, -1).T).all()
    assert found(changed({"ids.0": names}))["matching"] == ""
    alike = {"agreement.1": np.array([0.9])}
    numbers = found(changed({"ids.0": names, **alike}))
    assert numbers["matching"] == "numbers" and "ids" not in numbers and keys(numbers, 1).tolist() == list(range(900))
    assert found(changed({"agreement.1": np.array([0.05])}))["matching"] == ""
    assert found(changed({"ids.0": names, "ids.1": np.repeat("same", records.N), **alike}))["matching"] == "numbers"


def test_values_stand_beside_their_rows_and_nothing_is_invented() -> None:
    dimension, rarity = np.arange(900.0), np.full(900, np.nan)
    rarity[10] = 0.5
    made = found(changed({"point.mle.harmonic.1": dimension, "point.rarity.1": rarity}))
    assert [one["key"] for one in made["values"]] == ["dimension", "tail"]
    low, high = made["values"][0]["low"], made["values"][0]["high"]
    back = low + unpacked(made["generations"][1]["dimension"]) / 254 * (high - low)
    assert back[100:800] == pytest.approx(dimension[100:800], abs=2)
    tail = unpacked(made["generations"][1]["tail"])
    assert tail[10] == 127 and (np.delete(tail, 10) == MISSING).all()
    assert "dimension" not in made["generations"][0] and "novelty" not in made["generations"][1]


def test_novelty_is_the_kind_of_each_row() -> None:
    marks = {f"point.novelty.{kind}.1": np.zeros(900) for kind in ("copy", "interpolation", "blend", "extrapolation")}
    marks["point.novelty.blend.1"][5] = 1
    marks["point.novelty.copy.1"][6] = 1
    coded = unpacked(found(changed(marks))["generations"][1]["novelty"])
    assert (coded[5], coded[6], coded[7]) == (2, 0, MISSING)


def test_labels_with_a_colour_stand_in_order_and_the_rare_ones_last() -> None:
    labels = np.array([f"{i % 9}" if i < 880 else "a rare one" if i < 890 else "b rare one" for i in range(900)])
    made = found(changed({"labels.0": labels, "labels.1": labels}))
    assert made["labels"] == [*"012345678", "a rare one", "b rare one"]
    assert (np.array(made["labels"])[unpacked(made["generations"][0]["labels"])] == labels).all()


def test_more_points_than_the_page_holds_are_a_first_part_and_say_so() -> None:
    made = found(records.record(2), most=200)
    assert [(one["count"], one["total"]) for one in made["generations"]] == [(100, 900), (100, 900)]


def test_the_null_and_a_generation_without_points() -> None:
    null = np.random.default_rng(0).normal(size=(50, 3))
    made = found(changed({"coordinates.null.0": null, "coordinates.radial.1": np.empty((0, 3))}))
    assert made["generations"][0]["null"]["count"] == 50 and made["generations"][1] is None
    assert clouds(Record({}, [], {})) is None


def test_eight_generations_of_fifty_thousand_points_leave_room_for_the_figures_in_six_megabytes() -> None:
    rng, n, arrays = np.random.default_rng(0), 5000, {}
    for g in range(8):
        arrays |= {f"coordinates.radial.{g}": rng.normal(size=(n, 3)), f"rows.{g}": rng.permutation(n)}
        arrays |= {f"ids.{g}": np.array([f"sample {i}" for i in rng.permutation(n)])}
        arrays |= {f"labels.{g}": rng.integers(0, 10, n).astype(str), f"point.mle.harmonic.{g}": rng.gamma(20, 0.5, n)}
        arrays |= {f"point.density.{g}": rng.normal(size=n), f"point.rarity.{g}": rng.uniform(size=n)}
    made = found(changed(arrays, generations=8))
    assert all(one["count"] == n for one in made["generations"])
    assert 10 * len(json.dumps(made)) < 5_000_000
