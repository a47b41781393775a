"""The runs beyond memory: data in blocks, what a row holds; and, at full size and long, the promises themselves."""

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks import scale
from benchmarks.scale import CASES, Scale, make, measured, moments_off, told
from geometry.catalog import compute
from geometry.pairs import Scan, executor
from geometry.pairs.stored import stored_array
from geometry.pairs.streamed import Whole
from geometry.types import Estimate

PEAK, ROUNDING = 1.1, 1e-12
SMALL = Scale(2500, 6, 2)


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(scale, "BLOCK", 1000)
    make(SMALL, tmp_path)
    return tmp_path


def test_data_are_made_in_blocks(small: Path) -> None:
    sets = [np.load(small / f"gen_{g}.npy") for g in range(2)]
    assert [(one.shape, one.dtype) for one in sets] == [((2500, 6), np.float32)] * 2
    assert sets[1].var(axis=0).sum() < 0.95 * sets[0].var(axis=0).sum()
    before = (small / "gen_0.npy").stat().st_mtime_ns
    make(SMALL, small)
    assert (small / "gen_0.npy").stat().st_mtime_ns == before


def test_moments_are_held_against_a_pass_of_their_own(small: Path) -> None:
    points = np.load(small / "gen_0.npy")
    rows = [compute(name, points) for name in ("scale", "participation_ratio")]
    told = [
        {"position": 0} | {key: getattr(row, key) for key in ("name", "variant", "value", "low", "high")}
        for row in rows
    ]
    (small / "out").mkdir()
    (small / "out" / "results.jsonl").write_text("".join(json.dumps(row) + "\n" for row in told))
    assert moments_off(SMALL, small, small / "out") < ROUNDING
    points[7] += 1e-3
    np.save(small / "gen_0.npy", points)
    assert moments_off(SMALL, small, small / "out") > ROUNDING


def test_what_is_told() -> None:
    row = {"case": "c", "parameters": {"generations": 2, "n": 1000, "d": 3, "budget": 1 << 30}, "seconds": 61.2}
    line = told(row | {"peak_bytes": 1 << 29, "moments": 1e-14, "states": ["rich", "rich"]})
    assert line == "c: 2 x 1,000 x 3: 61 s, peak 512 MiB of 1,024, moments off by 1.0e-14, rich, rich"


@pytest.mark.long
@pytest.mark.parametrize("name", CASES)
def test_peak_and_moments(name: str, tmp_path: Path) -> None:
    row = measured(name, CASES[name], tmp_path)
    sampled = None if name == "all-pairs" else {"rows": CASES[name].n, "sampled": 10_000}
    assert row["streamed"] == [sampled] * CASES[name].generations
    assert row["neighbors"] == "exact"
    assert row["peak_over_budget"] <= PEAK
    assert row["moments"] < ROUNDING


@pytest.mark.long
def test_intervals_of_sampled_rows_hold_the_value_of_all(tmp_path: Path) -> None:
    """20,000 rows whose table of all pairs is known, and eight samples of 2,000 rows looked up among all of them."""
    make(Scale(20_000, 24), tmp_path)
    points, engine = np.load(tmp_path / "gen_0.npy"), executor("cpu")
    whole, held = Scan(points, engine, k=100), []
    for seed in range(8):
        numbers = np.sort(np.random.default_rng(seed).choice(len(points), 2000, replace=False))
        sample = Scan(points[numbers], engine, seed=seed)
        sample.numbers = numbers
        among = Whole(stored_array(points), sample, 100, 1 << 19).neighbors
        for name in ("mle", "two_nn", "mom", "lid", "mada", "mind_ml"):
            truth, found = compute(name, whole), compute(name, among)
            assert isinstance(truth, Estimate)
            assert isinstance(found, Estimate)
            held.append((found.low or 0.0) <= (truth.value or 0.0) <= (found.high or 0.0))
    assert np.mean(held) >= 0.85  # of 48 intervals of 95 %
