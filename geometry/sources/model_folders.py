"""The file of weights in the folder of a model: Hugging Face folders, adapters (PEFT), distributed checkpoints.

A folder counts as a model's where it has a `config.json` or `adapter_config.json` beside weights under the names that
such folders use, safetensors before pickles, an index before single files. Anything else is a folder of files.
"""

from __future__ import annotations

from pathlib import Path

from geometry.sources.dcp_files import is_dcp

CARDS = {
    "config.json": (
        "model.safetensors.index.json", "model.safetensors", "pytorch_model.bin.index.json", "pytorch_model.bin",
        "diffusion_pytorch_model.safetensors.index.json", "diffusion_pytorch_model.safetensors",
    ),
    "adapter_config.json": ("adapter_model.safetensors", "adapter_model.bin"),
}  # fmt: skip


def weights_of(folder: Path) -> Path | None:
    """The weights that a model's folder stands for, itself for a distributed checkpoint; None for other folders."""
    if is_dcp(folder):
        return folder
    names = [name for card, names in CARDS.items() if (folder / card).is_file() for name in names]
    return next((folder / name for name in names if (folder / name).is_file()), None)
