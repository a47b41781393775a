"""`geometry analyze PATH... -o DIR`: generations in; verdict, numbers and pictures out."""

from __future__ import annotations

import argparse
import re
import shutil
import sys
import time
from pathlib import Path
from typing import Any

from geometry.errors import InputError, UsageError

SIZES = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}


def add(subparsers: Any) -> None:
    """Register the command."""
    parser = subparsers.add_parser("analyze", help="generations of embeddings in, verdict, numbers and pictures out")
    parser.add_argument(
        "paths",
        nargs="+",
        metavar="PATH[:KEY]",
        help="files, a folder of generations, or a pattern such as 'runs/gen_{generation}/emb.npy'",
    )
    parser.add_argument(
        "-o", "--output", type=Path, metavar="DIR", help="folder for run.json, results, figures, report"
    )
    parser.add_argument("--force", action="store_true", help="write into DIR although it holds another run")
    parser.add_argument("--reference", default="0", help="generation number or name to compare against (0)")
    parser.add_argument("--by", choices=("layer",), help="layer: all layers side by side, each against its reference")
    parser.add_argument("--key", help="name of the array inside each file; a glob such as '*.weight' with --by layer")
    parser.add_argument("--pattern", help="pattern with {generation}, relative to the folder given as PATH")
    parser.add_argument("--nan", choices=("error", "drop"), default="error", help="rows with NaN or infinity (error)")
    parser.add_argument("--statistics", default="default", help="names separated by commas, default, or all")
    parser.add_argument("--format", nargs="+", choices=("png", "svg", "pdf"), default=["png"], help="of figures (png)")
    parser.add_argument("-k", type=positive, default=32, help="neighbours in the shared table, at least (32)")
    parser.add_argument("--sample", type=positive, metavar="ROWS", help="look at a seeded sample of so many rows a set")
    parser.add_argument("--approximate", action="store_true", help="neighbours by faiss, with the recall measured")
    parser.add_argument(
        "--pairs-budget", type=positive, metavar="PAIRS", help="pairs of a set past which neighbours are approximate"
    )
    add_run_options(parser)
    parser.set_defaults(run=run)


def add_run_options(parser: argparse.ArgumentParser) -> None:
    """Options of every command that computes."""
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help="auto is the CPU for now")
    parser.add_argument("--seed", type=natural, default=0, help="of everything drawn by chance (0)")
    parser.add_argument("--threads", type=positive, help="CPU threads (all)")
    parser.add_argument("--memory-budget", type=size, metavar="BYTES", help="scratch of one block of pairs, like 64M")
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


def size(text: str) -> int:
    """Bytes, with K, M or G."""
    unit = SIZES.get(text[-1:].upper(), 0)
    return positive(text[:-1]) * unit if unit else positive(text)


def run(args: argparse.Namespace) -> int:
    """Analyse, write, and show."""
    from geometry.analysis import Analysis, analyze

    if args.output is not None:
        require_place(args.output, args.force)
    set_threads(args.threads)
    analysis: Analysis = analyze(list(args.paths), progress=teller(args), **_options(args))
    if args.output is not None:
        analysis.write(args.output, formats=tuple(dict.fromkeys(args.format)))
    show(analysis, args)
    return 0


def _options(args: argparse.Namespace) -> dict[str, Any]:
    reference = int(args.reference) if re.fullmatch(r"-?[0-9]+", args.reference) else args.reference
    plain = (
        "by", "key", "pattern", "nan", "statistics", "k", "sample", "device", "seed", "approximate", "pairs_budget",
    )  # fmt: skip
    options = {name: getattr(args, name) for name in plain} | {"reference": reference}
    return options | ({"memory_budget": args.memory_budget} if args.memory_budget else {})


def require_place(folder: Path, force: bool) -> None:
    """UsageError where results would be overwritten unasked, InputError where nothing can be written."""
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file; name a folder with -o")
    if folder.is_dir() and any(folder.iterdir()) and not force:
        raise UsageError(f"{folder} is not empty; choose another folder with -o, or allow overwriting with --force")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / ".writable").touch()
        (folder / ".writable").unlink()
    except OSError as error:
        raise InputError(f"{folder}: cannot be written ({error.strerror}); choose another folder with -o") from error


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
