"""`geometry ablate MODEL --groups G -o DIR`: train again without each group; which one is responsible?"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from geometry.cli.analyze import add_run_options, positive, set_threads, teller
from geometry.errors import InputError, UsageError
from geometry.schema.places import make_folder

if TYPE_CHECKING:
    from geometry.loops.ablate import Files, Probe, Rows, Trainer


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
        default="digits",
        metavar="PATH",
        help="rows with groups; or a folder or pattern whose entries are the groups (digits)",
    )
    parser.add_argument("--groups", metavar="G", help="array of the file, or an .npy file, one per row (labels)")
    parser.add_argument(
        "--probe", metavar="PATH", help="rows that every model embeds (the training rows, 2,000 at most)"
    )
    parser.add_argument("--replicates", type=positive, default=3, help="trainings of each arm (3)")
    parser.add_argument(
        "--set",
        "--option",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="of vae or pca, as latent=16; repeat",
    )
    parser.add_argument("--timeout", type=positive, metavar="SECONDS", help="of one training by a command (none)")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="DIR", help="folder for arms and results")
    parser.add_argument("--force", action="store_true", help="remove the arms of another run that DIR holds")
    parser.add_argument("--dry-run", action="store_true", help="say what it would take and stop")
    add_run_options(parser, memory=False)
    parser.set_defaults(run=run, resumes=True)


def run(args: argparse.Namespace) -> int:
    """Train, rank, write, show; arms that are finished are kept and gone on from."""
    from geometry.attribution import arms
    from geometry.loops import ablate_store
    from geometry.loops.ablate import ablate
    from geometry.loops.ablate_data import probes, training
    from geometry.loops.ablate_models import MODELS

    set_threads(args.threads)
    model = _trainer(args)
    data = training(args.data, args.groups, as_rows=args.model in MODELS)
    probe = probes(args.probe, data, args.seed)
    place(args.output, args.force)
    if args.dry_run:
        return _forecast(model, data, probe, args)
    tell = teller(args)
    make_folder(args.output)
    if args.force:
        ablate_store.clear(args.output)
    found = ablate(model, data, probe, replicates=args.replicates, seed=args.seed, out=args.output, progress=tell)
    tell("statistics")
    effects = arms(found, device=args.device, seed=args.seed)
    _write(effects, found.arguments, args)
    _show(effects, args)
    return 0


def _trainer(args: argparse.Namespace) -> Trainer:
    """The model or command that is asked for, with its options and its limit of time."""
    from geometry.loops.ablate_command import Command
    from geometry.loops.ablate_models import MODELS, options_of, trainer
    from geometry.loops.options import spelled

    own = args.model in MODELS
    model = trainer(
        args.model, spelled(args.set, args.model, options_of(args.model)) if own else dict.fromkeys(args.set)
    )
    if args.timeout is None:
        return model
    if not isinstance(model, Command):
        raise UsageError(f"--timeout has no effect on {args.model}; it is for training commands")
    return replace(model, timeout=args.timeout)


def place(folder: Path, force: bool) -> None:
    """Arms of an earlier run are judged when they are met; a folder with other things, or a file, is refused."""
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file; name a folder with -o")
    if folder.is_dir() and not force and any(folder.iterdir()) and not (folder / "arms").is_dir():
        raise UsageError(
            f"{folder} is not empty and holds no ablation; choose another folder with -o, or allow it with --force"
        )


def _forecast(model: Trainer, data: Rows | Files, probe: Probe, args: argparse.Namespace) -> int:
    """Trainings, rows of each, and where the model is our own the seconds, from one training and one look."""
    from geometry.attribution.arms import looked_at
    from geometry.loops.ablate import Rows
    from geometry.loops.ablate_command import Command
    from geometry.schema import dumps

    count = (len(data.names) + 1) * args.replicates
    part = data.without(None, args.seed)
    found: dict[str, Any] = {"groups": data.sizes(), "trainings": count, "rows": None, "seconds": None}
    if isinstance(part, Rows) and not isinstance(model, Command):
        start = time.perf_counter()
        made = model.embeddings(part, probe.points, args.seed)
        _ = looked_at(made, device=args.device, seed=args.seed).values
        found |= {"rows": len(part.points), "seconds": count * (time.perf_counter() - start)}
    if args.json:
        print(dumps(found))
        return 0
    rows = "" if found["rows"] is None else f" on {found['rows']:,} rows each"
    told = "; how long the command takes is not known" if found["seconds"] is None else f", {found['seconds']:,.0f} s"
    print(f"{len(data.names)} groups, {count} trainings{rows}{told}")
    return 0


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
