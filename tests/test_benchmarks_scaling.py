"""The model of ranks: parts follow from its figures, fits find what was put in, measured points stand as they are."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks.scaling import INFINITE, Job, Machine, assumed_gpu, draw, measured_machine, parts, rows_of

JOB = Job(1000, 10, 4)
MACHINE = Machine("test", (1e-6, 1e-4), (2e-6, 3e-4), 1e-3, 1e4, 2e4, INFINITE, 0.5, 4, "told")


def line(what: str, rows: int, seconds: float, ranks: int = 1) -> dict[str, Any]:
    shared = {"processor": "P", "date": "D", "commit": "C"}
    return {"what": what, "rows": rows, "d": 10, "k": 4, "ranks": ranks, "seconds": seconds, "threads": 1} | shared


@pytest.fixture
def lines() -> list[dict[str, Any]]:
    """Blocks of a machine with known figures, a merge, an exchange and two sets."""
    made = [line("own block", m, 1e-9 * m**2 + 2e-6 * m) for m in (100, 1000, 5000)]
    made += [line("two blocks", m, 3e-9 * m**2 + 4e-6 * m) for m in (100, 1000, 5000)]
    made += [line("merge", 200, 0.1), line("exchange", 1000, 2.0, 2)]
    made += [line("set", 1000, 7.5), line("set", 1000, 7.0), line("set", 1000, 3.0) | {"threads": 2}]
    return [*made, line("set", 1000, 8.0, 2), line("set", 999, 9.0)]


def test_one_rank_only_meets_itself() -> None:
    assert parts(MACHINE, JOB, 1) == {
        "deal": 0.0,
        "own": pytest.approx(1e-6 * 1000**2 + 1e-4 * 1000),
        "steps": 0.0,
        "home": 0.0,
        "merges": 0.0,
        "gather": 0.0,
    }


def test_parts_of_several_ranks() -> None:
    found = parts(MACHINE, JOB, 10)
    assert found["deal"] == pytest.approx(900 * 40 / 1e4)
    assert found["own"] == pytest.approx(1e-6 * 100**2 + 1e-4 * 100)
    assert found["steps"] == pytest.approx(4.5 * (100 * 40 / 1e4 + 0.5))  # the block passes longer than it is worked on
    assert found["home"] == pytest.approx(5 * 100 * (16 * 4 + 9) / 2e4)
    assert found["merges"] == pytest.approx((4 + 4 / 5 + 4 / 6 + 4 / 7 + 4 / 8 + 4 / 9) * 100 * 1e-3)
    assert found["gather"] == pytest.approx(900 * 65 / 2e4)


def test_a_slow_block_hides_its_passing() -> None:
    quick = Machine("test", (1e-6, 0.0), (1e-3, 0.0), 0.0, 1e4, 1e9, 1e5, 0.0, 4, "told")
    assert parts(quick, JOB, 10)["steps"] == pytest.approx(4.5 * (1e-3 * 100**2 + 2 * 100 * 40 / 1e5))


def test_blocks_are_fitted_and_measured_sets_stand_beside_the_model(lines: list[dict[str, Any]]) -> None:
    machine = measured_machine(lines)
    assert machine.own == pytest.approx((1e-9, 2e-6)) and machine.cross == pytest.approx((3e-9, 4e-6))
    assert machine.merge == pytest.approx(0.1 / 200) and machine.link == pytest.approx(1000 * 40 / 2.0)
    rows = rows_of(machine, JOB, lines)
    assert [(row["ranks"], row["seconds"]) for row in rows if row["kind"] == "measured"] == [(1, 7.0), (2, 8.0)]
    modelled = [row for row in rows if row["kind"] == "modelled"]
    assert modelled[0]["ranks"] == 1 and modelled[-1]["ranks"] == 1000
    assert all(row["told"] == machine.told and "assumed" in row["told"] for row in modelled)


def test_assumed_figures_are_named_and_drawn(lines: list[dict[str, Any]]) -> None:
    gpu = assumed_gpu(JOB, 1e-6)
    assert gpu.told.startswith("all assumed")
    figure = draw([rows_of(measured_machine(lines), JOB, lines), rows_of(gpu, JOB, lines)])
    said = ["".join(text.get_text().replace("\n", " ") for text in ax.texts) for ax in figure.axes]
    assert "assumed: a core for every rank" in said[0] and said[1] == gpu.told
    assert [len(ax.get_lines()) for ax in figure.axes] == [3, 2]  # the model, its ideal, and measured points
