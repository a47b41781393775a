"""What a layer sees: the items furthest along each principal direction of its rows, and an input made for it.

The directions are those of the captured rows, largest variance first; items stand at both ends of each. The made input
x maximises the pooled output's score along the direction, in standard deviations, less `smooth` times the mean squared
step between neighbouring pixels (the range of the data being 1), by gradient ascent through a sigmoid that keeps x in
that range, the image rolled by some pixels at every step (Erhan et al. 2009; Mordvintsev et al. 2015; Olah et al.
2017). It shows what drives the direction in this model, not what the data hold. Left out: frequency penalties, priors.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from geometry.errors import InputError, reason_of
from geometry.pairs import executor, scan
from geometry.pairs.furthest import directions, furthest
from geometry.sources.capture.data import Items, call
from geometry.sources.capture.layers import chosen, hooked
from geometry.sources.capture.models import Subject
from geometry.sources.capture.passes import fitting
from geometry.sources.capture.pool import items_first, pooled, tensor_of
from geometry.types import Array, Floats, Ints

RATE, START = 0.1, 0.3  # of Adam; spread of the first logits


@dataclass(frozen=True)
class Ascent:
    """Steps of gradient ascent, pixels of jitter (None: a sixteenth of a side), weight of the smoothness term.

    Jitter of a pixel wipes out what a strided layer reads in an image of 8 x 8.
    """

    steps: int = 192
    jitter: int | None = None
    smooth: float = 2.0
    seed: int = 0


def made_inputs(
    being: Subject,
    layer: str,
    axes: Floats,  # (d, q)
    given: Items,
    how: Ascent,
    read: tuple[str, str | None] = ("mean", None),
) -> tuple[Array, Floats]:
    """(items (q, ...), scores (q, 2) before and after): inputs of the data's shape and range far along each axis.

    read: how the layer's output is pooled, and which part of it is taken.
    """
    low, high = float(np.min(given.values)), float(np.max(given.values))
    draw = torch.Generator().manual_seed(how.seed)
    plane = plane_of(given.values.shape[1:])
    jitter = (min(plane[-2:]) // 16 if plane else 0) if how.jitter is None else how.jitter
    start = START * torch.randn(1, *given.values.shape[1:], generator=draw)
    logits = start.repeat(axes.shape[1], *[1] * (start.ndim - 1)).requires_grad_(True)
    first, second = torch.zeros_like(logits), torch.zeros_like(logits)  # moments of Adam (Kingma and Ba 2015)
    targets = torch.from_numpy(np.ascontiguousarray(axes.T)).float()
    scores = []
    for step in range(how.steps + 1):
        ends = step in (0, how.steps)
        shifts = (0, 0) if ends else torch.randint(-jitter, jitter + 1, (2,), generator=draw).tolist()
        with torch.enable_grad():
            unit = torch.sigmoid(logits)
            score = (_rows(being, layer, low + (high - low) * _rolled(unit, shifts), read) * targets).sum(1)
            if not score.requires_grad:
                raise InputError(f"{being.source}, layer '{layer}': its output has no gradient in its input")
            (slope,) = torch.autograd.grad((how.smooth * _roughness(unit) - score).sum(), [logits])
        if ends:
            scores.append(score.detach().double().numpy())
        if step < how.steps:
            first, second = first.lerp(slope, 0.1), second.lerp(slope.square(), 0.001)
            unbiased = (second / (1 - 0.999 ** (step + 1))).sqrt() + 1e-8
            logits = (logits.detach() - RATE / (1 - 0.9 ** (step + 1)) * first / unbiased).requires_grad_(True)
    made: Array = (low + (high - low) * torch.sigmoid(logits.detach())).numpy()
    return made, np.stack(scores, axis=1)


def _rows(being: Subject, layer: str, images: Tensor, read: tuple[str, str | None]) -> Tensor:
    """(q, d) the layer's pooled output on images, with its gradient; where the images are, wherever the model is."""
    weights = next(chain(being.module.parameters(), being.module.buffers()), images)
    found: list[Tensor] = []

    def seen(name: str, output: Any) -> None:
        given = items_first(tensor_of(output, read[1], name), len(images), name)
        found.append(pooled(given, read[0], name)[0].float())

    with hooked(being.module, chosen(being.module, [layer]), seen):
        call(being, fitting(being.module, images, weights.device))
    return found[0].to(images.device)


