"""From checkpoints to the heat map of layers, as a user runs it: `geometry capture`, `geometry analyze --by layer`.

The checkpoints are those of a VAE that retrained on its own digits (`geometry.loops`), made before the clock starts;
every layer of its encoder sees all real digits. Three principal directions of each layer are shown with inputs made
for them.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from torch import Tensor, nn

from benchmarks.peers import Call, Inputs
from geometry.loops import run
from geometry.loops.digits import digits
from geometry.loops.vae import Network, Vae

LAYERS = ("encoder.1", "encoder.3", "encoder")
BIAS = 0.9  # lambda, so that generations differ


class Encoder(Network):
    """The VAE of the loops, called as its encoder: images (b, 64) to mean and log-variance of the latents."""

    def forward(self, images: Tensor) -> Tensor:
        found: Tensor = self.encoder(images)
        return found


def encoder() -> nn.Module:
    """The module that the checkpoints are loaded into."""
    return Encoder(64, Vae.hidden, Vae.latent)


def ours(inputs: Inputs) -> Call:
    """Wall time from the first command to the report; of both commands apart as values."""
    p = inputs.parameters
    kept = tempfile.TemporaryDirectory()
    folder = Path(kept.name)
    run("vae", regime="replace", generations=p["generations"], n=p["n"], bias=BIAS, out=folder / "loop", **p["model"])
    np.savez(folder / "probe.npz", images=digits().points[: p["n"]], labels=np.asarray(digits().labels)[: p["n"]])
    checkpoints = folder / "loop" / "gen_{generation}" / "checkpoint.safetensors"
    capture = ["capture", "--model", "benchmarks.peers.layers:encoder", "--checkpoint", str(checkpoints), "--see", "3"]
    capture += ["--data", str(folder / "probe.npz"), "--layers", *LAYERS, "-o", str(folder / "layers"), "-q"]
    capture += ["--device", inputs.device]
    analyze = ["analyze", str(folder / "layers"), "--by", "layer", "--reference", "1", "-o", str(folder / "out"), "-q"]

    def call() -> dict[str, float]:
        assert kept  # the folder lives as long as the call
        for name in ("layers", "out"):
            shutil.rmtree(folder / name, ignore_errors=True)
        captured = _seconds(capture)
        analysed = _seconds([*analyze, "--device", inputs.device])
        peak = json.loads((folder / "out" / "run.json").read_text())["peak_memory_bytes"]
        return {"capture_seconds": captured, "analyze_seconds": analysed, "peak_bytes": peak}

    return call


def _seconds(words: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, "-m", "geometry", *words], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start
