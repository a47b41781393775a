"""Signed sums of checkpoints and adapters, such as `A + C - .5*P`: task arithmetic and averages, tensor by tensor.

A sum is two or more paths with ` + ` or ` - ` between them (blanks on both sides), each with an optional factor `.5*`
before it. A path may be a file, the folder of a model, or hold `{generation}`: then there is one sum per generation
that all such terms have. Terms need the same floating tensors with the same shapes, but an adapter adds only to those
that it touches. Tensors of whole numbers (counters) are those of the first term. Summed in float64, given as float32.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from os.path import exists  # a sum may be longer than a name can be, where Path.exists raises
from pathlib import Path

import numpy as np

from geometry.errors import InputError
from geometry.sources import adapters
from geometry.sources.array_info import ArrayInfo, describe
from geometry.types import Array, Floats

BETWEEN = re.compile(r"(?<=\S)\s+([+-])\s+(?=\S)")
TERM = re.compile(r"(?:(?P<factor>[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*\*\s*)?(?P<path>\S.*)", re.DOTALL)


@dataclass(frozen=True)
class Term:
    """One path of a sum and its factor, sign included."""

    factor: float
    path: str


def is_sum(text: str) -> bool:
    """Whether a path is a sum: it has ` + ` or ` - `, and is not itself there."""
    return BETWEEN.search(text) is not None and not exists(text)  # noqa: PTH110


def terms(text: str) -> list[Term]:
    """The terms of a sum in order."""
    first, *rest = BETWEEN.split(text.strip())
    signed = [("+", first), *zip(rest[::2], rest[1::2], strict=True)]
    return [_term(sign, term) for sign, term in signed]


def written(of: Sequence[Term]) -> str:
    """The text that `terms` reads."""
    words = [t.path if abs(t.factor) == 1 and _is_path(t.path) else f"{abs(t.factor):.17g}*{t.path}" for t in of]
    signs = ["-" if t.factor < 0 else "+" for t in of]
    head = words[0] if of[0].factor > 0 else f"{of[0].factor:.17g}*{of[0].path}"
    return head + "".join(f" {sign} {word}" for sign, word in zip(signs[1:], words[1:], strict=True))


def _is_path(text: str) -> bool:
    """Whether a term without a factor reads as this path; `.5*a.pt` does not, though files may be called so."""
    hit = TERM.fullmatch(text)
    return hit is not None and hit["factor"] is None


def contents(path: Path) -> list[ArrayInfo]:
    """The tensors of the sum, as float32; InputError where the terms' tensors disagree."""
    return [
        describe(key, info.shape, "float32", 4) if info.floating else info for key, info in _agreed(path)[0].items()
    ]


def read(path: Path, keys: Sequence[str]) -> dict[str, Array]:
    """The tensors named by `keys`, each the signed sum over the terms that have it."""
    from geometry.sources.weights import open_weights

    agreed, of = _agreed(path)
    opened = [(term.factor, open_weights(Path(term.path))) for term in of]
    found: dict[str, Array] = {}
    for key in (key for key in keys if key in agreed):
        parts = [(factor, one.read(key)) for factor, one in opened if key in one.infos]
        if not agreed[key].floating:
            found[key] = parts[0][1]
            continue
        total: Floats = np.zeros(agreed[key].shape)
        for factor, part in parts:
            total += factor * part
        found[key] = total.astype(np.float32)
    return found


def _term(sign: str, text: str) -> Term:
    hit = TERM.fullmatch(text.strip())
    if hit is None:
        raise InputError(f"'{text}' is no term of a sum; write FACTOR*PATH or PATH, with blanks around + and -")
    factor = float(hit["factor"] or 1.0)
    return Term(factor if sign == "+" else -factor, hit["path"])


def _agreed(path: Path) -> tuple[dict[str, ArrayInfo], list[Term]]:
    """The tensors that all full terms have, by key, and the terms; or those of adapters where there is nothing else."""
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
            raise InputError(f"{path}: {has.path} has '{key}', {lacks.path} has not; sum checkpoints of one model")
        for key, info in one.infos.items():
            if info.shape != agreed[key].shape:
                raise InputError(
                    f"{path}: shapes disagree, '{key}' is {agreed[key].shape} in {first.path} and {info.shape} in "
                    f"{one.path}; sum checkpoints of one model"
                )
    return agreed, of
