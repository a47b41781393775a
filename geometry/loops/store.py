"""A generation on disk: the folder gen_{t}, put in place by one rename, so that a folder that is there is whole.

checkpoint.safetensors (the parameters), card.json (what made it), samples.npy, embeddings.npy (of several replicates
the first) with embeddings_labels.npy and embeddings_origin.npy, training.npy (where each row of the fit came from),
where there is a sentence encoder sentences.npy with sentences_origin.npy, and where there is a representation,
representation.npy with its labels and ids. So `DIR/gen_{generation}/embeddings.npy`
is a pattern that the analysis reads with labels and origin. The card's `digest` is that of the arguments, of the real
data and of this package's and its libraries' versions: a run goes on only from generations that it would have made.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from geometry.errors import InputError
from geometry.loops.lineage import Generation, first_replicate
from geometry.schema import dumps, write_text
from geometry.types import Array

CHECKPOINT, CARD = "checkpoint.safetensors", "card.json"
FILES = {
    "samples": "samples",
    "embeddings": "embeddings",
    "labels": "embeddings_labels",
    "origin": "embeddings_origin",
    "representation": "representation",
    "training": "training",
    "sentences": "sentences",
}
PROBES = ("representation_labels", "representation_ids")


@dataclass(frozen=True)
class Place:
    """Where a lineage is kept: the folder, the card's contents, labels and ids of its probe rows, the fixed encoder."""

    folder: Path
    card: Mapping[str, Any]
    embed: Callable[[Array], Array]
    probes: tuple[Array | None, Array | None] = field(default=(None, None))


def digest(card: Mapping[str, Any], data: Array) -> str:
    """SHA-256 of the arguments and versions on a card and of the real rows."""
    hashed = hashlib.sha256(dumps(dict(card)).encode())
    hashed.update(np.ascontiguousarray(data).tobytes())
    return hashed.hexdigest()


def write(generation: Generation, place: Place) -> Generation:
    """The generation with its checkpoint in its place, whole or not at all."""
    folder = place.folder / f"gen_{generation.index}"
    part = place.folder / f".gen_{generation.index}.{os.getpid()}.part"
    for left in place.folder.glob(f".gen_{generation.index}.*.part"):  # of a run that was killed while writing
        shutil.rmtree(left, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        _fill(part, generation, place)
        part.rename(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return _with_checkpoint(generation, folder)


def read(place: Place, index: int) -> Generation | None:
    """Generation `index` of this very run, or None if it is not there; InputError if another run's is in its place."""
    folder = place.folder / f"gen_{index}"
    if not folder.exists():
        return None
    try:
        card = json.loads((folder / CARD).read_text("utf-8"))
        if card["digest"] != place.card["digest"]:
            raise InputError(f"{folder}: made by a run with other arguments or versions; choose another folder")
        arrays = {name: np.load(path) for name, file in FILES.items() if (path := folder / f"{file}.npy").exists()}
        if arrays["samples"].ndim == 3:
            arrays["embeddings"] = place.embed(arrays["samples"])
        checkpoint = folder / CHECKPOINT
        parameters = _load(checkpoint) if checkpoint.exists() else {}
        origins = {int(origin): rows for origin, rows in card["origins"].items()}
        found = Generation(index, **arrays, parameters=parameters, history=tuple(card["loss"]), origins=origins)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, EOFError, RecursionError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{folder}: not a readable generation ({error}); remove it and run again") from error
    return _with_checkpoint(found, folder)


def remove(place: Place, index: int) -> None:
    """Take generation `index` away, and the folder of the lineage if nothing else is in it."""
    shutil.rmtree(place.folder / f"gen_{index}", ignore_errors=True)
    with suppress(OSError):
        place.folder.rmdir()


def clear(folder: Path) -> None:
    """Remove every generation in a folder, and nothing else."""
    for one in folder.glob("gen_*"):
        if (one / CARD).exists():
            shutil.rmtree(one)


def _fill(part: Path, generation: Generation, place: Place) -> None:
    from safetensors.numpy import save

    if generation.parameters:
        tensors = {name: np.ascontiguousarray(array) for name, array in generation.parameters.items()}
        (part / CHECKPOINT).write_bytes(save(tensors))  # save_file would let nobody else read it
    arrays = {file: getattr(generation, name) for name, file in FILES.items()}
    arrays["embeddings"] = first_replicate(generation.embeddings)
    if generation.representation is not None:
        arrays |= dict(zip(PROBES, place.probes, strict=True))
    if generation.sentences is not None:
        arrays["sentences_origin"] = generation.origin
    for file, array in arrays.items():
        if array is not None:
            np.save(part / f"{file}.npy", array, allow_pickle=False)
    own = {"generation": generation.index, "origins": generation.origins, "loss": list(generation.history)}
    write_text(part / CARD, dumps({**place.card, **own}, indent=1) + "\n")


def _load(path: Path) -> dict[str, Array]:
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        return dict(load_file(path))
    except SafetensorError as error:
        raise ValueError(str(error)) from error


def _with_checkpoint(generation: Generation, folder: Path) -> Generation:
    path = folder / CHECKPOINT
    return replace(generation, checkpoint=path) if path.exists() else generation
