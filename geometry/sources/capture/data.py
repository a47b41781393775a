"""What a model is shown: arrays, files of arrays, images, lines of text, or batches that the caller's code yields.

A file of arrays gives the array named by `:KEY`, or `inputs`, `images`, `x`, or the only one it has; without `:KEY`,
arrays called like parameters of the model's `forward` are given to it by name (`input_ids`, `attention_mask`). Labels
lie beside them as `labels` or `y`. Bytes become [0, 1], other whole numbers are tokens. Image folders and IDX files
become (n, channels, height, width). A text file gives one item per line that is not empty.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from geometry.errors import InputError, UsageError
from geometry.sources.array_info import ArrayInfo, listing
from geometry.sources.capture.models import Subject, module_named
from geometry.sources.checks import companion
from geometry.sources.formats import contents, read, readable
from geometry.sources.images import read_images
from geometry.sources.keys import named
from geometry.sources.paths import split_key
from geometry.types import Array

NAMES = ("inputs", "input", "images", "image", "x", "data", "input_ids")
LABELS = ("labels", "label", "y", "targets")
TEXTS = (".txt", ".text")


@dataclass(frozen=True)
class Batch:
    """Inputs of one pass; labels (b,) or None; mask (b, t) of tokens that count, or None; size: items in it."""

    inputs: Any
    labels: Array | None
    mask: torch.Tensor | None
    size: int


@dataclass(frozen=True)
class Items:
    """n items that can be taken by number: arrays (n, ...) or texts; labels (n,) where there are any.

    by_name: where a model takes several arrays, all of them under the names of its parameters, `values` among them.
    """

    values: Any
    labels: Array | None
    source: str
    by_name: Mapping[str, Array] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.values)


def items(data: Any, shape: tuple[int, ...] | None = None, model: nn.Module | None = None) -> Items | Any:
    """Items of a path or array, or the iterable of batches itself; shape: what each item is reshaped to.

    model: whose parameters arrays of a file may be named after.
    """
    if isinstance(data, str | Path):
        data = _from_path(str(data), () if model is None else tuple(parameters_of(model)))
    elif hasattr(data, "__array__") or isinstance(data, torch.Tensor):
        data = Items(_numbers(np.asarray(data)), None, "the array given")
    if not isinstance(data, Items) or shape is None:
        return data
    values = data.values
    if isinstance(values, list) or int(np.prod(values.shape[1:])) != int(np.prod(shape)):
        held = "texts" if isinstance(values, list) else f"items of shape {values.shape[1:]}"
        raise InputError(f"{data.source} holds {held}, which cannot be reshaped to {shape}; give another shape")
    if data.by_name:
        names = ", ".join(data.by_name)
        raise UsageError(f"{data.source} gives {names} by name; a shape is of one array, named as PATH:KEY")
    return Items(values.reshape(len(values), *shape), data.labels, data.source)


def batches(data: Any, subject: Subject, size: int, limit: int | None = None) -> Iterator[Batch]:
    """The items in order, `size` at a time, at most `limit` of them; batches of the caller's code as they come."""
    for name, asked in (("batch", size), ("limit", limit)):
        if asked is not None and asked < 1:
            raise UsageError(f"{name} of {asked} items; it is 1 at least")
    if not isinstance(data, Items):
        yield from _yielded(data, limit)
        return
    count = len(data) if limit is None else min(limit, len(data))
    for start in range(0, count, size):
        rows = slice(start, min(start + size, count))
        labels = None if data.labels is None else data.labels[rows]
        if isinstance(data.values, list):
            inputs = subject.tokens(data.values[rows])
            yield Batch(inputs, labels, inputs.get("attention_mask"), rows.stop - rows.start)
        elif data.by_name:
            inputs = {name: _tensor(values[rows]) for name, values in data.by_name.items()}
            yield Batch(inputs, labels, inputs.get("attention_mask"), rows.stop - rows.start)
        else:
            yield Batch(_tensor(data.values[rows]), labels, None, rows.stop - rows.start)


def call(subject: Subject, inputs: Any) -> Any:
    """One pass of the module over the inputs of a batch: a mapping by name, a tuple in order, else as they are.

    A mapping whose names are none of the module's parameters is its one argument.
    """
    if isinstance(inputs, dict):
        known = parameters_of(subject.module)
        named = not known or known.keys() & inputs.keys() or any(p.kind is p.VAR_KEYWORD for p in known.values())
        return subject.module(**inputs) if named else subject.module(inputs)
    return subject.module(*inputs) if isinstance(inputs, tuple) else subject.module(inputs)


def parameters_of(module: nn.Module) -> dict[str, inspect.Parameter]:
    """The parameters of a module's forward by name; none where it does not tell them."""
    try:
        return dict(inspect.signature(module.forward).parameters)
    except (TypeError, ValueError):
        return {}


def _from_path(text: str, names: tuple[str, ...] = ()) -> Any:
    path, key = split_key(text)
    place = Path(path).expanduser()
    if place.suffix.lower() in TEXTS and place.is_file():
        lines = [line for line in place.read_text("utf-8", errors="replace").splitlines() if line.strip()]
        if not lines:
            raise InputError(f"{place} holds no line of text; write one item per line")
        return Items(lines, None, str(place))
    if readable(place):
        return _from_arrays(place, key, names)
    if place.exists():
        found = read_images(place)
        tall = found.points.reshape(len(found.points), *found.shape)
        return Items(tall[:, None] if tall.ndim == 3 else np.moveaxis(tall, -1, 1), found.labels, str(place))
    head, _, name = text.rpartition(":")
    if not head:
        raise InputError(f"{text} does not exist; data are arrays, images, a .txt file, or package.module:factory")
    home = module_named(head)
    if not hasattr(home, name):
        raise InputError(f"data module '{head}' has no '{name}'")
    made = getattr(home, name)
    made = made() if callable(made) else made
    return items(made) if hasattr(made, "__array__") else made


