"""From what a layer gives out to rows: one per item, or one per token or place.

  (b, d)          as it is
  (b, t, d)       mean over tokens, the first (cls), the last, or every token (none); padding left out where it is known
  (t, b, d)       likewise, where the module puts items second (`batch_first=False`)
  (b, c, h, w)    mean over places, or every place (none); (b, c, t, h, w) likewise
`spatial` says that axis 1 holds channels whatever the number of axes, as in one-dimensional convolutions;
`channels-last` that the last one does, as in (b, h, w, c) of Swin; both take the mean over places.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import torch
from torch import Tensor

from geometry.errors import InputError, UsageError

POOLS = ("mean", "cls", "last", "spatial", "channels-last", "none")
SHOWN = 8  # parts of an output that an error names


def require_pool(pool: str) -> None:
    """UsageError unless `pool` is one of POOLS."""
    if pool not in POOLS:
        raise UsageError(f"pool '{pool}' is unknown; choose one of {', '.join(POOLS)}")


def tensor_of(given: Any, take: str | None, layer: str) -> Tensor:
    """The one tensor of real numbers in what a layer returned, or the one that `take` names, such as `0` or `hidden.1`.

    InputError, with what there is, where neither says which.
    """
    parts = {path: one for path, one in _tensors(given, "") if one.is_floating_point()}
    if take is not None and take in parts:
        return parts[take]
    if take is None and len(parts) == 1:
        return next(iter(parts.values()))
    held = ", ".join(f"'{path}' {tuple(one.shape)}" for path, one in list(parts.items())[:SHOWN]) or "no tensor"
    asked = "" if take is None else f", and '{take}' is none of them"
    raise InputError(
        f"layer '{layer}' returns a {type(given).__name__} of {held}{asked}; say which is meant with take= (--take)"
    )


def items_first(tensor: Tensor, size: int, layer: str, *, second: bool = False) -> Tensor:
    """The output with its `size` items along the first axis: (t, b, d) turned where they stand along the second.

    second: they do, though both axes are as long. InputError where neither axis counts the items.
    """
    if tensor.ndim and len(tensor) == size and not second:
        return tensor
    if tensor.ndim == 3 and tensor.shape[1] == size:
        return tensor.transpose(0, 1)
    raise InputError(
        f"layer '{layer}' gives out shape {tuple(tensor.shape)} for {size} items: its rows cannot be told apart by "
        "item; name a layer that keeps items apart, or another part of its output (--take)"
    )


def channels(tensor: Tensor, pool: str) -> int:
    """The axis that holds the features."""
    return 1 if pool == "spatial" or (tensor.ndim > 3 and pool != "channels-last") else tensor.ndim - 1


def pooled(
    tensor: Tensor,
    pool: str,
    layer: str,
    mask: Tensor | None = None,  # (b, t)
) -> tuple[Tensor, Tensor]:
    """(rows (m, d), items (m,)): the pooled output, and which item of the batch each row belongs to.

    mask: 1 for tokens that count. Raises InputError for an output that has no rows, UsageError for a pooling that the
    output has no place for.
    """
    if not 2 <= tensor.ndim <= 5:
        raise InputError(
            f"layer '{layer}' gives out shape {tuple(tensor.shape)}; capture reads (b, d), (b, t, d) and (b, c, h, w)"
        )
    items = torch.arange(len(tensor))
    if tensor.dtype in (torch.float16, torch.bfloat16):
        tensor = tensor.float()  # a mean in their own precision would lose half the digits
    if tensor.ndim == 2:
        return tensor, items
    maps = channels(tensor, pool) == 1
    if maps and pool in ("cls", "last"):
        raise UsageError(f"layer '{layer}' gives out maps {tuple(tensor.shape)}, which have no {pool} token; take mean")
    places = tensor.flatten(2).transpose(1, 2) if maps else tensor.flatten(1, -2)
    counts = None if mask is None or maps or mask.shape != places.shape[:2] else mask.to(places.device) > 0
    return _of_places(places, pool, counts, items)


def _of_places(places: Tensor, pool: str, counts: Tensor | None, items: Tensor) -> tuple[Tensor, Tensor]:
    if pool == "none":
        owner = items[:, None].expand(places.shape[:2])
        return (places.flatten(0, 1), owner.flatten()) if counts is None else (places[counts], owner[counts.cpu()])
    if counts is None and pool in ("cls", "last"):
        return places[:, 0 if pool == "cls" else -1], items
    if counts is None:
        return places.mean(1), items
    if pool == "cls":
        return places[items, counts.int().argmax(1)], items
    if pool == "last":
        order = torch.arange(places.shape[1], device=places.device)
        return places[items, torch.where(counts, order, -1).amax(1).clamp(min=0)], items
    weight = counts.to(places.dtype)[:, :, None]
    return (places * weight).sum(1) / weight.sum(1).clamp(min=1), items


def _tensors(value: Any, path: str) -> list[tuple[str, Tensor]]:
    if isinstance(value, Tensor):
        return [(path, value)]
    if isinstance(value, Mapping):
        inner = list(value.items())
    elif isinstance(value, tuple | list):
        inner = list(enumerate(value))
    elif is_dataclass(value) and not isinstance(value, type):
        inner = [(one.name, getattr(value, one.name)) for one in fields(value)]
    else:
        return []
    return [found for key, part in inner for found in _tensors(part, f"{path}.{key}" if path else str(key))]
