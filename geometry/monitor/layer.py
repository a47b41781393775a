"""The rows of one layer, taken by a hook as the model runs: its output, pooled to one row per item.

Pooling: (b, d) as it is; of (b, t, d) the mean over t ("mean"), the first ("cls"), the last ("last") or every token
("none"); of (b, c, h, w) the mean over h and w, or every place ("none"). Left out: padding is pooled with the rest.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from geometry.errors import InputError, UsageError

if TYPE_CHECKING:
    from torch import Tensor, nn

    from geometry.monitor.monitor import CollapseMonitor

POOLS = ("mean", "cls", "last", "none")


@contextmanager
def watch(
    model: nn.Module,
    layer: str,
    monitor: CollapseMonitor,
    *,
    pool: str = "mean",
    output: int | str | None = None,
    training_only: bool = True,
) -> Iterator[CollapseMonitor]:
    """Feed `monitor` with what `layer` gives out for as long as the block runs.

    layer: the name of a module of the model, or a pattern that one alone matches. output: which part, where the layer
    returns a tuple or a dict. training_only: passes in evaluation mode are not counted. Raises InputError for a layer
    that is not there, or whose output is no tensor, UsageError for a pooling that is not there.
    """
    handle = attach(model, layer, monitor, pool=pool, output=output, training_only=training_only)
    try:
        yield monitor
    finally:
        handle.remove()


def attach(
    model: nn.Module,
    layer: str,
    monitor: CollapseMonitor,
    *,
    pool: str = "mean",
    output: int | str | None = None,
    training_only: bool = True,
) -> Any:
    """The hook itself; whoever attaches it calls its `remove()`."""
    if pool not in POOLS:
        raise UsageError(f"pool '{pool}' is unknown; choose from {', '.join(POOLS)}")
    name, module = found(model, layer)

    def hook(module: nn.Module, inputs: Any, given: Any) -> None:
        if module.training or not training_only:
            rows = pooled(part_of(given, output, name), pool, name)
            apart = -(-len(rows) // monitor.queue.capacity)  # of a batch larger than the queue, rows evenly spread
            monitor.update(rows[:: max(apart, 1)].float().cpu())

    return module.register_forward_hook(hook)


def found(model: nn.Module, layer: str) -> tuple[str, nn.Module]:
    """The one module that a name or pattern means."""
    modules = dict(model.named_modules())
    hits = [layer] if layer in modules else [name for name in modules if name and fnmatchcase(name, layer)]
    if len(hits) == 1:
        return hits[0], modules[hits[0]]
    if hits:
        raise InputError(f"layer '{layer}' means {len(hits)} modules: {', '.join(hits[:6])}; name one")
    close = difflib.get_close_matches(layer, modules, 3, 0.4) or [name for name in modules if name][:6]
    raise InputError(f"the model has no layer '{layer}'; it has {', '.join(close) or 'no named layer at all'}")


def part_of(given: Any, output: int | str | None, name: str) -> Tensor:
    """The tensor in what a layer returned; InputError, with what is there, where `output` does not say which."""
    import torch

    if isinstance(given, torch.Tensor) and output is None:
        return given
    parts: dict[Any, Any] = {}
    if isinstance(given, Mapping):
        parts = dict(given)
    elif isinstance(given, tuple | list):
        parts = dict(enumerate(given))
    if isinstance(parts.get(output), torch.Tensor):
        tensor: Tensor = parts[output]
        return tensor
    there = ", ".join(f"{key!r} {_described(value)}" for key, value in parts.items()) or "no parts"
    raise InputError(
        f"layer '{name}' returns a {type(given).__name__} with {there}; output={output!r} is no tensor in it: "
        "say which part is the embedding with output="
    )


def _described(value: Any) -> str:
    shape = getattr(value, "shape", None)
    return type(value).__name__ if shape is None else f"({', '.join(map(str, shape))})"


def pooled(tensor: Tensor, pool: str, name: str) -> Tensor:
    """(b, d) rows of an output (b, d), (b, t, d) or (b, c, h, w), detached."""
    tensor = tensor.detach()
    if tensor.ndim == 2:
        return tensor
    if tensor.ndim == 4:
        tensor = tensor.flatten(2).transpose(1, 2)
        if pool in ("cls", "last"):
            raise UsageError(f"layer '{name}' gives out maps, which have no {pool} token; take pool='mean' or 'none'")
    if tensor.ndim != 3:
        raise InputError(
            f"layer '{name}' gives out shape {tuple(tensor.shape)}; (b, d), (b, t, d) or (b, c, h, w) is read"
        )
    if pool == "none":
        return tensor.flatten(0, 1)
    return tensor.mean(1) if pool == "mean" else tensor[:, 0 if pool == "cls" else -1]
