"""Signed sums: how they are read, multiplied out and written, and what is no sum."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from geometry.errors import InputError
from geometry.sources import sums
from geometry.sources.weights import open_weights

W = np.arange(6, dtype=np.float32).reshape(2, 3)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """a.pt, b.pt of twice its weights, one more with signs in its name, and one with two models in it."""
    monkeypatch.chdir(tmp_path)
    for name, factor in (("a.pt", 1.0), ("b.pt", 2.0), ("my - run + (1).pt", 4.0)):
        torch.save({"w.weight": torch.tensor(factor * W)}, name)
    torch.save({"model": {"w.weight": torch.tensor(W)}, "ema": {"w.weight": torch.tensor(3 * W)}}, "two.pt")
    return tmp_path


@pytest.mark.parametrize(
    ("text", "factor"),
    [
        ("a.pt + .5*(b.pt - a.pt)", 1.5),
        ("(a.pt + b.pt) / 2", 1.5),
        ("(a.pt + b.pt)/2 - 1/2*b.pt", 0.5),
        ("1/3*a.pt + 2/3*a.pt", 1.0),
        ("- a.pt + 3*b.pt", 5.0),
        ("-(a.pt - b.pt) + a.pt", 2.0),
        ("2*(a.pt - (b.pt - .5*(a.pt + b.pt)))", 1.0),
        ("my - run + (1).pt - a.pt", 3.0),
        (".5*(a.pt + my - run + (1).pt)", 2.5),
        ("two.pt:ema - two.pt:model", 2.0),
        ("(two.pt:ema + two.pt:model)/4", 1.0),
    ],
)
def test_a_sum_is_its_terms_with_brackets_multiplied_out(text: str, factor: float, folder: Path) -> None:
    np.testing.assert_allclose(open_weights(Path(text)).read("w.weight"), factor * W, rtol=1e-6)


@pytest.mark.parametrize("text", ["a.pt + .5*(b.pt - a.pt)", "my - run + (1).pt - a.pt", "two.pt:ema - two.pt:model"])
def test_what_is_written_reads_as_it_was(text: str, folder: Path) -> None:
    of = sums.terms(text)
    assert sums.terms(sums.written(of)) == of


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a.pt + (b.pt - a.pt", "bracket"),
        ("(a.pt + b.pt)/0", "finite factor"),
        ("1/0*a.pt + b.pt", "finite factor"),
        ("1e400*a.pt + b.pt", "finite factor"),
        ("(a.pt + b.pt) c.pt", "no sum from"),
        ("a.pt + .5*", "does not exist|lacks a path"),
        ("a.pt + c.pt", "c.pt does not exist"),
    ],
)
def test_what_cannot_be_read_is_said(text: str, said: str, folder: Path) -> None:
    with pytest.raises(InputError, match=said):
        open_weights(Path(text))
