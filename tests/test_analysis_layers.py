"""Layers side by side: positions through all layers, looks of all of them counted, the first layer to collapse."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import clouds
import numpy as np
import pytest
from jsonschema import Draft202012Validator

import geometry
from geometry.analysis import Analysis
from geometry.analysis.asked import Options
from geometry.analysis.judge import look, verdicts
from geometry.analysis.layers import first_to_collapse
from geometry.analysis.plan import chosen, plans
from geometry.errors import InputError, UsageError
from geometry.report.layers import layer_shown, layers, of_layer
from geometry.schema import schema_text
from geometry.types import EmbeddingSet

N, CLASSES = 150, 6
SOME = "scale,mle,label_agreement"


def sets() -> list[EmbeddingSet]:
    """Generations 0, 5, 9 of three layers of 6, 10, 8 dimensions; `mid` shrinks to a third at 5, `top` at 9."""
    labels, found = clouds.cluster_labels(N, CLASSES), []
    for g, generation in enumerate((0, 5, 9)):
        for i, (layer, d) in enumerate((("low", 6), ("mid", 10), ("top", 8))):
            points = clouds.clusters(N, d, i, count=CLASSES) + 0.05 * clouds.gaussian(N, d, g)
            shrunk = (layer == "mid" and generation >= 5) or (layer == "top" and generation == 9)
            found.append(
                EmbeddingSet(
                    points / 3 if shrunk else points, generation, f"gen_{generation}", layer, labels, np.arange(N)
                )
            )
    return found


@cache
def whole() -> Analysis:
    return geometry.analyze(sets(), by="layer", statistics=SOME)


@cache
def middle() -> Analysis:
    return geometry.analyze([one for one in sets() if one.layer == "mid"], statistics=SOME)


def test_positions_run_through_the_layers_in_their_order() -> None:
    run = whole().record.run
    assert run["layers"] == ["low", "mid", "top"]
    assert [(one["layer"], one["generation"]) for one in run["inputs"]] == [
        (layer, g) for layer in run["layers"] for g in (0, 5, 9)
    ]
    assert [one["positions"] for one in run["verdict"]["layers"]] == [[0, 1, 2], [3, 4, 5], [6, 7, 8]]
    assert [one["reference"] for one in run["verdict"]["layers"]] == [0, 3, 6]
    for row in whole().results:
        given = run["inputs"][row["position"]]
        assert (row["layer"], row["generation"], row["d"]) == (given["layer"], given["generation"], given["d"])
    Draft202012Validator(json.loads(schema_text())).validate(run | {"results": whole().results})


def test_one_layer_taken_out_is_the_run_of_that_layer_alone() -> None:
    part, alone = of_layer(whole().record, "mid"), middle().record
    assert part.results == alone.results
    assert sorted(key for key in part.arrays if not key.startswith("furthest.")) == sorted(alone.arrays)
    floats = [key for key, array in alone.arrays.items() if array.dtype.kind == "f"]
    assert all(np.array_equal(part.arrays[key], alone.arrays[key], equal_nan=True) for key in floats)
    for key in ("inputs", "reference", "quality"):
        assert part.run[key] == alone.run[key]
    assert part.run["verdict"]["onsets"] == alone.run["verdict"]["onsets"]
    assert "layers" not in part.run and "layers" not in alone.run


def test_the_first_layer_to_collapse_is_named_with_its_loss() -> None:
    verdict = whole().verdict
    assert verdict["first"]["layer"] == "mid"
    assert verdict["first"]["generation"] == 5
    assert list(verdict["first"]["changes"]) == ["variance"]
    assert not verdict["first"]["provisional"]
    assert verdict["onsets"]["variance"]["layer"] == "mid"
    assert "3 layers, of which 2 changed" in verdict["summary"] and "the first to collapse is mid" in verdict["summary"]
    assert layer_shown(whole().record) == "mid"
    changed = {(one["layer"], one["generation"]) for one in verdict["generations"] if "variance" in one["changes"]}
    assert changed == {("mid", 5), ("mid", 9), ("top", 9)}


def verdict_with(change: str, effect: float, generation: int, provisional: bool = False) -> dict[str, Any]:
    limits = {"duplicates": [None, 0.01], "variance": [0.5, 2.0], "tails": [0.5, 2.0]}[change]
    evidence = {"changes": {change: {"effect": effect, "threshold": limits}}}
    return {
        "onsets": {change: {"generation": generation, "provisional": provisional}},
        "generations": [{"generation": generation, "evidence": evidence}],
    }


def test_growth_and_tails_are_no_collapse_and_the_earliest_loss_is_first() -> None:
    grown, tails = verdict_with("variance", 3.0, 1), verdict_with("tails", 0.1, 1)
    assert first_to_collapse([grown, tails], ["a", "b"]) is None
    late, early = verdict_with("variance", 0.3, 3), verdict_with("duplicates", 0.4, 2, provisional=True)
    found = first_to_collapse([grown, late, early], ["a", "b", "c"])
    assert found is not None
    assert (found["layer"], found["generation"], found["provisional"]) == ("c", 2, True)
    same = first_to_collapse([late, late], ["x", "y"])
    assert same is not None and same["layer"] == "x"


def test_no_change_is_said_of_layers_that_only_differ_by_noise() -> None:
    same = [one for one in sets() if one.layer == "low"][:2]
    again = [EmbeddingSet(one.points, one.generation, layer="other") for one in same]
    verdict = geometry.analyze([*same, *again], by="layer", statistics="scale").verdict
    assert verdict["first"] is None
    assert verdict["summary"] == "2 layers: no change against the reference holds to the end."


def test_the_looks_of_all_layers_are_counted() -> None:
    """A change at p just inside 1 % stands alone and falls among hundreds of layers that show nothing."""
    made = list(plans([one for one in sets() if one.layer == "mid"], Options(by="layer", statistics="scale")))
    seen = look(made[0])
    for changes in seen.measured.values():
        for i, change in enumerate(changes):
            fields = change.__dict__ | {"p": 1e-4 if change.change == "variance" else 1.0}
            changes[i] = type(change)(**fields)
    alone = verdicts([seen])[0]
    among = verdicts([seen] * 200)
    assert "variance" in alone["generations"][1]["changes"]
    assert not any(one["generations"][1]["changes"] for one in among)


def test_by_layer_adds_label_agreement_and_plain_runs_stay_as_they_were() -> None:
    names = [entry.name for entry in chosen("default", by="layer")]
    assert names == [*(entry.name for entry in chosen("default")), "label_agreement"]


def test_what_cannot_be_taken_by_layer_is_refused() -> None:
    with pytest.raises(InputError, match=r"3 layers \(low, mid, top\).*--by layer"):
        geometry.analyze(sets())
    with pytest.raises(InputError, match="'gen_0' belongs to no layer"):
        geometry.analyze([clouds.gaussian(50, 4)], by="layer")
    with pytest.raises(UsageError, match="by='depth' is unknown"):
        geometry.analyze(sets(), by="depth")


def turned_sets(*, shuffled: bool = False, ids: bool = True) -> list[EmbeddingSet]:
    """Two layers of 6 and 9 dimensions whose generation 1 is generation 0 under a rotation of the layer's own."""
    found, order = [], np.random.default_rng(8).permutation(N) if shuffled else np.arange(N)
    for i, (layer, d) in enumerate((("low", 6), ("top", 9))):
        points = clouds.clusters(N, d, i, count=CLASSES)
        turn = np.linalg.qr(clouds.gaussian(d, d, 20 + i))[0]
        later = (points @ turn + 0.01 * clouds.gaussian(N, d, 30 + i))[order]
        for g, rows, numbers in ((0, points, np.arange(N)), (1, later, order)):
            found.append(EmbeddingSet(rows, g, f"gen_{g}", layer, ids=numbers if ids else None))
    return found


