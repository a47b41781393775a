"""The weights of a checkpoint, whatever its format, under the keys of the model: listed by glob, read one at a time.

A training checkpoint holds more than weights: of a file with `state_dict.`, `model_state_dict.`, or `model.` beside
an optimizer, only what lies below counts, and without that prefix; so do `module.` and `_orig_mod.` that every key
starts with. `PATH:HEAD` means what lies below a head of the caller's choice, as `run.pt:model_ema`, or one array by its
key. In a glob `*` stands for any characters, dots too. A weight of three or more axes is a convolution's: out x
in x kh x kw becomes the matrix out x in*kh*kw; rows are output units, of an embedding table tokens.
"""

from __future__ import annotations

import difflib
import fnmatch
import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from geometry.errors import InputError
from geometry.sources import adapters, formats
from geometry.sources.array_info import ArrayInfo, listing
from geometry.sources.within import rows_in_file
from geometry.types import Array

WRAPPERS = ("state_dict.", "model_state_dict.")
BESIDE = (
    "optimizer",
    "optim",
    "optimizer_state_dict",
    "lr_scheduler",
    "scheduler",
)  # what a wrapper `model` lies beside
PREFIXES = ("module.", "_orig_mod.")
GLOB = re.compile(r"[*?\[]")


@dataclass(frozen=True)
class Weights:
    """infos: every tensor of the model by key, in the order of the file; below: what stands before keys there."""

    path: Path
    infos: dict[str, ArrayInfo]
    below: str

    @property
    def ranks(self) -> dict[str, int]:
        """The rank of every update of an adapter; empty for other files."""
        return adapters.ranks(self.path) if adapters.is_adapter(self.path) else {}

    def read(self, key: str) -> Array:
        """One tensor."""
        return self._reader(self.below + key)

    @cached_property
    def _reader(self) -> Callable[[str], Array]:
        return formats.reader(self.path)

    def under(self, head: str) -> Weights:
        """Those whose keys begin with a head, without it."""
        kept = {key.removeprefix(head): info for key, info in self.infos.items() if key.startswith(head)}
        return replace(self, infos={key: replace(kept[key], key=key) for key in kept}, below=self.below + head)

    def rows_in_file(self, info: ArrayInfo, stream: int) -> Array:
        """The rows of a weight that takes more than `stream` bytes as a matrix, read in blocks."""
        return rows_in_file(self.path, replace(info, key=self.below + info.key), stream)


def open_weights(path: Path) -> Weights:
    """The weights of a file, the folder of a model, or a sum, or those of them that `PATH:HEAD` means; headers only."""
    from geometry.sources.paths import locate

    places = locate([str(path)])
    if len(places) != 1:
        raise InputError(f"{path} holds {len(places)} files; name one checkpoint")
    file, asked = places[0].path, places[0].key
    infos = formats.contents(file)
    keys = [info.key for info in infos]
    below = _below(keys)
    if asked is not None:
        names = [name for name in (asked, below + asked) if name in keys]
        if names:
            info = infos[keys.index(names[0])]
            return Weights(file, {asked: replace(info, key=asked)}, names[0].removesuffix(asked))
        below = _below_asked(file, keys, asked, below)
    own = [replace(info, key=info.key.removeprefix(below)) for info in infos if info.key.startswith(below)]
    return Weights(file, {info.key: info for info in own}, below)


def heads_of(weights: Weights, needed: Callable[[Collection[str]], Sequence[str]], fewest: int = 1) -> list[str]:
    """What may stand before keys so that all that is needed is there, the shortest first.

    needed: of the keys below a head those that must be there, `fewest` of them at least.
    """
    below: dict[str, set[str]] = {"": set(weights.infos)}
    for key in weights.infos:
        for dot in (hit.end() for hit in re.finditer(r"\.", key)):
            below.setdefault(key[:dot], set()).add(key[dot:])
    large = {head: keys for head, keys in below.items() if len(keys) >= fewest}
    found = [head for head, keys in large.items() if (wanted := needed(keys)) and keys.issuperset(wanted)]
    return sorted(found, key=len)


def is_glob(key: str | None) -> bool:
    """Whether a key means several arrays; `{generation}` in a key is no glob."""
    return key is not None and GLOB.search(key) is not None


def is_meant(infos: Sequence[ArrayInfo], key: str) -> bool:
    """Whether a key asks for weights as matrices: a glob that is no array's own name, or a convolution's weight."""
    own = next((info for info in infos if info.key == key), None)
    if own is None:
        return is_glob(key)
    return key.split(".")[-1] == "weight" and len(own.shape) > 2 and is_matrix(own)


def matching(weights: Weights, glob: str) -> list[ArrayInfo]:
    """The matrices whose keys match, in the order of the file; InputError with what is there if none does."""
    exact = glob.removeprefix(weights.below)
    keys = [exact] if exact in weights.infos else [key for key in weights.infos if fnmatch.fnmatchcase(key, glob)]
    if not keys:
        raise InputError(f"{weights.path}: no array is called like '{glob}'; {suggested(glob, list(weights.infos))}")
    found = [weights.infos[key] for key in keys if is_matrix(weights.infos[key])]
    if not found:
        held = listing([weights.infos[key] for key in keys])
        raise InputError(f"{weights.path}: '{glob}' matches no matrix of real numbers, but {held}; choose weights")
    return found


def is_matrix(info: ArrayInfo) -> bool:
    """Whether an array can be read as rows x columns of real numbers."""
    return info.floating and "float8" not in info.dtype and len(info.shape) >= 2 and 0 not in info.shape


def as_matrix(
    array: Array,  # (out, in, ...)
) -> Array:
    """(out, in * ...) the matrix of a weight."""
    return array.reshape(len(array), -1)


def suggested(wanted: str, there: list[str], shown: int = 6) -> str:
    """The names nearest to one that is not there, or the first of them."""
    plain = re.sub(r"[*?\[\]]", "", wanted).strip(".")
    alike = [name for name in there if plain and plain in name]
    close = difflib.get_close_matches(plain, there, shown, 0.3) or alike[:shown]
    if close:
        return f"did you mean {', '.join(repr(name) for name in close[:3])}?"
    more = f" and {len(there) - shown} more" if len(there) > shown else ""
    return f"there are {', '.join(repr(name) for name in there[:shown])}{more}" if there else "there is none at all"


def _below(keys: list[str]) -> str:
    """What stands before the keys of the model."""
    heads = {key.split(".")[0] for key in keys}
    below = next((wrapper for wrapper in WRAPPERS if any(key.startswith(wrapper) for key in keys)), "")
    if not below and "model" in heads and heads & set(BESIDE):
        below = "model."
    return _wrapped(keys, below)


def _below_asked(file: Path, keys: list[str], asked: str, below: str) -> str:
    """What stands before the keys below a head, itself as in the file or below the model's own; InputError without."""
    for head in (f"{asked}.", f"{below}{asked}."):
        if any(key.startswith(head) for key in keys):
            return _wrapped(keys, head)
    heads = sorted({key.split(".")[0] for key in keys})
    raise InputError(f"{file} has no '{asked}', no array and no head of keys; {suggested(asked, heads)}")


def _wrapped(keys: list[str], below: str) -> str:
    """A head with the prefixes that every key below it starts with."""
    inner = [key.removeprefix(below) for key in keys if key.startswith(below)]
    while prefix := next((p for p in PREFIXES if inner and all(key.startswith(p) for key in inner)), None):
        below, inner = below + prefix, [key.removeprefix(prefix) for key in inner]
    return below
