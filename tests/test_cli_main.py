"""The command as a whole: what is registered, exit codes, suggestions, and that help is quick and needs no torch."""

from __future__ import annotations

import os
import resource
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from geometry import __version__, cli
from geometry.cli import examples
from geometry.errors import OutOfMemoryError

COMMANDS = (
    "demo", "analyze", "compare", "ablate", "inspect", "doctor", "fingerprint", "capture", "generate", "gate", "merge",
    "rerun", "explain", "info", "report",
)  # fmt: skip


def usage_error(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """What a wrong command line says; argparse leaves by SystemExit."""
    with pytest.raises(SystemExit) as left:
        cli.main(words)
    said = capsys.readouterr()
    assert left.value.code == 2 and said.out == ""
    return said.err


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (("analyse", "x.npy"), "'analyze'"),
        (("analyze", "x.npy", "--sed", "3"), "'--seed'"),
        (("analyze", "x.npy", "--refrence=1"), "'--reference'"),
        (("analyze", "x.npy", "--nan", "dropp"), "'drop'"),
        (("info", "--shema"), "'--schema'"),
    ],
)
def test_a_slip_is_answered_with_what_was_meant(
    words: tuple[str, ...], meant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert usage_error(capsys, *words).rstrip().endswith(f"did you mean {meant}?")


def test_nothing_is_suggested_where_the_word_was_right(capsys: pytest.CaptureFixture[str]) -> None:
    said = usage_error(capsys, "analyze", "x.npy", "--seed", "abc")
    assert "--seed: 'abc' is no whole number" in said and "did you mean" not in said
    assert "--seed: -1 is less than 0" in usage_error(capsys, "analyze", "x.npy", "--seed", "-1")
    assert "-k: 0 is less than 1" in usage_error(capsys, "analyze", "x.npy", "-k", "0")
    assert "required" in usage_error(capsys, "analyze")


def test_without_a_command_all_of_them_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([]) == 2
    said = capsys.readouterr()
    assert said.out == "" and all(f"\n    {name}" in said.err for name in COMMANDS)


def test_a_wrong_line_is_answered_in_one(capsys: pytest.CaptureFixture[str]) -> None:
    said = usage_error(capsys, "analyze", "x.npy", "--seed", "abc")
    assert said.count("\n") == 1 and said.endswith("see `geometry analyze --help`\n")
    said = usage_error(capsys, "analyze", "x.npy", "--statistics", "mle", "two_nn")
    assert "parted by commas: --statistics mle,two_nn" in said


def test_formats_are_parted_by_commas_or_spaces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for words in (["svg,pdf"], ["svg", "pdf"], ["svg,", "pdf"]):
        for line in (["analyze", "x.npy"], ["compare", "a.npy", "b.npy"], ["merge", "a", "-o", "b"], ["report", "a"]):
            assert cli.parser().parse_args([*line, "--format", *words]).format == ["svg", "pdf"]
    assert cli.parser().parse_args(["report", "a"]).format == ["png"]
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.npy").touch()
    said = usage_error(capsys, "analyze", "--format", "png", "x.npy")
    assert "invalid choice: 'x.npy' (choose from png, svg, pdf); a PATH stands before --format" in said


def test_a_run_may_be_named_by_what_lies_in_it(tmp_path: Path) -> None:
    (tmp_path / "run.json").touch()
    for command in ("report", "gate"):
        for name in (str(tmp_path), str(tmp_path / "run.json")):
            assert cli.parser().parse_args([command, name]).folder == tmp_path
    assert cli.parser().parse_args(["report", "nothing/run.json"]).folder == Path("nothing/run.json")


@pytest.mark.parametrize("command", COMMANDS)
def test_help_tells_what_a_command_is_for_and_shows_it(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main([command, "--help"])
    said = capsys.readouterr().out.replace(examples.CONTINUED, " ")
    assert len(said.split("\n\n")[1]) > 40
    for line in examples.EXAMPLES[command]:
        assert f"\n  {line}\n" in said
        assert cli.parser().parse_args(shlex.split(line)[1:]).command == command
    assert examples.EXAMPLES[command] or f"geometry {command}" in said


def test_flags_are_not_abbreviated(capsys: pytest.CaptureFixture[str]) -> None:
    assert "unrecognized arguments: --stat" in usage_error(capsys, "analyze", "x.npy", "--stat", "scale")


def test_unreadable_input_is_3_and_names_the_path(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["analyze", str(tmp_path / "none.npy")]) == 3
    assert "none.npy" in capsys.readouterr().err
    (tmp_path / "x.npy").write_text("no array")
    for command in ("analyze", "inspect"):
        assert cli.main([command, str(tmp_path / "x.npy")]) == 3
        said = capsys.readouterr()
        assert said.out == "" and "x.npy" in said.err and "Traceback" not in said.err
    assert cli.main(["report", str(tmp_path)]) == 3


def test_unsafe_input_is_3(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.save(tmp_path / "x.npy", np.array([{"a": 1}, None]), allow_pickle=True)
    assert cli.main(["analyze", str(tmp_path / "x.npy")]) == 3
    assert "x.npy" in capsys.readouterr().err


@pytest.mark.parametrize(("error", "code"), [(OutOfMemoryError("too large"), 4), (KeyboardInterrupt(), 130)])
def test_other_ends_have_their_own_codes(
    error: BaseException, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def leave(args: object) -> int:
        raise error

    monkeypatch.setattr(cli.info, "run", leave)
    assert cli.main(["info"]) == code
    assert capsys.readouterr().err.startswith("geometry: ")


def shell(*words: str, **options: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *words]
    return subprocess.run(command, text=True, check=False, capture_output=True, **options)  # type: ignore[call-overload, no-any-return]


def test_help_is_quick() -> None:
    """Under .3 s of processor time, however busy the machine is."""
    shell("-m", "geometry", "--help")  # compiles what was not compiled yet
    seconds = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        said = shell("-m", "geometry", "--help")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        assert said.returncode == 0 and all(command in said.stdout for command in COMMANDS)
    assert min(seconds) < 0.3


def test_neither_help_nor_inspect_imports_torch_or_what_draws(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.zeros((4, 3)))
    heavy = {"torch", "scipy", "sklearn", "matplotlib", "pandas", "umap"}
    code = (
        "import sys, geometry.cli as cli\n"
        "cli.parser()\n"
        "assert 'numpy' not in sys.modules\n"
        f"cli.main(['inspect', {str(tmp_path / 'x.npy')!r}])\n"
        f"print(*({heavy} & set(sys.modules)), sep=', ', end='', file=sys.stderr)"
    )
    said = shell("-c", code)
    assert "4 x 3" in said.stdout and said.stderr == ""


def test_version_and_every_help(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    version = shell("-m", "geometry", "--version")
    assert version.stdout == f"geometry {__version__}\n"
    for command in COMMANDS:
        with pytest.raises(SystemExit) as left:
            cli.main([command, "--help"])
        assert left.value.code == 0
        said = capsys.readouterr().out
        assert "usage: geometry" in said and max(map(len, said.splitlines())) < 80


def test_a_reader_that_leaves_early_is_no_error() -> None:
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as gone:
        command = [sys.executable, "-m", "geometry", "info", "--schema"]
        done = subprocess.run(command, stdout=gone, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
