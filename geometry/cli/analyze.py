"""`geometry analyze PATH... -o DIR`: generations in; verdict, numbers and pictures out."""

from __future__ import annotations

import argparse
import re
import shutil
import sys
import time
from pathlib import Path
from typing import Any

from geometry.cli.dry_run import add_dry_run, dry_run
from geometry.cli.endings import finished
from geometry.errors import UsageError
from geometry.schema.places import require_place

SIZE = re.compile(r"(\d+|\d*\.\d+)\s*([KMGT]?)(?:i?B)?", re.IGNORECASE)
FORMATS = ("png", "svg", "pdf")
UNITS = ("", "K", "M", "G", "T")  # each 1,024 of the one before


def add(subparsers: Any) -> None:
    """Register the command."""
    parser = subparsers.add_parser(
        "analyze",
        help="generations of embeddings in, verdict, numbers and pictures out",
        description="Generations of embeddings in; verdict, numbers and pictures out. Without -o nothing is written.",
    )
    parser.add_argument(
        "paths",
        nargs="+",
        metavar="PATH[:KEY]",
        help="files, a folder of generations, or a pattern such as 'runs/gen_{generation}/emb.npy', in quotes",
    )
    _add_input(parser.add_argument_group("what is read"))
    _add_computed(parser.add_argument_group("what is computed"))
    written = parser.add_argument_group("what is written")
    written.add_argument(
        "-o", "--output", type=Path, metavar="DIR", help="folder for run.json, results, figures, report (nothing)"
    )
    written.add_argument("--force", action="store_true", help="write into DIR although it holds another run")
    add_formats(written)
    add_run_options(parser.add_argument_group("how it runs"))
    add_dry_run(parser)
    parser.set_defaults(run=run, resumes=True)


def _add_input(group: argparse._ActionsContainer) -> None:
    group.add_argument("--key", help="name of the array inside each file; a glob such as '*.weight' with --by layer")
    group.add_argument("--pattern", help="pattern with {generation}, relative to the folder given as PATH")
    group.add_argument(
        "--by",
        choices=("layer", "arm"),
        help="layer: all layers side by side; arm: sets are choices, not times (generations of one layer)",
    )
    group.add_argument(
        "--reference", default="0", help="generation number or name to compare against (0, else the earliest)"
    )
    group.add_argument("--nan", choices=("error", "drop"), default="error", help="rows with NaN or infinity (error)")
    group.add_argument("--sample", type=positive, metavar="ROWS", help="look at a seeded sample of so many rows a set")
    group.add_argument(
        "--align",
        choices=("none", "ids", "rows"),
        default="none",
        help="for encoders that differ by a rotation: turn every set onto the reference by matched rows (none)",
    )
    group.add_argument(
        "--log",
        action="append",
        default=[],
        metavar="FILE",
        help="training log (CSV, JSONL, JSON, TensorBoard) beside the trends; may be given again",
    )


def _add_computed(group: argparse._ActionsContainer) -> None:
    group.add_argument(
        "--statistics",
        default="default",
        metavar="NAMES",
        help="names parted by commas, or all (those that verdict and pictures need); `geometry explain` lists them",
    )
    group.add_argument("-k", type=positive, default=32, help="neighbours in the shared table, at least (32)")
    group.add_argument("--umap", action="store_true", help="also a local view: pooled UMAP beside that of the null")
    group.add_argument("--approximate", action="store_true", help="neighbours by faiss, with the recall measured")
    group.add_argument(
        "--pairs-budget",
        type=positive,
        metavar="PAIRS",
        help="pairs of a set past which neighbours are approximate (a million rows squared)",
    )
    group.add_argument(
        "--shard", type=shard, metavar="I/N", help="compute part I of N alone; `geometry merge` joins the folders"
    )


class Formats(argparse.Action):
    """Formats of figures, parted by spaces or commas."""

    def __call__(self, parser: Any, namespace: Any, values: Any, option_string: str | None = None) -> None:
        names = [name for text in values for name in text.split(",") if name]
        wrong = next((name for name in names if name not in FORMATS), None)
        if wrong is not None:
            place = "; a PATH stands before --format" if Path(wrong).exists() else ""
            parser.error(f"argument --format: invalid choice: '{wrong}' (choose from {', '.join(FORMATS)}){place}")
        setattr(namespace, self.dest, names)


def add_formats(parser: argparse._ActionsContainer) -> None:
    """--format, of every command that draws."""
    parser.add_argument(
        "--format", nargs="+", action=Formats, metavar="FORMAT", default=["png"], help="of figures: png, svg, pdf (png)"
    )