def plane_of(shape: Sequence[int]) -> tuple[int, ...] | None:
    """How an item of the data is an image: (h, w) or (channels, h, w); None where it is none."""
    if len(shape) == 1:
        side = math.isqrt(shape[0])
        return (side, side) if side > 1 and side * side == shape[0] else None
    return tuple(shape) if len(shape) == 2 or (len(shape) == 3 and shape[0] in (1, 3)) else None


def look(
    being: Subject,
    layer: str,
    points: Array,  # (n, d)
    owner: Ints,  # (n,) item of each row
    given: Any,
    count: int,
    *,
    pool: str,
    take: str | None,
    how: Ascent | None = None,
) -> dict[str, Array]:
    """Arrays on what a layer sees: items, scores (m, 2, k), of images also shown (m, 2, k, ...) and made (m, 2, ...).

    texts (m, 2, k) where the items are texts. made: for the high and the low end; made_scores (m, 2, 2) before and
    after, in standard deviations from the mean of the rows; instead `unmade`, the reason, where the model has no
    gradient.
    """
    along = directions(scan(points, executor("cpu")), count)
    rows, scores = furthest(points, along)
    arrays: dict[str, Array] = {"items": owner[rows], "scores": scores, "spread": along.spread}
    if not isinstance(given, Items):
        return arrays
    if isinstance(given.values, list):
        return arrays | {"texts": np.array([given.values[i] for i in owner[rows].ravel()]).reshape(rows.shape)}
    if given.by_name or plane_of(given.values.shape[1:]) is None or np.asarray(given.values[:1]).dtype.kind not in "fu":
        return arrays
    given = Items(_unit(given.values), given.labels, given.source)
    arrays["shown"] = given.values[owner[rows].ravel()].reshape(*rows.shape, *given.values.shape[1:])
    both = (along.axes / along.spread)[:, :, None] * np.array([1.0, -1.0])
    axes = both.reshape(len(along.axes), -1)  # high and low end of each direction in turn
    if axes.shape[1]:
        read = ("mean" if pool == "none" else pool, take)
        try:
            made, gained = made_inputs(being, layer, axes, given, how or Ascent(), read)
        except (InputError, RuntimeError) as error:  # the latter torch's, where an operation has no gradient
            return arrays | {"unmade": np.array(reason_of(error))}
        arrays["made"] = made.reshape(-1, 2, *made.shape[1:])
        arrays["made_scores"] = (gained - (along.mean @ axes)[:, None]).reshape(-1, 2, 2)
    return arrays


def write_look(folder: Path, stem: str, arrays: dict[str, Array]) -> None:
    """seen/LAYER.npz in the folder of a capture."""
    from geometry.schema.files import write_whole

    (folder / "seen").mkdir(exist_ok=True)
    write_whole(folder / "seen" / f"{stem}.npz", lambda file: np.savez(file, allow_pickle=False, **arrays))


def _unit(values: Array) -> Array:
    return (values / 255).astype(np.float32) if values.dtype == np.uint8 else np.asarray(values, np.float32)


def _rolled(images: Tensor, shifts: Sequence[int]) -> Tensor:
    plane = plane_of(images.shape[1:])
    if plane is None:
        return images
    return torch.roll(images.reshape(len(images), *plane), tuple(shifts), (-2, -1)).reshape(images.shape)


def _roughness(images: Tensor) -> Tensor:
    """(q,) mean squared step between neighbouring pixels."""
    plane = plane_of(images.shape[1:])
    if plane is None:
        return images.new_zeros(len(images))
    image = images.reshape(len(images), *plane)
    down, across = image[..., 1:, :] - image[..., :-1, :], image[..., 1:] - image[..., :-1]
    return down.square().flatten(1).mean(1) + across.square().flatten(1).mean(1)
