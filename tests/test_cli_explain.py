"""The explain command: one entry, all entries, JSON, and a name that is not there."""

from __future__ import annotations

import json

import pytest

from geometry import statistics
from geometry.cli import main
from geometry.registry import entry


def test_the_list_has_every_statistic_with_the_first_line_of_its_definition(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["explain"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == [one.name for one in statistics()]
    assert all(line.endswith(one.definition.splitlines()[0]) for line, one in zip(lines, statistics(), strict=True))


@pytest.mark.parametrize("name", [one.name for one in statistics()])
def test_a_page_has_definition_needs_range_options_and_source(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    one = entry(name)
    assert main(["explain", name]) == 0
    page = capsys.readouterr().out
    assert page.startswith(f"{name}\n\n{one.definition}\n\n") and f"source: {one.source}\n" in page
    assert f"needs: {', '.join(one.needs)}\n" in page
    assert all(f"{option}=" in page for option in one.options)
    assert one.definition and one.source and one.direction


@pytest.mark.parametrize("name", [one.name for one in statistics()])
def test_a_page_says_the_formula_of_the_module(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    one = entry(name)
    main(["explain", name])
    assert one.formula and f"\nFormula\n{one.formula}\n" in capsys.readouterr().out


@pytest.mark.parametrize("name", [one.name for one in statistics()])
def test_a_page_says_the_null_and_when_there_is_no_value(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    one = entry(name)
    main(["explain", name])
    assert f"\nnull: {one.null}\nfails: {one.fails}\n" in capsys.readouterr().out


def test_json_is_one_strict_document(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "two_nn", "-j"]) == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert found["name"] == "two_nn" and found["needs"] == ["neighbors"] and found["range"] == [0, None]
    assert found["options"] == {"fit": "linear", "fraction": 0.1}
    assert all(found[field] for field in ("definition", "formula", "null", "fails", "source"))
    assert main(["explain", "--json"]) == 0
    assert [one["name"] for one in json.loads(capsys.readouterr().out)] == [one.name for one in statistics()]


def test_an_unknown_name_is_a_usage_error_with_a_suggestion(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "two_n"]) == 2
    said = capsys.readouterr()
    assert said.out == "" and "did you mean 'two_nn'?" in said.err
