"""A CUDA device that torch does not have: tensors said to lie on it hold their numbers on the CPU, mix with no others.

Inside `pretended_cuda` whatever is made on or moved to "cuda" is an `OnDevice`. As on a GPU, an operation on it and a
host tensor of more than one number is an error, and so is `numpy` of it; numbers without an axis and host tensors that
index may go along. What it cannot show: other digits, memory that runs out, anything asynchronous.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_flatten, tree_map

CUDA = torch.device("cuda", 0)
INDEXING = (torch.Tensor.__getitem__, torch.Tensor.__setitem__, torch.Tensor.copy_)
MOVING = (torch.Tensor.to, torch.Tensor.cpu, torch.Tensor.cuda)
TO_HOST = (torch.Tensor.numpy, torch.Tensor.__array__)


class OnDevice(torch.Tensor):
    """A tensor of the device."""


class Pretended(TorchFunctionMode):
    """Where each tensor is said to lie, and what the device refuses."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        here = [one for one in tree_flatten((args, kwargs))[0] if isinstance(one, OnDevice)]
        if here and func == torch.Tensor.device.__get__:
            return CUDA
        if here and func == torch.Tensor.is_cuda.__get__:
            return True
        if func is torch._has_compatible_shallow_copy_type:
            return not here  # no: a module that moves makes its parameters anew
        if here and func in TO_HOST:
            raise TypeError("can't convert cuda:0 device type tensor to numpy")
        if func in MOVING:
            return _moved(func, args, kwargs)
        wanted = kwargs.get("device")
        if wanted is not None and torch.device(wanted).type == "cuda":
            kwargs["device"] = "cpu"
            return _held(_plain(func, args, kwargs))
        if not here:
            return func(*args, **kwargs)
        if func not in INDEXING:
            _refuse_mixed(func, args, kwargs)
        return tree_map(_held, _plain(func, args, kwargs))


def _moved(func: Any, args: Any, kwargs: Any) -> Any:
    asked = "cpu" if func is torch.Tensor.cpu else "cuda" if func is torch.Tensor.cuda else _asked(args[1:], kwargs)
    source = args[0]
    formats = [one for one in (*args[1:], kwargs.get("dtype")) if isinstance(one, torch.dtype)]
    formats += [one.dtype for one in args[1:] if isinstance(one, torch.Tensor)]
    if formats:
        source = _plain(torch.Tensor.to, (source, formats[0]), {})
    there = isinstance(args[0], OnDevice) if asked is None else asked == "cuda"
    if there:
        return _held(source)
    return source.as_subclass(torch.Tensor).clone() if isinstance(args[0], OnDevice) else source


def _asked(words: Any, named: Any) -> str | None:
    for one in (*words, named.get("device"), named.get("other")):
        if isinstance(one, OnDevice):
            return "cuda"
        if isinstance(one, str | torch.device):
            return torch.device(one).type
        if isinstance(one, torch.Tensor):
            return "cpu"
    return None


def _refuse_mixed(func: Any, args: Any, kwargs: Any) -> None:
    for one in tree_flatten((args, kwargs))[0]:
        if isinstance(one, torch.Tensor) and not isinstance(one, OnDevice) and one.ndim > 0:
            name = getattr(func, "__name__", func)
            raise RuntimeError(f"Expected all tensors to be on the same device, found cuda:0 and cpu in {name}")


def _plain(func: Any, args: Any, kwargs: Any) -> Any:
    with torch._C.DisableTorchFunctionSubclass():
        return func(*args, **kwargs)


def _held(value: Any) -> Any:
    if isinstance(value, torch.Tensor) and not isinstance(value, OnDevice):
        with torch._C.DisableTorchFunctionSubclass():
            return value.as_subclass(OnDevice)
    return value


@contextmanager
def pretended_cuda() -> Iterator[None]:
    """The device, while the block runs."""
    before = torch.__future__.get_overwrite_module_params_on_conversion()
    torch.__future__.set_overwrite_module_params_on_conversion(True)  # parameters are replaced, as their type is new
    try:
        with Pretended():
            yield
    finally:
        torch.__future__.set_overwrite_module_params_on_conversion(before)
