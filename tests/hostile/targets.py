"""What is read from strangers, as functions of one file: every parser with the files that damage starts from.

`look` reads the file and gives up what it found; whatever it raises but a GeometryError that names the file, or one
file beside it, is a defect.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np

from geometry.errors import GeometryError, InputError

from . import whole


@dataclass(frozen=True)
class Target:
    """A parser. name: of the file it reads; seeds: contents that it accepts; beside: files it needs in the folder."""

    name: str
    look: Callable[[Path], object]
    seeds: tuple[Callable[[], bytes], ...]
    beside: Mapping[str, Callable[[], bytes]] = field(default_factory=dict)
    text: bool = False  # the file holds an expression, which errors quote instead of the name of a file


def embeddings(path: Path) -> None:
    """Headers, all rows, and the same rows again in blocks from the file: finite, and the same both ways."""
    import geometry

    sets = geometry.load(path)
    assert all(np.isfinite(one.points).all() for one in sets)
    in_blocks(path)
    try:
        streamed = geometry.load(path, stream=95)
    except InputError as error:
        if "cannot be read in parts" not in str(error):
            raise
    else:
        assert [one.digest for one in streamed] == [one.digest for one in sets]


def in_blocks(path: Path) -> None:
    """Every array that can be read in blocks, three rows at a time, against the array as a whole."""
    from geometry.sources.formats import contents, read, stored

    for info in contents(path):
        rows = stored(path, info.key, 1 << 24) if info.role == "embedding" else None
        if rows is not None:
            cut = [rows[start : start + 3] for start in range(0, len(rows), 3)]
            assert np.array_equal(np.concatenate(cut), np.asarray(read(path, [info.key])[info.key]), equal_nan=True)


def beside(path: Path) -> None:
    import geometry

    geometry.load(path.with_name("a.npy"))


def captured(path: Path) -> None:
    """The sets of the folder that the file describes."""
    import geometry

    geometry.load(path.parent)


def distributed(path: Path) -> None:
    import geometry

    assert all(np.isfinite(one.points).all() for one in geometry.load(f"{path.parent}:*"))


def adapter(path: Path) -> None:
    import geometry

    geometry.load(f"{path.with_name('adapter_model.safetensors')}:*")


def log(path: Path) -> None:
    from geometry.sources.logs import read_log

    assert all(np.isfinite(curve.value).all() for curve in read_log(path))


def policy(path: Path) -> None:
    from geometry.gate import read_policy

    read_policy(path)


def record(path: Path) -> None:
    """A gate on the run, and how a repeat of it would be called and compared."""
    from geometry.analysis.rerun import compare, options_of, paths_of, recorded
    from geometry.report import table
    from geometry.schema import readable

    found = recorded(path)
    with readable(path.parent):
        paths_of(found.run, ["given"])
        options_of(found.run)
        compare(found, found)
        table(found, 80)
    _command("gate", str(path.parent), "--fail-on", "scale<.5x", "--against", str(path.parent), "--json")


def part(path: Path) -> None:
    """Joined as a whole run; the pictures are left to the record's own tests."""
    from geometry.analysis.merge import merge

    merge([path.parent])


def _command(*words: str) -> None:
    """A command as a user gives it: an error of input is raised again, one of usage is the user's own."""
    from geometry.cli import main

    told = io.StringIO()
    with contextlib.redirect_stderr(told):
        if main(words) == 3:
            raise InputError(told.getvalue())


def fingerprint(path: Path) -> None:
    from geometry.analysis.fingerprints import compare
    from geometry.sources.fingerprint import merged, read_fingerprint

    found = read_fingerprint(path)
    merged(found, found)
    compare(found, found)


def images(path: Path) -> None:
    from geometry.sources.images import read_images

    found = read_images(path)
    assert np.isfinite(found.points).all()


def folder(path: Path) -> None:
    from geometry.sources.images import read_images

    read_images(path.parent)


def conditions(path: Path) -> None:
    """Every condition reads the same from its own text, but of a variant called z, which stands for the unit there."""
    from geometry.verdict.conditions import parse, parse_all

    for found in parse_all(_text(path)):
        again = parse(str(found))
        if found.variant.split(".")[-1] == "z":
            continue
        assert (again.name, again.variant, again.op, again.unit) == (found.name, found.variant, found.op, found.unit)


def sums(path: Path) -> None:
    """The terms of a sum are those of the text written from them."""
    from geometry.sources.sums import is_sum, terms, written

    text = _text(path)
    if is_sum(text):
        found = terms(text)
        assert len(found) > 1 and (terms(written(found)) == found or not np.isfinite([t.factor for t in found]).all())


