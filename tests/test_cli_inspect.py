"""The inspect command: table, JSON, folders, and the exit code of a folder with a broken file."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import pytest

from geometry.cli import inspect as command
from geometry.errors import InputError


def run(*words: str) -> int:
    parser = argparse.ArgumentParser()
    command.add(parser.add_subparsers())
    args = parser.parse_args(["inspect", *words])
    code: int = args.run(args)
    return code


def test_the_table_is_aligned(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.savez(tmp_path / "x.npz", embeddings=np.zeros((400, 3)), labels=np.arange(400))
    assert run(str(tmp_path / "x.npz")) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"{tmp_path}/x.npz (npz)",
        "  key         shape    dtype    size     role",
        "  embeddings  400 x 3  float64  9.4 KiB  embedding",
        "  labels      400      int64    3.1 KiB  labels",
    ]


def test_one_json_document(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.save(tmp_path / "x.npy", np.zeros((4, 3), np.float32))
    assert run("-j", str(tmp_path / "x.npy")) == 0
    array = {"key": "", "shape": [4, 3], "dtype": "float32", "bytes": 48, "role": "embedding"}
    want = {"files": [{"path": f"{tmp_path}/x.npy", "format": "npy", "arrays": [array]}]}
    assert json.loads(capsys.readouterr().out) == want


def test_a_folder_lists_each_file_and_a_key_only_its_array(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "gen_1").mkdir()
    for name in ("gen_1/emb.npy", "gen_10.npy", "gen_2.npy"):
        np.save(tmp_path / name, np.zeros((4, 3)))
    np.savez(tmp_path / "z.npz", a=np.zeros((4, 3)), b=np.zeros(4))
    assert run(str(tmp_path)) == 0
    out = capsys.readouterr().out
    assert [line.split(" (")[0][len(str(tmp_path)) + 1 :] for line in out.splitlines() if line[:1] == "/"] == [
        "gen_1/emb.npy",
        "gen_2.npy",
        "gen_10.npy",
        "z.npz",
    ]
    assert run(f"{tmp_path}/z.npz:b") == 0
    assert "other" in (out := capsys.readouterr().out) and "embedding" not in out


def test_a_broken_file_among_others_is_listed_and_told_by_the_exit_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    np.save(tmp_path / "a.npy", np.zeros((4, 3)))
    (tmp_path / "b.npy").write_text("nonsense, no header")
    assert run(str(tmp_path)) == 3
    assert "error: " in (out := capsys.readouterr().out) and "4 x 3" in out
    with pytest.raises(InputError, match="no NumPy header"):
        run(str(tmp_path / "b.npy"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no file that can be read"):
        run(str(tmp_path / "empty"))
