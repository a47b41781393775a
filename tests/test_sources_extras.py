"""Libraries that are missing, or here and broken: what is said of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from geometry.errors import InputError
from geometry.sources.extras import optional


def test_a_library_that_is_here_is_given() -> None:
    assert optional("json", "none", "x").loads("1") == 1


def test_a_missing_one_is_named_with_its_extra() -> None:
    with pytest.raises(
        InputError, match=r"reading x\.y needs no_such_library: pip install 'embedding-geometry\[some\]'"
    ):
        optional("no_such_library.part", "some", "x.y")


def test_a_broken_one_is_said_to_be_broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "broken_library.py").write_text("raise RuntimeError('operator nms does not exist')")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(InputError, match="cannot be imported: RuntimeError: operator nms does not exist"):
        optional("broken_library", "some", "x")
