"""Every case of `parity_cases` on every engine: units of the CPU, torch tiles, both scans of the executed kernels."""

from __future__ import annotations

import pytest
from cpu_units import sequences
from cuda_on_cpu import SCHEDULES
from cuda_on_cpu.harness_device import HarnessDevice
from parity_cases import CASES, assert_parity

from geometry.pairs.cpu import units
from geometry.pairs.cpu.executor import CpuExecutor
from geometry.pairs.cuda.engine import CudaExecutor
from geometry.pairs.cuda.scans import MMA, WGMMA, Scan
from geometry.pairs.torch_engine import TorchExecutor

WAYS = sequences()
REAL = [name for name in WAYS if "emulated" not in name]
EMULATED = [name for name in WAYS if "emulated" in name]
COSTLY = {"n 63, d 768", "d 5000", "n 1000, d 3"}  # emulated tiles and fibers take seconds over them
QUICK = [name for name in CASES if name not in COSTLY]


@pytest.fixture
def engine_of(monkeypatch: pytest.MonkeyPatch) -> object:
    """The CPU engine with given units in place of the processor's."""

    def made(way: str) -> CpuExecutor:
        monkeypatch.setattr(units, "units_in_turn", lambda _: WAYS[way])
        return CpuExecutor()

    return made


@pytest.mark.parametrize("case", CASES)
def test_units_of_this_processor_and_torch_tiles(case: str, engine_of: object) -> None:
    for way in REAL:
        assert_parity(engine_of(way), CASES[case]())
    assert_parity(TorchExecutor(), CASES[case]())


@pytest.mark.parametrize("way", EMULATED)
def test_emulated_units(way: str, engine_of: object) -> None:
    for case in QUICK:
        assert_parity(engine_of(way), CASES[case]())


@pytest.mark.long
@pytest.mark.parametrize("way", EMULATED)
@pytest.mark.parametrize("case", sorted(COSTLY))
def test_emulated_units_on_wide_and_many_rows(case: str, way: str, engine_of: object) -> None:
    assert_parity(engine_of(way), CASES[case]())


def kernels(scan: Scan, turn: int) -> CudaExecutor:
    """One of four schedules with one of four ways in which products round."""
    return CudaExecutor(HarnessDevice(SCHEDULES[turn], turn), 1 << 28, scan)


@pytest.mark.parametrize("scan", [MMA, WGMMA], ids=lambda scan: scan.name)
@pytest.mark.parametrize("case", CASES)
def test_executed_kernels(case: str, scan: Scan) -> None:
    turn = (list(CASES).index(case) + (scan is WGMMA)) % 4
    assert_parity(kernels(scan, turn), CASES[case]())


@pytest.mark.long
@pytest.mark.parametrize("turn", range(4))
@pytest.mark.parametrize("scan", [MMA, WGMMA], ids=lambda scan: scan.name)
@pytest.mark.parametrize("case", CASES)
def test_executed_kernels_under_every_schedule_and_rounding(case: str, scan: Scan, turn: int) -> None:
    assert_parity(kernels(scan, turn), CASES[case]())
