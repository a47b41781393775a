"""Records, parts, fingerprints, logs, policies and pictures from strangers, through the commands that read them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hostile import others, whole
from hostile.corpus import MARK
from hostile.limits import within_limits

from geometry.cli import main

RUN_COMMANDS: dict[str, list[str]] = {
    "gate": ["gate", "BAD", "--fail-on", "scale<.01x"],
    "against": ["gate", "RUN", "--fail-on", "scale<.01x", "--against", "BAD"],
    "rerun": ["rerun", "BAD", "-q"],
    "report": ["report", "BAD"],
}
VAE = ["generate", "vae", "--regime", "replace", "--generations", "1", "-q", "-o", "OUT", "--data", "BAD"]
CAPTURE = ["capture", "--model", "models:Convolutions", "--layers", "stem", "-q", "-o", "OUT", "--data", "BAD"]
KINDS: dict[str, tuple[dict[str, others.Writer], list[list[str]]]] = {
    "part": (others.PARTS, [["merge", "BAD", "-o", "OUT"]]),
    "fingerprint": (others.FINGERPRINTS, [["compare", "BAD", "BAD"], ["fingerprint", "BAD", "--merge", "-o", "OUT"]]),
    "log": (others.LOGS, [["analyze", "GOOD", "GOOD", "--log", "BAD", "-q", "-o", "OUT"]]),
    "policy": (others.POLICIES, [["gate", "RUN", "--policy", "BAD"]]),
    "picture": (others.PICTURES, [VAE, CAPTURE]),
}
CASES = [(kind, name) for kind, (writers, _) in KINDS.items() for name in writers]


@pytest.fixture(scope="module")
def beside(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A good set and a good run; what the commands import is loaded."""
    import PIL.Image  # noqa: F401
    import torch  # noqa: F401

    folder = tmp_path_factory.mktemp("good")
    np.save(folder / "good.npy", np.random.default_rng(0).standard_normal((20, 4)).astype(np.float32))
    run = str(others.run()(folder))
    assert main(["gate", run, "--fail-on", "scale<.01x"]) == main(["report", run]) == 0
    return {"GOOD": str(folder / "good.npy"), "RUN": run}


def ended(line: list[str], words: dict[str, str], folder: Path, path: Path) -> int:
    """The exit code, within the limits, and with no code run."""
    with within_limits():
        code = main([{**words, "BAD": str(path), "OUT": str(folder / "out")}.get(word, word) for word in line])
    assert not (folder / MARK).exists()
    return code


@pytest.mark.parametrize("name", others.RUNS)
def test_a_record_is_refused_by_who_uses_what_is_wrong_with_it(
    name: str, tmp_path: Path, beside: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    path, refused = others.RUNS[name](tmp_path), []
    for command, line in RUN_COMMANDS.items():
        code, told = ended(line, beside, tmp_path, path), capsys.readouterr().err
        assert code in (0, 3)
        if code == 3 and command != "rerun":  # which also misses the sets of a run that was of no files here
            assert str(tmp_path) in told and told.count("\n") == 1
            refused.append(command)
        elif str(tmp_path) in told:
            refused.append(command)
    assert refused


@pytest.mark.parametrize(("kind", "name"), CASES, ids=[f"{kind}, {name}" for kind, name in CASES])
def test_what_is_no_file_of_its_kind_is_refused(
    kind: str, name: str, tmp_path: Path, beside: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    writers, lines = KINDS[kind]
    path = writers[name](tmp_path)
    before = sorted(tmp_path.rglob("*"))
    for line in lines:
        code, told = ended(line, beside, tmp_path, path), capsys.readouterr().err
        assert code == 3 or (kind in ("policy", "part") and code == 2)
        assert str(tmp_path) in told and told.count("\n") == 1
    assert sorted(tmp_path.rglob("*")) == before


def test_whole_ones_are_taken(tmp_path: Path, beside: dict[str, str]) -> None:
    path = others.part()(tmp_path)
    assert main(["merge", str(path), "-o", str(tmp_path / "joined")]) == 0
    (tmp_path / "a.fingerprint").write_bytes(whole.fingerprint())
    assert main(["compare", str(tmp_path / "a.fingerprint"), str(tmp_path / "a.fingerprint")]) == 0
    (tmp_path / "a.toml").write_bytes(b'fail_on = ["scale<.01x"]')
    assert main(["gate", beside["RUN"], "--policy", str(tmp_path / "a.toml")]) == 0
