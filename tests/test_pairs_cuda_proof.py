"""The proof of kernels on a device: what passes, what fails and is remembered, and what that means for the choice."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from cuda_on_cpu import mutated
from cuda_on_cpu.harness_device import HarnessDevice

from geometry import pairs
from geometry.analysis.asked import Options
from geometry.analysis.plan import plan as plan_of
from geometry.dimension import danco
from geometry.errors import OutOfMemoryError, UsageError
from geometry.pairs import local_halves, plan, subsample
from geometry.pairs.cpu.executor import CpuExecutor
from geometry.pairs.cuda import bound, builder, cache, checks, choice, proof
from geometry.pairs.cuda.engine import CudaExecutor
from geometry.pairs.cuda.scans import MMA, WGMMA
from geometry.pairs.cuda.scans import Scan as PairScan
from geometry.pairs.cuda.search import BoundViolated
from geometry.pairs.gathered import gathered
from geometry.pairs.local import local_reflections, local_spectra, local_sums, places_of
from geometry.pairs.scan import Scan
from geometry.pairs.torch_engine import TorchExecutor
from geometry.registry import entry

SCANS = pytest.mark.parametrize("scan", [MMA, WGMMA], ids=lambda scan: scan.name)
SOUND = {name: points for name, points in checks.adversarial_sets().items() if name in ("gaussian", "truncation")}


class Spoiled:
    """The torch engine with one answer of one reduction changed."""

    def __init__(self, reduction: str, spoil: Any):
        self.reduction, self.spoil, self.engine = reduction, spoil, TorchExecutor()

    def __getattr__(self, name: str) -> Any:
        sound = getattr(self.engine, name)
        return (lambda *a, **b: self.spoil(sound(*a, **b))) if name == self.reduction else sound


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path))
    return tmp_path


@pytest.fixture
def few_sets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proof, "adversarial_sets", lambda: {"gaussian": SOUND["gaussian"]})


def broken_sums() -> HarnessDevice:
    return HarnessDevice(texts=mutated(("double sum = 0.0", "float sum = 0.0"), "column_sums.cu"))


def test_sound_kernels_and_a_sound_engine_pass_every_set() -> None:
    found = proof.prove(HarnessDevice(), MMA.name, TorchExecutor())
    assert found.passed, found.failures
    assert (found.device, found.arch) == ("CPU harness", "sm_80")
    assert found.kernels == builder.kernels_digest("sm_80")


@pytest.mark.parametrize(("scan", "name"), [(MMA, "truncation"), (WGMMA, "truncation"), (WGMMA, "long rows")])
def test_the_engine_of_our_kernels_passes_where_products_are_truncated(scan: PairScan, name: str) -> None:
    device = HarnessDevice(matrix_mode=1)
    found = proof.prove(device, scan.name, CudaExecutor(device, scan=scan), {name: checks.adversarial_sets()[name]})
    assert found.passed, found.failures
    kernels = {kernel for kernel, *_ in device.launches}
    assert {"pair_scan_one", "pair_scan_two"} <= kernels if scan is MMA else "pair_scan_warpgroup_two" in kernels


@pytest.mark.long
@SCANS
@pytest.mark.parametrize("mode", [0, 1, 2, 3])
def test_the_engine_of_our_kernels_passes_every_set(scan: PairScan, mode: int) -> None:
    """Modes 2 and 3 move every product by its whole bound: sums of products move along, what is measured does not."""
    device = HarnessDevice(matrix_mode=mode)
    found = proof.prove(device, scan.name, CudaExecutor(device, scan=scan))
    assert [failure for failure in found.failures if mode < 2 or "pair sums" not in failure] == []


def test_the_sets_are_the_same_every_time_and_hold_what_they_say() -> None:
    sets, again = checks.adversarial_sets(), checks.adversarial_sets()
    assert all(np.array_equal(sets[name], again[name]) for name in sets)
    odd = {"many tiles": checks.WIDE, "long rows": checks.LONG}
    assert all(points.shape == odd.get(name, (checks.N, checks.D)) for name, points in sets.items())
    assert (sets["all equal"] == sets["all equal"][0]).all()
    assert len(np.unique(sets["duplicates"], axis=0)) < checks.N / 2
    assert np.abs(sets["one outlier"]).max(axis=1).argmax() == 7
    assert set(np.unique(np.abs(sets["truncation"]))) == {0.0, np.float32(2.0**-8 * (1 - 2.0**-11)), 16.0}


def first(array: Any, change: Any) -> Any:
    changed = array.copy()
    changed.flat[0] = change(changed.flat[0])
    return changed


SPOILED = {
    "neighbors: ": ("neighbors", "sq_dist", lambda value: value * (1 + 1e-9)),
    "neighbors: 1 of": ("neighbors", "sq_dist", lambda value: np.nan),
    "neighbors, by index: ": ("neighbors", "index", lambda value: (value + 1) % 200),
    "neighbors: an index out of range": ("neighbors", "index", lambda value: -1),
    "neighbors: 1 rows without certificate": ("neighbors", "certified", lambda value: False),
    "radius counts per query: 1 differ": ("radius_counts", "per_query", lambda value: value + 1),
    "radius counts per base row: 1 differ": ("radius_counts", "per_base", lambda value: value - 1),
    "pair sums, cos4: ": ("pair_sums", "cos4", lambda value: value + 1e-4),
    "pair sums, exp: ": ("pair_sums", "exp", lambda value: value + 2e-5 * (1 - value) + 1e-12),
    "mean: ": ("moments", "mean", lambda value: value + 1e-9),
    "covariance: ": ("moments", "covariance", lambda value: np.nan),
}


@pytest.mark.parametrize("what", SPOILED)
def test_one_wrong_value_of_an_engine_fails(what: str) -> None:
    reduction, field, change = SPOILED[what]
    engine: Any = Spoiled(
        reduction, lambda found: dataclasses.replace(found, **{field: first(getattr(found, field), change)})
    )
    failures = list(checks.wrong(HarnessDevice(), engine, SOUND["gaussian"]))
    assert any(line.startswith(what) for line in failures), failures


def test_a_failure_is_remembered_and_nothing_is_asked_again(few_sets: None, folder: Path) -> None:
    found = proof.proof_of(broken_sums(), MMA.name, lambda _: TorchExecutor())
    assert found.failures == ("gaussian: column means: digits differ",)
    (kept,) = folder.glob("proof-*.json")
    assert json.loads(kept.read_text())["failures"] == list(found.failures)
    assert proof.proof_of(broken_sums(), MMA.name, lambda _: pytest.fail("proven twice")) == found
    assert proof.all_remembered() == [found]


def test_another_device_driver_or_kernel_is_proven_anew(few_sets: None, monkeypatch: pytest.MonkeyPatch) -> None:
    assert proof.proof_of(HarnessDevice(), MMA.name, lambda _: TorchExecutor()).passed
    assert proof.remembered(HarnessDevice(name="CPU harness, driver 2"), MMA.name) is None
    assert proof.remembered(HarnessDevice(arch="sm_90"), MMA.name) is None
    assert proof.remembered(HarnessDevice(), WGMMA.name) is None
    monkeypatch.setattr(builder, "kernels_digest", lambda arch: "edited")
    assert proof.remembered(HarnessDevice(), MMA.name) is None


def test_a_spoiled_memory_is_no_memory(few_sets: None, folder: Path) -> None:
    proof.proof_of(HarnessDevice(), MMA.name, lambda _: TorchExecutor())
    (kept,) = folder.glob("proof-*.json")
    kept.write_text("{")
    assert proof.remembered(HarnessDevice(), MMA.name) is None and proof.all_remembered() == []
    kept.write_text('{"kernels": "a"}')
    assert proof.remembered(HarnessDevice(), MMA.name) is None


def test_an_exception_fails_but_want_of_memory_says_nothing(few_sets: None, folder: Path) -> None:
    def broken(error: Exception) -> Any:
        def raise_it(*_: Any, **__: Any) -> None:
            raise error

        engine: Any = type("Broken", (), {"neighbors": staticmethod(raise_it)})()
        return lambda _: engine

    with pytest.raises(OutOfMemoryError):
        proof.proof_of(HarnessDevice(), MMA.name, broken(OutOfMemoryError("full")))
    assert not list(folder.glob("proof-*.json"))
    found = proof.proof_of(HarnessDevice(), MMA.name, broken(RuntimeError("illegal address")))
    assert found.failures == ("gaussian: RuntimeError: illegal address",)


@pytest.fixture
def a_device(monkeypatch: pytest.MonkeyPatch, few_sets: None) -> dict[str, Any]:
    """A machine with one device, whose kernels can be changed; its engine is the torch engine under another name."""
    found: dict[str, Any] = {"device": HarnessDevice(), "budgets": []}

    def engine(device: Any, budget: int | None, scan: PairScan) -> Any:
        found["budgets"].append(budget)
        made = TorchExecutor()
        object.__setattr__(made, "kernels", device)
        return made

    monkeypatch.setattr(choice, "_first_device", lambda: found["device"])
    monkeypatch.setattr(choice, "_engine", engine)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    return found


def test_cuda_gets_proven_kernels_within_the_budget(a_device: dict[str, Any]) -> None:
    engine = pairs.executor("cuda", 1 << 20)
    assert (engine.kernels, engine.name) == (a_device["device"], "torch-cpu")
    assert len(engine.neighbors(SOUND["gaussian"], SOUND["gaussian"], 3, exclude_self=True).dist) == checks.N
    assert a_device["budgets"][-1] == 1 << 20
    assert choice.kernel_engine(None).why == "the scan by mma.sync is proven on CPU harness"


def test_cuda_falls_back_to_torch_tiles_with_a_warning_that_names_why(a_device: dict[str, Any]) -> None:
    a_device["device"] = broken_sums()
    with pytest.warns(
        RuntimeWarning, match=r"mma.sync failed its proof on CPU harness: gaussian: column means: digits differ"
    ):
        engine = pairs.executor("cuda", 1 << 20)
    assert engine == TorchExecutor("cuda", 1 << 20)
    (told,) = plan_of([SOUND["gaussian"]], Options(device="cuda")).warnings
    assert told.startswith("torch tiles in place of the CUDA kernels: ")


def test_neighborhoods_take_one_launch_up_to_128_neighbors(
    a_device: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    points = SOUND["gaussian"][:150]
    on_cpu, on_device = Scan(points, TorchExecutor()), Scan(points, pairs.executor("cuda"))
    a_device["device"].launches.clear()
    for made in (local_sums, local_reflections, local_spectra):
        ours, theirs = vars(made(on_device, 9)), vars(made(on_cpu, 9))
        assert all(ours[name] == pytest.approx(theirs[name], rel=1e-9, abs=1e-9) for name in theirs)
    assert [launch[0] for launch in a_device["device"].launches] == ["local_spectra_f32"]
    monkeypatch.setattr(choice, "_torch_device", lambda: "cpu")  # torch takes more than that, where it has the device
    by_torch = local_spectra(on_device, 129).eigenvalues
    monkeypatch.setattr(choice, "_torch_device", lambda: None)
    assert on_device.executor.neighborhoods(points, places_of(next(gathered(on_device, 129)))) is None
    assert by_torch == pytest.approx(local_spectra(on_cpu, 129).eigenvalues, abs=1e-12)
    assert len(a_device["device"].launches) == 1


def test_errors_and_danco_take_the_device_too(a_device: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Launches: ess and tle share all rows and share the halves; danco has its own k and halves of its own."""
    monkeypatch.setattr(danco, "nearest_ball", lambda shape, n, k, d: shape.dim + shape.tau)  # balls are NumPy's
    for module in (local_halves, danco, subsample):
        monkeypatch.setattr(module, "DRAWS", 3)
    points = SOUND["gaussian"][:40, :5]
    on_cpu, on_device = Scan(points, TorchExecutor()), Scan(points, pairs.executor("cuda"))
    launches = a_device["device"].launches
    launches.clear()
    for name, options, most in (("ess", {"k": 7}, 2), ("tle", {"k": 7}, 2), ("danco", {"k": 3}, 2 + 1 + 3)):
        ours, theirs = (entry(name).function(scan, **options) for scan in (on_device, on_cpu))
        assert ours.value == pytest.approx(theirs.value, rel=1e-9)
        assert ours.stderr == pytest.approx(theirs.stderr, rel=1e-6)
        assert len(launches) == most


