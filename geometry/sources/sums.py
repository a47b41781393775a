"""Signed sums of checkpoints and adapters, such as `A + C - .5*P`: task arithmetic and averages, tensor by tensor.

A sum is two or more paths with ` + ` or ` - ` between them (blanks on both sides), each with an optional factor `.5*`
or `1/3*` before it; brackets hold a sum together, as in `A + .5*(B - C)` or `(A + B) / 2`. A path may be a file, the
folder of a model, `PATH:HEAD`, or hold `{generation}`: then there is one sum per generation that all such terms have.
Terms need the same floating tensors with the same shapes, but an adapter adds only to those that it touches. Tensors of
whole numbers (counters) are those of the first term. Summed in float64, given as float32.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from os.path import exists  # a sum may be longer than a name can be, where Path.exists raises
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from geometry.errors import InputError
from geometry.sources import adapters
from geometry.sources.array_info import ArrayInfo, describe
from geometry.types import Array, Floats

if TYPE_CHECKING:
    from geometry.sources.weights import Weights

BETWEEN = re.compile(r"(?<=\S)\s+([+-])\s+(?=\S)")
SIGN = re.compile(r"\s*([+-])(?:\s+|(?=\())")
FACTOR = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*(?:/\s*(\d+\.?\d*)\s*)?\*\s*")
OVER = re.compile(r"\s*/\s*(\d+\.?\d*)")


@dataclass(frozen=True)
class Term:
    """One path of a sum and its factor, sign included."""

    factor: float
    path: str


def is_sum(text: str) -> bool:
    """Whether a path is a sum: it has ` + ` or ` - `, and is not itself there."""
    return BETWEEN.search(text) is not None and not exists(text)  # noqa: PTH110


def terms(text: str) -> list[Term]:
    """The terms of a sum in order, brackets multiplied out; InputError where it cannot be read."""
    found, at = _sum(text.strip(), 0, inside=False)
    if at < len(text.strip()):
        raise InputError(f"'{text}' is no sum from '{text.strip()[at:]}' on; write FACTOR*PATH, blanks around + and -")
    return found


def written(of: Sequence[Term]) -> str:
    """The text that `terms` reads."""
    words = [t.path if abs(t.factor) == 1 and _is_path(t.path) else f"{abs(t.factor):.17g}*{t.path}" for t in of]
    signs = ["-" if t.factor < 0 else "+" for t in of]
    head = words[0] if of[0].factor > 0 else f"{of[0].factor:.17g}*{of[0].path}"
    return head + "".join(f" {sign} {word}" for sign, word in zip(signs[1:], words[1:], strict=True))


def _is_path(text: str) -> bool:
    """Whether a term without a factor reads as this path; `.5*a.pt` does not, though files may be called so."""
    return FACTOR.match(text) is None


def contents(path: Path) -> list[ArrayInfo]:
    """The tensors of the sum, as float32; InputError where the terms' tensors disagree."""
    return [
        describe(key, info.shape, "float32", 4) if info.floating else info for key, info in _agreed(path)[0].items()
    ]


def read(path: Path, keys: Sequence[str]) -> dict[str, Array]:
    """The tensors named by `keys`, each the signed sum over the terms that have it."""
    held, one = _opened(path)
    return {key: one(key) for key in keys if key in held}


def reader(path: Path) -> Callable[[str], Array]:
    """The tensors of the sum by key, one at a time."""
    return _opened(path)[1]


def _opened(path: Path) -> tuple[dict[str, ArrayInfo], Callable[[str], Array]]:
    """The tensors of the sum by key, and what adds one up."""
    agreed, of, opened = _agreed(path)

    def one(key: str) -> Array:
        there = [(term.factor, weights) for term, weights in zip(of, opened, strict=True) if key in weights.infos]
        first = there[0][1].read(key)
        if not agreed[key].floating:
            return first
        total: Floats = there[0][0] * first.astype(np.float64)
        for factor, weights in there[1:]:
            total += factor * weights.read(key)
        return total.astype(np.float32)

    return agreed, one


