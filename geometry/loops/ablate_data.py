"""Where the training data of an ablation come from, what their groups are, and which rows all models are shown.

Rows of one set are grouped by its labels, by another array of its file, or by an .npy file with a value per row. Where
a pattern or a folder holds several sets, each is a group under its name; a command is given the entries of a folder as
they are.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from geometry.errors import InputError, UsageError
from geometry.loops.ablate import Files, Probe, Rows
from geometry.types import Array, EmbeddingSet

DIGITS, LABELS = "digits", "labels"
MOST_PROBES = 2000


def training(path: str, groups: str | None, *, as_rows: bool) -> Rows | Files:
    """The data at a path, or the bundled digits, under their groups; as_rows: the entries of a folder are read.

    Raises UsageError where groups are named and every set is one already, InputError where there are no such groups or
    nothing can be read.
    """
    from geometry.sources import load

    if path == DIGITS:
        from geometry.loops.digits import digits

        bundle = digits()
        assert bundle.labels is not None
        return Rows(bundle.points, _groups(path, groups, bundle.labels), bundle.labels)
    entries = None if as_rows else _entries(Path(path))
    sets = [] if entries else load([path])
    if len(sets) == 1:
        one = sets[0]
        return Rows(one.points, _groups(path, groups, one.labels), one.labels)
    if groups is not None:
        raise UsageError(f"--groups {groups} has no effect on {path}, of which every entry is a group")
    return Files(entries) if entries else _joined(sets)


def probes(path: str | None, data: Rows | Files, seed: int) -> Probe:
    """The rows that every model embeds: those of a file, or a seeded sample of the training rows."""
    from geometry.pairs.sums import sample_rows

    if path is not None:
        one = _one(path)
        return Probe(one.points, one.labels)
    if isinstance(data, Files):
        return Probe()
    n = len(data.points)
    chosen = sample_rows(n, min(n, MOST_PROBES), seed)
    return Probe(data.points[chosen], None if data.labels is None else data.labels[chosen])


def _entries(folder: Path) -> dict[str, Path] | None:
    """The entries of a folder by their names; None for a pattern or a file, and for a folder that is one set."""
    from geometry.sources.formats import readable

    if not folder.is_dir() or readable(folder):
        return None
    return {one.name: one for one in sorted(folder.iterdir()) if not one.name.startswith(".")}


def _one(path: str) -> EmbeddingSet:
    from geometry.sources import load

    sets = load([path])
    if len(sets) != 1:
        raise UsageError(f"{path} holds {len(sets)} sets; name one of them as PATH:KEY")
    return sets[0]


def _joined(sets: list[EmbeddingSet]) -> Rows:
    """The rows of all sets, each under the name of its set."""
    groups = np.repeat([one.name for one in sets], [len(one.points) for one in sets])
    labels = [one.labels for one in sets if one.labels is not None]
    whole = np.concatenate(labels) if len(labels) == len(sets) else None
    return Rows(np.concatenate([one.points for one in sets]), groups, whole)


def _groups(path: str, groups: str | None, labels: Array | None) -> Array:
    """(n,) groups: the labels, an .npy file, or an array of the data's own file."""
    from geometry.sources.formats import contents, read
    from geometry.sources.paths import split_key

    if groups is None or (groups == LABELS and labels is not None):
        if labels is None:
            raise InputError(
                f"{path} has no labels; name the groups with --groups, an array of the file or an .npy file"
            )
        return labels
    if Path(groups).is_file():
        return np.asarray(read(Path(groups), [""])[""])
    file = Path(split_key(path)[0])
    known = [info.key for info in contents(file)] if file.exists() else []
    if groups not in known:
        raise InputError(f"--groups {groups} is no file and no array of {path}; it has: {', '.join(known) or 'none'}")
    return np.asarray(read(file, [groups])[groups])
