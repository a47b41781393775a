"""Fingerprints: parts merge to the whole in any order, files are safe, and what they say is what the rows say."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from functools import reduce
from pathlib import Path

import clouds
import numpy as np
import pytest

from geometry import analyze
from geometry.analysis.fingerprints import compare
from geometry.cli import main
from geometry.errors import InputError, UnsafeFileError
from geometry.schema.files import read_arrays, write_arrays
from geometry.sources.fingerprint import (
    EXACT,
    KEPT,
    Fingerprint,
    fingerprint,
    merged,
    read_fingerprint,
    write_fingerprint,
)
from geometry.types import Array, Estimate


def same(a: Fingerprint, b: Fingerprint) -> None:
    """Counts and sample to the byte, moments to rounding."""
    assert (a.n, a.d, a.left_out) == (b.n, b.d, b.left_out)
    for name in ("digests", "copies", "sample", "norms", "values"):
        assert np.array_equal(getattr(a, name), getattr(b, name)), name
    scale = np.abs(b.second).max()
    assert np.abs(a.mean - b.mean).max() <= 1e-12 * np.abs(b.mean).max() + 1e-300
    assert np.abs(a.second - b.second).max() <= 1e-11 * scale


@pytest.mark.parametrize("d", [1, 5, 300])
def test_merging_is_associative_and_needs_no_order(d: int) -> None:
    points = clouds.gaussian(4000, d) * 3 + 7
    points[100:400] = points[:300]
    points[17] = np.nan
    parts = [fingerprint(part) for part in np.split(points, [1, 700, 2600])]
    whole = fingerprint(points)
    assert whole.left_out == 1 and len(whole.digests) == KEPT
    for order in itertools.permutations(parts):
        same(reduce(merged, order), whole)
    a, b, c, e = parts
    same(merged(merged(a, b), merged(c, e)), merged(a, merged(b, merged(c, e))))


def test_moments_are_those_of_the_rows_and_the_trace_of_many_columns_is_right() -> None:
    points = clouds.power_law(500, 20) + 3
    made = fingerprint(points)
    assert np.allclose(made.moments.covariance, np.cov(points.T, ddof=0)) and np.allclose(made.mean, points.mean(0))
    assert made.exact and made.left_out == 0
    wide = clouds.gaussian(400, 2 * EXACT)
    many = fingerprint(wide)
    assert not many.exact and len(many.mean) == EXACT
    assert np.trace(many.moments.covariance) == pytest.approx(wide.var(axis=0).sum(), rel=0.02)


def test_the_number_of_distinct_rows() -> None:
    points = clouds.gaussian(20_000, 3)
    assert fingerprint(points).distinct == pytest.approx(20_000, rel=4 / np.sqrt(KEPT))
    half = np.concatenate([points[:10_000]] * 2)
    assert fingerprint(half).distinct == pytest.approx(10_000, rel=4 / np.sqrt(KEPT))
    assert fingerprint(half).copies.min() == 2
    few = fingerprint(np.repeat(points[:50], 3, axis=0))
    assert few.distinct == 50 and set(few.copies) == {3}


def test_the_sample_is_of_all_rows_alike() -> None:
    points = np.arange(40_000.0)[:, None]
    sample = fingerprint(points).sample[:, 0]
    assert abs(sample.mean() / 39_999 - 0.5) < 4 / np.sqrt(12 * KEPT)


def test_files_come_back_whole_or_are_refused(tmp_path: Path) -> None:
    made = fingerprint(clouds.gaussian(300, 12))
    path = tmp_path / "a.fingerprint"
    write_fingerprint(path, made)
    back = read_fingerprint(path)
    same(back, made)
    content = path.read_bytes()
    for broken in (content[: len(content) // 2], b"", b"\x80\x04pickle", content[:60] + b"\0" * 40 + content[100:]):
        path.write_bytes(broken)
        with pytest.raises(InputError, match=r"a\.fingerprint"):
            read_fingerprint(path)
    with pytest.raises(InputError, match=r"none\.fingerprint"):
        read_fingerprint(tmp_path / "none.fingerprint")
    np.savez(tmp_path / "b.npz", head=np.array([{}], dtype=object))
    with pytest.raises(UnsafeFileError):
        read_fingerprint(tmp_path / "b.npz")


def between(lines: list[object], name: str, variant: str) -> Estimate:
    return next(one.between for one in lines if (one.name, one.variant) == (name, variant))  # type: ignore[attr-defined, no-any-return]


HEAD = {"n": ["5", -5, 5.5, True, 0, 10**400], "d": [10**12, "6", -1, 0], "left_out": [-1, None], "version": [3, None]}
ARRAYS: dict[str, list[Callable[[Array], Array]]] = {
    "mean": [lambda a: a * np.nan, lambda a: a.astype(str), lambda a: a + 1j, lambda a: a[:-1]],
    "second": [lambda a: -a, lambda a: a * np.nan, lambda a: a[:-1]],
    "digests": [lambda a: a[::-1], lambda a: a * 0, lambda a: a.astype(np.float64)],
    "copies": [lambda a: -a, lambda a: a[:-1], lambda a: a * 1000],
    "sample": [lambda a: a * np.nan, lambda a: a.astype(np.float64), lambda a: a[:, :-1]],
    "norms": [lambda a: -a, lambda a: a[:5], lambda a: a * 3, lambda a: a.reshape(2, -1)],
    "values": [lambda a: a.astype(str), lambda a: a + 1],
}


def test_what_has_been_tampered_with_is_refused(tmp_path: Path) -> None:
    points = clouds.gaussian(300, 5)
    path = tmp_path / "a.fingerprint"
    write_fingerprint(path, fingerprint(points))
    whole = read_arrays(path)
    head = json.loads(whole["head"].tobytes())
    heads = [head | {name: value} for name, values in HEAD.items() for value in values]
    odd = [whole | {"head": np.frombuffer(json.dumps(one).encode(), np.uint8)} for one in heads]
    odd += [whole | {name: change(whole[name])} for name, changes in ARRAYS.items() for change in changes]
    for arrays in odd:
        write_arrays(path, arrays)
        with pytest.raises(InputError, match=r"a\.fingerprint"):
            read_fingerprint(path)
    write_arrays(path, whole)
    same(read_fingerprint(path), fingerprint(points))


def test_a_shrunk_set_a_lost_cluster_and_copies_are_seen() -> None:
    before = clouds.clusters(3000, 10, 0)
    lines: list[object] = list(compare(fingerprint(before), fingerprint(clouds.gaussian(3000, 10) * 0 + before * 0.5)))
    assert between(lines, "scale", "ratio").value == pytest.approx(0.25, rel=1e-6)
    gap = between(lines, "norms", "gap")
    assert gap.value is not None and gap.value > 0.5 and gap.profile is not None and gap.profile["p_value"][0] < 1e-10
    lost = before[clouds.cluster_labels(3000) < 6]
    lines = list(compare(fingerprint(before), fingerprint(lost)))
    recall = between(lines, "prdc", "recall").value
    assert recall is not None and 0.4 < recall < 0.75
    copied = fingerprint(np.repeat(before[:1000], 3, axis=0))
    found = {one.name: one for one in compare(fingerprint(before), copied)}["copies"]
    assert found.first is not None and found.second is not None and found.second.value == pytest.approx(2 / 3, abs=0.05)


def test_two_draws_of_one_law_differ_in_nothing() -> None:
    lines: list[object] = list(compare(*(fingerprint(clouds.gaussian(3000, 8, g)) for g in (1, 2))))
    gap = between(lines, "norms", "gap")
    assert gap.profile is not None and gap.profile["p_value"][0] > 0.01
    assert abs(between(lines, "kernel_distance", "kid").z or 0) < 4
    assert between(lines, "scale", "ratio").value == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("points", [np.zeros((3, 4)), np.ones((1, 1)), np.full((50, 2), np.nan), clouds.gaussian(2, 3)])
def test_collapse_is_no_error(points: Array) -> None:
    made = fingerprint(points)
    assert len(compare(made, made)) > 8


def test_other_dimensions_are_refused() -> None:
    pair = [fingerprint(clouds.gaussian(20, d)) for d in (3, 4)]
    with pytest.raises(InputError, match="3 and 4"):
        merged(*pair)
    with pytest.raises(InputError, match="3 and 4"):
        compare(*pair)


def test_files_are_named_apart(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for g in range(2):
        (tmp_path / f"gen_{g}").mkdir()
        np.save(tmp_path / f"gen_{g}" / "x.npy", clouds.gaussian(20, 3, g))
    words = [str(tmp_path / f"gen_{g}" / "x.npy") for g in range(2)]
    assert main(["fingerprint", *words, "-o", str(tmp_path / "out")]) == 0
    names = [f"gen_{g}-x.npy.fingerprint" for g in range(2)]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == names
    assert main(["fingerprint", words[0], words[0], "-o", str(tmp_path / "more")]) == 2
    assert "named twice" in capsys.readouterr().err


def test_the_commands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    points = clouds.gaussian(400, 6)
    for name, part in (("a", points[:150]), ("b", points[150:]), ("whole", points)):
        np.save(tmp_path / f"{name}.npy", part)
    made = tmp_path / "made"
    assert main(["fingerprint", *(str(tmp_path / f"{name}.npy") for name in "ab"), "-o", str(made)]) == 0
    assert sorted(path.name for path in made.iterdir()) == ["a.npy.fingerprint", "b.npy.fingerprint"]
    both = tmp_path / "both.fingerprint"
    words = ["fingerprint", *(str(path) for path in made.iterdir()), "--merge", "-o", str(both)]
    assert main(words) == 0
    same(read_fingerprint(both), fingerprint(points))
    assert main(words) == 2 and "--force" in capsys.readouterr().err
    assert main([*words, "--force"]) == 0
    capsys.readouterr()
    assert main(["compare", str(both), str(tmp_path / "whole.npy"), "--json", "-o", str(tmp_path / "out")]) == 0
    found = {(one["name"], one["variant"]): one for one in json.loads(capsys.readouterr().out)["lines"]}
    assert found["scale", "ratio"]["between"]["value"] == pytest.approx(1)
    assert found["norms", "gap"]["between"]["value"] == 0
    assert json.loads((tmp_path / "out" / "comparison.json").read_text())["lines"]
    assert main(["compare", str(made / "a.npy.fingerprint"), str(made / "b.npy.fingerprint")]) == 0
    out = capsys.readouterr().out
    assert "B against A" in out and "effective_rank" in out and "kernel_distance" in out


def test_a_run_leaves_the_fingerprint_of_every_set(tmp_path: Path) -> None:
    sets = [clouds.gaussian(80, 4, g) for g in range(2)]
    analyze(sets, statistics="scale", out=tmp_path)
    for g, points in enumerate(sets):
        same(read_fingerprint(tmp_path / "fingerprints" / f"gen_{g}.fingerprint"), fingerprint(points))
