"""A fingerprint: a set in half a megabyte or less, enough to be compared with another when the rows are gone.

    moments    n, mean and central second moments, of all columns up to EXACT, beyond that along seeded orthonormal
               directions scaled by sqrt(d / EXACT), so that the trace is right on average
    sample     the distinct rows with the KEPT smallest digests (a uniform sample of distinct rows, Bar-Yossef et al.
               2002), in at most SHADOW seeded directions, with the number of their copies
    histograms of norms (64 bins an octave) and of magnitudes of values (4 an octave)

Fingerprints of parts merge to that of the whole: counts and sample exactly and in any order, for what is among the
smallest of all is among the smallest of its part; moments by Chan, Golub and LeVeque (1983, eq. 2.1), to rounding. Rows
that are not finite are counted and left out. Left out: labels, ids, and every pair of rows that is not in the sample.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import cache, reduce
from pathlib import Path
from typing import Any

import numpy as np

from geometry.errors import GeometryError, InputError
from geometry.pairs.cpu.threads import one_blas_thread
from geometry.pairs.plan import blocks
from geometry.schema import write_arrays
from geometry.schema.documents import require_file
from geometry.sources.checks import as_rows, row_blocks
from geometry.sources.numpy_files import npz_contents, npz_read
from geometry.sources.sweep import row_norms
from geometry.types import Array, Floats, Ints, Moments

EXACT, SHADOW, KEPT = 256, 64, 1024
NORM_BINS, NORM_FINE = 8192, 64  # log2 of the norm from -64 to 64
VALUE_BINS, VALUE_FINE = 512, 4
SUFFIX, VERSION = ".fingerprint", 2
COLUMNS = 4096  # looked at together where there are more than EXACT
MOST_BYTES = 16 << 20  # of all arrays, of which the largest fingerprint takes a megabyte


@dataclass(frozen=True)
class Fingerprint:
    """Of n finite rows of d columns, `left_out` more that were not finite; see the module.

    mean (m,), second (m, m) float64: sums of squares about the mean; digests (s,) uint64 ascending; copies (s,) int64:
    rows with that digest; sample (s, p) float32; norms, values int64 counts by bin.
    """

    n: int
    d: int
    left_out: int
    mean: Floats
    second: Floats
    digests: Array
    copies: Ints
    sample: Array
    norms: Ints
    values: Ints

    @property
    def moments(self) -> Moments:
        """Mean and covariance, ddof 0."""
        return Moments(self.n, self.mean, self.second / max(self.n, 1))

    @property
    def exact(self) -> bool:
        """Whether the moments are of the columns themselves."""
        return self.d <= EXACT

    @property
    def distinct(self) -> float:
        """Number of distinct rows: counted where the sample holds all, else estimated from its largest digest."""
        if len(self.digests) < KEPT:
            return float(len(self.digests))
        return (KEPT - 1) / (float(self.digests[-1]) / 2.0**64)


def fingerprint(points: Any) -> Fingerprint:
    """The fingerprint of points (n, d), any float type or rows in files, in one pass over blocks of rows.

    Its digits do not depend on the number of threads.
    """
    rows = as_rows(points)
    parts = (_of_block(np.asarray(rows[block])) for block in row_blocks(rows))
    with one_blas_thread():
        return reduce(merged, parts, _empty(rows.shape[1]))


def merged(a: Fingerprint, b: Fingerprint) -> Fingerprint:
    """The fingerprint of both sets together; InputError where they differ in dimension."""
    if a.d != b.d:
        raise InputError(f"fingerprints of {a.d} and {b.d} dimensions cannot be merged; they are of different encoders")
    n = a.n + b.n
    gap = b.mean - a.mean
    digests, copies, sample = _smallest(a, b)
    return Fingerprint(
        n, a.d, a.left_out + b.left_out,
        mean=a.mean + gap * (b.n / max(n, 1)),
        second=a.second + b.second + np.outer(gap, gap) * (a.n * b.n / max(n, 1)),
        digests=digests, copies=copies, sample=sample,
        norms=a.norms + b.norms,
        values=a.values + b.values,
    )  # fmt: skip


def _smallest(a: Fingerprint, b: Fingerprint) -> tuple[Array, Ints, Array]:
    """The rows with the smallest digests of both samples, copies of one digest added up."""
    every, first, group = np.unique(np.concatenate([a.digests, b.digests]), return_index=True, return_inverse=True)
    copies = np.bincount(group, np.concatenate([a.copies, b.copies]), len(every)).astype(np.int64)
    sample = np.concatenate([a.sample, b.sample])[first]
    return every[:KEPT], copies[:KEPT], sample[:KEPT]


def _empty(d: int) -> Fingerprint:
    m = min(d, EXACT)
    none = np.zeros(m), np.zeros((m, m)), np.empty(0, np.uint64), np.empty(0, np.int64)
    sample = np.empty((0, min(d, SHADOW)), np.float32)
    return Fingerprint(0, d, 0, *none, sample, np.zeros(NORM_BINS, np.int64), np.zeros(VALUE_BINS, np.int64))


def _of_block(block: Array) -> Fingerprint:
    from geometry.pairs.cpu.digests import row_digests

    good = np.isfinite(block).all(axis=1)
    rows = block[good]
    left_out, none = len(block) - len(rows), _empty(block.shape[1])
    if len(rows) == 0:
        return replace(none, left_out=left_out)
    values = rows.astype(np.float64)
    wide, narrow = directions(block.shape[1], EXACT), directions(block.shape[1], SHADOW)
    seen = _along(values, wide)
    mean = seen.mean(axis=0)
    centred = seen - mean
    digests, first, counts = np.unique(_spread(row_digests(rows)), return_index=True, return_counts=True)
    kept = values[first[:KEPT]]
    return Fingerprint(
        len(rows), block.shape[1], left_out,
        mean=mean,
        second=centred.T @ centred,
        digests=digests[:KEPT],
        copies=counts[:KEPT].astype(np.int64),
        sample=_along(kept, narrow).astype(np.float32),
        norms=_counted(row_norms(values), NORM_BINS, NORM_FINE),
        values=_counted(np.abs(values), VALUE_BINS, VALUE_FINE),
    )  # fmt: skip


@cache
def directions(d: int, most: int) -> Array | None:
    """(d, most) float32 seeded orthonormal directions scaled by sqrt(d / most); None where all columns are kept.

    Gaussian columns times the inverse of the Cholesky factor of their Gram matrix, which is near a multiple of the
    identity, in place: columns of a hundred thousand leave no room for copies.
    """
    if d <= most:
        return None
    drawn = np.random.default_rng([d, most]).standard_normal((d, most), dtype=np.float32)
    gram = np.zeros((most, most))
    for some in blocks(d, COLUMNS):
        part = drawn[some].astype(np.float64)
        gram += part.T @ part
    turn = np.linalg.inv(np.linalg.cholesky(gram)).T * np.sqrt(d / most)
    for some in blocks(d, COLUMNS):
        drawn[some] = drawn[some] @ turn
    return drawn


def _along(values: Floats, of: Array | None) -> Floats:
    """The values (n, d) along directions, in float64, by columns."""
    if of is None:
        return values
    seen = np.zeros((len(values), of.shape[1]))
    for some in blocks(len(of), COLUMNS):
        seen += values[:, some] @ of[some].astype(np.float64)
    return seen


def _spread(digests: Array) -> Array:
    """Digests made uniform over 64 bits (the finaliser of splitmix64: Steele, Lea and Flood 2014)."""
    state = digests + np.uint64(0x9E3779B97F4A7C15)
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return state ^ (state >> np.uint64(31))


def _counted(magnitudes: Floats, bins: int, fine: int) -> Ints:
    """Counts by log2 in `fine` bins an octave about the middle bin; nought and what is beyond go to the ends."""
    with np.errstate(divide="ignore"):
        place = np.floor(np.log2(magnitudes.ravel()) * fine) + bins // 2
    return np.bincount(np.clip(place, 0, bins - 1).astype(np.int64), minlength=bins).astype(np.int64)


def write_fingerprint(path: Path | str, one: Fingerprint) -> None:
    """One file without pickles, written whole or not at all."""
    head = {"version": VERSION, "n": one.n, "d": one.d, "left_out": one.left_out}
    arrays: dict[str, Array] = {"head": np.frombuffer(json.dumps(head).encode(), np.uint8), "mean": one.mean}
    arrays["second"] = one.second[np.triu_indices(len(one.mean))]
    arrays |= {name: getattr(one, name) for name in ("digests", "copies", "sample", "norms", "values")}
    write_arrays(Path(path), arrays, compressed=True)


def read_fingerprint(path: Path | str) -> Fingerprint:
    """A fingerprint from its file; InputError where it is none."""
    try:
        arrays = _arrays(Path(path))
        head: dict[str, Any] = json.loads(arrays.pop("head").tobytes())
        if head.pop("version") != VERSION:
            raise ValueError("of another version")
        m = len(arrays["mean"])
        upper = np.zeros((m, m))
        upper[np.triu_indices(m)] = arrays.pop("second")
        made = Fingerprint(**{**head, **arrays, "second": upper + np.triu(upper, 1).T})
    except GeometryError:
        raise
    except Exception as error:  # a damaged file can raise anything
        raise InputError(
            f"{path}: not a readable fingerprint ({error}); write it again with `geometry fingerprint`"
        ) from error
    if not _whole(made):
        raise InputError(f"{path}: its parts do not fit each other; write it again with `geometry fingerprint`")
    return made


def _whole(one: Fingerprint) -> bool:
    """Whether the parts have the types, sizes and sums that `fingerprint` gives them."""
    numbers = (one.n, one.d, one.left_out)
    if not all(type(number) is int and 0 <= number < 2**62 for number in numbers) or one.d == 0:
        return False
    m, s = min(one.d, EXACT), len(one.digests)
    kinds = {
        "mean": (np.float64, (m,)), "second": (np.float64, (m, m)), "digests": (np.uint64, (s,)),
        "copies": (np.int64, (s,)), "sample": (np.float32, (s, min(one.d, SHADOW))),
        "norms": (np.int64, (NORM_BINS,)), "values": (np.int64, (VALUE_BINS,)),
    }  # fmt: skip
    arrays = {name: getattr(one, name) for name in kinds}
    if s > KEPT or any((arrays[name].dtype, arrays[name].shape) != of for name, of in kinds.items()):
        return False
    finite = all(np.isfinite(arrays[name]).all() for name in ("mean", "second", "sample"))
    counted = all(arrays[name].min(initial=0) >= 0 for name in ("copies", "norms", "values"))
    rows = int(one.norms.sum()) == one.n and int(one.values.sum()) == one.n * one.d and int(one.copies.sum()) <= one.n
    return (
        finite
        and counted
        and rows
        and bool((one.digests[1:] > one.digests[:-1]).all() and np.diag(one.second).min() >= 0)
    )


def _arrays(path: Path) -> dict[str, Array]:
    """The arrays of the file, looked at before they are unpacked."""
    require_file(path)
    told = npz_contents(path) if path.stat().st_size <= MOST_BYTES else None
    if told is None or sum(one.bytes for one in told) > MOST_BYTES:
        raise InputError(f"{path}: larger than any fingerprint; write it again with `geometry fingerprint`")
    return npz_read(path, [one.key for one in told])