def pattern(path: Path) -> None:
    """A path that a user may give, in an empty folder."""
    from geometry.sources.paths import locate

    (path.parent / "empty").mkdir(exist_ok=True)
    text = _text(path).replace("..", "").lstrip("/~")
    with contextlib.suppress(GeometryError):
        locate(f"{path.parent / 'empty'}/{text}")


def _text(path: Path) -> str:
    return path.read_bytes().decode("utf-8", "replace")


@cache
def _run(name: str) -> Callable[[], bytes]:
    return lambda: whole.run()[name]


TARGETS: dict[str, Target] = {
    "npy": Target("a.npy", embeddings, (whole.npy, lambda: whole.npy(np.asfortranarray(whole.POINTS)))),
    "npz": Target("a.npz", embeddings, (whole.npz, whole.npz_stored)),
    "torch": Target("a.pt", embeddings, (whole.torch_file,)),
    "torch before zip": Target("a.pt", embeddings, (lambda: whole.torch_file(False),)),
    "safetensors": Target("a.safetensors", embeddings, (whole.safetensors,)),
    "index": Target(
        "model.safetensors.index.json", embeddings, (whole.index,), {"a.safetensors": whole.safetensors}
    ),
    "metadata": Target(
        ".metadata", distributed, (lambda: whole.distributed()[".metadata"],),
        {"__0_0.distcp": lambda: whole.distributed()["__0_0.distcp"]},
    ),
    "chunk": Target(
        "__0_0.distcp", distributed, (lambda: whole.distributed()["__0_0.distcp"],),
        {".metadata": lambda: whole.distributed()[".metadata"]},
    ),
    "card": Target("capture.json", captured, (whole.card,), {"stem.npy": whole.npy}),
    "dataset": Target(
        "state.json", captured, (whole.dataset,), {"a.arrow": whole.arrow, "dataset_info.json": lambda: b"{}"}
    ),
    "adapter": Target(
        "adapter_config.json", adapter, (whole.adapter,), {"adapter_model.safetensors": whole.adapter_weights}
    ),
    "parquet": Target("a.parquet", embeddings, (whole.parquet,)),
    "arrow": Target("a.arrow", embeddings, (whole.arrow, lambda: whole.arrow(file=True))),
    "csv": Target("a.csv", embeddings, (whole.csv,)),
    "hdf5": Target("a.h5", embeddings, (whole.hdf5,)),
    "labels": Target(
        "a_labels.npy", beside, (lambda: whole.npy(np.array(list("abcdef"))), lambda: whole.npy(np.arange(6))),
        {"a.npy": whole.npy},
    ),
    "log csv": Target("a.csv", log, (whole.log_csv,)),
    "log lines": Target("a.jsonl", log, (whole.log_lines,)),
    "log document": Target("a.json", log, (whole.log_document,)),
    "policy": Target("a.toml", policy, (whole.policy,)),
    "run": Target("run.json", record, (_run("run.json"),), {"results.jsonl": _run("results.jsonl")}),
    "results": Target("results.jsonl", record, (_run("results.jsonl"),), {"run.json": _run("run.json")}),
    "part": Target("shard.json", part, (_run("shard.json"),), {"results.jsonl": _run("results.jsonl")}),
    "fingerprint": Target("a.fingerprint", fingerprint, (whole.fingerprint,)),
    "idx": Target("a-images-idx3-ubyte", images, (whole.idx, whole.idx_packed)),
    "picture": Target("a.png", folder, (whole.picture,)),
    "conditions": Target(
        "conditions", conditions, (lambda: b"effective_rank<0.8x, prdc.recall<=.5; tails.z>4", lambda: b"a.b >= -1e3z"),
        text=True,
    ),
    "sums": Target("sum", sums, (lambda: b"A + C - .5*P", lambda: b"-2e-1*gen_{generation}/m.pt + lora"), text=True),
    "pattern": Target(
        "pattern", pattern, (lambda: b"gen_{generation}/emb_{part}.npz:x", lambda: b"**/[a-z]?*.npy"), text=True
    ),
}  # fmt: skip


class Defect(AssertionError):
    """A parser raised what it should not, or took an error that does not say where."""


def look(target: Target, data: bytes, place: Path) -> bool:
    """Whether the parser accepts these bytes, written into the folder `place`; Defect where it fails otherwise."""
    place.mkdir(exist_ok=True)
    for name, make in target.beside.items():
        if not (place / name).exists():
            (place / name).write_bytes(make())
    path = place / target.name
    path.unlink(missing_ok=True)
    path.write_bytes(data)
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            target.look(path)
    except GeometryError as error:
        if not (target.text or str(place) in str(error)):
            raise Defect(f"an error that does not say where: {error}") from error
        return False
    return True
