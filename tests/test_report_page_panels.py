"""The panels of the page say what the record says."""

from __future__ import annotations

import numpy as np
import pytest
import records
import test_report_layers

from geometry.report.page.heat import heat_panels
from geometry.report.page.panels import RANKS, generation_cards, panels
from geometry.types import Record


def test_every_panel_of_a_run_has_its_data() -> None:
    made = panels(records.record())
    assert [one["number"] for one in made["generations"]] == [0, 1, 2, 3, 4]
    rank = next(one for one in made["trends"] if one["name"] == "effective_rank")
    assert rank["values"][0] == {"at": 0, "value": 9.0, "low": 7.8, "high": 10.2, "null": 980.0}
    assert rank["changes"] == ["dimension"]
    gains = made["plane"]["gauges"][0]["values"]
    assert (gains[0]["at"], gains[0]["x"], gains[0]["y"]) == (0, 6.5, pytest.approx(1.1))
    assert set(made["histograms"]) == {"radius", "cosine"}
    assert len(made["histograms"]["radius"]["data"]["3"]) == len(made["histograms"]["radius"]["edges"]) - 1


def test_spectra_are_over_the_references_variance_and_thinned() -> None:
    record = records.record(2)
    values = np.arange(1000, 0, -1.0)
    made = panels(Record(record.run, [], {"eigenvalues.0": values, "eigenvalues.1": values / 4}))["spectra"]
    assert [one["total"] for one in made] == [1.0, 0.25]
    assert made[0]["shares"][0] == pytest.approx(1000 / values.sum(), rel=1e-4)
    assert made[0]["ranks"][0] == 1 and made[0]["ranks"][-1] == 1000 and len(made[0]["ranks"]) <= RANKS


def test_cards_hold_words_values_and_evidence() -> None:
    card = generation_cards(records.record())[4]
    assert (card["state"], card["flags"]) == ("sphere-like", ["hollow"])
    assert card["evidence"][0]["change"] == "tails" and card["evidence"][0]["z"] == -9.1
    values = {heading: (value, sure) for heading, value, sure in card["values"]}
    assert values["structure gain"] == ("0.012", "-0.008 to 0.032")


def test_onsets_are_told_by_position() -> None:
    onset = panels(records.record())["onsets"][0]
    assert onset == {"change": "tails", "provisional": False, "generation": 1, "low": 1, "high": 2}


def test_an_empty_record_has_empty_panels_and_one_layer_no_heat_map() -> None:
    made = panels(Record({}, [], {}))
    assert made["generations"] == [] and made["spectra"] == [] and made["plane"]["gauges"] == []
    assert heat_panels(records.record()) is None


def test_the_heat_map_has_ratios_to_each_layers_reference_and_the_first_to_fall() -> None:
    record = test_report_layers.record()
    made = heat_panels(record)
    assert made is not None
    rank = next(one for one in made["panels"] if one["heading"] == "effective rank")
    second = [cell for cell in rank["cells"] if cell["layer"] == 1]
    assert rank["ratio"] and [cell["shade"] for cell in second] == pytest.approx([1, 0.5, 0.25])
    assert [cell["stands"] for cell in second] == [False, True, True]
    assert [cell["at"] for cell in second] == [0, 1, 2]
    assert made["first"] == {"layer": 1, "generation": 1} and made["layers"] == record.run["layers"]
