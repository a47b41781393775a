"""The info command: devices, engines, kernels, versions, and the schema as it stands in the file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

import geometry.schema
from geometry import __version__
from geometry.cli import main
from geometry.pairs.cuda.builder import kernel_files


def test_the_schema_is_the_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", "--schema"]) == 0
    file = Path(geometry.schema.__file__).with_name("run-1.json")
    assert capsys.readouterr().out == file.read_text("utf-8")


def test_json_and_text_say_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert list(found) == ["devices", "engines", "kernels", "versions"]
    assert found["versions"]["torch"] == torch.__version__
    assert found["versions"]["embedding-geometry"] in (__version__, "not installed")
    assert set(found["kernels"]) == {path.name for path in kernel_files()}
    assert found["engines"]["torch-cpu"] == "chosen by auto"
    assert ("cuda:0" in found["devices"]) == torch.cuda.is_available()
    assert main(["info"]) == 0
    text = capsys.readouterr().out
    for heading, values in found.items():
        assert f"{heading}\n" in text
        assert all(f"  {key}: {value}\n" in text for key, value in values.items())
