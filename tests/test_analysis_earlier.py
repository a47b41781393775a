"""A run written over another: nothing of the earlier one is left, and nothing that somebody else put there goes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from geometry import EmbeddingSet, analyze
from geometry.analysis.earlier import clear_earlier


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_a_run_over_another_leaves_none_of_its_files_and_all_others(tmp_path: Path) -> None:
    """Fewer generations, statistics and formats than before."""
    rng, out = np.random.default_rng(0), tmp_path / "out"
    sets = [EmbeddingSet(rng.normal(size=(120, 4)) * (1 - 0.3 * g), g, f"g{g}") for g in range(3)]
    analyze(sets, statistics=("tail_survival", "scale"), out=out, formats=("svg", "png"))
    before = files(out)
    mine = ("arrays/mine.npy", "figures/mine.png", "notes.txt", "fingerprints/other.fingerprint", "x.npy")
    for name in mine:
        (out / name).write_text("mine")
    (out / "shard.json").write_text('{"arrays": {"card": {}, "../x": {}}, "index": 1}')
    np.save(out / "arrays" / "card.npy", np.zeros(1))
    for folder in (out, tmp_path / "fresh"):
        analyze(sets[:1], statistics=("scale",), out=folder)
    assert files(out) == sorted([*files(tmp_path / "fresh"), *mine])
    assert {"figures/map.svg", "arrays/rows.2.npy", "attribution/lost_tails.csv"} < set(before) - set(files(out))
    assert not (out / "attribution").exists()


@pytest.mark.parametrize("damaged", ["", "[]", '{"arrays": 3, "inputs": [3, {"layer": 1}]}', "[" * 100_000])
def test_a_damaged_document_of_an_earlier_run_stops_nobody(damaged: str, tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text(damaged)
    clear_earlier(tmp_path, {"arrays": {}, "inputs": []})
    assert (tmp_path / "run.json").read_text() == damaged
