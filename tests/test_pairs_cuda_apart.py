"""A proof in a child: what it tells, and what a crash, a kernel that never ends and a child that cannot begin are."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from cuda_on_cpu.harness_device import HarnessDevice

from geometry.errors import GeometryError, OutOfMemoryError
from geometry.pairs.cuda import apart, builder, cache, choice, proof
from geometry.pairs.cuda.cupy_device import CupyDevice
from geometry.pairs.cuda.nvrtc import CompileError

CHILDREN = {
    "passes": "print('a word before'); print({good!r}, flush=True); import os; os._exit(3)",
    "fails": "print({bad!r})",
    "crashes": "import os, sys; print('illegal address', file=sys.stderr); os.abort()",
    "hangs": "import time; time.sleep(60)",
    "cannot begin": "raise ImportError('no torch in this child')",
    "no memory": "print({full!r})",
    "no compiler": "print({compiler!r})",
}


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "kept"))
    builder.kernels_digest("sm_80")


@pytest.fixture
def child(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Makes the child a script of a few words, beside which `geometry` can be imported."""
    words = {
        "good": json.dumps({"failures": []}),
        "bad": json.dumps({"failures": ["gaussian: neighbors: 3 of 300 values wrong"]}),
        "full": apart.told_of(lambda: fail(OutOfMemoryError("device full"))),
        "compiler": apart.told_of(lambda: fail(CompileError("no nvrtc"))),
    }

    def install(name: str) -> None:
        script = tmp_path / "child.py"
        script.write_text(f"import geometry\n{CHILDREN[name].format(**words)}\n")
        program = tmp_path / "python"
        program.write_text(f"#!/bin/sh\nexec {sys.executable} {script}\n")
        program.chmod(0o755)
        monkeypatch.setattr(apart.sys, "executable", str(program))
        monkeypatch.chdir(tmp_path)
        monkeypatch.delenv("PYTHONPATH", raising=False)

    return install


def fail(error: Exception) -> Any:
    raise error


@pytest.mark.parametrize(
    ("name", "failures"),
    [
        ("passes", ()),
        ("fails", ("gaussian: neighbors: 3 of 300 values wrong",)),
        ("crashes", ("the proof ended with exit code -6: illegal address",)),
        ("hangs", ("the proof did not end within 2 s",)),
    ],
)
def test_what_a_child_tells_or_how_it_ends_is_the_outcome(child: Any, name: str, failures: tuple[str, ...]) -> None:
    child(name)
    found = apart.prove_apart(HarnessDevice(), 0, "mma.sync", 30.0 if name != "hangs" else 2.0)
    assert (found.failures, found.device, found.scan, found.passed) == (
        failures,
        "CPU harness",
        "mma.sync",
        not failures,
    )


@pytest.mark.parametrize(
    ("name", "error", "words"),
    [
        ("cannot begin", GeometryError, "could not begin: .*no torch in this child"),
        ("no memory", OutOfMemoryError, "device full"),
        ("no compiler", CompileError, "no nvrtc"),
    ],
)
def test_what_says_nothing_about_the_kernels_is_an_error_and_not_remembered(
    child: Any, name: str, error: type, words: str
) -> None:
    child(name)
    device = HarnessDevice()
    with pytest.raises(error, match=words):
        proof.proof_of(device, "mma.sync", fail, lambda: apart.prove_apart(device, 0, "mma.sync", 30.0))
    assert proof.remembered(device, "mma.sync") is None


def test_only_a_gpu_is_proven_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[Any, ...]] = []

    def proven(device: Any, number: int, scan: str) -> proof.Proof:
        asked.append((number, scan))
        return proof.outcome(device, scan, [])

    monkeypatch.setattr(choice, "prove_apart", proven)
    found = choice.kernel_engine(None, lambda: CupyDevice(2, "a GPU", "sm_90a", 227 << 10))
    assert asked == [(2, "wgmma")] and found.engine is not None
    assert choice.kernel_engine(None, lambda: CupyDevice(2, "a GPU", "sm_90a", 227 << 10)).engine is not None
    assert len(asked) == 1


def test_a_device_is_opened_once_and_a_missing_one_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[CupyDevice] = []

    def opening() -> CupyDevice:
        if not opened:
            opened.append(CupyDevice(0, "too early", "sm_90a", 0))
            raise GeometryError("no driver yet")
        opened.append(CupyDevice(0, "a GPU", "sm_90a", 227 << 10))
        return opened[-1]

    choice._first_device.cache_clear()
    monkeypatch.setattr(choice, "open_device", opening)
    try:
        assert choice.kernel_engine(None).why == "no driver yet"
        assert choice._first_device() is choice._first_device() is opened[1]
        assert len(opened) == 2
    finally:
        choice._first_device.cache_clear()


def test_without_a_gpu_the_child_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apart, "_here", lambda *_: fail(GeometryError("no device")))
    assert json.loads(apart.told_of(lambda: apart._here(0, "wgmma"))) == {
        "error": "GeometryError",
        "message": "no device",
    }
