"""What is packed is what is unpacked, here as the page does it; positions and levels keep what they promise."""

from __future__ import annotations

import base64
import zlib
from typing import Any

import numpy as np
import pytest

from geometry.report.page.packing import MIDDLE, MISSING, REACH, TYPES, levels, packed, packed_text, positions, steps


def unpacked(one: dict[str, str]) -> Any:
    raw = zlib.decompress(base64.b64decode(one["data"]), -15)
    if one["type"] == "text":
        return raw.decode().split("\n")
    dtype = next(np.dtype(name) for name, kind in TYPES.items() if kind == one["type"])
    planes = np.frombuffer(raw, np.uint8).reshape(dtype.itemsize, -1)
    return np.ascontiguousarray(planes.T).view(dtype).ravel()


@pytest.mark.parametrize("dtype", TYPES)
def test_arrays_come_back(dtype: str) -> None:
    values = np.random.default_rng(0).integers(0, np.iinfo(dtype).max, 999, endpoint=True).astype(dtype)
    assert np.array_equal(unpacked(packed(values)), values)
    assert len(unpacked(packed(values[:0]))) == 0


def test_words_come_back_and_stay_one_each() -> None:
    assert unpacked(packed_text(["a", "", "ü\nb", "<c>"])) == ["a", "", "ü b", "<c>"]


def test_steps_add_up_to_what_they_were_whatever_the_order() -> None:
    for values in (np.array([3, 4, 9, 2**31]), np.array([5, 1, 7, 0])):
        assert np.array_equal(np.cumsum(steps(values), dtype=np.uint32), values)
    assert len(packed(steps(np.arange(50_000)))["data"]) < 1000


def test_positions_are_exact_to_half_a_step_and_the_centroid_is_exact() -> None:
    places = np.random.default_rng(1).normal(size=(500, 3)) * 7
    places[0] = 0.0
    coded, reach = positions(places)
    back = (coded.astype(float) - MIDDLE) / MIDDLE * reach
    farthest = np.abs(places).max()
    assert np.abs(back - places).max() <= 0.5 * farthest / REACH * (1 + 1e-9)
    assert (coded[0] == MIDDLE).all()
    assert (positions(np.zeros((4, 3)))[0] == MIDDLE).all()


def test_levels_span_the_range_and_mark_what_is_missing() -> None:
    assert levels(np.array([-1.0, 0, 5, 10, 11, np.nan, np.inf]), 0, 10).tolist() == [
        0,
        0,
        127,
        254,
        254,
        MISSING,
        MISSING,
    ]
    assert levels(np.array([3.0]), 3, 3).tolist() == [0]
