"""Models of timm and torchvision, made without weights: captured over two generations and analysed layer by layer."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from geometry.cli import main
from geometry.sources.capture import subject
from geometry.sources.captured import read_card

pytestmark = pytest.mark.long
CASES: dict[str, tuple[dict[str, Any], list[str], str, tuple[str, int]]] = {  # arguments, layers, pooling, last layer
    "timm:resnet18": ({}, ["layer?", "global_pool"], "mean", ("layer4", 512)),
    "timm:vit_tiny_patch16_224": ({"img_size": 64}, ["blocks.?", "blocks.??", "norm"], "cls", ("norm", 192)),
    "timm:convnext_atto": ({}, ["stages.*"], "mean", ("stages.3", 320)),
    "timm:mixer_s32_224": ({"img_size": 64}, ["blocks.?"], "mean", ("blocks.7", 512)),
    "torchvision:resnet18": ({}, ["layer4.*", "layer?", "avgpool"], "mean", ("layer4", 512)),
    "torchvision:vit_b_16": ({"image_size": 64}, ["encoder.layers.*"], "cls", ("encoder.layers.encoder_layer_11", 768)),
    "torchvision:mobilenet_v3_small": ({}, ["features.?", "features.1?"], "mean", ("features.12", 576)),
    "torchvision:swin_t": ({}, ["features.?"], "channels-last", ("features.7", 768)),
}


def needs(model: str) -> None:
    """Skip where the library of a model is not here, or is a build for another torch."""
    library = model.partition(":")[0]
    try:
        importlib.import_module(library)
    except Exception as error:
        pytest.skip(f"needs {library}: {type(error).__name__}: {error}")


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")
@pytest.mark.parametrize("model", CASES)
def test_layers_of_a_model_that_is_made_without_weights(model: str, tmp_path: Path) -> None:
    needs(model)
    arguments, layers, pool, (last, width) = CASES[model]
    torch.manual_seed(0)
    module = subject(model, **arguments).module
    for g in (0, 1):
        state = {key: tensor.clone().contiguous() for key, tensor in module.state_dict().items()}
        (tmp_path / f"gen_{g}").mkdir()
        save_file(state, tmp_path / f"gen_{g}" / "model.safetensors")
    images = np.random.default_rng(0).normal(size=(24, 3, 64, 64)).astype(np.float32)
    np.savez(tmp_path / "x.npz", images=images, labels=np.arange(24) % 3)
    line = ["capture", "--model", model, "--model-args", json.dumps(arguments), "--data", str(tmp_path / "x.npz")]
    where = ["--checkpoint", str(tmp_path / "gen_{generation}" / "model.safetensors"), "-o", str(tmp_path / "layers")]
    assert main([*line, *where, "--layers", *layers, "--pool", pool, "-q"]) == 0
    shapes = {one["name"]: one["shape"] for one in read_card(tmp_path / "layers" / "gen_1")["layers"]}
    assert shapes[last] == [24, width]
    rows = np.load(tmp_path / "layers" / "gen_1" / f"{last}.npy")
    assert np.array_equal(rows, np.load(tmp_path / "layers" / "gen_0" / f"{last}.npy"))
    assert np.allclose(rows, plain(module, last, images, pool), rtol=1e-4, atol=1e-4)
    words = ["analyze", str(tmp_path / "layers"), "--by", "layer", "--statistics", "effective_rank,mle", "-q", "-j"]
    assert main(words) == 0


def plain(module: torch.nn.Module, layer: str, images: Any, pool: str) -> Any:
    """The rows of a layer by a hook of one's own."""
    kept: list[torch.Tensor] = []
    handle = module.get_submodule(layer).register_forward_hook(lambda part, given, out: kept.append(out))
    with torch.no_grad():
        module(torch.tensor(images))
    handle.remove()
    if kept[0].ndim == 3:
        return (kept[0][:, 0] if pool == "cls" else kept[0].mean(1)).numpy()
    return kept[0].mean((1, 2) if pool == "channels-last" else (2, 3)).numpy()
