"""A user's own training command as the model of an ablation: run as it is, with its placeholders filled in.

    python train.py --data {data} --probe {probe} --out {embeddings} --seed {seed}

{data} is an .npz with `points`, `groups` and, where known, `labels`, or a folder with links to the files that are left;
{probe} an .npy of the probe rows; {embeddings} the .npy that the command has to write, a row per probe row; {seed} that
of the replicate. The command is split as a shell would (shlex) but no shell runs it. It runs in the current folder; its
files lie in a temporary one until its embeddings are read.
"""

from __future__ import annotations

import re
import shlex
import signal
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from geometry.errors import InputError, UsageError
from geometry.types import Array

if TYPE_CHECKING:
    from geometry.loops.ablate import Files, Rows

KNOWN = ("data", "probe", "embeddings", "seed")
NEEDED = ("data", "embeddings")
TOLD = 12  # last lines of what a failed command said


@dataclass(frozen=True)
class Command:
    """A command line with placeholders; UsageError where one is unknown or missing, or a quote is not closed.

    timeout: seconds after which one training is stopped, which is an error; None for as long as it takes.
    """

    text: str
    timeout: float | None = None

    def __post_init__(self) -> None:
        found = set(re.findall(r"\{(\w*)\}", self.text))
        if unknown := sorted(found - set(KNOWN)):
            raise UsageError(
                f"the command has {{{unknown[0]}}}; known are {', '.join(f'{{{name}}}' for name in KNOWN)}"
            )
        for name in NEEDED:
            if name not in found:
                raise UsageError(f"the command '{self.text}' lacks {{{name}}}; it needs {{data}} and {{embeddings}}")
        self.words()

    def words(self, **values: str) -> list[str]:
        """The words of the command, each placeholder replaced within its own word."""
        try:
            words = shlex.split(self.text)
        except ValueError as error:
            raise UsageError(f"the command '{self.text}' cannot be split into words: {error}") from error
        return [re.sub(r"\{(\w+)\}", lambda hit: values.get(hit[1], hit[0]), word) for word in words]

    def card(self) -> dict[str, Any]:
        return {"model": "command", "command": self.text}

    def embeddings(self, data: Rows | Files, probe: Array | None, seed: int) -> Array:
        if probe is None and "{probe}" in self.text:
            raise UsageError("the command has {probe}, and there are no probe rows; name them with --probe FILE")
        with tempfile.TemporaryDirectory(prefix="geometry-ablate-") as name:
            place = Path(name)
            values = {"data": str(written(data, place)), "seed": str(seed)}
            values |= {"probe": str(place / "probe.npy"), "embeddings": str(place / "embeddings.npy")}
            if probe is not None:
                np.save(place / "probe.npy", probe, allow_pickle=False)
            words = self.words(**values)
            _run(words, self.timeout)
            return _read(place / "embeddings.npy", words)


def written(data: Rows | Files, place: Path) -> Path:
    """The data of one arm as a file, or as a folder of links."""
    if hasattr(data, "paths"):
        folder = place / "data"
        folder.mkdir()
        for name, path in data.paths.items():
            (folder / name).symlink_to(path.resolve())
        return folder
    arrays: dict[str, Any] = {"points": data.points, "groups": data.groups}
    if data.labels is not None:
        arrays["labels"] = data.labels
    with (place / "data.npz").open("wb") as file:
        np.savez(file, **arrays)
    return place / "data.npz"


def _run(words: list[str], timeout: float | None) -> None:
    told: dict[str, Any] = {"capture_output": True, "text": True, "errors": "replace", "stdin": subprocess.DEVNULL}
    try:
        done = subprocess.run(words, timeout=timeout, check=False, **told)
    except subprocess.TimeoutExpired as error:
        raise InputError(f"the training command took more than {timeout:g} seconds: {shlex.join(words)}") from error
    except OSError as error:
        raise InputError(f"the training command '{words[0]}' cannot be started: {error.strerror}") from error
    if done.returncode:
        said = "\n".join((done.stderr.strip() or done.stdout.strip()).splitlines()[-TOLD:]) or "it said nothing"
        how = f"code {done.returncode}" if done.returncode > 0 else signal.strsignal(-done.returncode) or "a signal"
        raise InputError(f"the training command ended with {how}: {shlex.join(words)}\n{said}")


def _read(path: Path, words: list[str]) -> Array:
    if not path.exists():
        raise InputError(f"the training command wrote no {{embeddings}} file: {shlex.join(words)}")
    try:
        with path.open("rb") as file:
            made: Array = np.lib.format.read_array(file, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise InputError(f"the {{embeddings}} file of the training command is no .npy array: {error}") from error
    if made.dtype.kind not in "fiub":
        raise InputError(f"the {{embeddings}} file of the training command holds {made.dtype}, not numbers")
    return made if made.dtype.kind == "f" else made.astype(np.float64)
