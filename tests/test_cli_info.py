"""The info command: devices, engines, kernels, cache, proofs, versions, and the schema as it stands in the file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from cuda_on_cpu.harness_device import HarnessDevice

import geometry.schema
from geometry import __version__
from geometry.cli import main
from geometry.errors import UsageError
from geometry.pairs import executor, plan
from geometry.pairs.cpu.units import available
from geometry.pairs.cuda import builder, cache, cupy_device, nvrtc
from geometry.pairs.cuda.proof import Proof, disqualify

SOURCE = builder.kernel_folder() / "column_sums.cu"


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path))
    return tmp_path


def told(capsys: pytest.CaptureFixture[str]) -> dict[str, dict[str, Any]]:
    assert main(["info", "--json"]) == 0
    found: dict[str, dict[str, Any]] = json.loads(capsys.readouterr().out)
    return found


def test_the_schema_is_the_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", "--schema"]) == 0
    file = Path(geometry.schema.__file__).with_name("run-1.json")
    assert capsys.readouterr().out == file.read_text("utf-8")


def test_json_and_text_say_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    found = told(capsys)
    assert list(found) == ["devices", "engines", "scans", "kernels", "cache", "proofs", "versions"]
    assert found["versions"]["torch"] == torch.__version__
    assert found["versions"]["embedding-geometry"] in (__version__, "not installed")
    assert main(["info"]) == 0
    text = capsys.readouterr().out
    for heading, values in found.items():
        assert f"{heading}\n" in text
        assert all(f"  {key}: {value}\n" in text for key, value in values.items())


def test_devices_or_why_there_are_none(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cupy_device, "devices", lambda: ["H200", "H100"])
    monkeypatch.setattr(cupy_device, "open_device", lambda number: HarnessDevice(arch=("sm_90a", "sm_89")[number]))
    found = told(capsys)["devices"]
    assert found.pop("cpu").startswith(f"{torch.get_num_threads()} threads; tile products by {available()[0]}")
    assert found == {"cuda:0": "H200", "cuda:1": "H100"}

    def none() -> list[str]:
        raise UsageError("no driver here")

    monkeypatch.setattr(cupy_device, "devices", none)
    assert told(capsys)["devices"]["cuda"] == "none for the kernels: no driver here"


def test_what_auto_runs_and_why(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert told(capsys)["engines"]["auto"] == f"{executor('auto').name}: the CUDA kernels have run on no GPU yet"
    monkeypatch.setattr(plan, "PROVEN_ON_GPU", True)
    monkeypatch.setattr(plan, "resolve_device", lambda device: "cuda")
    assert told(capsys)["engines"]["auto"].startswith("cuda: ")


def test_which_scan_runs_where_and_why(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    found = told(capsys)["scans"]
    assert found["on sm_90a"].startswith("wgmma (pair_scan_warpgroup.cu), which has its instructions, then mma.sync;")
    assert found["elsewhere from sm_80"].startswith("mma.sync (pair_scan.cu);")
    monkeypatch.setattr(cupy_device, "devices", lambda: ["H200", "L4"])
    monkeypatch.setattr(cupy_device, "open_device", lambda number: HarnessDevice(arch=("sm_90a", "sm_89")[number]))
    disqualify(HarnessDevice(arch="sm_90a"), "wgmma", "a distance is off")
    found = told(capsys)["scans"]
    assert found["cuda:0"] == "sm_90a: wgmma failed: in use: a distance is off, mma.sync not asked yet"
    assert found["cuda:1"] == "sm_89: mma.sync not asked yet"

    def none() -> list[str]:
        raise UsageError("no driver here")

    monkeypatch.setattr(cupy_device, "devices", none)
    assert told(capsys)["scans"]["cuda"] == "none runs here: no driver here"


def test_every_source_with_the_digest_of_what_it_compiles_to(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = told(capsys)["kernels"]
    assert found.pop("compiler") == f"NVRTC {nvrtc.version()}"
    assert set(found) == {path.name for path in builder.kernel_files() if path.suffix == ".cu"}
    assert found["rescore.cu"] == builder.cache_key(builder.kernel_folder() / "rescore.cu", "")[:12]

    def none() -> str:
        raise nvrtc.CompileError("libnvrtc is not here")

    monkeypatch.setattr(nvrtc, "version", none)
    assert told(capsys)["kernels"]["compiler"] == "none: libnvrtc is not here"


def test_the_cache_and_what_it_holds(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    assert told(capsys)["cache"] == {"folder": str(folder), "bytes": 0, "compiled": "nothing"}
    builder.compile_kernel(SOURCE, "sm_80")
    found = told(capsys)["cache"]
    assert found["compiled for sm_80"] == "column_sums"
    assert found["bytes"] == sum(path.stat().st_size for path in folder.iterdir())


def test_proofs_by_device(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert list(told(capsys)["proofs"]) == ["none"]
    kept = [
        Proof("ab" * 32, "H200", "sm_90a", "wgmma", ()),
        Proof("cd" * 32, "H100", "sm_90a", "mma.sync", ("all equal: wrong", "more")),
    ]
    monkeypatch.setattr("geometry.pairs.cuda.proof.all_remembered", lambda: kept)
    assert told(capsys)["proofs"] == {
        f"H200, sm_90a, wgmma, kernels {'ab' * 6}": "passed",
        f"H100, sm_90a, mma.sync, kernels {'cd' * 6}": "failed: all equal: wrong",
    }
