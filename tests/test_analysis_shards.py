"""Parts of a run: every statistic in one of them, and joined they are the undivided run, byte for byte."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import clouds
import numpy as np
import pytest
from jsonschema import Draft202012Validator

from geometry.analysis.asked import Options
from geometry.analysis.plan import plan
from geometry.analysis.shards import LAST, Shard, owned
from geometry.cli import main
from geometry.errors import UsageError
from geometry.schema import read_record, schema_text

NAMES = "scale,two_nn,effective_rank,tail_survival,mode_coverage,prdc"
QUICK = ("--statistics", NAMES, "-q")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three generations, the undivided run in `whole`, and three parts of it in `part_1` to `part_3`."""
    folder = tmp_path_factory.mktemp("shards")
    for g in range(3):
        np.save(folder / f"gen_{g}.npy", clouds.clusters(160, 6, g) * (1 - 0.2 * g))
    assert main(["analyze", str(folder / "gen_*.npy"), *QUICK, "-o", str(folder / "whole")]) == 0
    for i in (3, 1, 2):
        words = ["--shard", f"{i}/3", "-o", str(folder / f"part_{i}")]
        assert main(["analyze", str(folder / "gen_*.npy"), *QUICK, *words]) == 0
    return folder


@pytest.mark.parametrize("of", [1, 2, 3, 5, 40])
def test_every_statistic_belongs_to_one_part(of: int) -> None:
    made = plan([clouds.gaussian(60, 4, g) for g in range(3)], Options(statistics=tuple(NAMES.split(","))))
    parts = [owned(made, Shard(i, of)) for i in range(1, of + 1)]
    units = [(g, name) for part in parts for g, names in enumerate(part) for name in names]
    assert sorted(units) == sorted((g, name) for g in range(3) for name in NAMES.split(","))
    assert all((g, name) in [(g, n) for n in parts[-1][g]] for g in range(3) for name in LAST)


def test_the_parts_joined_are_the_run(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    parts = [str(runs / f"part_{i}") for i in (2, 3, 1)]
    assert all((runs / f"part_{i}" / "results.jsonl").stat().st_size for i in (1, 2, 3))
    assert main(["merge", *parts, "-o", str(runs / "joined")]) == 0
    assert capsys.readouterr().out.rstrip().endswith("report.html")
    for file in ("results.jsonl", "results.csv"):
        assert (runs / "joined" / file).read_bytes() == (runs / "whole" / file).read_bytes()
    whole, joined = read_record(runs / "whole"), read_record(runs / "joined")
    Draft202012Validator(json.loads(schema_text())).validate(joined.run)
    assert whole.run["verdict"] == joined.run["verdict"] and joined.run["shards"] == 3
    assert whole.arrays.keys() == joined.arrays.keys()
    assert all(a.tobytes() == joined.arrays[name].tobytes() for name, a in whole.arrays.items())
    beside = [path for path in sorted((runs / "whole").rglob("*")) if path.is_file()]
    names = [path.relative_to(runs / "whole") for path in beside]
    assert names == [
        path.relative_to(runs / "joined") for path in sorted((runs / "joined").rglob("*")) if path.is_file()
    ]
    assert sum("fingerprints" in name.parts for name in names) == 3
    for name in names:
        if name.name not in ("run.json", "report.html"):  # which tell times and memory
            assert (runs / "joined" / name).read_bytes() == (runs / "whole" / name).read_bytes(), name
    assert main(["merge", *parts, "-o", str(runs / "joined")]) == 2
    assert "--force" in capsys.readouterr().err


def test_parts_are_joined_without_any_engine(runs: Path, tmp_path: Path) -> None:
    code = (
        "import sys; from geometry.cli import main; code = main(sys.argv[1:]); "
        "sys.exit(code or ' '.join({'torch', 'numba', 'sklearn'} & sys.modules.keys()) or None)"
    )
    words = ["merge", *(str(runs / f"part_{i}") for i in (1, 2, 3)), "-o", str(tmp_path / "joined")]
    said = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=False)
    assert (said.returncode, said.stderr) == (0, "")
    assert (tmp_path / "joined" / "results.jsonl").read_bytes() == (runs / "whole" / "results.jsonl").read_bytes()


def test_what_is_no_whole_run_is_not_joined(runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def told(*folders: Path, code: int) -> str:
        assert main(["merge", *map(str, folders), "-o", str(tmp_path / "joined")]) == code
        return capsys.readouterr().err

    one, two, three = (runs / f"part_{i}" for i in (1, 2, 3))
    assert "parts are missing: 2/3" in told(one, three, code=2)
    assert "no finished part" in told(one, two, tmp_path, code=3)
    twin = shutil.copytree(two, tmp_path / "twin")
    assert "2/3 is there twice" in told(one, two, three, twin, code=2)
    words = ["analyze", str(runs / "gen_*.npy"), *QUICK, "--seed", "1", "--shard", "2/3", "-o", str(tmp_path / "other")]
    assert main(words) == 0
    assert "seed was 0, now 1" in told(one, tmp_path / "other", three, code=2)
    lines = (twin / "results.jsonl").read_text().splitlines(keepends=True)
    (twin / "results.jsonl").write_text("".join(lines[:-1]))
    assert "rows, not" in told(one, twin, three, code=3)
    shutil.rmtree(twin)
    shutil.copytree(three, twin)
    next((twin / "fingerprints").iterdir()).unlink()
    assert "in none of the parts" in told(one, two, twin, code=3)
    assert not (tmp_path / "joined" / "run.json").exists()


def test_no_part_where_there_can_be_none(runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for text in ("3", "0/3", "4/3", "a/b"):
        with pytest.raises(SystemExit):
            main(["analyze", str(runs / "gen_*.npy"), "--shard", text, "-o", str(tmp_path / "x")])
    capsys.readouterr()
    assert main(["analyze", str(runs / "gen_*.npy"), "--shard", "1/2"]) == 2
    assert "-o" in capsys.readouterr().err
    with pytest.raises(UsageError):
        Shard(3, 2)


def test_a_part_is_no_run(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(runs / "part_3")]) == 3
    assert "no finished run" in capsys.readouterr().err
