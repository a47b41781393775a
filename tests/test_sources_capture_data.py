"""What a model is shown: arrays by the names of its parameters, several inputs, mappings, limits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from geometry.errors import InputError, UsageError
from geometry.sources.capture import Request, capture
from geometry.sources.captured import read_card

ROWS = torch.arange(12.0).reshape(6, 2)


class Two(nn.Module):
    """The sum of two inputs, or of a mapping's."""

    def __init__(self) -> None:
        super().__init__()
        self.both = nn.Identity()

    def forward(self, left: Tensor, right: Tensor) -> Tensor:
        out: Tensor = self.both(left + 10 * right)
        return out


class Mapped(Two):
    """The same of one argument."""

    def forward(self, batch: dict[str, Tensor]) -> Tensor:  # type: ignore[override]
        return super().forward(batch["left"], batch["right"])


class Masked(nn.Module):
    """Tokens as they are."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding.from_pretrained(torch.arange(20.0)[:, None])

    def forward(self, input_ids: Tensor, attention_mask: Tensor | None = None) -> Any:
        return self.table(input_ids)


@pytest.mark.parametrize(
    ("model", "given"),
    [
        (Two(), ((ROWS, 2 * ROWS), torch.arange(6))),
        (Two(), {"left": ROWS, "right": (2 * ROWS).numpy(), "labels": torch.arange(6)}),
        (Two(), ({"left": ROWS, "right": 2 * ROWS}, torch.arange(6))),
        (Mapped(), {"left": ROWS, "right": 2 * ROWS, "labels": torch.arange(6)}),
    ],
)
def test_several_inputs_of_a_batch(model: nn.Module, given: Any, tmp_path: Path) -> None:
    capture(model, [given], "both", tmp_path / "out")
    np.testing.assert_array_equal(np.load(tmp_path / "out" / "both.npy"), 21 * ROWS)
    np.testing.assert_array_equal(np.load(tmp_path / "out" / "labels.npy"), np.arange(6))


def test_arrays_of_a_file_are_given_by_name(tmp_path: Path) -> None:
    path = tmp_path / "both.npz"
    np.savez(path, right=2 * ROWS.numpy(), left=ROWS.numpy(), labels=np.arange(6))
    capture(Two(), path, Request(("both",), batch=4), tmp_path / "out")
    np.testing.assert_array_equal(np.load(tmp_path / "out" / "both.npy"), 21 * ROWS)
    np.testing.assert_array_equal(np.load(tmp_path / "out" / "labels.npy"), np.arange(6))
    first = read_card(tmp_path / "out")["made_by"]["items"]
    np.savez(path, right=3 * ROWS.numpy(), left=ROWS.numpy(), labels=np.arange(6))
    capture(Two(), path, Request(("both",), batch=4), tmp_path / "out", force=True)
    assert read_card(tmp_path / "out")["made_by"]["items"] != first
    np.savez(path, right=ROWS.numpy()[:5], left=ROWS.numpy())
    with pytest.raises(InputError, match="6 rows of left and 5 of right"):
        capture(Two(), path, "both", tmp_path / "out", force=True)


@pytest.mark.parametrize(("pool", "want"), [("mean", [2.0, 6.0]), ("last", [3.0, 6.0]), ("cls", [1.0, 6.0])])
def test_padding_by_the_mask_beside_the_tokens_is_left_out(pool: str, want: list[float], tmp_path: Path) -> None:
    """On whichever side it stands."""
    path = tmp_path / "tokens.npz"
    tokens, mask = np.array([[1, 2, 3, 19], [19, 19, 19, 6]]), np.array([[1, 1, 1, 0], [0, 0, 0, 1]])
    np.savez(path, input_ids=tokens, attention_mask=mask)
    capture(Masked(), path, Request(("table",), pool), tmp_path / "out")
    assert np.load(tmp_path / "out" / "table.npy")[:, 0].tolist() == want
    capture(Masked(), f"{path}:input_ids", Request(("table",), pool), tmp_path / "bare")
    assert np.load(tmp_path / "bare" / "table.npy")[:, 0].tolist() != want


@pytest.mark.parametrize(
    ("batch", "said"),
    [
        ((ROWS, ROWS), r"labels of shape \(6, 2\).*\(\(a, b\), labels\)"),
        ({"left": ROWS}, "missing 1 required.*its forward takes: left, right"),
        ({"left": ROWS, "right": ROWS, "extra": ROWS}, "unexpected keyword.*its forward takes: left, right"),
    ],
)
def test_inputs_that_do_not_fit_are_told_with_those_that_do(batch: Any, said: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=said):
        capture(Two(), [batch], "both", tmp_path / "out")


def test_a_limit_cuts_batches_of_a_loader(tmp_path: Path) -> None:
    loader = [(ROWS[:4], torch.arange(4)), (ROWS[4:], torch.arange(2))]
    capture(nn.Identity(), loader, Request((".",), limit=5), tmp_path / "out")
    np.testing.assert_array_equal(np.load(tmp_path / "out" / "output.npy"), ROWS[:5])
    assert np.load(tmp_path / "out" / "labels.npy").tolist() == [0, 1, 2, 3, 0]


@pytest.mark.parametrize("asked", [{"batch": 0}, {"batch": -1}, {"limit": 0}])
def test_no_items_at_a_time_is_refused(asked: dict[str, int], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=next(iter(asked))):
        capture(nn.Identity(), ROWS, Request((".",), **asked), tmp_path / "out")  # type: ignore[arg-type]
