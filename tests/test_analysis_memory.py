"""What a run may hold: which sets stay in their files, what engines are left, what the system can give."""

import platform
import resource
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from geometry.analysis import memory
from geometry.analysis.asked import Options
from geometry.analysis.memory import LEAST, PASSES, PROCESS, Size, largest_in_memory
from geometry.analysis.plan import plan, stream_beyond
from geometry.errors import OutOfMemoryError
from geometry.pairs import executor
from geometry.pairs.plan import block_rows
from geometry.pairs.stored import stored_array
from geometry.types import EmbeddingSet

MIB = 1 << 20
LARGE = Size(100_000, 50 * MIB)


@pytest.mark.parametrize(
    ("sizes", "budget", "most"),
    [
        ([LARGE], 200 * MIB, None),  # 50 MiB and a table of 10 columns, 19 MiB
        ([LARGE], 138 * MIB, 0),
        ([LARGE, LARGE], 200 * MIB, 0),  # equal sets go together
        ([LARGE, Size(90_000, 40 * MIB)], 200 * MIB, 40 * MIB),  # the smaller one still fits
        ([LARGE, Size(9_000, 40 * MIB)], 20 * MIB, 40 * MIB),  # all rows would be looked at anyway
        ([LARGE, Size(100_000, 50 * MIB, "layer 2")], 200 * MIB, None),  # one layer after another
        ([], 1, None),
    ],
)
def test_largest_in_memory(sizes: list[Size], budget: int, most: int | None) -> None:
    assert largest_in_memory(sizes, budget, 10) == most


def test_a_larger_sample_comes_into_memory_whole() -> None:
    assert largest_in_memory([LARGE], 20 * MIB, 10, 100_000) == LARGE.bytes


def test_engines_get_what_is_left() -> None:
    assert memory.scratch(None, 5) is None
    assert memory.scratch(PROCESS + 100 * MIB, 30 * MIB) == 70 * MIB
    assert memory.scratch(MIB, 30 * MIB) == LEAST
    assert memory.block_bytes(None) == memory.block_bytes(1 << 40) == 128 * MIB
    assert memory.block_bytes(20 * MIB) == 5 * MIB
    assert memory.block_bytes(MIB) == MIB
    assert memory.shortage(None, 1 << 40) == memory.shortage(PROCESS + LEAST + 5, 5) == []
    assert "exceeded" in memory.shortage(PROCESS, 5)[0]


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library")
def test_freed_memory_is_given_back() -> None:
    pieces = [np.ones(2500) for _ in range(5000)]  # 95 MiB in pieces that lie between each other
    kept = pieces[::100]
    del pieces
    before = resident()
    memory.give_back()
    assert resident() < before - 60 * MIB
    assert len(kept) == 50


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def test_what_engines_are_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the host's memory what is left, of a device's own all that was allowed; blocks of files are taken off."""
    given: list[int | None] = []

    def engine(device: str, budget: int | None) -> Any:
        given.append(budget)
        return executor("cpu")

    monkeypatch.setattr("geometry.analysis.plan.executor", engine)
    rows = np.zeros((400, 3), np.float32)
    asked: dict[str, Any] = {
        "statistics": ("scale",),
        "k": 7,
        "sample": 100,
        "memory_budget": PROCESS + PASSES + 64 * MIB,
    }
    plan([rows], Options(**asked))
    plan([EmbeddingSet(stored_array(rows))], Options(**asked))  # type: ignore[arg-type]
    plan([rows], Options(**(asked | {"memory_budget": None})))
    taken, sampled = (n * (12 + 7 * 20) for n in (400, 100))
    room = 64 * MIB - sampled
    assert given == [PASSES + 64 * MIB - taken, room - room // 4, None]
    monkeypatch.setattr("geometry.analysis.plan.resolve_device", lambda device: "cuda")
    plan([rows], Options(**asked))
    assert given[-1] == PROCESS + PASSES + 64 * MIB


def test_too_little_for_one_row_of_pairs() -> None:
    with pytest.raises(OutOfMemoryError, match="--memory-budget by 60 bytes"):
        block_rows(100, 40)


def test_held() -> None:
    rows = np.zeros((40, 3), np.float32)
    sets = [EmbeddingSet(rows), EmbeddingSet(stored_array(rows)), EmbeddingSet(stored_array(rows[:10]))]  # type: ignore[arg-type]
    assert memory.held(sets, 10, 7) == (40 + 10 + 10) * (12 + 7 * 20) + PASSES
    assert memory.held(sets[:1], 10, 7) == 40 * (12 + 7 * 20)
    assert [memory.in_memory(one, 10) for one in sets] == [True, False, True]


def test_the_peak_is_that_of_this_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_read", lambda path: "VmRSS:\t 1 kB\nVmHWM:\t    2048 kB\n")
    assert memory.peak() == 2 * MIB
    monkeypatch.setattr(memory, "_read", lambda path: "")
    assert memory.peak() > 30 * MIB


def test_what_the_system_can_give(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    free = memory.available()
    assert 1 << 26 < free < 1 << 50
    for name, text in (("max", str(free // 2)), ("current", str(free // 4))):
        (tmp_path / name).write_text(f"{text}\n")
    monkeypatch.setattr(memory, "CGROUPS", ((str(tmp_path / "max"), str(tmp_path / "current")),))
    assert memory.available() == free // 2 - free // 4
    (tmp_path / "max").write_text("max\n")
    assert memory.available() > free // 2


@pytest.fixture
def files(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    for g, n in enumerate((400, 300)):
        np.savez(tmp_path / f"gen_{g}.npz", embeddings=rng.standard_normal((n, 4)), labels=np.arange(n))
    return tmp_path


def test_headers_tell_the_sizes(files: Path) -> None:
    sizes = memory.sizes_of([str(files)], None, None)
    assert sizes == [Size(400, 400 * 32), Size(300, 300 * 32)]
    assert memory.sizes_of([f"{files}/gen_1.npz:embeddings"], None, None) == [Size(300, 300 * 32)]
    by_glob = memory.sizes_of([str(files)], "emb*", None)
    assert [one.layer for one in by_glob] == ["embeddings"] * 2


def test_options_decide(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Any] = {"statistics": ("scale",), "k": 2, "sample": 50}
    sizes = [rows * (32 + 2 * 20) for rows in (400, 300)]
    assert stream_beyond([str(files)], Options(**asked, memory_budget=2 * sum(sizes))) is None
    assert stream_beyond([str(files)], Options(**asked, memory_budget=2 * sum(sizes) - 2)) == 300 * 32
    assert stream_beyond([str(files)], Options(**(asked | {"k": 3}), memory_budget=2 * sum(sizes))) == 300 * 32
    monkeypatch.setattr(memory, "available", lambda: 2 * sizes[1])
    assert stream_beyond([str(files)], Options(**asked)) == 300 * 32
    found = plan([str(files)], Options(**asked))
    assert [scan.n for scan in found.scans] == [50, 50]
    assert [scan.whole is not None for scan in found.scans] == [True, False]  # the other fits, and is sampled
    labels = found.scans[0].labels
    assert labels is not None
    assert np.array_equal(labels, np.asarray(found.scans[0].numbers))
