"""The rows of one layer, taken by a hook as the model runs, pooled to one row per item as `geometry capture` does it.

What activation checkpointing runs again on the way back is not counted again. Left out: attention masks, which a hook
on a layer does not see; padding is pooled with the rest.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from geometry.errors import InputError

if TYPE_CHECKING:
    from torch import nn

    from geometry.monitor.monitor import CollapseMonitor


@contextmanager
def watch(
    model: nn.Module,
    layer: str,
    monitor: CollapseMonitor,
    *,
    pool: str = "mean",
    take: str | None = None,
    training_only: bool = True,
) -> Iterator[CollapseMonitor]:
    """Feed `monitor` with what `layer` gives out for as long as the block runs.

    layer: the name of a module of the model, or a glob that one alone matches. pool: how tokens or places become rows,
    as in `geometry.sources.capture.pool`. take: which part, where the layer returns a tuple or a dict. training_only:
    passes in evaluation mode are not counted. Raises InputError for a layer that is not there, or whose output is no
    tensor, UsageError for a pooling that is not there.
    """
    handle = attach(model, layer, monitor, pool=pool, take=take, training_only=training_only)
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
    take: str | None = None,
    training_only: bool = True,
) -> Any:
    """The hook itself; whoever attaches it calls its `remove()`."""
    from geometry.sources.capture.layers import chosen
    from geometry.sources.capture.pool import pooled, require_pool, tensor_of

    require_pool(pool)
    found = chosen(model, [layer])
    if len(found) > 1:
        raise InputError(f"layer '{layer}' means {len(found)} modules: {', '.join(list(found)[:6])}; name one")
    ((name, module),) = found.items()

    def hook(module: nn.Module, inputs: Any, given: Any) -> None:
        if (module.training or not training_only) and not _on_the_way_back():
            rows, _ = pooled(tensor_of(given, take, name).detach(), pool, name)
            apart = -(-len(rows) // monitor.queue.capacity)  # of a batch larger than the queue, rows evenly spread
            monitor.update(rows[:: max(apart, 1)].float().cpu())

    return module.register_forward_hook(hook)


def _on_the_way_back() -> bool:
    """Whether autograd is running backward in this thread, where a forward pass is a repetition."""
    import torch

    return bool(torch._C._current_graph_task_id() != -1)
