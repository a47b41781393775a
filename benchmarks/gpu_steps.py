"""What `benchmarks.gpu prove` asks, step by step: `python -m benchmarks.gpu_steps NAME` prints its answers as JSON.

Every step is a process of its own, since a kernel that fails may leave its context unusable, or never end. A line has
`what` was asked, `wrong` (nothing where it passed), and `told`: numbers worth knowing.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.machine import ROOT
from benchmarks.reductions import asked

Answer = dict[str, Any]
Steps = dict[str, Callable[[], Iterator[Answer]]]
NAMES = {"scikit-learn": "sklearn", "umap-learn": "umap"}  # distributions that are imported by another name
SQUARE, FORMATS = 8192, ("float16", "bfloat16", "float32")
SCANS = ("wgmma", "mma.sync")
HERE = "benchmarks.gpu_steps"


def answer(what: str, wrong: str = "", told: str = "") -> Answer:
    """One line."""
    return {"what": what, "wrong": wrong, "told": told}


def machine() -> Iterator[Answer]:
    """What is installed, which device there is, and that every kernel compiles for it."""
    from geometry.pairs.cuda import builder, nvrtc
    from geometry.pairs.cuda.cupy_device import open_device

    needed = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    names = [name.split(">=")[0] for name in needed]
    lacks = [name for name in names if find_spec(NAMES.get(name, name)) is None]
    yield answer("packages", f"not installed: {', '.join(lacks)}" if lacks else "", sys.version.split()[0])
    device = open_device()
    told = f"{device.name}, {device.arch}, {device.free_bytes >> 30} GiB free, a block {device.block_bytes >> 10} KiB"
    yield answer("device", told=told)
    yield answer("compiler", told=f"NVRTC {nvrtc.version()} at {nvrtc.toolkit().library}")
    yield from (_compiled(path, device.arch) for path in builder.kernel_files() if path.suffix == ".cu")


def _compiled(path: Path, arch: str) -> Answer:
    """Registers and what is spilled of them, which costs time alone."""
    from geometry.errors import GeometryError
    from geometry.pairs.cuda import builder

    try:
        used = builder.usage(path, arch)
    except GeometryError as error:
        return answer(f"compile {path.name}", str(error)[-300:])
    spills = ", ".join(f"{name} spills {one.spill_bytes} bytes" for name, one in used.items() if one.spill_bytes)
    registers = max(one.registers for one in used.values())
    return answer(
        f"compile {path.name}", told=f"{len(used)} kernels, at most {registers} registers{spills and '; '}{spills}"
    )


def harness() -> Iterator[Answer]:
    """Every kernel built for the CPU, side by side, so that the steps that follow find them."""
    from benchmarks.shadow import harness_of

    parts = harness_of()

    def built(source: str) -> Answer:
        try:
            parts.build(source, parts.expected[source].kernels)
        except RuntimeError as error:
            return answer(f"build {source}", str(error)[-300:])
        return answer(f"build {source}")

    with ThreadPoolExecutor() as pool:
        yield from pool.map(built, sorted(parts.expected))


def ceilings() -> Iterator[Answer]:
    """Products by number format and a copy, by torch: what the device can do."""
    import torch

    for name in FORMATS:
        a, b = (torch.randn(SQUARE, SQUARE, device="cuda").to(getattr(torch, name)) for _ in range(2))
        seconds = _seconds(partial(torch.mm, a, b))
        yield answer(f"product {name}", told=f"{2 * SQUARE**3 / seconds / 1e12:.0f} TFLOP/s")
    source = torch.zeros(4 << 30, dtype=torch.uint8, device="cuda")
    target = torch.empty_like(source)
    seconds = _seconds(partial(target.copy_, source))
    yield answer("copy", told=f"{2 * source.numel() / seconds / 1e9:.0f} GB/s read and written")


def _seconds(call: Callable[[], Any], repeats: int = 10) -> float:
    """Median between CUDA events."""
    import torch

    found = []
    for _ in range(repeats + 2):
        ends = [torch.cuda.Event(enable_timing=True) for _ in range(2)]  # type: ignore[no-untyped-call]
        ends[0].record()
        call()
        ends[1].record()
        torch.cuda.synchronize()
        found.append(ends[0].elapsed_time(ends[1]) / 1e3)
    return float(np.median(found[2:]))


def kernels(scan: str, what: str, shadow: Any = None) -> Iterator[Answer]:
    """Every kernel that one reduction launches, against the CPU's execution of the same source."""
    from benchmarks.shadow import Shadow
    from geometry.pairs.cuda.cupy_device import open_device
    from geometry.pairs.cuda.engine import CudaExecutor
    from geometry.pairs.cuda.scans import scans_of

    watched = shadow or Shadow(open_device())
    named = {one.name: one for one in scans_of(watched.arch)}
    if scan not in named:
        yield answer(f"{what} by {scan}", told=f"not for {watched.arch}")
        return
    failed = ""
    try:
        asked(scan)[what](CudaExecutor(watched, 1 << 28, named[scan]))
    except Exception as error:  # whatever a device raises is the answer
        failed = f"{type(error).__name__}: {error}"
    for kernel, number in watched.launches.items():
        yield answer(f"{kernel} ({what} by {scan})", watched.wrong.get(kernel, ""), f"{number} launches")
    if failed:
        yield answer(f"{what} by {scan}", failed)


