"""Layers of a torch module by glob, hooks on them, and directions added on the way (steering).

In a glob `*` stands for any characters, dots too; `.` is the module itself; what wrappers put before names may stand
there or not. A steering hook comes before the hook that captures, so that the steered output is what is seen, by the
layer's own rows and by all that follow.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from geometry.errors import InputError
from geometry.sources.array_info import listing
from geometry.sources.capture.pool import channels, tensor_of
from geometry.sources.formats import contents, read
from geometry.sources.keys import named
from geometry.sources.paths import split_key
from geometry.sources.weights import suggested
from geometry.types import Array

WHOLE = "."  # the module itself
Seen = Callable[[str, Any], None]


@dataclass(frozen=True)
class Steer:
    """strength * direction (d,) is added to what `layer` gives out, at every token or place."""

    layer: str
    direction: Array
    strength: float = 1.0


def steer_from(layer: str, path: str, strength: float) -> Steer:
    """A direction from a file, `PATH[:KEY]`: its only array, or the one named, (d,) or (1, d)."""
    place, key = split_key(path)
    infos = contents(Path(place))
    info = named(Path(place), infos, key) if key else infos[0]
    if key is None and len(infos) > 1:
        raise InputError(f"{place} holds {listing(infos)}; name the direction, as {place}:{info.key}")
    direction = np.asarray(read(Path(place), [info.key])[info.key], np.float64).squeeze()
    if direction.ndim != 1 or not np.isfinite(direction).all():
        raise InputError(f"{path} has shape {info.shape}; a direction is one finite number per feature, (d,)")
    return Steer(layer, direction, strength)


def chosen(module: nn.Module, globs: Sequence[str]) -> dict[str, nn.Module]:
    """The modules that names or globs mean, in the order of the module; InputError with the names like it."""
    names = {name or WHOLE: part for name, part in module.named_modules()}
    found: set[str] = set()
    for glob in globs:
        glob = glob if glob in names else glob.removeprefix("module.").removeprefix("_orig_mod.")
        hits = [glob] if glob in names else [name for name in names if name != WHOLE and fnmatchcase(name, glob)]
        if not hits:
            there = [name for name in names if name != WHOLE]
            raise InputError(f"no layer is called like '{glob}'; {suggested(glob, there)}")
        found |= set(hits)
    if not found:
        raise InputError("no layer was named; give names or globs, such as 'layers.*'")
    return {name: part for name, part in names.items() if name in found}


@contextmanager
def hooked(module: nn.Module, layers: dict[str, nn.Module], seen: Seen, steer: Sequence[Steer] = ()) -> Iterator[None]:
    """While the block runs, `seen(layer, output)` is called with what each layer gives out, as the pass goes on."""
    handles = [one.register_forward_hook(_adder(given, name)) for given, name, one in _steered(module, steer)]
    handles += [part.register_forward_hook(_teller(name, seen)) for name, part in layers.items()]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _steered(module: nn.Module, steer: Sequence[Steer]) -> list[tuple[Steer, str, nn.Module]]:
    return [(given, name, part) for given in steer for name, part in chosen(module, [given.layer]).items()]


def _teller(name: str, seen: Seen) -> Any:
    def hook(module: nn.Module, inputs: Any, output: Any) -> None:
        seen(name, output)

    return hook


def _adder(steer: Steer, name: str) -> Any:
    direction = torch.from_numpy(steer.direction).float()

    def hook(module: nn.Module, inputs: Any, output: Any) -> Any:
        first = tensor_of(output[0] if type(output) in (tuple, list) and output else output, None, name)
        if not isinstance(output, Tensor | tuple | list):
            raise InputError(f"layer '{name}' returns a {type(output).__name__}; steer a layer that returns a tensor")
        axis = channels(first, "")
        if first.shape[axis] != len(direction):
            raise InputError(
                f"the direction for '{name}' has {len(direction)} entries, the layer gives out {tuple(first.shape)}; "
                f"it needs {first.shape[axis]}"
            )
        shape = [1] * first.ndim
        shape[axis] = -1
        moved = first + steer.strength * direction.to(first).reshape(shape)
        return moved if isinstance(output, Tensor) else type(output)((moved, *output[1:]))

    return hook
