"""Figures and page on disk: whole, byte-equal from run to run, in the formats asked for."""

import argparse
import json
from pathlib import Path

import matplotlib
import pytest
import records

from geometry.cli import report as command
from geometry.errors import InputError, UsageError
from geometry.report import FIGURES, write
from geometry.schema import array_index, write_record
from geometry.types import Record

DRAWN = [name for name in FIGURES if name not in ("layers", "local")]  # a run of one layer, without a local view


def test_pictures_data_and_page_are_written(tmp_path):
    paths = write(records.record(), tmp_path / "run")
    assert paths[-1] == tmp_path / "run" / "report.html"
    names = {path.name for path in (tmp_path / "run" / "figures").iterdir()}
    assert names == {f"{name}.{end}" for name in DRAWN for end in ("png", "csv")}
    assert set(paths[:-1]) == set((tmp_path / "run" / "figures").iterdir())
    assert all((tmp_path / "run" / "figures" / f"{name}.png").read_bytes()[:4] == b"\x89PNG" for name in DRAWN)
    assert (tmp_path / "run" / "report.html").stat().st_size < 4_000_000


def test_two_runs_are_byte_equal_whatever_the_users_settings(tmp_path):
    first = write(records.record(3), tmp_path / "a", formats=("png", "svg", "pdf"))
    with matplotlib.rc_context({"font.size": 20, "savefig.dpi": 30, "axes.grid": True, "svg.hashsalt": "other"}):
        second = write(records.record(3), tmp_path / "b", formats=("png", "svg", "pdf"))
    assert len(first) == 4 * len(DRAWN) + 1
    for one, other in zip(first, second, strict=True):
        assert one.read_bytes() == other.read_bytes(), one.name


def test_vector_files_hold_the_points_as_pixels(tmp_path):
    write(records.record(), tmp_path, formats=("svg",))
    assert (tmp_path / "figures" / "map.svg").stat().st_size < 1_000_000
    assert "data:image/png;base64" in (tmp_path / "figures" / "map.svg").read_text()
    assert not (tmp_path / "figures" / "map.png").exists()


def test_unknown_format_is_refused_before_anything_is_written(tmp_path):
    with pytest.raises(UsageError, match="gif"):
        write(records.record(), tmp_path / "run", formats=("png", "gif"))
    assert not (tmp_path / "run").exists()


def arguments(*words):
    parser = argparse.ArgumentParser()
    command.add(parser.add_subparsers())
    return parser.parse_args(["report", *map(str, words)])


@pytest.fixture
def folder(tmp_path):
    record = records.record(2)
    run = {**record.run, "arrays": array_index(record.arrays)}
    write_record(Record(run, record.results, record.arrays), tmp_path / "run")
    return tmp_path / "run"


def test_the_command_rebuilds_what_write_writes(folder, tmp_path, capsys):
    args = arguments(folder, "--format", "png", "svg")
    assert args.run(args) == 0
    assert "sphere-like" in capsys.readouterr().out
    write(records.record(2), tmp_path / "direct")
    for name in ("report.html", "figures/map.png", "figures/trends.csv"):
        assert (folder / name).read_bytes() == (tmp_path / "direct" / name).read_bytes()
    assert (folder / "figures" / "plane.svg").exists()


def test_the_command_can_answer_in_json(folder, capsys):
    args = arguments(folder, "--json")
    assert args.run(args) == 0
    assert json.loads(capsys.readouterr().out)["files"][-1] == str(folder / "report.html")


def test_the_plate_is_written_where_it_is_asked_for(folder, capsys):
    args = arguments(folder, "--plate", "--json")
    assert args.run(args) == 0
    told = {Path(path).name for path in json.loads(capsys.readouterr().out)["files"]}
    assert {"plate.png", "plate.svg", "plate.pdf", "map.csv", "histograms.csv", "spectra.csv"} <= told
    assert (folder / "figures" / "plate.pdf").read_bytes()[:5] == b"%PDF-"


def test_a_folder_without_a_run_is_an_error(tmp_path):
    args = arguments(tmp_path)
    with pytest.raises(InputError, match="no finished run"):
        args.run(args)
