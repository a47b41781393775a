"""Sets from arrays: naming, order, what is kept of ready sets, and the same refusals as for files."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from geometry.errors import InputError, UsageError
from geometry.sources import from_arrays
from geometry.sources.checks import digest_of
from geometry.types import EmbeddingSet

A = np.arange(12.0).reshape(4, 3)
B = A + 100


def test_a_list_is_numbered_in_order() -> None:
    sets = from_arrays([A, B])
    assert [(f.generation, f.name, f.points[0, 0]) for f in sets] == [(0, "gen_0", 0.0), (1, "gen_1", 100.0)]
    assert sets[0].digest == digest_of(A) != sets[1].digest


def test_a_dictionary_names_the_sets_or_numbers_them() -> None:
    assert [(f.generation, f.name) for f in from_arrays({"real": A, "fake": B})] == [(0, "real"), (1, "fake")]
    assert [(f.generation, f.points[0, 0]) for f in from_arrays({9: B, 2: A})] == [(2, 0.0), (9, 100.0)]


@pytest.mark.parametrize(
    ("make", "count"),
    [
        (lambda: A, 1),
        (lambda: EmbeddingSet(A), 1),
        (lambda: np.stack([A, B]), 2),
        (lambda: iter([A[:2], A[2:]]), 1),
        (lambda: [iter([A[:2], A[2:]]), B], 2),
        (lambda: [torch.from_numpy(A), B.tolist()], 2),
    ],
)
def test_whatever_holds_arrays(make: Callable[[], Any], count: int) -> None:
    sets = from_arrays(make())
    assert len(sets) == count and np.array_equal(sets[0].points, A)


def test_ready_sets_keep_what_they_know() -> None:
    ready = EmbeddingSet(A, generation=4, name="late", labels=np.array(list("abcd")), source="here", notes=("said",))
    late, early = ready, EmbeddingSet(B, generation=1)
    sets = from_arrays([late, early])
    assert [f.generation for f in sets] == [1, 4]
    assert (sets[1].name, sets[1].source, sets[1].notes) == ("late", "here", ("said",))
    assert sets[1].labels is not None and sets[1].labels.tolist() == list("abcd")
    assert [f.generation for f in from_arrays([late, ready])] == [0, 1]


def test_types_are_converted_and_noted() -> None:
    half = torch.from_numpy(A).bfloat16()
    assert from_arrays([half])[0].notes == ("bfloat16 read as float32",)
    assert from_arrays([A.astype(np.int16)])[0].notes == ("int16 read as float64",)
    first, second = from_arrays([A.astype(np.float32), B])
    assert first.points.dtype == np.float64 and "widened to float64" in first.notes[0] and not second.notes


def test_nan_is_an_error_or_dropped() -> None:
    bad = A.copy()
    bad[1, 1] = np.inf
    with pytest.raises(InputError, match=r"array 'gen_1': 1 of 4 rows .* first row 1"):
        from_arrays([A, bad])
    with pytest.raises(UsageError, match="nan='skip'"):
        from_arrays([A], nan="skip")
    found = from_arrays([EmbeddingSet(bad, labels=np.arange(4))], nan="drop")[0]
    assert found.dropped == 1 and found.labels is not None and found.labels.tolist() == [0, 2, 3]


@pytest.mark.parametrize(
    ("arrays", "word"),
    [
        ([], "no array"),
        ([A[0]], r"array 'gen_0': shape \(3,\)"),
        ([A[:0]], "empty set"),
        ([A, B[:, :2]], "array 'gen_0' has 3, array 'gen_1' has 2"),
        ({"x": A[None]}, r"array 'x': shape \(1, 4, 3\)"),
        ([EmbeddingSet(A, labels=np.arange(3))], r"'labels': shape \(3,\) for 4 rows"),
    ],
)
def test_what_is_refused(arrays: Any, word: str) -> None:
    with pytest.raises(InputError, match=word):
        from_arrays(arrays)
