"""What a layer sees: items at the ends of planted directions, inputs that a linear layer can only answer in one way."""

from __future__ import annotations

from pathlib import Path

import models
import numpy as np
import pytest
import torch
from torch import Tensor, nn

from geometry.report import layer_sight
from geometry.sources.capture import Request, Steer, capture, subject
from geometry.sources.capture.data import items
from geometry.sources.capture.sight import Ascent, look, made_inputs, plane_of
from geometry.sources.captured import read_card


def test_the_input_made_for_a_linear_layer_is_bright_where_its_weights_are_positive() -> None:
    net = nn.Linear(64, 1, bias=False)
    pattern = np.where(np.arange(64) % 8 < 4, 1.0, -1.0)
    with torch.no_grad():
        net.weight.copy_(torch.tensor(pattern[None]))
    given = items(np.random.default_rng(0).uniform(-1, 3, (30, 64)).astype(np.float32))
    low, high = float(given.values.min()), float(given.values.max())
    made, scores = made_inputs(subject(net), ".", np.ones((1, 1)), given, Ascent(smooth=0.0))
    assert made.shape == (1, 64) and low <= made.min() and made.max() <= high
    assert (made[0][pattern > 0] > high - 0.2).all() and (made[0][pattern < 0] < low + 0.2).all()
    assert scores[0, 1] == pytest.approx(32 * (high - low), rel=0.05) and scores[0, 0] < scores[0, 1]


def test_smoothness_jitter_steps_and_seed_each_count() -> None:
    net = nn.Conv2d(1, 1, 3)
    given = items(np.random.default_rng(0).uniform(size=(9, 1, 8, 8)).astype(np.float32))
    being, axis = subject(net), np.ones((1, 1))

    def rough(**how: float) -> tuple[float, bytes]:
        made = made_inputs(being, ".", axis, given, Ascent(**{"steps": 40, "smooth": 0.0, **how}))[0]
        return float(np.square(np.diff(made, axis=-1)).mean()), made.tobytes()

    plain = rough()
    assert rough(smooth=50.0)[0] < plain[0]
    assert rough() == plain
    assert len({plain[1], rough(jitter=2)[1], rough(steps=80)[1], rough(seed=1)[1]}) == 4


def test_items_that_are_images_are_known_by_their_shape() -> None:
    assert plane_of((64,)) == (8, 8)
    assert plane_of((3, 8, 9)) == (3, 8, 9) and plane_of((8, 9)) == (8, 9)
    assert plane_of((63,)) is None and plane_of((5, 8, 8)) is None


def test_a_capture_that_sees_writes_a_plate_and_a_table_for_every_layer(tmp_path: Path) -> None:
    images = np.random.default_rng(0).uniform(size=(40, 64)).astype(np.float32)
    folder = capture(models.convolutions(), images, Request(("stem", "head"), see=2), tmp_path / "out")
    written = layer_sight.write(folder)
    assert sorted(path.name for path in written) == ["head.csv", "head.png", "stem.csv", "stem.png"]
    lines = (folder / "seen" / "head.csv").read_text().splitlines()
    assert lines[0] == "direction,end,item,score" and len(lines) == 1 + 2 * 2 * 6
    with np.load(folder / "seen" / "head.npz") as arrays:
        assert arrays["made"].shape == (2, 2, 64)
        assert (arrays["made_scores"][:, :, 1] > arrays["scores"][:, 0, :1]).all()  # beyond what any item reaches
        assert np.array_equal(arrays["shown"][1, 0, 3], images[arrays["items"][1, 0, 3]])
    drawn = layer_sight.draw("head", dict(np.load(folder / "seen" / "head.npz")))
    assert drawn is not None and len(drawn.axes[0].images) == 2 * (2 * layer_sight.SHOWN + 2)


class NoGradient(nn.Linear):
    """A frozen layer that keeps no gradient."""

    def forward(self, images: Tensor) -> Tensor:
        with torch.no_grad():
            return super().forward(images.flatten(1))


def test_a_model_without_a_gradient_keeps_its_rows_and_says_so(tmp_path: Path) -> None:
    images = np.random.default_rng(0).random((30, 4, 4)).astype(np.float32)
    out = capture(NoGradient(16, 3), images, Request((".",), see=1), tmp_path / "out")
    assert np.load(out / "output.npy").shape == (30, 3)
    assert "grad" in read_card(out)["unmade"][0]["reason"]
    assert (out / "seen" / "output.npz").is_file()
    assert layer_sight.write(out)[-1].name == "output.png"


def test_the_steered_model_in_the_dtype_of_its_weights_is_the_one_that_is_seen(tmp_path: Path) -> None:
    """A direction that turns off half a layer's units: the score of the input made is that of the rows given out."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Flatten(), nn.Linear(16, 4), nn.ReLU()).double()
    images = np.random.default_rng(0).random((30, 4, 4)).astype(np.float32)
    steer = (Steer("1", np.array([0.0, 0.0, -9.0, -9.0])),)
    out = capture(net, images, Request(("2",), see=1, steer=steer), tmp_path / "out")
    assert not np.load(out / "2.npy")[:, 2:].any()
    with np.load(out / "seen" / "2.npz") as seen:
        made = torch.from_numpy(seen["made"].reshape(-1, 4, 4)).double()
        rows, spread = np.load(out / "2.npy"), seen["spread"]
        with torch.no_grad():
            given = net[1](made.flatten(1)) + torch.tensor([0.0, 0.0, -9.0, -9.0])
        axes = np.linalg.eigh(np.cov(rows.T.astype(np.float64)))[1][:, -1]
        scores = (given.relu().numpy() - rows.mean(0)) @ axes / spread[0]
        np.testing.assert_allclose(np.abs(scores), np.abs(seen["made_scores"][0, :, 1]), rtol=1e-3, atol=1e-3)


def test_texts_and_batches_of_code_have_no_plate(tmp_path: Path) -> None:
    net, batches = models.convolutions(), [torch.rand(20, 64)]
    folder = capture(net, batches, Request(("head",), see=1), tmp_path / "out")
    assert [path.name for path in layer_sight.write(folder)] == ["head.csv"]
    given = items(tmp_path / "lines.txt") if (tmp_path / "lines.txt").write_text("one\n\ntwo\nthree\n") else None
    points = np.array([[0.0, 1], [5, 1], [-9, 1]])
    arrays = look(subject(net), "head", points, np.arange(3), given, 1, pool="mean", take=None)
    assert set(arrays["texts"][0, :, 0]) == {"two", "three"}
    assert layer_sight.data(arrays)[0][-1] == "text" and layer_sight.draw("head", arrays) is None
