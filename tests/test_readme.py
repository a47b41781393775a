"""Every command and every program in README.md is run, in a folder with the files it speaks of."""

import io
import re
import shlex
import shutil
import subprocess
from contextlib import redirect_stdout
from pathlib import Path

import numpy as np
import pytest
import walk

from geometry.catalog import statistics
from geometry.cli import main

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text("utf-8")
SHORTER = {"geometry generate language-model": "--set steps=20"}  # in place of minutes of training


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def commands() -> list[str]:
    return [line for block in blocks("bash") for line in block.splitlines() if line.strip()]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three generations of eight clusters of which one is lost each time, as a folder of runs and as one file."""
    folder = tmp_path_factory.mktemp("readme")
    rng = np.random.default_rng(0)
    centres = 3 * rng.normal(size=(8, 12))
    sets = [(centres[rng.integers(0, 8 - t, 200)] + rng.normal(size=(200, 12))).astype("float32") for t in range(3)]
    for t, points in enumerate(sets):
        (folder / "runs" / f"gen_{t}").mkdir(parents=True)
        np.save(folder / "runs" / f"gen_{t}" / "embeddings.npy", points)
    np.savez(folder / "runs" / "all.npz", **{f"gen_{t}": points for t, points in enumerate(sets)})
    np.savez(folder / "runs" / "groups.npz", points=np.concatenate(sets), source=np.repeat(["a", "b", "c"], 200))
    (folder / "book.txt").write_text(README, "utf-8")
    walk.write(folder)
    return folder


def written(command: str) -> str | None:
    """The folder that a command writes."""
    words = shlex.split(command)
    return words[words.index("-o") + 1] if "-o" in words else None


def read(command: str, folder: Path) -> list[str]:
    """Commands further up that write what this one reads and what is not there yet, as with tests in any order."""
    above = commands()[: commands().index(command)]
    wanted = [word.split("{")[0] for word in shlex.split(command)[2:] if word != written(command)]
    return [
        one for one in above
        if (out := written(one)) and not (folder / out).exists()
        and any(word == out or word.startswith(f"{out}/") for word in wanted)
    ]  # fmt: skip


def run(command: str) -> int:
    """The exit code of a command, trained in fewer steps where it takes minutes."""
    shorter = " ".join(words for start, words in SHORTER.items() if command.startswith(start))
    return main(shlex.split(f"{command} {shorter}")[1:])


@pytest.mark.parametrize("command", [one for one in commands() if one.startswith("geometry ")])
def test_geometry_command_runs(command: str, runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(runs)
    for earlier in read(command, runs):
        assert run(earlier) == 0
    if (out := written(command)) and (runs / out).exists():
        shutil.rmtree(runs / out)
    with redirect_stdout(io.StringIO()) as told:
        assert run(command) == 0
    assert told.getvalue().strip()


@pytest.mark.long
@pytest.mark.parametrize("command", [one for one in commands() if any(map(one.startswith, SHORTER))])
def test_a_long_command_runs_as_it_stands(command: str, runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(runs)
    with redirect_stdout(io.StringIO()) as told:
        assert main(shlex.split(f"{command}-whole")[1:]) == 0
    assert told.getvalue().strip()


@pytest.mark.parametrize("command", [one for one in commands() if one.startswith("make ")])
def test_make_target_exists(command: str) -> None:
    found = subprocess.run([*shlex.split(command), "--dry-run"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr
    assert "geometry demo" in found.stdout or "pytest" in found.stdout


def test_every_command_is_of_a_kind_that_is_tested() -> None:
    assert {command.split()[0] for command in commands()} == {"geometry", "make"}


@pytest.mark.parametrize("program", blocks("python"))
def test_program_runs(program: str, runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(runs)
    with redirect_stdout(io.StringIO()) as out:
        exec(compile(program, "README.md", "exec"), {})
    assert out.getvalue().strip()


def test_table_holds_every_statistic_as_registered() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.*) \| (.*) \|$", README, re.MULTILINE)
    expected = [
        (one.name, one.definition.splitlines()[0].strip().replace("|", "&#124;"), one.source) for one in statistics()
    ]
    assert [row for row in rows if row[0] in {name for name, *_ in expected}] == expected


def test_what_is_linked_exists() -> None:
    links = [link for link in re.findall(r"\]\(([^)]+)\)", README) if "://" not in link]
    assert links and all((ROOT / link).exists() for link in links)
