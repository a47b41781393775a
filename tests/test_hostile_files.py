"""Files from strangers end in one of our errors that names them: nothing runs, little memory and time, no output."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hostile.corpus import CODE, LIES, MARK
from hostile.limits import within_limits
from hostile.stores import STORES

import geometry
from geometry.cli import main
from geometry.errors import GeometryError, UnsafeFileError
from geometry.sources.formats import contents

FILES = {**CODE, **LIES, **STORES}
COMMANDS: dict[str, list[str]] = {
    "analyze": ["analyze", "GOOD", "BAD", "-q", "-o", "OUT"],
    "compare": ["compare", "BAD", "GOOD", "-q", "-o", "OUT"],
    "doctor": ["doctor", "GOOD", "BAD"],
    "fingerprint": ["fingerprint", "GOOD", "BAD", "-o", "OUT"],
    "spectra": ["inspect", "BAD", "--spectra"],
    "sum": ["inspect", "BAD - .5*BAD", "--spectra"],
    "capture": ["capture", "--model", "models:Convolutions", "--data", "BAD", "--layers", "stem", "-q", "-o", "OUT"],
    "checkpoint": [
        "capture", "--model", "models:Convolutions", "--checkpoint", "BAD", "--data", "GOOD", "--layers", "stem",
        "-q", "-o", "OUT",
    ],
    "generate": ["generate", "gmm", "--regime", "replace", "--data", "BAD", "--generations", "1", "-q", "-o", "OUT"],
    "images": ["generate", "vae", "--regime", "replace", "--data", "BAD", "--generations", "1", "-q", "-o", "OUT"],
}  # fmt: skip
OF_EACH_KIND = (
    ".npy of a petabyte", "pickle in .npz", ".npz bomb", ".safetensors, overlapping", "index to a file above",
    ".pt of a billion leaves", "a .csv of words", "empty .parquet", "a pipe as .npy", "a pipe as .csv",
    "a device as .pt", ".h5 of rows elsewhere",
)  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def _readers_loaded() -> None:
    """The time and memory of an import are not the file's."""
    import h5py  # noqa: F401
    import pyarrow.parquet  # noqa: F401
    import sklearn.mixture  # noqa: F401
    import torch  # noqa: F401
    import zarr  # noqa: F401


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A file of the corpus by name, each written once into a folder of its own, beside a good set."""
    paths: dict[str, Path] = {}

    def make(name: str) -> Path:
        if name not in paths:
            folder = tmp_path_factory.mktemp("hostile") / "inner"
            folder.mkdir()
            np.save(folder.parent / "good.npy", np.random.default_rng(0).standard_normal((20, 4)).astype(np.float32))
            paths[name] = FILES[name](folder)
        return paths[name]

    return make


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_refused_when_loaded(name: str, made: Callable[[str], Path]) -> None:
    path = made(name)
    with within_limits(), pytest.raises(GeometryError, match=path.name) as caught:
        geometry.load(path)
    assert not (path.parent / MARK).exists()
    if name.startswith(("pickle", "bare")):
        assert isinstance(caught.value, UnsafeFileError)


@pytest.mark.parametrize("name", FILES)
def test_a_look_inside_is_as_safe(name: str, made: Callable[[str], Path]) -> None:
    """`inspect` may describe a file that `load` refuses, or refuse it likewise; it runs and costs as little."""
    path = made(name)
    with within_limits():
        try:
            contents(path)
        except GeometryError as error:
            assert path.name in str(error)
    assert not (path.parent / MARK).exists()


def refused(path: Path, command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 3 and one line that names the file; nothing has run, and nothing was written."""
    good = next(folder / "good.npy" for folder in path.parents if (folder / "good.npy").exists())
    words = {"BAD": str(path), "GOOD": str(good), "OUT": str(path.parent / "out")}
    line = [words.get(word, word.replace("BAD", str(path))) for word in COMMANDS[command]]
    before = sorted(path.parent.rglob("*"))
    with within_limits():
        assert main(line) == 3
    told = capsys.readouterr()
    assert told.out == ""
    assert path.name in told.err and told.err.count("\n") == 1
    assert sorted(path.parent.rglob("*")) == before


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_refuses_files_of_every_kind(
    command: str, made: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    for name in OF_EACH_KIND:
        refused(made(name), command, capsys)


@pytest.mark.long
@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_refuses_every_file(
    command: str, made: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    for name in FILES:
        refused(made(name), command, capsys)


@pytest.mark.parametrize("command", ["analyze", "doctor", "compare", "fingerprint", "spectra", "generate"])
@pytest.mark.parametrize("pattern", ["none_{generation}.npy", "no/*.npz", "[z-a].npy", "a**b.npy", "x" * 300 + ".npy"])
def test_patterns_that_match_nothing(
    command: str, pattern: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    np.save(tmp_path / "good.npy", np.ones((5, 2)))
    words = {"BAD": f"{tmp_path}/{pattern}", "GOOD": str(tmp_path / "good.npy"), "OUT": str(tmp_path / "out")}
    assert main([words.get(word, word) for word in COMMANDS[command]]) == 3
    assert capsys.readouterr().err.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["good.npy"]