def _from_arrays(path: Path, key: str | None, names: tuple[str, ...]) -> Items:
    infos = contents(path)
    by_name = [] if key else [one.key for name in names for one in infos if one.key == name and name not in LABELS]
    wanted = by_name[0] if by_name else key
    info = named(path, infos, wanted) if wanted else _inputs(path, infos)
    label = next((one for one in infos if one.key in LABELS and one.key != info.key), None)
    arrays = read(path, [info.key, *by_name, *([label.key] if label else [])])
    values = arrays[info.key]
    beside = path.with_name("labels.npy")
    labels = arrays[label.key] if label else None
    if labels is None and path.suffix == ".npy" and beside.is_file() and beside != path:
        labels = read(beside, [""])[""]
    checked = None if labels is None else companion(labels, len(values), f"{path}, labels")
    if len(by_name) < 2:
        return Items(values, checked, f"{path}:{info.key}" if info.key else str(path))
    for name in by_name:
        if len(arrays[name]) != len(values):
            raise InputError(f"{path} holds {len(values)} rows of {info.key} and {len(arrays[name])} of {name}")
    return Items(values, checked, str(path), {name: arrays[name] for name in by_name})


def _inputs(path: Path, infos: list[ArrayInfo]) -> ArrayInfo:
    arrays = [
        one
        for one in infos
        if one.shape and not one.text and one.key not in LABELS and one.role in ("embedding", "other")
    ]
    hits = [one for name in NAMES for one in arrays if one.key == name] or arrays
    if len(hits) == 1 or (hits and hits[0].key in NAMES):
        return hits[0]
    raise InputError(f"{path} holds {listing(infos) or 'nothing'}; name the inputs, as {path}:KEY")


def _numbers(array: Array) -> Array:
    """Floats as float32, bytes in [0, 1], other whole numbers as int64 tokens."""
    if array.dtype.kind == "f":
        return np.ascontiguousarray(array, np.float32)
    if array.dtype == np.uint8:
        return (array / 255).astype(np.float32)
    if array.dtype.kind in "iub":
        return array.astype(np.int64)
    raise InputError(f"inputs of dtype {array.dtype} cannot be shown to a model; give numbers")


def _yielded(data: Any, limit: int | None) -> Iterator[Batch]:
    """Batches of a loader: inputs, or (inputs, labels), or a mapping with `labels` in it."""
    if not hasattr(data, "__iter__"):
        raise UsageError(f"data of type {type(data).__name__} gives no batches; pass an array, a path or an iterable")
    seen = 0
    for given in data:
        if limit is not None and seen >= limit:
            return
        batch = _batch(given)
        batch = batch if limit is None else first_of(batch, limit - seen)
        seen += batch.size
        yield batch


def first_of(batch: Batch, count: int) -> Batch:
    """The first `count` items of a batch."""
    if count >= batch.size:
        return batch

    def cut(value: Any) -> Any:
        held = isinstance(value, torch.Tensor) and value.ndim > 0 and len(value) == batch.size
        return value[:count] if held else value

    labels = None if batch.labels is None else batch.labels[:count]
    return Batch(each(batch.inputs, cut), labels, None if batch.mask is None else batch.mask[:count], count)


def each(inputs: Any, change: Callable[[Any], Any]) -> Any:
    """The inputs of a batch with every part that is no mapping and no tuple changed."""
    if isinstance(inputs, dict):
        return {key: each(value, change) for key, value in inputs.items()}
    return tuple(each(value, change) for value in inputs) if isinstance(inputs, tuple) else change(inputs)


def _batch(given: Any) -> Batch:
    """Of inputs, or (inputs, labels); inputs: an array, a tuple of tensors, or a mapping, which may hold labels."""
    labels, inputs = None, given
    if isinstance(given, tuple | list):
        inputs, labels = given[0], given[1] if len(given) > 1 else None
    if isinstance(inputs, Mapping):
        labels = next((inputs[name] for name in LABELS if name in inputs), labels)
        given = {key: value for key, value in inputs.items() if key not in LABELS}
        inputs = each(given, lambda one: _tensor(one) if isinstance(one, np.ndarray) else one)
    elif isinstance(inputs, tuple | list) and all(isinstance(one, torch.Tensor | np.ndarray) for one in inputs):
        inputs = tuple(_tensor(one) for one in inputs)
    elif not isinstance(inputs, torch.Tensor):
        inputs = _tensor(inputs)
    mask = inputs.get("attention_mask") if isinstance(inputs, dict) else None
    size = _size(inputs)
    if labels is not None and np.ndim(labels) > 1:
        raise InputError(
            f"labels of shape {tuple(np.shape(labels))} came with a batch of {size} items; give one value per item, "
            "and several inputs as a tuple of their own, ((a, b), labels), or by name"
        )
    kept = None if labels is None else companion(np.asarray(labels), size, "labels of a batch")
    return Batch(inputs, kept, mask, size)


def _size(inputs: Any) -> int:
    """Items in the first array of the inputs of a batch."""
    if isinstance(inputs, dict):
        return next((size for value in inputs.values() if (size := _size(value))), 0)
    if isinstance(inputs, tuple):
        return _size(inputs[0])
    return len(inputs) if isinstance(inputs, torch.Tensor | np.ndarray | list) and np.ndim(inputs) else 0


def _tensor(values: Any) -> torch.Tensor:
    """Numbers as a tensor: a tensor as it is."""
    return values if isinstance(values, torch.Tensor) else torch.tensor(_numbers(np.asarray(values)))
