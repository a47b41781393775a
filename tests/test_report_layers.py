"""The heat map: one cell per layer and generation, frames where changes stand, a triangle at the first to collapse."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from geometry.report import figures, layers, style
from geometry.types import Record

NAMES = ("stem", "block.1.mlp")


def record(**changed: Any) -> Record:
    """Two layers of three generations; rank of the second halves each time and is a change since generation 1."""
    given = [{"generation": g, "name": f"g{g}", "layer": layer} for layer in NAMES for g in range(3)]
    rows = [
        {"position": p, "generation": p % 3, "layer": NAMES[p // 3], "name": name, "variant": "", "value": value,
         "low": value, "high": value, "status": "ok"}
        for p in range(6)
        for name, value in (("effective_rank", 8.0 if p < 3 else 16.0 / 2 ** (p - 3)), ("structure_gain", 0.1 * p))
    ]  # fmt: skip
    onset = {"generation": 1, "low": 1, "high": 1, "provisional": False}
    own = [{"layer": layer, "reference": 3 * i, "positions": [3 * i, 3 * i + 1, 3 * i + 2], "summary": layer,
            "onsets": {"dimension": onset} if i else {}} for i, layer in enumerate(NAMES)]  # fmt: skip
    verdict = {
        "generations": [one | {"changes": ["dimension"] if p > 3 else []} for p, one in enumerate(given)],
        "onsets": {}, "summary": "", "layers": own,
        "first": {"layer": NAMES[1], "generation": 1, "changes": {"dimension": onset}, "provisional": False},
    }  # fmt: skip
    run = {
        "inputs": given,
        "reference": 0,
        "layers": list(NAMES),
        "verdict": verdict,
        "quality": {"radial": {"x": [*range(6)]}},
    }
    arrays = {"eigenvalues.1": np.ones(2), "eigenvalues.4": np.ones(3), "radius.edges": np.ones(4),
              "layer.0.lost.tails.rows": np.ones(5), "layer.1.lost.tails.rows": np.ones(6)}  # fmt: skip
    return Record(run | changed, rows, arrays)


def test_cells_hold_ratios_to_the_reference_of_their_layer_and_plain_gauges() -> None:
    drawn = figures(record())["layers"]
    rank, gain = drawn.axes
    assert [text.get_text() for text in rank.texts] == ["1.0", "1.0", "1.0", "1.0", "0.50", "0.25"]
    assert [text.get_text() for text in gain.texts] == ["0", "0.10", "0.20", "0.30", "0.40", "0.50"]
    assert [tick.get_text() for tick in rank.get_yticklabels()] == list(NAMES)
    shade = np.asarray(rank.images[0].get_array())
    assert shade.tolist() == [[0, 0, 0], [0, -1, -2]]
    assert rank.images[0].get_clim() == (-2, 2)


def test_changes_are_framed_and_the_first_layer_marked() -> None:
    rank, gain = figures(record())["layers"].axes
    frames = [line for line in rank.lines if len(line.get_xdata()) == 5]
    middles = [[float(np.mean(np.asarray(at)[:4])) for at in line.get_data()] for line in frames]
    assert middles == [[1.0, 1.0], [2.0, 1.0]]
    (mark,) = [line for line in rank.lines if line.get_marker() == ">"]
    assert round(float(np.asarray(mark.get_xdata())[0])) == 1 and float(np.asarray(mark.get_ydata())[0]) == 1.0
    assert not gain.lines
    seen = record()
    for one in seen.run["verdict"]["generations"][4:]:
        one["evidence"] = {"changes": {"dimension": {"statistic": "mle"}}}
    assert not figures(seen)["layers"].axes[0].lines  # the change is one of another statistic
    calm = record()
    calm.run["verdict"]["first"] = None
    assert not [line for line in figures(calm)["layers"].axes[0].lines if line.get_marker() == ">"]
    assert layers.layer_shown(calm) == NAMES[1]


def test_one_layer_out_of_two_has_its_own_arrays_rows_and_quality() -> None:
    part = layers.of_layer(record(), NAMES[1])
    assert {key: len(array) for key, array in part.arrays.items()} == {
        "eigenvalues.1": 3, "radius.edges": 4, "lost.tails.rows": 6,
    }  # fmt: skip
    assert [row["position"] for row in part.results] == [0, 0, 1, 1, 2, 2]
    assert part.run["quality"] == {"radial": {"x": [3, 4, 5]}}
    assert part.run["reference"] == 0
    assert list(part.run["verdict"]["onsets"]) == ["dimension"]


def test_a_run_of_one_layer_has_no_heat_map() -> None:
    plain = layers.of_layer(record(), NAMES[0])
    assert layers.layers(plain) == []
    with style.sheet():
        assert layers.draw(plain) is None


@pytest.mark.parametrize("missing", ["effective_rank", "structure_gain"])
def test_a_statistic_without_values_has_no_panel(missing: str) -> None:
    whole = record()
    part = Record(whole.run, [row for row in whole.results if row["name"] != missing], {})
    assert len(figures(part)["layers"].axes) == 1


def test_the_data_hold_every_cell() -> None:
    header, rows = layers.data(record())
    assert header[:4] == ["name", "variant", "layer", "generation"]
    assert len(rows) == 12
