"""Sets of no, one and two rows, of one column and of a hundred thousand, through every command that reads sets."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hostile.limits import within_limits

from geometry.cli import main

COMMANDS: dict[str, list[str]] = {
    "analyze": ["analyze", "GOOD", "GOOD", "-q", "-o", "OUT"],
    "compare": ["compare", "GOOD", "GOOD", "-q", "-o", "OUT"],
    "doctor": ["doctor", "GOOD"],
    "fingerprint": ["fingerprint", "GOOD", "-o", "OUT"],
    "generate": ["generate", "gmm", "--regime", "replace", "--data", "GOOD", "--generations", "1", "-q", "-o", "OUT"],
    "inspect": ["inspect", "GOOD"],
    "spectra": ["inspect", "GOOD", "--spectra"],
}
READS_HEADERS, LOOKS_AT_ANY = ("inspect",), ("doctor", "fingerprint", "spectra")


@pytest.fixture(scope="module", autouse=True)
def _readers_loaded(tmp_path_factory: pytest.TempPathFactory) -> None:
    """The time and memory of imports and of compiled code are not the set's."""
    import sklearn.mixture  # noqa: F401

    for name in LOOKS_AT_ANY:
        main(line(name, tmp_path_factory.mktemp("loaded"), 5, 300))


def line(command: str, folder: Path, n: int, d: int) -> list[str]:
    """The words of a command on a Gaussian set of n x d, which is written."""
    path = folder / "set.npy"
    np.save(path, np.random.default_rng(0).standard_normal((n, d)).astype(np.float32))
    words = {"GOOD": str(path), "OUT": str(folder / "out")}
    return [words.get(word, word) for word in COMMANDS[command]]


@pytest.mark.parametrize("d", [1, 100_000])
@pytest.mark.parametrize("n", [0, 1, 2])
@pytest.mark.parametrize("command", COMMANDS)
def test_few_rows(command: str, n: int, d: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = line(command, tmp_path, n, d)
    with within_limits():
        code = main(words)
    told = capsys.readouterr().err
    if command in READS_HEADERS or (command in LOOKS_AT_ANY and n > 0):
        assert code in (0, 1) and told == ""
    else:
        assert code == 3 or (command == "generate" and code == 2 and n > 0)  # fewer rows than components
        assert "set" in told and told.count("\n") == 1
        assert [path.name for path in tmp_path.iterdir()] == ["set.npy"]


@pytest.mark.long
@pytest.mark.parametrize(("n", "d"), [(40, 100_000), (300, 1), (3, 5)])
def test_whole_runs_of_such_sets(n: int, d: int, tmp_path: Path) -> None:
    paths = [tmp_path / f"gen_{g}.npy" for g in range(2)]
    for g, path in enumerate(paths):
        np.save(path, np.random.default_rng(g).standard_normal((n, d)).astype(np.float32))
    words = [*map(str, paths), "-q", "-o"]
    assert main(["analyze", *words, str(tmp_path / "out"), "--statistics", "all"]) == 0
    assert main(["compare", *words, str(tmp_path / "compared")]) == 0
    assert main(["rerun", str(tmp_path / "compared"), "-q"]) == 0
    assert main(["report", str(tmp_path / "out")]) == 0
