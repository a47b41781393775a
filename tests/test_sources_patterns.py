"""Patterns and natural order: what matches, what a placeholder stands for, in which order."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from geometry.errors import InputError
from geometry.sources.natural import natural
from geometry.sources.patterns import as_regex, expand, is_pattern


@pytest.mark.parametrize(
    ("pattern", "hits", "misses"),
    [
        ("g{generation}.npy", ["g0.npy", "g012.npy"], ["g.npy", "gx.npy", "g1_npy", "g-1.npy"]),
        ("g{generation}/e{generation}.npy", ["g3/e3.npy"], ["g3/e4.npy"]),
        ("a/*.npy", ["a/x.npy"], ["a/b/x.npy", "a/x.npz"]),
        ("a/**/x?.npy", ["a/x1.npy", "a/b/c/x2.npy"], ["a/b/x.npy"]),
        ("g[!0-4].npy", ["g5.npy"], ["g3.npy"]),
        ("a+(b)/{layer}.pt", ["a+(b)/enc.0.pt"], ["aa(b)/enc.pt", "a+(b)/c/enc.pt"]),
    ],
)
def test_what_a_pattern_matches(pattern: str, hits: list[str], misses: list[str]) -> None:
    shape = re.compile(as_regex(pattern))
    assert [name for name in hits + misses if shape.fullmatch(name)] == hits


def test_placeholders_are_captured_and_sorted_by_number(tmp_path: Path) -> None:
    for name in ("enc-10", "enc-9", "dec-9", "enc-xx"):
        (tmp_path / name).touch()
    found = expand(f"{tmp_path}/{{layer}}-{{generation}}")
    assert [(match.generation, match.layer) for match in found] == [(9, "dec"), (9, "enc"), (10, "enc")]
    with pytest.raises(InputError, match=r"takes digits only"):
        expand(f"{tmp_path}/enc-{{generation}}x")


def test_an_existing_path_is_no_pattern(tmp_path: Path) -> None:
    (tmp_path / "run[1]").mkdir()
    assert not is_pattern(f"{tmp_path}/run[1]") and is_pattern(f"{tmp_path}/run[2]")


def test_digits_compare_as_numbers_and_letters_without_case() -> None:
    names = ["gen_10", "gen_2", "Gen_1", "gen_2b", "gen", "7", "11"]
    assert sorted(names, key=natural) == ["7", "11", "gen", "Gen_1", "gen_2", "gen_2b", "gen_10"]


def test_folders_below_are_entered_once_and_links_to_elsewhere_too(tmp_path: Path) -> None:
    names = ["runs/gen_0.npy", "runs/a/gen_1.npy", "runs/a/b/gen_2.npy", "elsewhere/gen_3.npy", "runs/.kept/gen_4.npy"]
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "runs" / "a" / "up").symlink_to(tmp_path / "runs")
    (tmp_path / "runs" / "link").symlink_to(tmp_path / "elsewhere")
    found = expand(f"{tmp_path}/runs/**/gen_{{generation}}.npy")
    told = [str(one.path.relative_to(tmp_path / "runs")) for one in found]
    assert told == ["gen_0.npy", "a/gen_1.npy", "a/b/gen_2.npy", "link/gen_3.npy"]
    assert [one.generation for one in found] == [0, 1, 2, 3]


def test_below_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a" / "b[1]").mkdir(parents=True)
    for name in ("x.npy", "a/x.npy", "a/b[1]/x.npy"):
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    assert [str(one.path) for one in expand("**/x.npy")] == ["a/b[1]/x.npy", "a/x.npy", "x.npy"]
    assert [str(one.path) for one in expand("a/**")] == ["a/b[1]", "a/b[1]/x.npy", "a/x.npy"]