def sets(scan: str) -> Iterator[Answer]:
    """The proof that the package asks for, set by set, and what is remembered of it."""
    from geometry.pairs.cuda.checks import adversarial_sets, wrong
    from geometry.pairs.cuda.cupy_device import open_device
    from geometry.pairs.cuda.engine import CudaExecutor
    from geometry.pairs.cuda.scans import scans_of

    device = open_device()
    found = [one for one in scans_of(device.arch) if one.name == scan]
    for name, points in adversarial_sets().items() if found else ():
        yield answer(f"{name} by {scan}", "; ".join(wrong(device, CudaExecutor(device, 0, found[0]), points)))


def torch_tiles() -> Iterator[Answer]:
    """The engine that stands in where kernels have not passed."""
    from geometry.pairs.cuda.checks import adversarial_sets, wrong_of
    from geometry.pairs.torch_engine import TorchExecutor

    engine = TorchExecutor("cuda")
    for name, points in adversarial_sets().items():
        yield answer(f"{name} by torch", "; ".join(wrong_of(engine, points)))


def chosen() -> Iterator[Answer]:
    """What `--device cuda` takes, proof in a child included, and the parity gate of the benchmarks with it."""
    from benchmarks.gate import failures
    from geometry.pairs import neighbors, own_executor

    name = own_executor("cuda").name
    yield answer("engine of --device cuda", "" if name.startswith("cuda-") else f"{name} in place of kernels", name)
    wrong = failures(lambda points, k, queries: neighbors(points, k, queries=queries, device="cuda"))
    yield answer("parity gate", "; ".join(wrong[:5]) + (f"; {len(wrong) - 5} more" if len(wrong) > 5 else ""))


def loops() -> Iterator[Answer]:
    """Closed-form loops: the same numbers as on the CPU, beyond rounding."""
    from geometry.loops import run

    for model in ("gaussian", "linear"):
        ends = [
            run(model, regime="accumulate", generations=4, n=100, replicates=8, seed=1, device=device)[4].samples
            for device in ("cpu", "cuda")
        ]
        off = float(np.abs(ends[0] - ends[1]).max())
        yield answer(f"loop {model}", "" if off <= 1e-9 else f"samples differ by {off:.3g}", f"{off:.1e}")


