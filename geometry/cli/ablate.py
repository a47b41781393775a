"""`geometry ablate MODEL --groups G -o DIR`: train again without each group; which one is responsible?"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from geometry.cli.analyze import add_run_options, positive, set_threads, teller
from geometry.errors import InputError, UsageError

if TYPE_CHECKING:
    from geometry.loops.ablate import Files, Probe, Rows
    from geometry.types import Array

DIGITS = "digits"
MOST_PROBES = 2000


def add(subparsers: Any) -> None:
    """Register the command."""
    parser = subparsers.add_parser(
        "ablate", help="train again without each group of the data: which is responsible", description=__doc__
    )
    parser.add_argument(
        "model",
        metavar="MODEL",
        help="vae, pca, or a training command, as 'python train.py {data} {probe} {embeddings} --seed {seed}'",
    )
    parser.add_argument(
        "--data",
        default=DIGITS,
        metavar="PATH",
        help="rows with groups; or a folder whose entries are the groups (digits)",
    )
    parser.add_argument(
        "--groups", default="labels", metavar="G", help="array of the file, or an .npy file, one per row (labels)"
    )
    parser.add_argument(
        "--probe", metavar="PATH", help="rows that every model embeds (the training rows, 2,000 at most)"
    )
    parser.add_argument("--replicates", type=positive, default=3, help="trainings of each arm (3)")
    parser.add_argument(
        "--option", action="append", default=[], metavar="KEY=VALUE", help="of a built-in model, as latent=16; repeat"
    )
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="DIR", help="folder for arms and results")
    add_run_options(parser)
    parser.set_defaults(run=run, resumes=True)


def run(args: argparse.Namespace) -> int:
    """Train, rank, write, show; arms that are finished are kept and gone on from."""
    from geometry.attribution import arms
    from geometry.loops.ablate import ablate
    from geometry.loops.ablate_models import trainer

    set_threads(args.threads)
    model = trainer(args.model, dict(_option(text) for text in args.option))
    data, labels = training(args.data, args.groups)
    probe = probes(args.probe, data, labels, args.seed)
    place(args.output)
    tell = teller(args)
    found = ablate(model, data, probe, replicates=args.replicates, seed=args.seed, out=args.output, progress=tell)
    tell("statistics")
    effects = arms(found, device=args.device, seed=args.seed)
    _write(effects, found.arguments, args)
    _show(effects, args)
    return 0


def training(path: str, groups: str) -> tuple[Rows | Files, Array | None]:
    """The training data, and the labels of their rows."""
    from geometry.loops.ablate import Files, Rows
    from geometry.sources import load
    from geometry.sources.formats import readable

    if path == DIGITS:
        from geometry.loops.digits import digits

        bundle = digits()
        assert bundle.labels is not None
        return Rows(
            bundle.points, bundle.labels if groups == "labels" else _groups(path, groups), bundle.labels
        ), bundle.labels
    folder = Path(path)
    if folder.is_dir() and not readable(folder):
        entries = {one.name: one for one in sorted(folder.iterdir()) if not one.name.startswith(".")}
        return Files(entries), None
    sets = load([path])
    if len(sets) != 1:
        raise UsageError(f"{path} holds {len(sets)} sets; name one of them as PATH:KEY")
    one = sets[0]
    chosen = one.labels if groups == "labels" else None
    if groups == "labels" and chosen is None:
        raise InputError(f"{path} has no labels; name the groups with --groups, an array of the file or an .npy file")
    return Rows(one.points, _groups(path, groups) if chosen is None else chosen, one.labels), one.labels


def _groups(path: str, groups: str) -> Array:
    """(n,) groups from an .npy file, or from an array of the data's own file."""
    import numpy as np

    from geometry.sources.formats import contents, read
    from geometry.sources.paths import split_key

    if Path(groups).is_file():
        return np.asarray(read(Path(groups), [""])[""])
    file = Path(split_key(path)[0])
    known = [info.key for info in contents(file)] if file.exists() else []
    if groups not in known:
        raise InputError(f"--groups {groups} is no file and no array of {path}; it has: {', '.join(known) or 'none'}")
    return np.asarray(read(file, [groups])[groups])


def probes(path: str | None, data: Rows | Files, labels: Array | None, seed: int) -> Probe:
    """The rows that every model embeds: those of a file, or a seeded sample of the training rows."""
    from geometry.loops.ablate import Files, Probe
    from geometry.pairs.sums import sample_rows
    from geometry.sources import load

    if path is not None:
        one = load([path])[0]
        return Probe(one.points, one.labels)
    if isinstance(data, Files):
        return Probe()
    n = len(data.points)
    chosen = sample_rows(n, min(n, MOST_PROBES), seed)
    return Probe(data.points[chosen], None if labels is None else labels[chosen])


def place(folder: Path) -> None:
    """Arms of an earlier run are judged when they are met; a folder with other things, or a file, is refused."""
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file; name a folder with -o")
    if folder.is_dir() and any(folder.iterdir()) and not (folder / "arms").is_dir():
        raise UsageError(f"{folder} is not empty and holds no ablation; choose another folder with -o")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder}: cannot be written ({error.strerror}); choose another folder with -o") from error


def _option(text: str) -> tuple[str, Any]:
    import ast

    key, found, value = text.partition("=")
    if not found or not key:
        raise UsageError(f"--option {text}: write KEY=VALUE, as latent=16")
    try:
        return key, ast.literal_eval(value)
    except (ValueError, SyntaxError):
        return key, value


def _write(effects: list[Any], arguments: Any, args: argparse.Namespace) -> None:
    """ablation.json, .csv and .png into the folder, each whole or not at all."""
    from geometry.report import ablation, save
    from geometry.schema import dumps, write_text

    table = ablation.rows(effects)
    save.write_data(args.output / "ablation.csv", ablation.COLUMNS, table)
    save.write_bytes(args.output / "ablation.png", save.encode(ablation.figure(effects), "png"))
    write_text(args.output / "ablation.json", dumps(document(effects, arguments), indent=1) + "\n")


def document(effects: list[Any], arguments: Any) -> dict[str, Any]:
    """What ablation.json holds: arguments, versions, the sentence, and a row per group and statistic."""
    from geometry.analysis.document import versions
    from geometry.report import ablation

    answer, found = ablation.sentence(effects), ablation.records(effects)
    return {"arguments": arguments, "versions": versions(), "answer": answer, "effects": found}


def _show(effects: list[Any], args: argparse.Namespace) -> None:
    from geometry.report import ablation

    if args.json:
        print((args.output / "ablation.json").read_text("utf-8"), end="")
        return
    print(f"{ablation.text(effects)}\n{ablation.sentence(effects)}")
    print(f"arms side by side: geometry analyze {args.output / 'arms'} --by arm")
