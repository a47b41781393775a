"""Activations of the layers of a torch model on some data, written to disk block by block as embedding sets.

One pass over the data; of every batch each layer's output is pooled in its hook and written at once, so memory holds
one batch of one layer. A trial pass over the first batch comes before: it finds the order of the layers and what is
wrong with them, and nothing is written before it has succeeded. Parts that a glob means and that cannot be captured
(not passed, passed twice, no rows in what they give out) are left out and noted on the card. A folder is put in place
whole; where it already holds this very capture, it is left as it is. `geometry.load` and `analyze --by layer` read it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from geometry.errors import InputError
from geometry.sources.capture.data import Batch, batches, items
from geometry.sources.capture.layers import Steer, chosen, hooked
from geometry.sources.capture.made_by import finished, made_by
from geometry.sources.capture.models import Subject, require_device, subject
from geometry.sources.capture.passes import Trial, evaluated, one_pass, rows_of, trial
from geometry.sources.capture.pool import require_pool
from geometry.sources.capture.sight import look, write_look
from geometry.sources.capture.store import Files, file_name, whole_folder, write_card

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

    model: a torch module, or a text (see `geometry.sources.capture.models`); checkpoint: weights to load into it. It is
    run in evaluation mode, and then left as it was. data: an array (n, ...), a path, or an iterable of batches: inputs,
    (inputs, labels), or a mapping by name, which may hold labels; several inputs are a tuple. request: layers by name
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
    layers = chosen(being.module, asked.layers)
    source = items(data, asked.shape, being.module)
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
    with evaluated(being.module, asked.device):
        tried = trial(being, layers, first, asked)
        order = list(tried.layers)
        with whole_folder(Path(out), force=force) as part, Files(part, order, asked.pool) as written:
            _run(being, tried, chain([first], stream), asked, written, progress)
            written.close()
            unmade = _look(being, source, part, order, asked, written) if asked.see else {}
            told = {"left_out": _told(tried.left), "unmade": _told(unmade)}
            write_card(part, _card(named, source, asked, written) | told | {"made_by": made})
    return Path(out)


def _card(named: dict[str, Any], source: Any, asked: Request, written: Files) -> dict[str, Any]:
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


def _told(left: Mapping[str, object]) -> list[dict[str, str]]:
    return [{"name": name, "reason": str(error)} for name, error in left.items()]


def _look(
    being: Subject, source: Any, part: Path, order: Sequence[str], asked: Request, written: Files
) -> dict[str, str]:
    """What each layer sees, written; of layers for which no input could be made, why."""
    unmade = {}
    with hooked(being.module, {}, lambda *_: None, asked.steer):
        for name in order:
            points = np.load(part / file_name(name), mmap_mode="r")
            owner = written.owner(name)
            arrays = look(being, name, points, owner, source, asked.see, pool=asked.pool, take=asked.take)
            write_look(part, Path(file_name(name)).stem, arrays)
            if "unmade" in arrays:
                unmade[name] = str(arrays["unmade"])
    return unmade


def _globs(layers: str | Sequence[str]) -> tuple[str, ...]:
    return (layers,) if isinstance(layers, str) else tuple(layers)


def _run(
    being: Subject,
    tried: Trial,
    stream: Iterator[Batch],
    asked: Request,
    written: Files,
    progress: Callable[[int], None] | None,
) -> None:
    for batch in stream:

        def seen(name: str, output: Any, batch: Batch = batch) -> None:
            rows, owner = rows_of(name, output, batch, asked, tried.second)
            written.append(name, rows.float().cpu().numpy(), owner.numpy(), batch)

        one_pass(being, tried.layers, batch, asked, seen)
        written.next(batch)
        if progress is not None:
            progress(written.items)
