"""Runs over sets that stay in their files: what is exact is that of memory, what is sampled says so, digits stand."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from geometry.analysis import analyze, memory
from geometry.analysis.asked import Options
from geometry.analysis.ledger import Ledger
from geometry.analysis.merge import merge
from geometry.analysis.plan import plan
from geometry.analysis.shards import Shard, run_shard
from geometry.catalog import compute
from geometry.cli import main
from geometry.errors import UsageError
from geometry.pairs.stored import Stored, stored_array
from geometry.types import Array, EmbeddingSet

N, D, SAMPLE = 1500, 6, 96  # below a hundred rows no gauge takes its time
SMALL = 64 << 10  # bytes, of which a set would take more than half
MOMENTS = ("effective_rank", "cone", "scale", "frechet", "spectrum_shift")
NAMES = (*MOMENTS, "mle", "two_nn", "duplicates", "angle_dimension", "prdc")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two generations, the second narrower in half of its directions, with a few copies."""
    place, rng = tmp_path_factory.mktemp("streamed"), np.random.default_rng(0)
    for g in range(2):
        rows = rng.standard_normal((N, D)).astype(np.float32)
        rows[:, : D // 2] *= 1 - 0.5 * g
        rows[5:9] = rows[4]
        np.save(place / f"gen_{g}.npy", rows)
    return place


def run(folder: Path, **options: Any) -> Any:
    asked = {"statistics": NAMES, "sample": SAMPLE, "memory_budget": SMALL, "k": 8} | options
    return analyze(str(folder), **asked)


@pytest.fixture(scope="module")
def streamed(folder: Path) -> Any:
    return run(folder)


def rows_of(analysis: Any, name: str) -> list[dict[str, Any]]:
    return [row for row in analysis.results if row["name"] == name]


def test_statistics_of_moments_are_those_of_all_rows(streamed: Any, folder: Path) -> None:
    sets = [np.load(folder / f"gen_{g}.npy") for g in range(2)]
    assert {(row["n"], row["exact"]) for name in MOMENTS for row in rows_of(streamed, name)} == {(N, True)}
    for name in ("effective_rank", "cone"):
        for g in range(2):
            found = compute(name, sets[g])
            known = found.values() if isinstance(found, dict) else [found]
            rows = [row for row in rows_of(streamed, name) if row["position"] == g]
            assert [row["value"] for row in rows] == pytest.approx([one.value for one in known], rel=1e-13)
    assert rows_of(streamed, "frechet")[0]["value"] == pytest.approx(float(compute("frechet", *sets[::-1])), rel=1e-12)  # type: ignore[arg-type]
    ratio = next(row for row in rows_of(streamed, "scale") if row["variant"] == "ratio")
    assert ratio["value"] == pytest.approx(sets[1].var(axis=0).sum() / sets[0].var(axis=0).sum(), rel=1e-5)
    assert rows_of(streamed, "cone")[-1]["null"] == pytest.approx(float(compute("cone", sets[0])), rel=1e-13)  # type: ignore[arg-type]


def test_sampled_rows_are_held_against_all(streamed: Any, folder: Path) -> None:
    points = np.load(folder / "gen_0.npy")
    for name, told in (("mle", "among"), ("two_nn", "among"), ("duplicates", "among"), ("angle_dimension", "of")):
        row = rows_of(streamed, name)[0]
        assert row["n"] in (SAMPLE, SAMPLE - 1, SAMPLE - 2, SAMPLE - 3)
        assert not row["exact"]
        assert row["method"].endswith(f"{SAMPLE} rows {told} {N} rows" if told == "among" else f"{SAMPLE} of {N} rows")
    alone = analyze([points], statistics=("mle",)).results[0]
    row = rows_of(streamed, "mle")[0]
    assert row["low"] < alone["value"] < row["high"]
    assert rows_of(streamed, "prdc")[0]["method"].endswith(f"{SAMPLE} of {N} rows")


def test_the_run_says_what_it_looked_at(streamed: Any) -> None:
    told = streamed.record.run
    assert told["exactness"]["streamed"] == [{"rows": N, "sampled": SAMPLE}] * 2
    assert [one["n"] for one in told["inputs"]] == [N, N]
    assert [one["n_used"] for one in told["inputs"]] == [SAMPLE, SAMPLE]
    assert any("1500 rows stay in their files" in warning for warning in told["warnings"])
    assert any("is less, and is exceeded" in warning for warning in told["warnings"])
    assert [one["state"] for one in streamed.verdict["generations"]] == ["undetermined"] * 2
    numbers = streamed.record.arrays["point.row.0"]
    assert len(numbers) == SAMPLE
    assert numbers.max() > SAMPLE


def test_few_rows_are_never_sampled(folder: Path) -> None:
    """At most as many rows as would be sampled come into memory under any budget, and change no digit."""
    few = [EmbeddingSet(stored_array(np.load(folder / f"gen_{g}.npy")[:SAMPLE])) for g in range(2)]  # type: ignore[arg-type]
    found, known = (
        analyze(few, statistics=("mle", "scale"), sample=SAMPLE, memory_budget=budget) for budget in (SMALL, 1 << 30)
    )
    assert found.results == known.results
    assert found.record.run["exactness"]["streamed"] == [None, None]
    assert not any("files" in warning for warning in known.record.run["warnings"])


def test_budgets_and_threads_change_no_digit(streamed: Any, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(memory, "BLOCKS", (2000, 2000))
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(3)
        assert run(folder, memory_budget=20 << 10).results == streamed.results
    finally:
        torch.set_num_threads(before)


def test_without_a_budget_what_is_free_decides_and_is_recorded(
    streamed: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "available", lambda: SMALL)
    found = run(folder, memory_budget=None)
    assert found.results == streamed.results
    assert found.record.run["arguments"]["memory_budget"] == SMALL


def test_two_sets_beside_each_other(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paths = [str(folder / f"gen_{g}.npy") for g in range(2)]
    words = ["--statistics", "frechet,prdc", "--sample", str(SAMPLE), "--memory-budget", "64K", "-k", "8", "-j", "-q"]
    assert main(["compare", *paths, *words]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["exactness"]["streamed"] == [{"rows": N, "sampled": SAMPLE}] * 2
    assert [(row["name"], row["n"]) for row in told["results"]][:2] == [("frechet", N), ("prdc", SAMPLE)]


def test_a_streamed_run_goes_on_and_knows_another(
    streamed: Any, folder: Path, tmp_path: Path, monkeypatch: Any
) -> None:
    from geometry import report
    from geometry.analysis import rows

    made: list[str] = []
    plain = rows._outcomes

    def some(*asked: Any) -> Any:
        if len(made) == 4:
            raise KeyboardInterrupt
        made.append(asked[2].name)
        return plain(*asked)

    monkeypatch.setattr(rows, "_outcomes", some)
    with pytest.raises(KeyboardInterrupt):
        run(folder, out=tmp_path)
    monkeypatch.setattr(rows, "_outcomes", plain)
    monkeypatch.setattr(report, "write", lambda *asked, **options: None)
    with pytest.raises(UsageError, match="sets in files was"):
        run(folder, out=tmp_path, memory_budget=1 << 30, overwrite=False)
    run(folder, out=tmp_path, overwrite=False)
    lines = (tmp_path / "results.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == json.loads(json.dumps(streamed.results))


def test_neighbours_among_all_rows_are_kept_on_the_way(folder: Path, tmp_path: Path) -> None:
    from geometry.analysis.document import versions
    from geometry.analysis.strips import Strips

    made = plan(str(folder), Options(sample=SAMPLE, memory_budget=SMALL, statistics=("mle",)))
    Ledger(tmp_path).of(made, versions())
    scan = made.scans[0]
    assert scan.whole is not None
    assert isinstance(scan.whole.stored, Stored)
    table = scan.whole.neighbors.neighbors(20)
    assert not list(tmp_path.glob("among*"))  # far too little to be worth it
    strips = Strips(scan.executor.engine, tmp_path, tile=SAMPLE * 500)  # type: ignore[attr-defined]
    asked = (scan.points, scan.numbers, 20)
    from geometry.pairs.streamed import Queries

    found = strips.stored_neighbors(Queries(*asked), scan.whole.stored, 4096)  # type: ignore[arg-type]
    (path,) = tmp_path.glob("among*")
    assert found.index.tobytes() == table.index.tobytes()
    kept = np.load(path)
    assert 500 <= int(kept["done"]) < N + 1
    read: list[Array] = []

    class Watched:
        def neighbors(self, queries: Array, base: Array, k: int, *, exclude_self: bool) -> Any:
            read.append(base)
            return scan.executor.neighbors(queries, base, k, exclude_self=exclude_self)

    again = Strips(Watched(), tmp_path, tile=SAMPLE * 500).stored_neighbors(Queries(*asked), scan.whole.stored, 4096)  # type: ignore[arg-type]
    assert sum(len(base) for base in read) == N - int(kept["done"])
    assert again.index.tobytes() == table.index.tobytes()


def test_parts_of_a_streamed_run_are_joined(streamed: Any, folder: Path, tmp_path: Path) -> None:
    options = Options(statistics=NAMES, sample=SAMPLE, memory_budget=SMALL, k=8)
    for index in (1, 2):
        run_shard(str(folder), options, Shard(index, 2), tmp_path / str(index))
    whole = merge([tmp_path / "1", tmp_path / "2"])
    assert whole.results == json.loads(json.dumps(streamed.results))
    assert whole.run["exactness"]["streamed"] == [{"rows": N, "sampled": SAMPLE}] * 2


def test_rows_in_files_are_turned_as_they_are_read(folder: Path, tmp_path: Path) -> None:
    """A copy in another encoder's axes: told by its residual, and the same as the first in what a rotation moves."""
    points = np.load(folder / "gen_0.npy")
    turn = np.linalg.qr(np.random.default_rng(9).standard_normal((D, D)))[0]
    np.save(tmp_path / "gen_0.npy", points)
    np.save(tmp_path / "gen_1.npy", (points.astype(np.float64) @ turn).astype(np.float32))
    found = run(tmp_path, align="rows", statistics=("frechet", "prdc", "spectrum_shift"))
    plain = run(tmp_path, statistics=("frechet",))
    assert float(rows_of(plain, "frechet")[0]["value"]) > 1e-3
    assert float(rows_of(found, "frechet")[0]["value"]) < 1e-10
    assert rows_of(found, "prdc")[3]["value"] == 1.0
    assert any("leaves 0.000 of the variance" in warning for warning in found.record.run["warnings"])
    assert found.record.run["exactness"]["streamed"] == [{"rows": N, "sampled": SAMPLE}] * 2