def add_run_options(parser: argparse.ArgumentParser, *, memory: bool = True) -> None:
    """Options of every command that computes; memory: whether it can keep to a budget."""
    parser.add_argument(
        "--device",
        choices=("auto", "cpu", "cuda"),
        default="auto",
        help="cpu, cuda, or auto, which takes the CPU (auto)",
    )
    parser.add_argument("--seed", type=natural, default=0, help="of everything drawn by chance (0)")
    parser.add_argument("--threads", type=positive, help="CPU threads (all; of each rank under torchrun: its share)")
    if memory:
        parser.add_argument(
            "--memory-budget",
            type=size,
            metavar="BYTES",
            help="of the whole process, as 2G; sets that take more than half of it stay in their files (what is free)",
        )
    parser.add_argument("-q", "--quiet", action="store_true", help="no progress on stderr")
    parser.add_argument("-j", "--json", action="store_true", help="one JSON document on stdout")


def positive(text: str) -> int:
    """A whole number of at least 1."""
    return _at_least(1, text)


def natural(text: str) -> int:
    """A whole number of at least 0."""
    return _at_least(0, text)


def _at_least(least: int, text: str) -> int:
    try:
        value = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number") from None
    if value < least:
        raise argparse.ArgumentTypeError(f"{value} is less than {least}")
    return value


def shard(text: str) -> tuple[int, int]:
    """I/N, the I-th of N parts."""
    index, slash, of = text.partition("/")
    if not slash:
        raise argparse.ArgumentTypeError(f"{text!r} is no part; write I/N, as 1/4")
    if positive(index) > positive(of):
        raise argparse.ArgumentTypeError(f"there is no part {index} of {of}; the last is {of}/{of}")
    return int(index), int(of)


def size(text: str) -> int:
    """Bytes, with K, M, G or T of 1,024 each."""
    hit = SIZE.fullmatch(text.strip())
    found = int(float(hit[1]) * 1024 ** UNITS.index(hit[2].upper())) if hit else 0
    if found < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no size; write bytes, or 500M, 1.5G")
    return found


def run(args: argparse.Namespace) -> int:
    """Analyse, write, and show."""
    from geometry.analysis import Analysis, analyze

    set_threads(args.threads)
    if args.dry_run:
        return dry_run(list(args.paths), _options(args), args)
    if args.output is not None:
        require_place(args.output, args.force)
    if args.shard is not None:
        return _part(args)
    formats = tuple(dict.fromkeys(args.format))
    where = {"out": args.output, "overwrite": args.force, "formats": formats}
    analysis: Analysis = analyze(list(args.paths), progress=teller(args), **where, **_options(args))
    show(analysis, args)
    return finished(analysis.results)


def _part(args: argparse.Namespace) -> int:
    """One part of the run, into its own folder."""
    from geometry.analysis.asked import Options
    from geometry.analysis.shards import Shard, run_shard
    from geometry.schema import dumps

    if args.output is None:
        raise UsageError("--shard needs -o DIR, a folder of its own for every part")
    part = Shard(*args.shard)
    made = run_shard(
        list(args.paths), Options(**_options(args)), part, args.output, overwrite=args.force, progress=teller(args)
    )
    told = {"index": part.index, "of": part.of, "rows": len(made.results), "folder": str(args.output)}
    print(dumps(told) if args.json else f"part {part.index} of {part.of}: {len(made.results)} rows in {args.output}")
    return finished(made.results)


def _options(args: argparse.Namespace) -> dict[str, Any]:
    reference = int(args.reference) if re.fullmatch(r"-?[0-9]+", args.reference) else args.reference
    plain = (
        "by", "umap", "align", "key", "pattern", "nan", "statistics", "k", "sample", "device", "seed", "approximate",
        "pairs_budget",
    )  # fmt: skip
    options = {name: getattr(args, name) for name in plain} | {"reference": reference, "log": tuple(args.log)}
    return options | ({"memory_budget": args.memory_budget} if args.memory_budget else {})


def set_threads(threads: int | None) -> None:
    """CPU threads of torch's and NumPy's pools."""
    if threads is not None:
        import torch
        from threadpoolctl import threadpool_limits

        torch.set_num_threads(threads)
        threadpool_limits(threads)


def teller(args: argparse.Namespace) -> Any:
    """A progress function for stderr: seconds since the start and what is being done."""
    start = time.perf_counter()

    def tell(line: str) -> None:
        if not args.quiet:
            print(f"[{time.perf_counter() - start:6.1f} s] {line}", file=sys.stderr, flush=True)

    return tell


def show(analysis: Any, args: argparse.Namespace) -> None:
    """The table of generations and where the report is, or the whole run as one JSON document."""
    from geometry.report import table
    from geometry.schema import dumps

    for warning in analysis.record.run["warnings"]:
        print(f"geometry: warning: {warning}", file=sys.stderr)
    if args.json:
        print(dumps(analysis.record.run | {"results": analysis.results}))
        return
    print(table(analysis.record, shutil.get_terminal_size((120, 24)).columns))
    print(analysis.verdict["summary"])
    if args.output is not None:
        print(f"report: {args.output / 'report.html'}")