@pytest.mark.parametrize(("align", "shuffled"), [("rows", False), ("ids", True)])
def test_every_layer_is_turned_by_its_own_rotation(align: str, shuffled: bool) -> None:
    given = turned_sets(shuffled=shuffled, ids=align == "ids")
    run = geometry.analyze(given, by="layer", statistics="frechet", align=align)
    apart = {row["layer"]: row["value"] for row in run.results if row["generation"] == 1}
    for fixed, turned in zip(given[::2], given[1::2], strict=True):
        as_given = geometry.compute("frechet", turned.points, fixed.points)
        assert apart[fixed.layer] < 0.01 * float(as_given)
    residuals = run.record.run["quality"]["radial"]["alignment_residual"]
    assert residuals[0] == residuals[2] == 0 and max(residuals) < 0.01


def test_rows_of_another_order_are_no_pairs_by_position_and_the_residual_says_so() -> None:
    run = geometry.analyze(turned_sets(shuffled=True), by="layer", statistics="scale", align="rows")
    _, low, _, top = run.record.run["quality"]["radial"]["alignment_residual"]
    assert min(low, top) > 0.8


def test_what_cannot_be_turned_is_said_with_its_layer() -> None:
    with pytest.raises(InputError, match=r"layer 'low'.*ids"):
        geometry.analyze(turned_sets(ids=False), by="layer", statistics="scale", align="ids")
    shorter = [EmbeddingSet(clouds.gaussian(N - g, 7, g), g, f"gen_{g}", "short") for g in (0, 1)]
    with pytest.raises(InputError, match=rf"layer 'short'.*{N - 1} rows, the one it is aligned to {N}"):
        geometry.analyze([*turned_sets(), *shorter], by="layer", statistics="scale", align="rows")


def test_the_folder_has_the_heat_map_and_reads_back(tmp_path: Path) -> None:
    whole().write(tmp_path)
    lines = (tmp_path / "figures" / "layers.csv").read_text().splitlines()
    assert lines[0] == "name,variant,layer,generation,value,low,high"
    assert len([line for line in lines if line.startswith("mle,")]) == 9
    assert (tmp_path / "figures" / "layers.png").stat().st_size > 5000
    seen = (tmp_path / "layers" / "furthest.csv").read_text().splitlines()
    assert seen[0] == "layer,generation,direction,end,row,score,id,label" and len(seen) == 1 + 9 * 3 * 2 * 6
    layer, generation, direction, end, row, score, name, label = seen[1].split(",")
    assert (layer, generation, direction, end, name) == ("low", "0", "1", "high", row)
    assert int(label) == int(row) % CLASSES and float(score) > 1
    page = (tmp_path / "report.html").read_text("utf-8")
    assert "Heat map of layers by generations" in page
    from geometry.schema import read_record

    assert layers(read_record(tmp_path)) == ["low", "mid", "top"]