def _sum(text: str, at: int, *, inside: bool) -> tuple[list[Term], int]:
    """The terms from a place on, to the end or a closing bracket, and where that is."""
    found: list[Term] = []
    hit = SIGN.match(text, at)
    while True:
        sign, at = (-1.0 if hit[1] == "-" else 1.0, hit.end()) if hit else (1.0, at)
        part, at = _part(text, at, inside=inside)
        found += [replace(term, factor=sign * term.factor) for term in part]
        hit = BETWEEN.match(text, at)
        if hit is None:
            return found, at


def _part(text: str, at: int, *, inside: bool) -> tuple[list[Term], int]:
    """One path or bracket with its factor, and where it ends."""
    hit = FACTOR.match(text, at)
    factor, at = (_number(text, hit[1], hit[2]), hit.end()) if hit else (1.0, at)
    stop = _end(text, at, inside=inside)
    if not text.startswith("(", at) or exists(text[at:stop]):  # noqa: PTH110
        path = text[at:stop].strip()
        if not path:
            raise InputError(f"'{text}' lacks a path at place {at}; write FACTOR*PATH or PATH, blanks around + and -")
        return [Term(factor, path)], stop
    found, at = _sum(text, at + 1, inside=True)
    if not text.startswith(")", at):
        raise InputError(f"'{text}' opens a bracket that it does not close; put ) after the sum that it holds")
    over = OVER.match(text, at + 1)
    factor, at = (factor * _number(text, "1", over[1]), over.end()) if over else (factor, at + 1)
    return [replace(term, factor=factor * term.factor) for term in found], at


def _number(text: str, above: str, below: str | None) -> float:
    """above / below; InputError where that is no finite number."""
    divisor = float(below or 1)
    found = float(above) / divisor if divisor else math.inf
    if not math.isfinite(found):
        raise InputError(f"'{text}': {above}{f'/{below}' if below else ''} is no finite factor; write one, as .5*PATH")
    return found


def _end(text: str, at: int, *, inside: bool) -> int:
    """Where a path ends that starts at a place: the longest that is there, else before the next sign or bracket."""
    ends = {len(text), *(hit.start() for hit in BETWEEN.finditer(text, at))}
    if inside:
        ends |= {hit.start() for hit in re.compile(r"\)").finditer(text, at)}
    ordered = sorted(ends)
    return next((end for end in reversed(ordered) if exists(text[at:end])), ordered[0])  # noqa: PTH110


def _agreed(path: Path) -> tuple[dict[str, ArrayInfo], list[Term], list[Weights]]:
    """The tensors that all full terms have, by key, the terms, and their weights; of adapters where all terms are."""
    from geometry.sources.weights import open_weights

    of = terms(str(path))
    opened = [open_weights(Path(term.path)) for term in of]
    full = [one for one in opened if not adapters.is_adapter(one.path)]
    first = (full or opened)[0]
    agreed = dict(first.infos)
    if not full:
        agreed = {key: info for one in opened for key, info in one.infos.items()}
    for one in opened:
        missing = sorted(set(agreed) - set(one.infos)) if one in full else []
        added = sorted(set(one.infos) - set(agreed))
        if missing or added:
            lacks, has = (one, first) if missing else (first, one)
            key = (missing or added)[0]
            if one not in full and key not in one.ranks:
                raise InputError(
                    f"{path}: '{key}' of {one.path} takes the place of a tensor and adds to none (modules_to_save); "
                    "merge the adapter into its base, and take that"
                )
            raise InputError(f"{path}: {has.path} has '{key}', {lacks.path} has not; sum checkpoints of one model")
        for key, info in one.infos.items():
            if info.shape != agreed[key].shape:
                raise InputError(
                    f"{path}: shapes disagree, '{key}' is {agreed[key].shape} in {first.path} and {info.shape} in "
                    f"{one.path}; sum checkpoints of one model"
                )
    return agreed, of, opened
