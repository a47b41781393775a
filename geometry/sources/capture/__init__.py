"""Activations of the layers of a torch model on some data, written to disk block by block as embedding sets.

One pass over the data; of every batch each layer's output is pooled in its hook and written at once, so memory holds
one batch of one layer. A trial pass over the first batch comes before: it finds the order of the layers and what is
wrong with them, and nothing is written before it has succeeded. Parts that a glob means and that cannot be captured
(not passed, passed twice, no rows in what they give out) are left out and noted on the card. A folder is put in place
whole; where it already holds this very capture, it is left as it is. `geometry.load` and `analyze --by layer` read it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from geometry.errors import GeometryError, InputError, reason_of
from geometry.sources.capture.data import Batch, batches, call, items
from geometry.sources.capture.layers import Steer, chosen, hooked
from geometry.sources.capture.made_by import finished, made_by
from geometry.sources.capture.models import Subject, require_device, subject
from geometry.sources.capture.pool import pooled, require_pool, tensor_of
from geometry.sources.capture.sight import look, write_look
from geometry.sources.capture.store import GrowingFile, file_name, whole_folder, write_card, write_sides
from geometry.types import Array, Ints

__all__ = ["Request", "Steer", "capture", "subject"]


@dataclass(frozen=True)
class Request:
    """Which layers, by name or glob, and how: see `capture`."""

    layers: tuple[str, ...]
    pool: str = "mean"
    take: str | None = None
    batch: int = 64
    limit: int | None = None
    shape: tuple[int, ...] | None = None
    steer: tuple[Steer, ...] = ()
    see: int = 0
    device: str = "cpu"


def capture(
    model: nn.Module | str | Subject,
    data: Any,
    request: Request | str | Sequence[str],
    out: Path | str,
    *,
    checkpoint: Path | str | None = None,
    generation: int | None = None,
    force: bool = False,
    progress: Callable[[int], None] | None = None,
) -> Path:
    """The folder `out` with the rows of every layer asked for, over all items of the data.

    model: a torch module, or a text (see `geometry.sources.capture.models`); checkpoint: weights to load into it. data:
    an array (n, ...), a path, or an iterable of batches (see `geometry.sources.capture.data`). request: layers by name
    or glob, or a Request with pool (see `geometry.sources.capture.pool`), take (which part of a tuple or dict),
    batch, limit (items), shape (of an item), steer (directions added on the way), see (principal directions of which
    the folder shows what drives them: `geometry.sources.capture.sight`), device. generation is noted on the card.
    progress is called with the number of items done. Where `out` holds this capture already, of the same weights, data
    and arguments, nothing is done. Raises UsageError where it holds anything else and `force` is off, InputError or
    UsageError for what cannot be captured, and then leaves nothing.
    """
    asked = request if isinstance(request, Request) else Request(_globs(request))
    require_pool(asked.pool)
    require_device(asked.device)
    being = model if isinstance(model, Subject) else subject(model, checkpoint)
    being.module.to(asked.device).eval()
    layers = chosen(being.module, asked.layers)
    source = items(data, asked.shape)
    named = {
        "model": being.source,
        "checkpoint": None if checkpoint is None else str(checkpoint),
        "data": str(data) if isinstance(data, str | Path) else None,
        "generation": generation,
    }
    made = made_by(being, source, named, asked)
    if not force and finished(Path(out), made):
        return Path(out)
    stream = batches(source, being, asked.batch, asked.limit)
    first = next(stream, None)
    if first is None:
        raise InputError("there is not one item in the data; give some")
    layers, left = _trial(being, layers, first, asked)
    with whole_folder(Path(out), force=force) as part, _Files(part, list(layers), asked.pool) as written:
        _run(being, layers, chain([first], stream), asked, written, progress)
        written.close()
        if asked.see:
            _look(being, source, part, list(layers), asked, written)
        write_card(part, _card(named, source, asked, written) | {"left_out": _told(left), "made_by": made})
    return Path(out)


def _card(named: dict[str, Any], source: Any, asked: Request, written: _Files) -> dict[str, Any]:
    """What was captured, for those who read the folder."""
    return {
        **named,
        "data": getattr(source, "source", type(source).__name__),
        "pool": asked.pool,
        "take": asked.take,
        "items": written.items,
        "steer": [{"layer": one.layer, "strength": one.strength} for one in asked.steer],
        "layers": [{"name": name, "file": file_name(name), "shape": written.shape(name)} for name in written.files],
    }


def _told(left: dict[str, GeometryError]) -> list[dict[str, str]]:
    return [{"name": name, "reason": str(error)} for name, error in left.items()]


def _look(being: Subject, source: Any, part: Path, order: Sequence[str], asked: Request, written: _Files) -> None:
    for name in order:
        points = np.load(part / file_name(name), mmap_mode="r")
        owner = written.owner(name)
        arrays = look(being, name, points, owner, source, asked.see, pool=asked.pool, take=asked.take)
        write_look(part, Path(file_name(name)).stem, arrays)


def _globs(layers: str | Sequence[str]) -> tuple[str, ...]:
    return (layers,) if isinstance(layers, str) else tuple(layers)


def _trial(
    being: Subject, layers: dict[str, nn.Module], batch: Batch, asked: Request
) -> tuple[dict[str, nn.Module], dict[str, GeometryError]]:
    """The layers in the order in which they are passed, each pooled once, and why others cannot be captured.

    Raises what is wrong with a layer that was named, and with all that a glob means.
    """
    calls: Counter[str] = Counter()
    left: dict[str, GeometryError] = {}

    def seen(name: str, output: Any) -> None:
        calls[name] += 1
        try:
            pooled(tensor_of(output, asked.take, name), asked.pool, name, batch.mask)
        except GeometryError as error:
            left[name] = error

    _pass(being, layers, batch, asked, seen)
    for name in layers:
        if calls[name] != 1:
            times = f"is passed {calls[name]} times" if calls[name] else "is not passed at all"
            left[name] = InputError(f"layer '{name}' {times} in one pass of {being.source}; name other layers")
    kept = {name: layers[name] for name in calls if name not in left}
    fatal = [error for name, error in left.items() if name in asked.layers or not kept]
    if fatal:
        raise fatal[0]
    return kept, left


def _run(
    being: Subject,
    layers: dict[str, nn.Module],
    stream: Iterator[Batch],
    asked: Request,
    written: _Files,
    progress: Callable[[int], None] | None,
) -> None:
    for batch in stream:

        def seen(name: str, output: Any, batch: Batch = batch) -> None:
            rows, owner = pooled(tensor_of(output, asked.take, name), asked.pool, name, batch.mask)
            written.append(name, rows.float().cpu().numpy(), owner.numpy(), batch)

        _pass(being, layers, batch, asked, seen)
        written.next(batch)
        if progress is not None:
            progress(written.items)


def _pass(
    being: Subject, layers: dict[str, nn.Module], batch: Batch, asked: Request, seen: Callable[[str, Any], None]
) -> None:
    inputs = _moved(batch.inputs, asked.device)
    with torch.no_grad(), hooked(being.module, layers, seen, asked.steer):
        try:
            call(being, inputs)
        except GeometryError:
            raise
        except Exception as error:  # the user's own model can raise anything
            shape = _shapes(inputs)
            reason = reason_of(error)
            raise InputError(
                f"{being.source} cannot be run on inputs of shape {shape}: {type(error).__name__}: {reason}; give each "
                "item the shape that the model reads (--shape)"
            ) from error


def _shapes(inputs: Any) -> Any:
    if isinstance(inputs, dict):
        return {key: _shapes(value) for key, value in inputs.items()}
    return tuple(_shapes(value) for value in inputs) if isinstance(inputs, tuple) else tuple(inputs.shape)


def _moved(inputs: Any, device: str) -> Any:
    if isinstance(inputs, dict):
        return {key: _moved(value, device) for key, value in inputs.items()}
    if isinstance(inputs, tuple):
        return tuple(_moved(value, device) for value in inputs)
    return inputs.to(device) if isinstance(inputs, torch.Tensor) else inputs


class _Files:
    """The growing files of all layers, and who their rows belong to."""

    def __init__(self, folder: Path, order: Sequence[str], pool: str) -> None:
        self.folder, self.apart = folder, pool == "none"
        self.files = {name: GrowingFile(folder / file_name(name)) for name in order}
        self.items = 0
        self.labels: list[Array] = []
        self.owners: dict[str, list[Array]] = {name: [] for name in order}

    def __enter__(self) -> _Files:
        return self

    def __exit__(self, *error: object) -> None:
        for file in self.files.values():
            file.file.close()

    def owner(self, name: str) -> Ints:
        """(rows,) the item that each row of a layer belongs to."""
        return np.concatenate(self.owners[name]) if self.apart else np.arange(self.items)

    def append(self, name: str, rows: Array, owner: Array, batch: Batch) -> None:
        """Rows of one layer and the item of the batch that each belongs to."""
        if not np.isfinite(rows).all():
            raise InputError(f"layer '{name}' gives out NaN or infinity; take an earlier checkpoint, or other inputs")
        self.files[name].append(rows)
        if self.apart:
            self.owners[name].append(owner + self.items)

    def next(self, batch: Batch) -> None:
        """The batch is done with."""
        self.items += batch.size
        if batch.labels is not None:
            self.labels.append(np.asarray(batch.labels))

    def shape(self, name: str) -> list[int]:
        return [self.files[name].rows, self.files[name].columns or 0]

    def close(self) -> None:
        """Heads, labels and ids in their place."""
        labels = np.concatenate(self.labels) if self.labels else None
        if labels is not None and len(labels) != self.items:
            raise InputError(f"{len(labels)} labels came with {self.items} items; label every batch, or none")
        for name, file in self.files.items():
            file.close()
            if self.apart:
                owner = self.owner(name)
                start = np.r_[0, np.cumsum(np.bincount(owner, minlength=self.items))]
                ids = np.char.add(
                    np.char.add(owner.astype(str), "."), (np.arange(len(owner)) - start[owner]).astype(str)
                )
                write_sides(self.folder, Path(file_name(name)).stem, None if labels is None else labels[owner], ids)
            elif file.rows != self.items:
                raise InputError(f"layer '{name}' gave {file.rows} rows for {self.items} items; take pool='none'")
        if not self.apart:
            write_sides(self.folder, "", labels, np.arange(self.items))
