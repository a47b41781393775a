"""Compiled code: loaded late, kept on disk, made in time; AMX assembled here even where it cannot run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from cpu_units import emulated, values_of

from geometry.pairs.cpu import compiled
from geometry.pairs.cpu.amx import COLUMNS, SIDE, tile_product
from geometry.pairs.cpu.rows import Frame, pack
from geometry.pairs.cpu.units import available

ROOT = Path(__file__).resolve().parent.parent
FIRST_CALL = """
import time, numpy as np
from geometry.pairs import neighbors
points = np.random.default_rng(0).standard_normal((500, 64)).astype(np.float32)
start = time.process_time()
neighbors(points, 5)
print(time.process_time() - start)
"""
ASSEMBLY = """
from numba import types
from geometry.pairs.cpu import amx
words, scratch = types.Array(types.uint32, 2, "C"), types.Array(types.uint8, 1, "C")
panels, out = types.Array(types.uint32, 3, "C"), types.Array(types.float32, 3, "C")
for tile in (amx.fp16_tile, amx.bf16_tile):
    tile.compile((words, panels, out, scratch))
    print(tile.inspect_asm((words, panels, out, scratch)))
"""


def run(code: str, **environment: str) -> str:
    env = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", **environment}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    return done.stdout


def test_numba_is_not_loaded_by_the_package_or_its_help() -> None:
    for code in ("import geometry", "import geometry.pairs", "import geometry.cli"):
        assert run(f"{code}\nimport sys; print('numba' in sys.modules)").strip() == "False"


def test_the_first_call_ever_compiles_in_time_and_the_next_process_does_not(tmp_path: Path) -> None:
    first, second = (float(run(FIRST_CALL, NUMBA_CACHE_DIR=str(tmp_path))) for _ in range(2))
    assert first < 10
    assert second < first / 2
    assert list(tmp_path.rglob("*.nbc"))


def test_a_folder_that_cannot_be_written_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(blocked))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    compiled.cache_folder.cache_clear()
    try:
        folder = compiled.cache_folder()
        assert folder is not None
        assert folder.parent.parent == tmp_path / "cache"
    finally:
        compiled.cache_folder.cache_clear()


def test_the_folder_is_named_by_the_sources(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    before = compiled._digest()
    (tmp_path / "one.py").write_text("changed")
    monkeypatch.setattr(compiled, "__file__", str(tmp_path / "compiled.py"))
    assert compiled._digest() != before


def test_amx_products_assemble_to_tile_instructions(tmp_path: Path) -> None:
    features = "+amx-tile,+amx-fp16,+amx-bf16,+avx512f,+avx512bw,+avx512dq,+avx512vl,+avx2,+fma"
    fresh = {"NUMBA_CACHE_DIR": str(tmp_path)}  # code that comes from the cache has no assembly to show
    assembly = run(ASSEMBLY, NUMBA_CPU_NAME="graniterapids", NUMBA_CPU_FEATURES=features, **fresh)
    for instruction, times in (
        ("tdpfp16ps", 4),
        ("tdpbf16ps", 4),
        ("tileloadd", 8),
        ("tilestored", 8),
        ("ldtilecfg", 2),
    ):
        assert assembly.count(f"\t{instruction}\t") >= times, instruction


@pytest.mark.parametrize("kind", ["fp16", "bf16"])
def test_emulated_tiles_multiply_the_packed_rows(kind: str) -> None:
    rng = np.random.default_rng(0)
    points = rng.standard_normal((70, 45))
    packed = pack(points, np.arange(70), Frame(np.zeros(45), 1.0), (kind, COLUMNS, SIDE), 1)
    rounded = values_of(packed.words, kind)
    assert np.abs(rounded[:70, :45] - points).max() < 2.0 ** (-8 if kind == "bf16" else -11) * 4
    out = np.full((len(packed.panels), len(packed.words), COLUMNS), np.nan, np.float32)
    emulated(kind)(packed.words, packed.panels, out)
    products = out.transpose(1, 0, 2).reshape(len(packed.words), -1)
    np.testing.assert_allclose(products, rounded.astype(np.float64) @ rounded.T, atol=1e-4)


@pytest.mark.parametrize("kind", ["fp16", "bf16"])
def test_real_tiles_equal_emulated_ones(kind: str) -> None:
    if f"amx-{kind}" not in available():
        pytest.skip(f"this processor has no amx-{kind}")
    packed = pack(
        np.random.default_rng(0).standard_normal((70, 600)),
        np.arange(70), Frame(np.zeros(600), 1.0), (kind, COLUMNS, SIDE), 1,
    )  # fmt: skip
    real, wanted = (np.full((len(packed.panels), len(packed.words), COLUMNS), np.nan, np.float32) for _ in range(2))
    tile_product(kind)(packed.words, packed.panels, real)
    emulated(kind)(packed.words, packed.panels, wanted)
    np.testing.assert_allclose(real, wanted, atol=1e-3)
