"""Passes of a model over batches with hooks on its layers: the trial that says what can be captured, and all others.

A module is run in evaluation mode, without gradients and uncompiled (compiled parts would not call hooks), on inputs in
the dtype of its weights, and is left as it was. Items are told by the length of the first axis of what a layer gives
out, or of the second (`batch_first=False`); where both are as long, the trial shows the model one item less.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from geometry.errors import GeometryError, InputError, reason_of
from geometry.sources.capture.data import Batch, call, each, first_of, parameters_of
from geometry.sources.capture.layers import hooked
from geometry.sources.capture.models import Subject
from geometry.sources.capture.pool import items_first, pooled, tensor_of

if TYPE_CHECKING:
    from geometry.sources.capture import Request

REAL = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


@contextmanager
def evaluated(module: nn.Module, device: str) -> Iterator[None]:
    """The module on a device and in evaluation mode while the block runs; then as it was."""
    training = {part: part.training for part in module.modules()}
    places = {tensor.device for tensor in chain(module.parameters(), module.buffers())}
    module.to(device).eval()
    try:
        yield
    finally:
        for part, mode in training.items():
            part.training = mode
        if len(places) == 1:
            module.to(places.pop())


@dataclass(frozen=True)
class Trial:
    """layers in the order in which they are passed; left: why others cannot be captured; second: whose items are."""

    layers: dict[str, nn.Module]
    left: dict[str, GeometryError]
    second: frozenset[str]


def trial(being: Subject, layers: dict[str, nn.Module], batch: Batch, asked: Request) -> Trial:
    """One pass in which each layer is pooled once.

    Raises what is wrong with a layer that was named, and with all that a glob means.
    """
    calls: Counter[str] = Counter()
    left: dict[str, GeometryError] = {}
    shapes: dict[str, torch.Size] = {}

    def seen(name: str, output: Any) -> None:
        calls[name] += 1
        try:
            shapes[name] = tensor_of(output, asked.take, name).shape
            rows_of(name, output, batch, asked, ())
        except GeometryError as error:
            left[name] = error

    one_pass(being, layers, batch, asked, seen)
    for name in layers:
        if calls[name] != 1:
            times = f"is passed {calls[name]} times" if calls[name] else "is not passed at all"
            left[name] = InputError(f"layer '{name}' {times} in one pass of {being.source}; name other layers")
    kept = {name: layers[name] for name in calls if name not in left}
    fatal = [error for name, error in left.items() if name in asked.layers or not kept]
    if fatal:
        raise fatal[0]
    return Trial(kept, left, _second(being, {name: shapes[name] for name in kept}, layers, batch, asked))


def _second(
    being: Subject, shapes: dict[str, torch.Size], layers: dict[str, nn.Module], batch: Batch, asked: Request
) -> frozenset[str]:
    """The layers whose items stand along the second axis; where both axes are as long, a batch of one less tells."""
    found = {name for name, shape in shapes.items() if shape[0] != batch.size}
    doubtful = {name: layers[name] for name, shape in shapes.items() if len(shape) == 3 and shape[0] == shape[1]}
    doubtful = {name: part for name, part in doubtful.items() if name not in found}
    if doubtful and batch.size > 1:
        fewer = first_of(batch, batch.size - 1)

        def seen(name: str, output: Any) -> None:
            if len(tensor_of(output, asked.take, name)) != fewer.size:
                found.add(name)

        one_pass(being, doubtful, fewer, asked, seen)
    return frozenset(found)


def rows_of(name: str, output: Any, batch: Batch, asked: Request, second: Collection[str]) -> tuple[Tensor, Tensor]:
    """(rows (m, d), items (m,)) of what a layer gives out on a batch."""
    given = items_first(tensor_of(output, asked.take, name), batch.size, name, second=name in second)
    return pooled(given, asked.pool, name, batch.mask)


def one_pass(
    being: Subject, layers: dict[str, nn.Module], batch: Batch, asked: Request, seen: Callable[[str, Any], None]
) -> None:
    inputs = fitting(being.module, batch.inputs, asked.device)
    compiled = "torch._dynamo" in sys.modules  # without it nothing is, and to import it takes a second
    eager = torch.compiler.set_stance("force_eager") if compiled else nullcontext()
    with torch.no_grad(), eager, hooked(being.module, layers, seen, asked.steer):
        try:
            call(being, inputs)
        except GeometryError:
            raise
        except Exception as error:  # the user's own model can raise anything
            shape = each(inputs, lambda value: tuple(getattr(value, "shape", ())))
            raise InputError(
                f"{being.source} cannot be run on inputs of shape {shape}: {type(error).__name__}: {reason_of(error)}; "
                f"{_remedy(being.module, error)}"
            ) from error


def _remedy(module: nn.Module, error: Exception) -> str:
    names = ", ".join(parameters_of(module))
    if isinstance(error, TypeError) and names:
        return f"give it what its forward takes: {names}, by name where there are several"
    return "give each item the shape that the model reads (--shape)"


def fitting(module: nn.Module, inputs: Any, device: str | torch.device) -> Any:
    """Inputs with their tensors on a device, and real numbers in the dtype of the weights."""
    kind = next((one.dtype for one in module.parameters() if one.dtype in REAL), None)

    def moved(value: Any) -> Any:
        if not isinstance(value, Tensor):
            return value
        return value.to(device, kind if value.is_floating_point() else None)

    return each(inputs, moved)
