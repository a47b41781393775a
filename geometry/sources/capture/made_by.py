"""By what a capture was made: a folder that is there is whole, and a stopped run leaves it if it is its own.

The card of a folder holds `made_by`: arguments, the version of torch, and SHA-256 of the weights as loaded, of the data
and of directions added. A folder stands for a capture whose own would be equal. Left out: the code of the caller's
model and what the caller's loader yields, of which only the names are compared; batches given in memory have no name,
so a capture of them is never taken for another.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from geometry.errors import UsageError
from geometry.schema import dumps
from geometry.sources.capture.data import Items
from geometry.sources.capture.models import Subject
from geometry.sources.captured import is_captured, read_card
from geometry.sources.checks import digest_of

if TYPE_CHECKING:
    from geometry.sources.capture import Request


def made_by(being: Subject, source: Any, named: Mapping[str, Any], asked: Request) -> dict[str, Any]:
    """What `made_by` of the card says. source: items, or batches of the caller's code; named: arguments as given."""
    steer = [{**asdict(one), "direction": digest_of(one.direction)} for one in asked.steer]
    plain = {**asdict(asked), "steer": steer, **named, "torch": str(torch.__version__)}
    digests = {"weights": _weights(being.module), "items": _items(source, named.get("data"))}
    found: dict[str, Any] = json.loads(dumps(plain | digests))
    return found


def finished(out: Path, made: Mapping[str, Any]) -> bool:
    """Whether `out` holds the capture that would be made; UsageError, with what differs, where it holds another."""
    if not is_captured(out):
        return False
    there = read_card(out).get("made_by", {})
    other = sorted(name for name in {*there, *made} if name not in there or there[name] != made.get(name))
    if other or made["items"] is None:
        raise UsageError(
            f"{out} holds another capture ({', '.join(other or ['items'])} not the same); choose another folder, or "
            "allow overwriting with --force (force=True)"
        )
    return True


def _weights(module: nn.Module) -> str:
    """Of the parts of a module and all that it has learned; weights that its first pass will make count by name."""
    total = hashlib.sha256(str(module).encode())
    for name, tensor in chain(module.named_parameters(), module.named_buffers()):
        if is_lazy(tensor):
            total.update(name.encode())
            continue
        total.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        total.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return total.hexdigest()


def _items(source: Any, name: Any) -> str | None:
    """Of the items themselves, or the name under which the caller's batches were asked for; None without one."""
    if not isinstance(source, Items):
        return None if name is None else str(name)
    texts = isinstance(source.values, list)
    arrays = source.by_name or {"": source.values}
    values = (
        hashlib.sha256(json.dumps(source.values).encode()).hexdigest()
        if texts
        else "".join(f"{name}{digest_of(one)}" for name, one in arrays.items())
    )
    return f"{values} {'' if source.labels is None else digest_of(source.labels)}"
