"""Neighbourhoods gathered from files: those of the whole set, some at a time, and no more than there is room for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from geometry.catalog import compute
from geometry.errors import InputError
from geometry.pairs import Scan, executor
from geometry.pairs.gathered import gathered
from geometry.pairs.stored import stored_array
from geometry.pairs.streamed import Whole
from geometry.types import Array, Estimate

N, D, K = 420, 6, 101
LOCAL = ("abid", "ess", "tle", "ca_pca")  # a value per row
NAMES = (*LOCAL, "danco", "lpca")


@pytest.fixture(scope="module")
def points() -> Array:
    """Three of six directions hold nearly all, with a few copies."""
    rows = np.random.default_rng(0).standard_normal((N, D)) * [1, 1, 1, 0.05, 0.05, 0.05]
    rows[100:108] = rows[7]
    return rows.astype(np.float32)


def sampled(points: Array, m: int, block_bytes: int, seed: int = 1) -> Scan:
    numbers = np.sort(np.random.default_rng(seed).choice(len(points), m, replace=False))
    scan = Scan(points[numbers], executor("cpu"))
    scan.numbers = numbers
    return Whole(stored_array(points), scan, K, block_bytes).neighbors


@pytest.mark.parametrize("block_bytes", [40 * 4 * D, 1 << 30])
def test_parts_hold_every_row_with_its_neighbours(points: Array, block_bytes: int) -> None:
    scan = sampled(points, 90, block_bytes)
    table, seen = scan.neighbors(9), 0
    assert scan.base is not None
    for part in gathered(scan, 9):
        assert len(part.points) * 4 * D <= max(block_bytes, 10 * 4 * D)
        np.testing.assert_array_equal(part.points, points[part.numbers])
        np.testing.assert_array_equal(part.numbers[part.table.index], table.index[part.cut])
        np.testing.assert_array_equal(part.numbers[part.table.numbers], table.numbers[part.cut])
        np.testing.assert_array_equal(part.table.sq_dist, table.sq_dist[part.cut])
        assert part.cut.start == seen
        seen = part.cut.stop
    assert seen == 90


def test_points_in_memory_are_one_part(points: Array) -> None:
    scan = Scan(points, executor("cpu"))
    (part,) = gathered(scan, 5)
    assert part.points is scan.points
    np.testing.assert_array_equal(part.table.index, scan.neighbors(5).index)
    with pytest.raises(InputError, match="needs the points"):
        list(gathered(Scan.of(scan.neighbors(5), scan.executor), 5))


@pytest.mark.parametrize("name", [*LOCAL, "lpca"])
def test_with_every_row_sampled_it_is_the_whole_set(points: Array, name: str) -> None:
    """Values and errors alike, whatever fits into memory together; per row and, of halves, over parts of the rows."""
    asked: dict[str, dict[str, Any]] = {"lpca": {"k": 20, "rule": "participation"}, "danco": {"k": 4}}
    options = asked.get(name, {})
    known = compute(name, points[:410], **options)
    found = compute(name, sampled(points[:410], 410, 1 << 13), **options)
    assert isinstance(found, Estimate)
    assert isinstance(known, Estimate)
    assert (found.value, found.n, found.d, found.k) == (known.value, known.n, known.d, known.k)
    assert found.stderr == pytest.approx(known.stderr, rel=1e-9)


@pytest.mark.parametrize("name", LOCAL)
def test_a_sampled_row_has_its_neighbours_among_all(points: Array, name: str) -> None:
    scan = sampled(points, 60, 1 << 13)
    found, known = compute(name, scan), compute(name, points)
    assert isinstance(found, Estimate)
    assert isinstance(known, Estimate)
    assert found.per_point is not None
    assert known.per_point is not None
    np.testing.assert_array_equal(found.per_point, known.per_point[scan.neighbors(1).numbers])


@pytest.mark.parametrize("name", ["geo_mle", "intrinsic_dim"])
def test_values_of_sampled_rows_are_near_those_of_all(points: Array, name: str) -> None:
    """Within three of the errors that they claim."""

    def one(found: object) -> Estimate:
        made = found["ensemble"] if isinstance(found, dict) else found
        assert isinstance(made, Estimate)
        return made

    rows = np.concatenate([points, np.random.default_rng(5).standard_normal((1300, D)) * points.std(axis=0)])
    found, known = one(compute(name, sampled(rows.astype(np.float32), 500, 1 << 14))), one(compute(name, rows))
    assert found.stderr is not None
    assert abs(float(found) - float(known)) < 3 * found.stderr


def test_danco_of_sampled_rows(points: Array) -> None:
    """Its balls hold as many rows as the files, and halves are found part by part."""
    some = points[:200, :2]
    found, known = compute("danco", sampled(some, 200, 1 << 11), k=3), compute("danco", some, k=3)
    assert isinstance(found, Estimate)
    assert isinstance(known, Estimate)
    assert (found.value, found.k) == (known.value, known.k)
    assert found.stderr == pytest.approx(known.stderr, rel=1e-9)


def test_near_copies_are_merged_among_all_rows(points: Array) -> None:
    """Half of the rows twice, jittered far below their distances: as if each were there once."""
    rng = np.random.default_rng(2)
    once = rng.standard_normal((500, D))
    twice = np.concatenate([once, once[:250] + 1e-8 * rng.standard_normal((250, D))])
    found = compute("intrinsic_dim", sampled(twice, 750, 1 << 20))
    known, raw = compute("intrinsic_dim", once), compute("intrinsic_dim", sampled(once, 500, 1 << 20))
    assert isinstance(found, dict)
    assert isinstance(known, dict)
    assert isinstance(raw, dict)
    assert raw["ensemble"].value == known["ensemble"].value
    assert found["ensemble"].n == pytest.approx(500, abs=3)
    assert found["ensemble"].value == pytest.approx(known["ensemble"].value, rel=0.01)


@pytest.mark.parametrize("name", [*NAMES, "geo_mle", "intrinsic_dim"])
@pytest.mark.parametrize("rows", [np.ones((40, 3)), np.zeros((40, 1)), np.ones((2, 3))], ids=["equal", "zero", "two"])
def test_collapsed_sets_in_files_have_no_value(name: str, rows: Array) -> None:
    options: dict[str, Any] = {"k": 20, "rule": "fo"} if name == "lpca" else {}
    found = compute(name, sampled(rows, min(len(rows), 20), 64), **options)
    for one in found.values() if isinstance(found, dict) else [found]:
        assert one.status == "undefined"
        assert one.reason


def test_rows_of_an_engine_that_reads_little_are_read_in_order(points: Array) -> None:
    reads: list[tuple[int, int]] = []
    scan = sampled(points, 50, 40 * 4 * D)
    assert scan.base is not None
    plain = stored_array(points)

    def read(start: int, stop: int) -> Array:
        reads.append((start, stop))
        return points[start:stop]

    scan.base.stored = replace(plain, read=read)
    parts = list(gathered(scan, 9))
    assert len(reads) == len(parts) > 10  # neighbouring rows are one read, as none of them lies far off
