"""Where the training data of an ablation come from, what their groups are, and which rows all models are shown.

Rows of one file are grouped by its labels, by another of its arrays, or by an .npy file with a value per row. The
entries of a folder are the groups: as files for a command, and for a model of our own as the rows in each.
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
    """The data at a path, or the bundled digits, under their groups; as_rows: a folder's entries are read.

    Raises UsageError where groups are named for a folder or several sets are there, InputError where there are no such
    groups or nothing can be read.
    """
    if path == DIGITS:
        from geometry.loops.digits import digits

        bundle = digits()
        assert bundle.labels is not None
        return Rows(bundle.points, _groups(path, groups, bundle.labels), bundle.labels)
    entries = _entries(Path(path))
    if entries is None:
        one = _one(path)
        return Rows(one.points, _groups(path, groups, one.labels), one.labels)
    if groups is not None:
        raise UsageError(f"--groups {groups} has no effect on the folder {path}, whose entries are the groups")
    return _joined(path) if as_rows else Files(entries)


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
    """The entries of a folder by their names; None for a file, or a folder that is one set."""
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


def _joined(path: str) -> Rows:
    """The rows of all sets in a folder, each under the name of its set."""
    from geometry.sources import load

    sets = load([path])
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