def capture() -> Iterator[Answer]:
    """The last layer of a small network on both devices, with inputs made for its direction."""
    from torch import nn

    from geometry.sources.capture import Request
    from geometry.sources.capture import capture as captured

    images = np.random.default_rng(0).random((40, 1, 8, 8)).astype(np.float32)
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 6))
    with tempfile.TemporaryDirectory() as folder:
        for device in ("cpu", "cuda"):
            captured(model, images, Request(("3",), see=1, batch=16, device=device), Path(folder) / device)
        for file in sorted(Path(folder, "cpu").glob("[0-9]*.npy")):
            ours, theirs = np.load(file), np.load(Path(folder, "cuda", file.name))
            off = float(np.abs(ours - theirs).max())
            yield answer(
                f"capture of layer {file.stem}", "" if off <= 0.01 else f"rows differ by {off:.3g}", f"{off:.1e}"
            )


def analysis() -> Iterator[Answer]:
    """All statistics of three small generations on both devices, value by value."""
    import geometry
    from benchmarks.data import generations

    drawn = generations(3, 600, 24)
    made = {
        device: {
            (row.get("generation"), row.get("name"), row.get("variant")): row.get("value")
            for row in geometry.analyze(list(drawn), device=device, statistics="all").results
        }
        for device in ("cpu", "cuda")
    }
    off = [
        f"{key}: {made['cuda'].get(key)} for {value}"
        for key, value in made["cpu"].items()
        if (value is None) != (made["cuda"].get(key) is None)
        or (value is not None and abs(made["cuda"][key] - value) > 1e-5 * abs(value) + 1e-6)
    ]
    told = f"{len(made['cpu'])} values"
    yield answer("analyze", "; ".join(off[:5]) + (f"; {len(off) - 5} more" if len(off) > 5 else ""), told)


def sanitized(tool: str) -> Iterator[Answer]:
    """Small searches under compute-sanitizer, where it is installed and knows the device."""
    what = f"compute-sanitizer {tool}"
    if shutil.which("compute-sanitizer") is None:
        yield answer(what, told="not asked: not installed")
        return
    words = ["compute-sanitizer", "--tool", tool, "--error-exitcode", "9", sys.executable, "-m", HERE, "plain"]
    ran = subprocess.run(words, capture_output=True, text=True, cwd=ROOT)
    said = [line.lstrip("= ") for line in ran.stdout.splitlines() if line.startswith("=====")]
    wrong = " ".join(said[1:6]) or ran.stderr[-300:]
    yield answer(what, "" if ran.returncode == 0 else wrong or f"exit code {ran.returncode}", " ".join(said[-1:]))


def plain() -> Iterator[Answer]:
    """Every reduction once, unwatched."""
    from geometry.pairs.cuda.cupy_device import open_device
    from geometry.pairs.cuda.engine import CudaExecutor
    from geometry.pairs.cuda.scans import scans_of

    device = open_device()
    for scan in scans_of(device.arch):
        for what, ask in asked(scan.name).items():
            ask(CudaExecutor(device, 1 << 28, scan))
            yield answer(f"{what} by {scan.name}")


def steps() -> Steps:
    """By name, in the order of what is worth most where time runs out."""
    found: Steps = {"machine": machine, "ceilings": ceilings, "harness": harness}
    for scan in reversed(SCANS):
        found |= {f"{what} by {scan}": partial(kernels, scan, what) for what in asked(scan)}
    found |= {f"sets by {scan}": partial(sets, scan) for scan in SCANS}
    found |= {"chosen": chosen, "torch tiles": torch_tiles, "loops": loops, "capture": capture, "analysis": analysis}
    return found | {f"sanitizer {tool}": partial(sanitized, tool) for tool in ("memcheck", "racecheck")}


def main(name: str) -> None:
    """Prints the answers of a step as they come; an exception is the last of them."""
    try:
        for line in plain() if name == "plain" else steps()[name]():
            print(json.dumps(line), flush=True)
    except Exception as error:  # whatever a device raises is an answer
        print(json.dumps(answer(f"step {name}", f"{type(error).__name__}: {error}")), flush=True)
        if name == "plain":
            raise


if __name__ == "__main__":
    main(sys.argv[1])
