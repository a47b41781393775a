"""The tables that a run leaves: those of `geometry.neighbors`, numbered as the set was read, in their own folder."""

from __future__ import annotations

from pathlib import Path

import clouds
import numpy as np

from geometry import analyze, neighbors
from geometry.schema import read_record

N = 120


def test_the_tables_are_those_of_the_pass_and_come_back_from_disk(tmp_path: Path) -> None:
    sets = [clouds.power_law(N, 6, seed=0), clouds.power_law(9, 6, seed=1)]
    analysis = analyze(sets, k=12, statistics="scale", out=tmp_path / "run")
    found = read_record(tmp_path / "run").arrays
    for g, k in enumerate((12, 8)):
        table = neighbors(sets[g], k)
        for key in ("index", "dist", "certified"):
            array = found[f"neighbors.{key}.{g}"]
            assert array.tobytes() == getattr(table, key).tobytes() and array.dtype == getattr(table, key).dtype
            assert (tmp_path / "run" / "neighbors" / f"{key}.{g}.npy").is_file()
        assert f"neighbors.rows.{g}" not in found
    assert analysis.record.run["arrays"]["neighbors.index.0"]["file"] == "neighbors/index.0.npy"


def test_a_sample_is_numbered_in_the_whole_set() -> None:
    points = clouds.power_law(N, 6)
    arrays = analyze([points], k=5, sample=50, statistics="scale").record.arrays
    rows, index, dist = (arrays[f"neighbors.{key}.0"] for key in ("rows", "index", "dist"))
    assert len(rows) == 50 and set(index.ravel()) <= set(rows.tolist())
    measured = np.linalg.norm(points[rows][:, None].astype(float) - points[index], axis=2)
    np.testing.assert_allclose(measured, dist, rtol=1e-6)


def test_one_row_has_no_table() -> None:
    arrays = analyze([clouds.power_law(N, 6), np.ones((1, 6))], k=5, statistics="scale").record.arrays
    assert "neighbors.index.0" in arrays and "neighbors.index.1" not in arrays


def test_sampled_rows_of_a_set_in_files_know_their_neighbours_among_all(tmp_path: Path) -> None:
    points = clouds.power_law(400, 6).astype(np.float32)
    np.save(tmp_path / "x.npy", points)
    asked = {"statistics": ("mle", "scale"), "k": 5, "sample": 60, "memory_budget": 16 << 10}
    found = analyze(str(tmp_path / "x.npy"), **asked).record
    assert found.run["exactness"]["streamed"] == [{"rows": 400, "sampled": 60}]
    rows, table = found.arrays["neighbors.rows.0"], neighbors(points, 5)
    assert len(rows) == 60 and found.arrays["neighbors.index.0"].tolist() == table.index[rows].tolist()
    assert found.arrays["neighbors.dist.0"].tobytes() == table.dist[rows].tobytes()
    alone = analyze(str(tmp_path / "x.npy"), **(asked | {"statistics": "scale"})).record.arrays
    assert set(alone["neighbors.index.0"].ravel()) <= set(alone["neighbors.rows.0"].tolist())
