"""Rows in files behind the interface of an array: every way of asking gives the rows that an array gives."""

from dataclasses import replace

import numpy as np
import pytest

from geometry.pairs import stored
from geometry.pairs.stored import Stored, stored_array

ROWS = np.arange(700, dtype=np.float16).reshape(100, 7) / 8


@pytest.fixture(params=[None, 64], ids=["one block", "many blocks"])
def held(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Stored:
    if request.param:
        monkeypatch.setattr(stored, "BLOCK_BYTES", request.param)
    return stored_array(ROWS, "rows.npy")


@pytest.mark.parametrize("key", [slice(3, 30), slice(None), slice(90, 200), slice(5, 5), slice(-4, None)], ids=str)
def test_slices_are_those_of_the_array(held: Stored, key: slice) -> None:
    np.testing.assert_array_equal(held[key], ROWS[key])


@pytest.mark.parametrize("numbers", [[5, 3, 99, 3], [], [-1, 0], list(range(100))[::-1]], ids=str)
def test_row_numbers_come_in_the_order_asked_for(held: Stored, numbers: list[int]) -> None:
    rows = np.array(numbers, np.int64)
    np.testing.assert_array_equal(held[rows], ROWS[rows])


def test_masks_blocks_and_the_whole(held: Stored) -> None:
    mask = np.arange(100) % 3 == 0
    np.testing.assert_array_equal(held[mask], ROWS[mask])
    assert held.shape == ROWS.shape
    assert held.nbytes == ROWS.nbytes
    np.testing.assert_array_equal(np.asarray(held), ROWS)
    parts = list(held.blocks(64))
    assert all(rows.nbytes <= 64 for _, rows in parts)
    np.testing.assert_array_equal(np.concatenate([rows for _, rows in parts]), ROWS)


def test_rows_left_out_are_left_out_of_everything(held: Stored) -> None:
    kept = np.flatnonzero(np.arange(100) % 4 != 1)
    some = held.only(kept)
    np.testing.assert_array_equal(some[:], ROWS[kept])
    np.testing.assert_array_equal(some[10:20], ROWS[kept][10:20])
    np.testing.assert_array_equal(some[np.array([70, 2])], ROWS[kept][[70, 2]])
    again = np.arange(0, len(kept), 2)
    np.testing.assert_array_equal(some.only(again)[:], ROWS[kept][again])


def test_whole_numbers_are_given_as_float64() -> None:
    held = stored_array(np.arange(6, dtype=np.int32).reshape(3, 2))
    assert held.dtype == np.float64
    assert held[:].dtype == np.float64


def test_a_slice_with_a_step_names_the_file(held: Stored) -> None:
    with pytest.raises(IndexError, match=r"rows\.npy"):
        held[::2]


def test_only_what_is_asked_for_is_read() -> None:
    seen: list[tuple[int, int]] = []

    def read(start: int, stop: int) -> np.ndarray:
        seen.append((start, stop))
        return ROWS[start:stop]

    held = replace(stored_array(ROWS), read=read)
    held[np.array([40, 44])]
    held[10:12]
    assert seen == [(40, 45), (10, 12)]


def test_rows_far_apart_are_read_apart_where_they_can_be(monkeypatch: pytest.MonkeyPatch) -> None:
    """One read for what lies together or has to be decoded together, another one past a gap."""
    monkeypatch.setattr(stored, "GAP", 10 * ROWS.itemsize * 7)
    seen: list[tuple[int, int]] = []

    def read(start: int, stop: int) -> np.ndarray:
        seen.append((start, stop))
        return ROWS[start:stop]

    held = replace(stored_array(ROWS), read=read)
    rows = np.array([90, 3, 13, 3])
    np.testing.assert_array_equal(held[rows], ROWS[rows])
    assert seen == [(3, 14), (90, 91)]
    seen.clear()
    np.testing.assert_array_equal(replace(held, apart=False)[rows], ROWS[rows])
    assert seen == [(3, 91)]


def test_scattered_rows_of_a_file_take_no_more_than_a_block(monkeypatch: pytest.MonkeyPatch) -> None:
    """A generation whose rows lie among those of others: a slice of it spans far more of the file than it holds."""
    monkeypatch.setattr(stored, "BLOCK_BYTES", 20 * 7 * 2)
    seen: list[int] = []

    def read(start: int, stop: int) -> np.ndarray:
        seen.append(stop - start)
        return ROWS[start:stop]

    kept = np.arange(0, 100, 9)
    held = replace(stored_array(ROWS), read=read).only(kept)
    np.testing.assert_array_equal(held[:], ROWS[kept])
    np.testing.assert_array_equal(held[2:11], ROWS[kept][2:11])
    assert max(seen) <= 20
