"""What counts as points, and what the error says where something does not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from geometry.errors import InputError
from geometry.pairs import as_points, neighbors
from geometry.pairs.arrays import finite_rows
from geometry.types import EmbeddingSet

ROWS = [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]


class OnlyArray:
    """A holder that speaks `__array__` alone."""

    def __array__(self, dtype: object = None, copy: object = None) -> np.ndarray:
        return np.array(ROWS, np.float32)


class OnlyDLPack:
    """A holder that speaks DLPack alone."""

    def __dlpack__(self, **options: object) -> object:
        return np.array(ROWS, np.float32).__dlpack__()

    def __dlpack_device__(self) -> tuple[int, int]:
        return (1, 0)


@pytest.mark.parametrize(
    ("source", "dtype"),
    [
        (ROWS, np.float64),
        (np.array(ROWS, np.float16), np.float16),
        (np.array(ROWS, np.float32), np.float32),
        (np.array(ROWS, ">f4"), np.float32),
        (np.array(ROWS, np.longdouble), np.float64),
        (np.array(ROWS, np.int8), np.float64),
        (np.array(ROWS, np.uint64), np.float64),
        (torch.tensor(ROWS, requires_grad=True), np.float32),
        (torch.tensor(ROWS, dtype=torch.bfloat16), np.float32),
        (torch.tensor(ROWS, dtype=torch.float16), np.float16),
        (np.asfortranarray(ROWS), np.float64),
        (np.repeat(np.array(ROWS, np.float32), 2, axis=0)[::2], np.float32),
        (np.ma.array(ROWS, dtype=np.float32), np.float32),
        (EmbeddingSet(np.array(ROWS, np.float32)), np.float32),
        (OnlyArray(), np.float32),
        (OnlyDLPack(), np.float32),
    ],
)
def test_arrays_of_many_kinds(source: object, dtype: type) -> None:
    points = as_points(source)
    assert points.dtype == dtype
    assert points.dtype.isnative
    np.testing.assert_array_equal(points, ROWS)


def test_iterator_of_blocks() -> None:
    np.testing.assert_array_equal(as_points(iter([ROWS[:1], torch.tensor(ROWS[1:])])), ROWS)
    with pytest.raises(InputError, match="queries: the iterator gave no block"):
        as_points(iter([]), "queries")


def test_booleans_become_numbers() -> None:
    np.testing.assert_array_equal(as_points(np.array([[True, False]])), [[1.0, 0.0]])


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (np.zeros(5), r"points: shape \(5,\) has 1 axes, not 2"),
        (np.zeros((2, 2, 2)), "has 3 axes"),
        (np.zeros((4, 0)), r"shape \(4, 0\) has no dimension"),
        (np.zeros((2, 2), complex), "dtype complex128 is not a real number"),
        (np.array([["a", "b"]]), "is not a real number"),
        ("runs/x.npy", r"points: 'runs/x.npy' is no array; read files with geometry.load"),
        (Path("x.npy"), "read files with geometry.load"),
        (None, "points: None is no array"),
        (np.array([[object(), 1]]), "dtype object is not a real number"),
        ([[1.0, 2.0], [3.0]], r"points: cannot be read as an array .*pass rows of one length"),
    ],
)
def test_what_is_no_set_of_points(source: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        as_points(source)


def test_what_is_masked_counts_as_missing() -> None:
    points = as_points(np.ma.array([[1, 2], [3, 4]], mask=[[False, False], [True, False]]))
    assert type(points) is np.ndarray
    np.testing.assert_array_equal(points, [[1, 2], [np.nan, 4]])


def test_memory_mapped_rows_are_read_in_place(tmp_path: Path) -> None:
    rows = np.random.default_rng(0).standard_normal((20, 3)).astype(np.float32)
    np.save(tmp_path / "rows.npy", rows)
    mapped = np.load(tmp_path / "rows.npy", mmap_mode="r")
    assert np.shares_memory(as_points(mapped), mapped)
    np.testing.assert_array_equal(neighbors(mapped, 3).sq_dist, neighbors(rows, 3).sq_dist)


@pytest.mark.parametrize("k", [2.5, "3", None])
def test_neighbours_are_counted_in_whole_numbers(k: object) -> None:
    with pytest.raises(InputError, match="is no whole number"):
        neighbors(ROWS, k)  # type: ignore[arg-type]
    assert neighbors(ROWS, np.int64(1)).k == 1  # type: ignore[arg-type]


def test_finite_rows_marks_rows() -> None:
    points = np.array([[1, np.inf], [0, 0], [np.nan, 1], [-np.inf, 0]])
    np.testing.assert_array_equal(finite_rows(points), [False, True, False, False])
