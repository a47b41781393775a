"""A generation on disk: the folder gen_{t}, put in place by one rename, so that a folder that is there is whole.

checkpoint.safetensors (the parameters), card.json (what made it), samples.npy, embeddings.npy and, where there are any,
labels.npy and representation.npy. The card's `digest` is that of the arguments, of the real data and of this
package's and its libraries' versions: a run goes on only from generations that it would have made itself.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from geometry.errors import InputError
from geometry.loops.lineage import Generation
from geometry.schema import dumps, write_text
from geometry.types import Array

ARRAYS = ("samples", "embeddings", "labels", "representation")


def digest(card: Mapping[str, Any], data: Array) -> str:
    """SHA-256 of the arguments and versions on a card and of the real rows."""
    hashed = hashlib.sha256(dumps(dict(card)).encode())
    hashed.update(np.ascontiguousarray(data).tobytes())
    return hashed.hexdigest()


def write(generation: Generation, out: Path, card: Mapping[str, Any]) -> Generation:
    """The generation with its checkpoint in `out`, whole or not at all."""
    place = out / f"gen_{generation.index}"
    part = out / f".gen_{generation.index}.{os.getpid()}.part"
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        _fill(part, generation, card)
        part.rename(place)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return _with_checkpoint(generation, place)


def read(out: Path, index: int, expected: str) -> Generation | None:
    """Generation `index` of this very run, or None if it is not there; InputError if another run's is in its place."""
    place = out / f"gen_{index}"
    if not place.exists():
        return None
    try:
        card = json.loads((place / "card.json").read_text("utf-8"))
        if card["digest"] != expected:
            raise InputError(f"{place}: made by a run with other arguments or versions; choose another folder")
        arrays = {name: np.load(place / f"{name}.npy") for name in ARRAYS if (place / f"{name}.npy").exists()}
        checkpoint = place / "checkpoint.safetensors"
        parameters = _load(checkpoint) if checkpoint.exists() else {}
        origins = {int(origin): rows for origin, rows in card["origins"].items()}
        found = Generation(index, **arrays, parameters=parameters, history=tuple(card["loss"]), origins=origins)
    except (OSError, ValueError, KeyError, TypeError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{place}: not a readable generation ({error}); remove it and run again") from error
    return _with_checkpoint(found, place)


def _fill(part: Path, generation: Generation, card: Mapping[str, Any]) -> None:
    from safetensors.numpy import save_file

    if generation.parameters:
        tensors = {name: np.ascontiguousarray(array) for name, array in generation.parameters.items()}
        save_file(tensors, part / "checkpoint.safetensors")
    for name in ARRAYS:
        array = getattr(generation, name)
        if array is not None:
            np.save(part / f"{name}.npy", array, allow_pickle=False)
    full = {**card, "generation": generation.index, "origins": generation.origins, "loss": list(generation.history)}
    write_text(part / "card.json", dumps(full, indent=1) + "\n")


def _load(path: Path) -> dict[str, Array]:
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        return dict(load_file(path))
    except SafetensorError as error:
        raise ValueError(str(error)) from error


def _with_checkpoint(generation: Generation, place: Path) -> Generation:
    from dataclasses import replace

    path = place / "checkpoint.safetensors"
    return replace(generation, checkpoint=path) if path.exists() else generation
