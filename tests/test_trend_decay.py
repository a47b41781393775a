"""Half-lives of a run: exact rates, rises, what has none, and that a run, its parts and its page hold them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import clouds
import numpy as np
import pytest

from geometry import analyze
from geometry.report.sections import half_lives as listed
from geometry.schema import read_record
from geometry.trend import half_lives


def rows(name: str, values: list[float | None], variant: str = "", layer: str = "") -> list[dict[str, Any]]:
    return [
        {"layer": layer, "name": name, "variant": variant, "generation": g, "value": value, "stderr": None}
        for g, value in enumerate(values)
    ]


def test_rates_are_those_of_the_series() -> None:
    noise = np.exp(0.01 * np.random.default_rng(0).normal(size=(2, 8)))
    falls, grows = 2 ** (-np.arange(8) / 4) * noise[0], 2 ** (np.arange(8) / 2) * noise[1]
    found = half_lives(rows("scale", [*falls], "ratio", "stem") + rows("frechet", [*grows]))
    assert [(one["layer"], one["name"], one["variant"], one["n"]) for one in found] == [
        ("stem", "scale", "ratio", 8),
        ("", "frechet", "", 8),
    ]
    assert [one["generations"] for one in found] == pytest.approx([4, -2], rel=0.05)
    assert all(one["low"] <= one["generations"] <= one["high"] for one in found)


@pytest.mark.parametrize(
    "values", [[4.0, 2.0], [4.0, 2.0, 0.0], [4.0, None, 1.0], [4.0, 3.9, 4.1, 4.0], [-4.0, -2.0, -1.0]]
)
def test_what_has_no_rate_is_left_out(values: list[float | None]) -> None:
    assert half_lives(rows("scale", values)) == []


def test_a_run_its_folder_and_its_page_tell_the_half_life(tmp_path: Path) -> None:
    shrinking = [0.8**g * one for g, one in enumerate(clouds.draws_of(clouds.gaussian, 4, 150, 6))]
    made = analyze(shrinking, statistics=["scale"], out=tmp_path).record
    found = {one["variant"]: one for one in made.run["half_lives"]}
    assert found["total variance"]["generations"] == pytest.approx(np.log(2) / -np.log(0.64), rel=0.1)
    back = read_record(tmp_path)
    assert back.run["half_lives"] == made.run["half_lives"]
    assert "halves" in listed(back) and "total variance" in (tmp_path / "report.html").read_text("utf-8")
    other = [made.run["half_lives"][0] | {"name": "prdc", "variant": "density"}]
    assert "recall" not in listed(replace(made, run=made.run | {"half_lives": other}))
    assert "half_lives" not in analyze(shrinking, statistics=["scale"], by="arm").record.run
    assert "Half-lives" not in listed(analyze(shrinking[:2], statistics=["scale"]).record)
