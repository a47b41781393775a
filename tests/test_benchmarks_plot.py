"""Figures from rows: which panels, which rows in them, and files in two formats."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.peers import OURS, PEERS
from benchmarks.plot import VIEWS, color_of, dash_of, draw, main, panels_of
from benchmarks.rows import FIELDS

TIME, SHARE = VIEWS


def row(peer: str, n: int, d: int, seconds: float = 1.0, **changes: Any) -> dict[str, Any]:
    made = dict.fromkeys(FIELDS) | {
        "peer": peer, "parameters": {"n": n, "d": d, "k": 8, "kind": "mixture"}, "device": "cpu", "processor": "P",
        "threads": 2, "p20": 0.9 * seconds, "p50": seconds, "p80": 1.2 * seconds, "share_of_peak": 0.5,
    }  # fmt: skip
    return made | changes


ROWS = [row(peer, n, d, n * d / 1e4) for peer in (OURS, "faiss-cpu") for n in (2000, 1000, 10000) for d in (32, 64)]


def test_panels_hold_one_shape_ascending() -> None:
    panels = panels_of(ROWS, TIME)
    assert list(panels) == [("P, 2 threads", 32, 8, "mixture"), ("P, 2 threads", 64, 8, "mixture")]
    curve = panels["P, 2 threads", 32, 8, "mixture"][OURS]
    assert [one["parameters"]["n"] for one in curve] == [1000, 2000, 10000]
    assert [key[1] for key in panels_of(ROWS, SHARE)] == [1000, 2000, 10000]


def test_the_newest_row_counts_and_one_size_is_no_curve() -> None:
    panels = panels_of([*ROWS, row(OURS, 2000, 32, 77.0), row(OURS, 500, 7)], TIME)
    assert [one["p50"] for one in panels["P, 2 threads", 32, 8, "mixture"][OURS]][1] == 77.0
    assert ("P, 2 threads", 7, 8, "mixture") not in panels


def test_rows_without_a_share_are_left_out_and_gpus_stand_apart() -> None:
    bare = [row("KeOps", n, d, share_of_peak=None) for n in (1000, 2000) for d in (32, 64)]
    assert all("KeOps" not in curves for curves in panels_of(ROWS + bare, SHARE).values())
    gpu = [row(OURS, n, 32, device="cuda", gpu="H200") for n in (1000, 2000)]
    assert ("H200", 32, 8, "mixture") in panels_of(ROWS + gpu, TIME)


def test_a_figure_draws_every_peer_with_its_band() -> None:
    figure = draw(panels_of(ROWS, TIME), TIME)
    assert len(figure.axes) == 2
    for ax in figure.axes:
        assert {line.get_label() for line in ax.get_lines()} == {OURS, "faiss-cpu"}
        assert len(ax.collections) == 2 and ax.get_yscale() == "log"
        ours = next(line for line in ax.get_lines() if line.get_label() == OURS)
        assert list(ours.get_xdata()) == [1000, 2000, 10000]
    assert draw(panels_of(ROWS, SHARE), SHARE).axes[0].get_ylim()[0] == 0


def test_files_are_drawn_from_rows_on_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--results", str(tmp_path)]) == 0
    assert "not drawn" in capsys.readouterr().out and not list(tmp_path.iterdir())
    (tmp_path / "neighbors.jsonl").write_text("".join(json.dumps(one) + "\n" for one in ROWS))
    assert main(["--results", str(tmp_path)]) == 0
    names = {f"{view.name}.{kind}" for view in VIEWS for kind in ("png", "svg")}
    assert {path.name for path in tmp_path.iterdir()} == names | {"neighbors.jsonl"}
    assert (tmp_path / "neighbors-time.png").read_bytes()[:4] == b"\x89PNG"


def test_colours_are_one_per_peer() -> None:
    names = [peer.name for peer in PEERS["neighbors"]]
    assert len({(str(color_of(name)), str(dash_of(name))) for name in names}) == len(names)
    assert color_of("geometry, blas") == color_of(OURS) and dash_of(OURS) == dash_of("KeOps") == "-"
