"""Products keep their format whatever the process has allowed, and what it has allowed comes back."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from pair_clouds import draw, gaussian

from geometry.pairs.precision import full_precision
from geometry.pairs.torch_engine import TorchExecutor

PARTS = (torch.backends.cuda.matmul, torch.backends.mkldnn.matmul)


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    yield
    torch.set_float32_matmul_precision("highest")
    for part in PARTS:
        part.fp32_precision = "none"


def formats() -> list[str]:
    return [part.fp32_precision for part in PARTS]


def allow_tf32() -> None:
    torch.backends.cuda.matmul.allow_tf32 = True


def allow_new() -> None:
    for part in PARTS:
        part.fp32_precision = "tf32"


@pytest.mark.parametrize(
    "allow",
    [
        lambda: torch.set_float32_matmul_precision("high"),
        lambda: torch.set_float32_matmul_precision("medium"),
        allow_tf32,
        allow_new,
    ],
    ids=["high", "medium", "allow_tf32", "fp32_precision"],
)
def test_reduced_formats_are_off_inside_and_back_after(allow: object) -> None:
    allow()  # type: ignore[operator]
    before = formats()
    assert {"tf32", "bf16"} & set(before)
    with full_precision():
        assert not {"tf32", "bf16"} & set(formats())
        assert torch.get_float32_matmul_precision() == "highest"  # the older setting agrees with the newer ones
    assert formats() == before


def test_nothing_is_touched_where_nothing_is_reduced() -> None:
    before = formats()
    with full_precision():
        assert formats() == before
    assert torch.get_float32_matmul_precision() == "highest"


def test_an_error_inside_brings_everything_back() -> None:
    torch.set_float32_matmul_precision("medium")
    with pytest.raises(KeyError), torch.autocast("cpu", dtype=torch.bfloat16):
        with full_precision():
            raise KeyError
        assert torch.is_autocast_enabled("cpu")
    assert torch.get_float32_matmul_precision() == "medium"


def test_an_engine_under_autocast_gives_what_it_gives_without() -> None:
    points = draw(gaussian, 200, 30, np.float32) + 50
    rows, radii, engine = np.arange(200), np.full(200, 40.0), TorchExecutor()
    reductions = {
        "radii": lambda: engine.radii(points, 4),
        "counts": lambda: engine.radius_counts(points, points, radii).per_query,
        "sums": lambda: engine.pair_sums(points, rows, 2.0).cos2,
        "neighbors": lambda: engine.neighbors(points, points, 4, exclude_self=True).sq_dist,
    }
    for name, reduction in reductions.items():
        plain = reduction()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.bfloat16
            assert reduction().tobytes() == plain.tobytes(), name
