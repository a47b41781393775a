"""Low-rank adapters (LoRA, PEFT): for each matrix they touch, the update `scale B A` that they are, by the base's key.

`base_model.model.KEY.lora_A.weight` (r, in) and `...lora_B.weight` (out, r) become `KEY.weight` (out, in); of a
convolution the last axes are those of A; `lora_embedding_A` (r, tokens) and `_B` (d, r) give `(B A)^T`. The scale is
lora_alpha / r, with `use_rslora` lora_alpha / sqrt(r), from the adapter_config.json beside (Hu et al. 2021;
Kalajdzievski 2023). Left out: DoRA, whose update depends on the base; adapters of other makers; `modules_to_save`,
which replace.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from geometry.errors import InputError
from geometry.schema.documents import read_document
from geometry.sources import safetensors_files, torch_files
from geometry.sources.array_info import ArrayInfo, describe
from geometry.types import Array, Floats

PART = re.compile(
    r"(?:base_model\.model\.)?(?P<key>.+)\.lora_(?P<table>embedding_)?(?P<half>[AB])(?!\.bias$)(?:\.\w+)??(?:\.weight)?$"
)


@dataclass(frozen=True)
class Factors:
    """One update scale * left @ right: left (out, r), right (r, in...), of `shape` in the base model."""

    left: Floats
    right: Floats
    scale: float
    shape: tuple[int, ...]

    def product(self) -> Array:
        """The update as a dense float32 array."""
        dense: Array = (self.scale * (self.left @ self.right)).reshape(self.shape).astype(np.float32)
        return dense

    def singular_values(self) -> Floats:
        """(r,) of the update as a matrix out x rest, from the thin factors."""
        left, right = (np.asarray(np.linalg.qr(side, mode="r")) for side in (self.left, self.right.T))
        values: Floats = abs(self.scale) * np.linalg.svd(left @ right.T, compute_uv=False).astype(np.float64)
        return values


def is_adapter(path: Path) -> bool:
    """Whether a path is the file of an adapter's weights, by its name."""
    return path.name in ("adapter_model.safetensors", "adapter_model.bin") and path.is_file()


def contents(path: Path) -> list[ArrayInfo]:
    """The updates under the keys of the base model, from headers alone, and whatever else the file holds."""
    infos = {info.key: info for info in _module(path).contents(path)}
    pairs = _pairs(path, infos)
    found = [describe(key, _shape(path, key, halves, infos), "float32", 4) for key, halves in pairs.items()]
    used = {name for halves in pairs.values() for name in halves.values()}
    return found + [info for key, info in infos.items() if key not in used]


def read(path: Path, keys: Sequence[str]) -> dict[str, Array]:
    """The updates named by `keys` as dense float32 arrays, and other arrays of the file as they are."""
    pairs = _pairs(path, {info.key: info for info in _module(path).contents(path)})
    others: dict[str, Array] = _module(path).read(path, [key for key in keys if key not in pairs])
    return {key: factors(path, key).product() for key in keys if key in pairs} | others


def ranks(path: Path) -> dict[str, int]:
    """The rank of each update."""
    infos = {info.key: info for info in _module(path).contents(path)}
    return {key: infos[halves["A"]].shape[0] for key, halves in _pairs(path, infos).items()}


def factors(path: Path, key: str) -> Factors:
    """The two halves of one update with its scale, float64."""
    infos = {info.key: info for info in _module(path).contents(path)}
    halves = _pairs(path, infos)[key]
    shape = _shape(path, key, halves, infos)
    made = _module(path).read(path, list(halves.values()))
    a, b = (made[halves[half]].astype(np.float64) for half in "AB")
    rank = len(a)
    left, right = b.reshape(-1, rank), a.reshape(rank, -1)
    if _turned(path, halves):
        left, right = right.T, left.T
    return Factors(left, right, _scale(path, key, rank), shape)


def _pairs(path: Path, infos: dict[str, ArrayInfo]) -> dict[str, dict[str, str]]:
    """Key in the base model -> its A and B; InputError where one half is missing or the adapter is no plain one."""
    pairs: dict[str, dict[str, str]] = {}
    for name in infos:
        if "lora_magnitude" in name:
            raise InputError(
                f"{path} is a DoRA adapter ('{name}'): its update depends on the base; merge it, then compare"
            )
        hit = PART.match(name)
        if hit:
            halves = pairs.setdefault(f"{hit['key']}.weight", {})
            if hit["half"] in halves:
                raise InputError(
                    f"{path} holds several adapters ('{halves[hit['half']]}' and '{name}'); save each in a folder of "
                    "its own"
                )
            halves[hit["half"]] = name
    for key, halves in pairs.items():
        if len(halves) < 2:
            raise InputError(
                f"{path}: '{next(iter(halves.values()))}' of {key} has no other half; copy the adapter again"
            )
    return pairs


def _shape(path: Path, key: str, halves: dict[str, str], infos: dict[str, ArrayInfo]) -> tuple[int, ...]:
    a, b = infos[halves["A"]].shape, infos[halves["B"]].shape
    if min(len(a), len(b)) < 2 or a[0] != b[1]:
        raise InputError(f"{path}, {key}: shapes {a} of A and {b} of B disagree; A must be (r, in), B (out, r)")
    return (a[1], b[0]) if _turned(path, halves) else (b[0], *a[1:])


def _turned(path: Path, halves: dict[str, str]) -> bool:
    return "lora_embedding_" in halves["A"] or bool(_config(path).get("fan_in_fan_out"))


def _scale(path: Path, key: str, rank: int) -> float:
    config = _config(path)
    patterns = config.get("alpha_pattern") or {}
    own = [
        alpha
        for pattern, alpha in patterns.items()
        if re.fullmatch(rf"(.*\.)?({pattern})", key.removesuffix(".weight"))
    ]
    alpha = own[0] if own else config.get("lora_alpha")
    if not isinstance(alpha, int | float):
        raise InputError(
            f"{path.parent / 'adapter_config.json'} has no lora_alpha, which the update's size follows from"
        )
    return float(alpha) / (math.sqrt(rank) if config.get("use_rslora") else rank)


def _config(path: Path) -> dict[str, Any]:
    card = path.parent / "adapter_config.json"
    if not card.is_file():
        raise InputError(f"{path} needs {card.name} beside it, which says how its update is scaled; copy it too")
    found = json.loads(read_document(card))
    if not isinstance(found, dict):
        raise InputError(f"{card} is no JSON object; copy it again")
    return found


def _module(path: Path) -> Any:
    return safetensors_files if path.suffix == ".safetensors" else torch_files
