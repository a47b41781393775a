"""Passes: items told apart whatever their axis, the module left as it was, weights of any dtype, any output."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from geometry.errors import InputError
from geometry.sources.capture import Request, capture


class Recurrent(nn.Module):
    """Tokens (b, t) through an LSTM that puts time first, or items; then all tokens as rows of one matrix."""

    def __init__(self, batch_first: bool) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first = batch_first
        self.table, self.folded = nn.Embedding(9, 4), nn.Linear(3, 2)
        self.lstm = nn.LSTM(4, 3, batch_first=batch_first)

    def forward(self, tokens: Tensor) -> Tensor:
        given = self.table(tokens)
        states, _ = self.lstm(given if self.first else given.transpose(0, 1))
        out: Tensor = self.folded(states.flatten(0, 1))
        return out


@dataclass
class Both:
    """What `Pair` returns."""

    left: Tensor
    right: Tensor


class Pair(nn.Module):
    """A dataclass of two tensors."""

    def forward(self, rows: Tensor) -> Both:
        return Both(rows, 2 * rows)


def tokens(items: int, length: int) -> Tensor:
    return torch.randint(0, 9, (items, length), generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize(("items", "length", "batch"), [(12, 5, 12), (5, 5, 5), (5, 5, 3), (8, 5, 5), (13, 5, 8)])
@pytest.mark.parametrize("pool", ["mean", "last", "none"])
def test_time_first_gives_the_rows_of_items_first(
    items: int, length: int, batch: int, pool: str, tmp_path: Path
) -> None:
    """Also where a batch has as many items as tokens, in the trial or later."""
    found = []
    for first in (True, False):
        out = tmp_path / str(first)
        request = Request(("lstm",), pool, take="0", batch=batch)
        capture(Recurrent(first), tokens(items, length), request, out)
        found.append(np.load(out / "lstm.npy"))
    assert len(found[0]) == items * (length if pool == "none" else 1)
    np.testing.assert_allclose(found[1], found[0], atol=1e-6)


def test_rows_that_belong_to_no_item_are_refused(tmp_path: Path) -> None:
    for pool in ("mean", "none"):
        with pytest.raises(InputError, match=r"\(60, 2\) for 12 items"):
            capture(Recurrent(True), tokens(12, 5), Request(("folded",), pool), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_module_is_evaluated_and_left_as_it_was(tmp_path: Path) -> None:
    net = nn.Sequential(nn.Linear(3, 4), nn.Dropout(0.5), nn.BatchNorm1d(4))
    net[0].eval()
    before = {key: value.clone() for key, value in net.state_dict().items()}
    rows = torch.randn(20, 3, generator=torch.Generator().manual_seed(0))
    capture(net, rows, "2", tmp_path / "out")
    assert [part.training for part in net.modules()] == [True, False, True, True]
    assert all(torch.equal(before[key], value) for key, value in net.state_dict().items())
    want = net.eval()(rows).detach().numpy()
    np.testing.assert_allclose(np.load(tmp_path / "out" / "2.npy"), want, atol=1e-6)
    net.train()
    with pytest.raises(InputError, match="cannot be run"):
        capture(net, torch.ones(4, 9), "2", tmp_path / "bad")
    assert net.training
    assert not any(part._forward_hooks for part in net.modules())


@pytest.mark.parametrize(("kind", "close"), [(torch.float64, 1e-6), (torch.bfloat16, 0.05)])
def test_inputs_come_in_the_dtype_of_the_weights(kind: torch.dtype, close: float, tmp_path: Path) -> None:
    torch.manual_seed(0)
    net, rows = nn.Linear(3, 2), torch.randn(5, 3)
    want = net(rows).detach().numpy()
    capture(net.to(kind), rows.numpy(), ".", tmp_path / "out")
    np.testing.assert_allclose(np.load(tmp_path / "out" / "output.npy"), want, atol=close)


def test_a_mean_over_places_is_not_rounded_to_bfloat16(tmp_path: Path) -> None:
    maps = 1 + torch.arange(4096.0).remainder(2).reshape(1, 1, 64, 64) / 64
    capture(nn.Identity(), [maps.bfloat16()], ".", tmp_path / "out")
    assert np.load(tmp_path / "out" / "output.npy").item() == 1 + 1 / 128


def test_a_dataclass_is_read_by_its_fields(tmp_path: Path) -> None:
    rows = torch.arange(6.0).reshape(3, 2)
    with pytest.raises(InputError, match=r"Both of 'left'.*'right'"):
        capture(Pair(), rows, ".", tmp_path / "out")
    capture(Pair(), rows, Request((".",), take="right"), tmp_path / "out")
    np.testing.assert_array_equal(np.load(tmp_path / "out" / "output.npy"), 2 * rows)


@pytest.mark.long  # torch takes seconds to import what compiles
def test_compiled_modules_are_taken_out_and_hooks_of_compiled_parts_called(tmp_path: Path) -> None:
    net = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2))
    rows = torch.randn(5, 3, generator=torch.Generator().manual_seed(0))
    want = net[0](rows).detach().numpy()
    net[0].compile(backend="eager")
    capture(torch.compile(net, backend="eager"), rows, "0", tmp_path / "out")
    np.testing.assert_allclose(np.load(tmp_path / "out" / "0.npy"), want, atol=1e-6)