def test_kernels_that_break_their_bound_in_use_lose_their_proof(
    a_device: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise BoundViolated("coarse and measured differ")

    engine = pairs.executor("cuda")
    monkeypatch.setattr(TorchExecutor, "neighbors", broken)
    with pytest.raises(BoundViolated, match="differ; this scan is not used on it again"):
        engine.neighbors(SOUND["gaussian"], SOUND["gaussian"], 3, exclude_self=True)
    with pytest.warns(RuntimeWarning, match="in use: coarse and measured differ"):
        assert pairs.executor("cuda").name == "torch-cuda"


BROKEN = {  # a file of each scan with one thing wrong in it
    WGMMA: ("pair_scan_warpgroup.cu", "at.rows(slot) + half_tile", "at.rows(slot)"),
    MMA: ("pair_scan.cu", "place.row_tile + diagonal) % tiles", "place.row_tile) % tiles"),
}


@pytest.fixture
def sm_90a(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A machine with one device of sm_90a, whose scans can be broken; a small set and the neighbours prove them."""
    points = SOUND["gaussian"][:140, :9]
    monkeypatch.setattr(proof, "adversarial_sets", lambda: {"gaussian": points})
    monkeypatch.setattr(
        proof, "wrong", lambda _, engine, rows: checks._wrong_neighbors(engine, rows, rows, exclude_self=True)
    )
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)

    def install(*broken: PairScan) -> HarnessDevice:
        texts = {}
        for file, before, after in map(BROKEN.__getitem__, broken):
            texts |= mutated((before, after), file)
        device = HarnessDevice(texts=texts, arch="sm_90a", name=f"harness with {len(broken)} broken scans")
        monkeypatch.setattr(choice, "_first_device", lambda: device)
        return device

    return install


def launched(device: HarnessDevice) -> set[str]:
    """Scans of one more search."""
    engine = pairs.executor("cuda")
    device.launches.clear()
    engine.neighbors(SOUND["gaussian"], SOUND["gaussian"], 3, exclude_self=True)
    return {kernel for kernel, *_ in device.launches if kernel.startswith("pair_scan")}


def test_a_device_of_sm_90a_runs_the_scan_by_warpgroups(sm_90a: Any) -> None:
    device = sm_90a()
    assert pairs.executor("cuda").name == "cuda-sm_90a-wgmma"
    assert launched(device) == {"pair_scan_warpgroup_one"}
    assert choice.known_of(device) == {"wgmma": "passed", "mma.sync": "not asked yet"}


def test_where_that_fails_its_proof_mma_sync_runs_with_a_warning(sm_90a: Any) -> None:
    device = sm_90a(WGMMA)
    with pytest.warns(
        RuntimeWarning, match="a slower scan in place of the best: the scan by wgmma failed its proof on"
    ):
        assert launched(device) == {"pair_scan_one"}
    assert choice.known_of(device)["wgmma"].startswith("failed: gaussian: ")
    assert choice.known_of(device)["mma.sync"] == "passed"


def test_where_both_fail_torch_tiles_run_with_a_warning_for_each(sm_90a: Any) -> None:
    device = sm_90a(WGMMA, MMA)
    with pytest.warns(RuntimeWarning) as told:
        assert pairs.executor("cuda").name == "torch-cuda"
    assert [str(one.message).split(": gaussian")[0] for one in told] == [
        f"a slower scan in place of the best: the scan by wgmma failed its proof on {device.name}",
        f"torch tiles in place of the CUDA kernels: the scan by mma.sync failed its proof on {device.name}",
    ]


def test_a_scan_that_breaks_its_bound_in_use_is_passed_over_alone(sm_90a: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    device, engine = sm_90a(), pairs.executor("cuda")
    rows = np.random.default_rng(3).permutation(np.arange(-128, 129)).astype(np.float32)[:, None]
    with monkeypatch.context() as patch:
        patch.setattr(bound, "UNIT", bound.UNIT / 2)
        device.matrix_mode = 2
        with pytest.raises(BoundViolated, match=r"wgmma.*this scan is not used on it again"):
            engine.neighbors(rows, rows, 5, exclude_self=True)
    with pytest.warns(RuntimeWarning, match=r"the scan by wgmma failed its proof on .*: in use: "):
        assert launched(device) == {"pair_scan_one"}


def test_auto_is_the_cpu_until_a_gpu_has_proven_the_code(
    a_device: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert plan.PROVEN_ON_GPU is False
    assert pairs.executor("auto") == CpuExecutor()
    assert pairs.executor("auto", 1 << 20) == CpuExecutor(1 << 20)
    assert a_device["budgets"] == []
    monkeypatch.setattr(plan, "PROVEN_ON_GPU", True)
    assert plan.resolve_device("auto") == "cuda"
    assert pairs.executor("auto").kernels is a_device["device"]
    a_device["device"] = broken_sums()
    a_device["device"].name = "second harness"
    assert plan.resolve_device("auto") == "cpu"


def test_without_a_device_auto_is_the_cpu_and_cuda_an_error_with_the_reasons(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_device() -> Any:
        raise UsageError("no driver here")

    monkeypatch.setattr(choice, "_first_device", no_device)
    monkeypatch.setattr(plan, "PROVEN_ON_GPU", True)
    assert plan.resolve_device("auto") == "cpu"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UsageError, match=r"no kernels \(no driver here\), and torch"):
        plan.resolve_device("cuda")
    with pytest.raises(UsageError, match="'gpu' is unknown"):
        plan.resolve_device("gpu")
