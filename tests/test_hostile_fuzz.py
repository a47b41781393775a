"""Damaged files of every kind that is read: accepted, or refused by an error that says where, and nothing else.

What broke a parser once lies in tests/hostile/found, in a folder named for its target, and is looked at every time.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from hostile.targets import TARGETS, Target, look
from hypothesis import given, settings
from hypothesis import strategies as st

FOUND = sorted((Path(__file__).parent / "hostile" / "found").glob("*/*"))
DAMAGE = st.tuples(
    st.integers(0, 1),
    st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=6),
    st.one_of(st.none(), st.floats(0, 1, exclude_max=True)),
    st.binary(max_size=8),
)
Damage = tuple[int, list[tuple[float, int]], float | None, bytes]
WHOLE: dict[str, list[bytes]] = {}


def damaged(name: str, damage: Damage) -> bytes:
    """A whole file of a target with bytes changed, the end cut off, others put there."""
    seeds = WHOLE.setdefault(name, [seed() for seed in TARGETS[name].seeds])
    which, flips, cut, tail = damage
    changed = bytearray(seeds[which % len(seeds)])
    for at, value in flips:
        changed[int(at * len(changed))] = value
    return bytes(changed if cut is None else changed[: int(cut * len(changed))]) + tail


@pytest.mark.parametrize("name", TARGETS)
def test_whole_files_are_accepted(name: str, tmp_path: Path) -> None:
    assert all(look(TARGETS[name], seed(), tmp_path / "place") for seed in TARGETS[name].seeds)


@pytest.mark.parametrize("path", FOUND, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_what_broke_a_parser_once_is_refused_or_read(path: Path, tmp_path: Path) -> None:
    look(TARGETS[path.parent.name.replace("-", " ")], path.read_bytes(), tmp_path / "place")


def fuzz(name: str, place: Path, examples: int) -> None:
    """Look at so many damaged files; the same ones in every run."""

    @settings(max_examples=examples, derandomize=True, deadline=None, database=None)
    @given(DAMAGE)
    def once(damage: Damage) -> None:
        look(TARGETS[name], damaged(name, damage), place)

    once()


@pytest.mark.parametrize("name", TARGETS)
def test_a_damaged_file_is_read_or_refused(name: str, tmp_path: Path) -> None:
    fuzz(name, tmp_path / "place", 30)


@pytest.mark.long
@pytest.mark.parametrize("name", TARGETS)
def test_thousands_of_damaged_files_are_read_or_refused(name: str, tmp_path: Path) -> None:
    fuzz(name, tmp_path / "place", 4000)


def test_errors_that_do_not_say_where_and_other_exceptions_are_seen(tmp_path: Path) -> None:
    from geometry.errors import InputError

    def silent(path: Path) -> None:
        raise InputError("something is wrong")

    def broken(path: Path) -> None:
        raise KeyError("x")

    for reader, expected in ((silent, AssertionError), (broken, KeyError)):
        with pytest.raises(expected):
            look(Target("a.npy", reader, ()), b"", tmp_path / "place")
    assert not look(Target("a.npy", silent, (), text=True), b"", tmp_path / "place")
