"""Checkpoints for tests: one small model in every format, an adapter of it, and a pickle that would run code."""

from __future__ import annotations

import json
import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file

State = dict[str, torch.Tensor]
KEYS = ("embed.weight", "conv.weight", "conv.bias", "head.weight", "steps")
FORMATS = ("safetensors", "sharded", "pt", "training", "ddp", "lightning", "huggingface", "dcp")


def state(seed: int = 0) -> State:
    """An embedding table 20 x 6, a convolution 8 x 3 x 2 x 2 with its bias, a head 5 x 8 and a counter."""
    draw = torch.Generator().manual_seed(seed)
    shapes = {"embed.weight": (20, 6), "conv.weight": (8, 3, 2, 2), "conv.bias": (8,), "head.weight": (5, 8)}
    return {key: torch.randn(shape, generator=draw) for key, shape in shapes.items()} | {"steps": torch.tensor([seed])}


def write(folder: Path, kind: str, tensors: State) -> Path:
    """The tensors as a checkpoint of one of FORMATS in `folder`; returns what a user would name."""
    folder.mkdir(parents=True, exist_ok=True)
    extra = {"optimizer": {"state": {0: {"exp_avg": torch.ones(20, 6)}}}, "epoch": 3}
    if kind == "safetensors":
        save_file(tensors, folder / "model.safetensors")
        return folder / "model.safetensors"
    if kind == "sharded":
        return _sharded(folder, tensors)
    if kind == "huggingface":
        (folder / "config.json").write_text("{}")
        save_file(tensors, folder / "model.safetensors")
        torch.save(torch.ones(3, 3), folder / "training_args.bin")
        return folder
    if kind == "dcp":
        from torch.distributed import checkpoint

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            checkpoint.save({"model": tensors, **extra}, checkpoint_id=folder / "step", no_dist=True)
        return folder / "step"
    made: dict[str, Any] = {
        "pt": tensors,
        "training": {"model": tensors, **extra},
        "ddp": {f"module.{key}": tensor for key, tensor in tensors.items()},
        "lightning": {
            "state_dict": tensors,
            "optimizer_states": [extra["optimizer"]],
            "pytorch-lightning_version": "2",
        },
    }[kind]
    path = folder / ("model.ckpt" if kind == "lightning" else "model.pt")
    torch.save(made, path)
    return path


def _sharded(folder: Path, tensors: State) -> Path:
    places = {key: f"model-{1 + i % 2}.safetensors" for i, key in enumerate(tensors)}
    for name in set(places.values()):
        save_file({key: tensors[key] for key in tensors if places[key] == name}, folder / name)
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": places}))
    return folder / "model.safetensors.index.json"


def write_adapter(folder: Path, rank: int = 2, *, seed: int = 0, **config: Any) -> dict[str, np.ndarray[Any, Any]]:
    """A LoRA of head and conv in `folder`; returns the updates it stands for at scale 1, float64, by the base's key."""
    folder.mkdir(parents=True, exist_ok=True)
    draw = torch.Generator().manual_seed(seed)
    sides = {"head": ((rank, 8), (5, rank)), "conv": ((rank, 3, 2, 2), (8, rank, 1, 1))}
    tensors: State = {}
    updates = {}
    for name, (a, b) in sides.items():
        half_a, half_b = torch.randn(a, generator=draw), torch.randn(b, generator=draw)
        tensors |= {f"base_model.model.{name}.lora_{half}.weight": t for half, t in (("A", half_a), ("B", half_b))}
        product = half_b.double().reshape(b[0], rank) @ half_a.double().reshape(rank, -1)
        updates[f"{name}.weight"] = product.reshape(b[0], *a[1:]).numpy()
    save_file(tensors, folder / "adapter_model.safetensors")
    (folder / "adapter_config.json").write_text(json.dumps({"r": rank, "lora_alpha": rank, **config}))
    return updates


class Touches:
    """Leaves a file where it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)

    def __reduce__(self) -> tuple[Any, tuple[str, int]]:
        return os.open, (self.path, os.O_CREAT)
