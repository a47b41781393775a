"""The table for the terminal: one line per generation, never wider than asked."""

from dataclasses import replace

import pytest
import records

from geometry.report import table
from geometry.report.reading import aligned, number, series


def test_one_line_per_generation_with_state_changes_flags_and_values():
    lines = table(records.record(), 200).splitlines()
    assert len(lines) == 7
    assert lines[6].split()[:6] == ["4", "sphere-like", "tails,", "modes,", "variance,", "structure"]
    assert lines[6].split()[6:] == ["hollow", "53.0", "33.0", "56.5", "0.0120", "0.0200", "0.168"]


@pytest.mark.parametrize("width", [60, 80, 100, 120, 200])
def test_width_is_kept(width):
    lines = table(records.record(), width).splitlines()
    assert max(map(len, lines)) <= width
    assert lines[6].startswith("4")


def test_narrow_tables_cut_words_and_say_so():
    assert "…" in table(records.record(), 60)


def test_wider_tables_hold_more_values():
    assert "scale" not in table(records.record(), 100) and "scale" in table(records.record(), 160)


def test_reason_and_layer_are_shown_where_there_are_any():
    record = records.record(2)
    verdict = {"generations": [{**one, "state": "undetermined", "reason": "few-rows"} for one in record.run["inputs"]]}
    run = {**record.run, "verdict": verdict, "inputs": [{**one, "layer": "blocks.3"} for one in record.run["inputs"]]}
    assert "undetermined (few-rows)" in table(replace(record, run=run))
    assert "blocks.3" in table(replace(record, run=run))


def test_control_characters_do_not_reach_the_terminal():
    record = records.record(2)
    run = {**record.run, "inputs": [{**one, "layer": "a\x1b[31m"} for one in record.run["inputs"]]}
    assert "\x1b" not in table(replace(record, run=run))


def test_series_takes_the_headline_variant_and_values_only():
    record = records.record()
    assert series(record, "effective_rank")[0]["value"] == 9
    assert series(record, "effective_rank", "singular")[0]["value"] == 30
    assert series(record, "two_nn") == {} and series(record, "nothing") == {}


@pytest.mark.parametrize(
    ("value", "words"),
    [(None, "–"), (0.0, "0"), (0.88, "0.880"), (1234.5, "1234"), (2e-5, "2.00e-05"), (7, "7"), (-0.05, "-0.0500")],
)
def test_numbers_are_short(value, words):
    assert number(value) == words


def test_intervals_share_the_decimals_of_their_width():
    assert aligned(9.0, 7.8, 10.2) == ("9.0", "7.8", "10.2")
    assert aligned(0.012, -0.008, 0.032) == ("0.012", "-0.008", "0.032")
    assert aligned(1.0, 1.0, 1.0) == ("1.00", "1.00", "1.00")
