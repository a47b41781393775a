"""A text file as rows of characters, and the fixed encoder that looks at such rows.

The last tenth of a text is held out: it trains nothing, and gives the probe rows. The encoder counts characters and
pairs of neighbouring characters of a row, the pairs hashed into a fixed number of columns, and takes roots of the
shares (the Hellinger distance of the counts): it knows no language and is the same for every model and generation.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from geometry.errors import InputError, UsageError
from geometry.schema.documents import require_file
from geometry.types import Array, Ints

HELD_OUT = 0.1
PAIRS = 192  # columns that pairs of characters are hashed into
STRIDE = 7919  # a prime: neighbouring codes land in distant columns


@dataclass(frozen=True)
class Text:
    """codes (n,) of the characters, numbers into `alphabet` as Unicode orders it; the first `train` of them train."""

    codes: Ints
    alphabet: str
    train: int

    def rows(self, starts: Ints, length: int) -> Ints:
        """(m, length) windows of the text."""
        found: Ints = self.codes[starts[:, None] + np.arange(length)]
        return found

    def drawn(self, n: int, length: int, generator: np.random.Generator) -> Ints:
        """(n, length) windows of the training part that do not overlap, in random order from a random start."""
        shift = int(generator.integers(length))
        most = (self.train - shift) // length
        if n > most:
            raise UsageError(f"n = {n}; the text has {max(most, 0)} rows of {length} characters to train on")
        return self.rows(shift + length * generator.permutation(most)[:n], length)

    def held_out(self, n: int, length: int) -> Ints:
        """(n, length) windows of the held-out part, at even distances; fewer where it is short."""
        room = len(self.codes) - self.train - length
        if room < 0:
            raise UsageError(f"the held-out part of the text is shorter than a row of {length} characters")
        starts = np.unique(np.linspace(0, room, n).astype(np.int64))
        return self.rows(self.train + starts, length)

    def written(self, rows: Array) -> list[str]:
        """The rows as strings."""
        return ["".join(self.alphabet[code] for code in row) for row in rows.tolist()]


@cache
def read_text(path: str) -> Text:
    """The text at a path, in UTF-8; InputError where it cannot be read or has too few characters."""
    if not path:
        raise UsageError("language-model needs a text file; pass data=FILE (--data FILE)")
    place = Path(path).expanduser()
    require_file(place)
    try:
        text = place.read_text("utf-8-sig")  # a byte order mark is no character of the text
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{place} cannot be read as a text in UTF-8 ({error}); name another file") from error
    alphabet = "".join(sorted(set(text)))
    if len(alphabet) < 2 or len(text) < 100:
        raise InputError(f"{place} has {len(text)} characters, {len(alphabet)} of them different; it is too little")
    code_of = {character: code for code, character in enumerate(alphabet)}
    codes = np.fromiter((code_of[character] for character in text), np.int64, len(text))
    return Text(codes, alphabet, int(len(codes) * (1 - HELD_OUT)))


def grams(rows: Array, letters: int) -> Array:
    """(n, letters + PAIRS) float32 roots of the shares of characters and of hashed pairs in rows (n, length)."""
    length = rows.shape[1]
    single = _counted(rows, letters)
    pairs = (rows[:, :-1] * letters + rows[:, 1:]) * STRIDE % (PAIRS + 1)  # a prime number of columns, one of them cut
    both = np.concatenate([single / length, _counted(pairs, PAIRS + 1)[:, :PAIRS] / max(length - 1, 1)], axis=1)
    found: Array = np.sqrt(both).astype(np.float32)
    return found


def _counted(numbers: Array, columns: int) -> Array:
    n = len(numbers)
    flat = (numbers + columns * np.arange(n)[:, None]).ravel()
    return np.bincount(flat, minlength=n * columns).reshape(n, columns)
