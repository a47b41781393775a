"""Rows of layers are those of a plain forward pass, in every pooling, block by block; steering; what is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import checkpoints
import models
import numpy as np
import pytest
import torch
from torch import Tensor, nn

import geometry
from geometry.errors import GeometryError, InputError, UsageError
from geometry.sources.capture import Request, Steer, capture, subject
from geometry.sources.capture.layers import steer_from
from geometry.sources.capture.pool import pooled, tensor_of
from geometry.sources.captured import read_card
from geometry.types import Array

N = 37
Images = tuple[Array, Array]


@pytest.fixture(scope="module")
def images() -> Images:
    rng = np.random.default_rng(0)
    return rng.uniform(size=(N, 64)).astype(np.float32), np.arange(N) % 3


def rows(folder: Path, layer: str) -> Array:
    return np.asarray(np.load(folder / f"{layer}.npy", allow_pickle=False))


def test_rows_are_those_of_a_plain_pass_whatever_the_batch(images: Images, tmp_path: Path) -> None:
    net = models.convolutions()
    with torch.no_grad():
        stem = net.get_submodule("stem")(torch.tensor(images[0]).reshape(-1, 1, 8, 8)).mean((2, 3)).numpy()
        head = net(torch.tensor(images[0])).numpy()
    for batch in (5, 64):
        folder = capture(net, images[0], Request(("stem", "head"), batch=batch), tmp_path / str(batch))
        assert np.allclose(rows(folder, "stem"), stem, atol=1e-6)
        assert np.allclose(rows(folder, "head"), head, atol=1e-6)
        assert rows(folder, "ids").tolist() == list(range(N))
        assert not (folder / "labels.npy").exists()
    assert not list(tmp_path.glob(".*"))


def test_layers_by_glob_stand_in_the_order_of_the_pass_and_load_as_sets(images: Images, tmp_path: Path) -> None:
    np.savez(tmp_path / "probe.npz", x=images[0], labels=images[1])
    for g in (0, 2):
        capture("models:convolutions", str(tmp_path / "probe.npz"), ["h*", "body.*", "stem"], tmp_path / f"gen_{g}",
                generation=g)  # fmt: skip
    card = read_card(tmp_path / "gen_0")
    order = ["stem", "body.0", "body.1", "hidden.0", "hidden.1", "hidden.2", "hidden", "head"]
    assert [one["name"] for one in card["layers"]] == order
    assert card["items"] == N and card["model"] == "models:convolutions"
    for path in (tmp_path, tmp_path / "gen_{generation}"):
        sets = geometry.load(path)
        assert [(one.generation, one.layer) for one in sets] == [(g, layer) for g in (0, 2) for layer in order]
        assert all(np.array_equal(np.asarray(one.labels), images[1]) for one in sets)
        assert all(np.array_equal(np.asarray(one.ids), np.arange(N)) for one in sets)
    one = geometry.load(str(tmp_path / "gen_{generation}" / "{layer}.npy"))
    assert {found.layer for found in one} == set(order)


def test_every_place_is_a_row_with_the_label_of_its_image(images: Images, tmp_path: Path) -> None:
    np.savez(tmp_path / "probe.npz", x=images[0], y=images[1])
    request = Request(("body", "head"), pool="none", batch=8, limit=20)
    folder = capture(models.convolutions(), tmp_path / "probe.npz", request, tmp_path / "out")
    sets = {one.layer: one for one in geometry.load(folder)}
    assert sets["body"].points.shape == (20 * 16, 16)
    assert sets["head"].points.shape == (20, 10)
    assert np.array_equal(np.asarray(sets["body"].labels), np.repeat(images[1][:20], 16))
    assert list(np.asarray(sets["body"].ids)[15:18]) == ["0.15", "1.0", "1.1"]
    with torch.no_grad():
        net = models.convolutions()
        stem = net.get_submodule("stem")(torch.tensor(images[0][:20]).reshape(-1, 1, 8, 8))
        body = net.get_submodule("body")(stem)
    assert np.allclose(sets["body"].points[17], body[1, :, 0, 1].numpy(), atol=1e-6)


def test_pooling_has_its_closed_values() -> None:
    tokens = torch.arange(24.0).reshape(2, 3, 4)
    mask = torch.tensor([[1, 1, 0], [1, 1, 1]])
    assert pooled(tokens, "mean", "x")[0].tolist() == tokens.mean(1).tolist()
    assert pooled(tokens, "mean", "x", mask)[0][0].tolist() == tokens[0, :2].mean(0).tolist()
    assert pooled(tokens, "cls", "x")[0].tolist() == tokens[:, 0].tolist()
    assert pooled(tokens, "last", "x")[0].tolist() == tokens[:, 2].tolist()
    assert pooled(tokens, "last", "x", mask)[0].tolist() == [tokens[0, 1].tolist(), tokens[1, 2].tolist()]
    every, owner = pooled(tokens, "none", "x", mask)
    assert (every.shape, owner.tolist()) == ((5, 4), [0, 0, 1, 1, 1])
    assert pooled(tokens, "spatial", "x")[0].tolist() == tokens.mean(2).tolist()
    maps = torch.arange(16.0).reshape(1, 2, 2, 4)
    assert pooled(maps, "mean", "x")[0].tolist() == [[3.5, 11.5]]
    assert pooled(maps, "none", "x")[0].shape == (8, 2)
    assert pooled(maps, "channels-last", "x")[0].tolist() == [[6.0, 7.0, 8.0, 9.0]]
    assert pooled(tokens, "channels-last", "x")[0].tolist() == tokens.mean(1).tolist()
    assert pooled(torch.ones(3, 2), "cls", "x")[0].shape == (3, 2)


def test_a_direction_added_on_the_way_moves_its_layer_and_all_after_it(images: Images, tmp_path: Path) -> None:
    net = models.convolutions()
    direction = np.arange(32.0)
    np.savez(tmp_path / "d.npz", way=direction, other=np.ones(3))
    steer = steer_from("hidden", f"{tmp_path / 'd.npz'}:way", -0.5)
    plain = capture(net, images[0], ["stem", "hidden", "head"], tmp_path / "plain")
    moved = capture(net, images[0], Request(("stem", "hidden", "head"), steer=(steer,)), tmp_path / "moved")
    assert np.array_equal(rows(plain, "stem"), rows(moved, "stem"))
    assert np.allclose(rows(moved, "hidden") - rows(plain, "hidden"), -0.5 * direction, atol=1e-4)
    weight = net.get_submodule("head").weight.detach().numpy()
    assert np.allclose(rows(moved, "head") - rows(plain, "head"), -0.5 * weight @ direction, atol=1e-3)
    maps = capture(net, images[0], Request(("stem",), steer=(Steer("stem", np.ones(8), 2.0),)), tmp_path / "maps")
    assert np.allclose(rows(maps, "stem") - rows(plain, "stem"), 2.0, atol=1e-5)
    assert read_card(moved)["steer"] == [{"layer": "hidden", "strength": -0.5}]
    with pytest.raises(InputError, match="name the direction"):
        steer_from("hidden", str(tmp_path / "d.npz"), 1.0)
    with pytest.raises(InputError, match="has 3 entries, the layer gives out"):
        capture(net, images[0], Request(("head",), steer=(Steer("hidden", np.ones(3)),)), tmp_path / "bad")


def test_tuples_and_dicts_are_read_by_the_part_that_is_named(tmp_path: Path) -> None:
    tokens = np.random.default_rng(1).integers(0, 11, (9, 4))
    with pytest.raises(InputError, match=r"'recurrent' returns a tuple of '0' \(9, 4, 5\), '1' \(1, 9, 5\).*--take"):
        capture(models.Tokens(), tokens, ["recurrent"], tmp_path / "b")
    with pytest.raises(InputError, match=r"'split' returns a dict of 'left' \(9, 4, 2\), 'right' \(9, 4, 3\)"):
        capture(models.Tokens(), tokens, ["split"], tmp_path / "c")
    right = capture(models.Tokens(), tokens, Request(("split",), take="right", pool="last"), tmp_path / "d")
    states = capture(models.Tokens(), tokens, Request(("recurrent",), take="0", pool="last"), tmp_path / "e")
    assert np.allclose(rows(right, "split"), rows(states, "recurrent")[:, 2:], atol=1e-6)
    assert not (tmp_path / "b").exists() and not (tmp_path / "c").exists()
    assert tensor_of((torch.ones(2, 3), None, "x"), None, "one").shape == (2, 3)


def test_parts_of_a_glob_that_cannot_be_captured_are_left_out_and_noted(tmp_path: Path) -> None:
    tokens = np.random.default_rng(1).integers(0, 11, (9, 4))
    folder = capture(models.Tokens(), tokens, ["*"], tmp_path / "a")
    card = read_card(folder)
    assert [one["name"] for one in card["layers"]] == ["table"]
    assert [one["name"] for one in card["left_out"]] == ["recurrent", "split", "unused"]
    assert "returns a tuple" in card["left_out"][0]["reason"] and "is not passed" in card["left_out"][2]["reason"]
    with pytest.raises(InputError, match="'unused' is not passed"):
        capture(models.Tokens(), tokens, ["*", "unused"], tmp_path / "b")
    with pytest.raises(InputError, match="'unused' is not passed"):
        capture(models.Tokens(), tokens, ["unuse?"], tmp_path / "c")
    twice = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 4))
    twice.append(twice[1])
    card = read_card(capture(twice, np.ones((5, 4), np.float32), ["?"], tmp_path / "d"))
    assert [one["name"] for one in card["layers"]] == ["0", "2"]
    assert "'1' is passed 2 times" in card["left_out"][0]["reason"]


def test_batches_of_a_loader_come_with_labels_and_masks(tmp_path: Path) -> None:
    def loader() -> Iterator[dict[str, Tensor]]:
        for start in (0, 3):
            numbers = torch.arange(start, start + 3)
            mask = torch.tensor([[1, 1, 1, 0]] * 3)
            yield {"input_ids": numbers[:, None].repeat(1, 4), "attention_mask": mask, "labels": numbers % 2}

    folder = capture(models.Tokens(), loader(), Request(("table",), pool="none"), tmp_path / "out")
    (one,) = geometry.load(folder)
    assert one.points.shape == (18, 6)
    assert np.array_equal(np.asarray(one.labels), np.repeat(np.arange(6) % 2, 3))
    table = models.Tokens().table.weight.detach().numpy()
    assert np.allclose(one.points[::3], table[:6])


def test_a_checkpoint_is_loaded_strictly_and_may_be_a_sum(images: Images, tmp_path: Path) -> None:
    torch.manual_seed(5)
    other, base = models.Convolutions(), models.convolutions()
    paths = [checkpoints.write(tmp_path / name, "pt", net.state_dict()) for name, net in (("a", other), ("b", base))]
    loaded = subject("models:convolutions", paths[0]).module.state_dict()
    assert all(torch.equal(loaded[key], tensor) for key, tensor in other.state_dict().items())
    mean = subject("models:convolutions", f".5*{paths[0]} + .5*{paths[1]}").module.state_dict()
    expected = (other.state_dict()["head.weight"] + base.state_dict()["head.weight"]) / 2
    assert torch.allclose(mean["head.weight"], expected, atol=1e-6)
    with pytest.raises(InputError, match=r"'stem.0.weight': shapes disagree, \(8, 1, 3, 3\) in the file and \(4,"):
        subject("models:convolutions", paths[0], width=4)
    foreign = checkpoints.write(tmp_path / "c", "pt", checkpoints.state())
    with pytest.raises(InputError, match=r"has no 'stem\.0\.weight', which models:convolutions needs"):
        subject("models:convolutions", foreign)


class Shared(nn.Module):
    """Passes one layer twice and another never."""

    def __init__(self) -> None:
        super().__init__()
        self.act, self.never, self.flat = nn.ReLU(), nn.ReLU(), nn.Flatten(0)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.flat(self.act(self.act(x)))
        return out


@pytest.mark.parametrize(
    ("model", "layers", "options", "error", "said"),
    [
        ("models:convolutions", "bdy*", {}, InputError, "no layer is called like 'bdy*'; did you mean 'body'"),
        ("models:convolution", "stem", {}, InputError, "has no 'convolution'; did you mean 'convolutions'"),
        ("models:nothing", "stem", {}, InputError, "returns a str, not a torch module"),
        ("no_such_module:f", "stem", {}, InputError, "cannot be imported: ModuleNotFoundError"),
        ("nowhere", "stem", {}, UsageError, "is no folder, no installed package with a model in it"),
        (Shared(), "act", {}, InputError, "layer 'act' is passed 2 times in one pass"),
        (Shared(), "never", {}, InputError, "layer 'never' is not passed at all"),
        (Shared(), "flat", {}, InputError, r"gives out shape (2368,)"),
        ("models:convolutions", "stem", {"pool": "cls"}, UsageError, "which have no cls token"),
        ("models:convolutions", "stem", {"pool": "max"}, UsageError, "pool 'max' is unknown"),
        ("models:convolutions", "stem", {"device": "mtia:7"}, UsageError, "--device mtia:7: "),
        ("models:convolutions", "stem", {"shape": (3, 3)}, InputError, "cannot be reshaped to (3, 3)"),
        (nn.Linear(9, 2), ".", {}, InputError, "cannot be run on inputs of shape (37, 64): RuntimeError"),
        (nn.Sequential(nn.Flatten(), nn.LayerNorm(64, eps=float("nan"))), "1", {}, InputError, "NaN or infinity"),
    ],
)
def test_what_cannot_be_captured_is_said_and_leaves_nothing(
    model: Any,
    layers: str,
    options: dict[str, Any],
    error: type[GeometryError],
    said: str,
    images: Images,
    tmp_path: Path,
) -> None:
    with pytest.raises(error) as told:
        capture(model, images[0], Request((layers,), **options), tmp_path / "out")
    assert said in str(told.value)
    assert list(tmp_path.iterdir()) == []


def test_a_pass_that_fails_half_way_leaves_nothing(images: Images, tmp_path: Path) -> None:
    def loader() -> Iterator[Tensor]:
        yield torch.tensor(images[0][:8])
        yield torch.ones(8, 63)

    with pytest.raises(InputError, match=r"inputs of shape \(8, 63\)"):
        capture(models.convolutions(), loader(), "stem", tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_holds_something_is_kept_unless_forced(images: Images, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").write_text("precious")
    with pytest.raises(UsageError, match="is not empty"):
        capture(models.convolutions(), images[0], "stem", tmp_path / "out")
    assert (tmp_path / "out" / "mine").read_text() == "precious"
    capture(models.convolutions(), images[0], "stem", tmp_path / "out", force=True)
    assert not (tmp_path / "out" / "mine").exists() and (tmp_path / "out" / "stem.npy").exists()


def test_a_captured_folder_that_lost_a_layer_says_which(images: Images, tmp_path: Path) -> None:
    folder = capture(models.convolutions(), images[0], ["stem", "head"], tmp_path / "out")
    (folder / "head.npy").unlink()
    with pytest.raises(InputError, match=r"lacks head.npy, the layer 'head'"):
        geometry.load(folder)
    (folder / "capture.json").write_text(json.dumps({"layers": [{"name": "x", "file": "../x.npy"}]}))
    with pytest.raises(GeometryError, match="outside its own folder"):
        geometry.load(folder)


def test_images_of_a_folder_keep_their_classes(tmp_path: Path) -> None:
    from PIL import Image

    for name, value in (("dark", 10), ("light", 240)):
        (tmp_path / "pictures" / name).mkdir(parents=True)
        for i in range(2):
            Image.new("L", (8, 8), value + i).save(tmp_path / "pictures" / name / f"{i}.png")
    folder = capture(models.convolutions(), tmp_path / "pictures", "stem", tmp_path / "out")
    (one,) = geometry.load(folder)
    assert np.asarray(one.labels).tolist() == [0, 0, 1, 1]
    assert one.points[0].tolist() != one.points[3].tolist()
