"""Arms on disk: arms/{arm}/ is put in place by one rename, so that an arm that is there is whole.

embeddings.npy (first replicate) with embeddings_labels.npy and embeddings_ids.npy, so that `geometry analyze DIR/arms
--by arm` reads it; replicates/{r}.npy for the others; card.json with the digest of arguments, data and probe rows.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from geometry.errors import InputError
from geometry.schema import dumps, write_text
from geometry.types import Array


def digest(arguments: Mapping[str, Any], data: bytes, probe: Array | None) -> str:
    """SHA-256 of what decides an ablation."""
    hashed = hashlib.sha256(dumps(dict(arguments)).encode() + data)
    if probe is not None:
        hashed.update(np.ascontiguousarray(probe).tobytes())
    return hashed.hexdigest()


def folder_of(out: Path, arm: str) -> Path:
    """Where an arm lies; names that a file system would not take are told apart by their digest."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "_", arm)
    mark = "" if plain == arm.replace(" ", "_") else f"-{hashlib.sha256(arm.encode()).hexdigest()[:8]}"
    return out / "arms" / f"{plain}{mark}"


def read(out: Path, arm: str, expected: str) -> tuple[Array, ...] | None:
    """The embeddings of an arm of this very run, or None; InputError where another run's is in its place."""
    place = folder_of(out, arm)
    if not place.exists():
        return None
    try:
        card = json.loads((place / "card.json").read_text("utf-8"))
        if card["digest"] != expected:
            raise InputError(f"{place}: made with other data or arguments; choose another folder, or --force")
        paths = [place / "embeddings.npy", *(place / "replicates" / f"{r}.npy" for r in range(1, card["replicates"]))]
        return tuple(np.load(path, allow_pickle=False) for path in paths)
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{place}: not a readable arm ({error}); remove it and run again") from error


def clear(out: Path) -> None:
    """Remove every arm, and nothing else."""
    for one in (out / "arms").glob("*"):
        if (one / "card.json").exists():
            shutil.rmtree(one)


def write(out: Path, arm: str, digest: str, embeddings: Sequence[Array], labels: Array | None) -> None:
    """An arm, whole or not at all."""
    place = folder_of(out, arm)
    part = place.with_name(f".{place.name}.{os.getpid()}.part")
    shutil.rmtree(part, ignore_errors=True)
    (part / "replicates").mkdir(parents=True)
    try:
        np.save(part / "embeddings.npy", embeddings[0], allow_pickle=False)
        np.save(part / "embeddings_ids.npy", np.arange(len(embeddings[0])), allow_pickle=False)
        if labels is not None:
            np.save(part / "embeddings_labels.npy", labels, allow_pickle=False)
        for number, rows in enumerate(embeddings[1:], 1):
            np.save(part / "replicates" / f"{number}.npy", rows, allow_pickle=False)
        card = {"arm": arm, "digest": digest, "replicates": len(embeddings)}
        write_text(part / "card.json", dumps(card, indent=1) + "\n")
        part.rename(place)
    finally:
        shutil.rmtree(part, ignore_errors=True)
