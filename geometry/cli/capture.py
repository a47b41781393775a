"""`geometry capture --model M --data D --layers GLOB -o DIR`: the layers of a torch model on some data, as embeddings.

With `{generation}` in --checkpoint (or in a transformers folder) every generation is captured, each into DIR/gen_N;
`geometry analyze DIR --by layer` reads the folder. A stopped capture given again leaves the generations that are there
and whole, if weights, data and arguments are the same, and does the others.
"""

from __future__ import annotations

import argparse
import json
import math
import re
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from geometry.cli.analyze import natural, positive, set_threads, teller
from geometry.errors import InputError, UsageError
from geometry.schema.places import alone, require_place

if TYPE_CHECKING:
    from geometry.sources.capture import Request, Steer

POOLS = ("mean", "cls", "last", "spatial", "channels-last", "none")
LEFT = re.compile(r"\.lock|\.gen_\d+\.\d+\.part")  # by a capture that was killed
STEER = re.compile(r"(?P<layer>[^=]+)=(?P<path>.+?)(?:\*(?P<strength>[+-]?[\d.]+(?:[eE][+-]?\d+)?))?")


def add(subparsers: Any) -> None:
    """Register the command."""
    parser = subparsers.add_parser("capture", help="embeddings of the layers of a torch model", description=__doc__)
    parser.add_argument(
        "--model", required=True, help="package.module:factory, a transformers folder, timm:NAME or torchvision:NAME"
    )
    parser.add_argument("--data", required=True, help="arrays PATH[:KEY], images, a .txt, or package.module:loader")
    parser.add_argument("--layers", nargs="+", required=True, metavar="GLOB", help="names or globs, such as 'blocks.*'")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="DIR", help="folder for the layers")
    parser.add_argument("--checkpoint", metavar="PATH", help="weights to load; with {generation}, of every generation")
    parser.add_argument(
        "--model-args", type=arguments, default={}, metavar="JSON", help="keyword arguments of the factory"
    )
    parser.add_argument("--pool", choices=POOLS, default="mean", help="tokens or places of an item to one row (mean)")
    parser.add_argument("--take", metavar="PART", help="which part of a layer's tuple or dict, such as 0")
    parser.add_argument("--shape", type=sides, metavar="CxHxW", help="reshape every item, such as 1x8x8")
    parser.add_argument("--batch", type=positive, default=64, help="items in a pass (64)")
    parser.add_argument("--limit", type=positive, metavar="ITEMS", help="look at the first so many items")
    parser.add_argument(
        "--steer", nargs="+", default=[], metavar="LAYER=PATH[*S]", help="add S times a direction to a layer's output"
    )
    parser.add_argument(
        "--see", type=natural, default=0, metavar="N", help="show what drives N principal directions (0)"
    )
    parser.add_argument("--device", default="cpu", help="of torch (cpu)")
    parser.add_argument("--threads", type=positive, help="CPU threads (all)")
    parser.add_argument("--force", action="store_true", help="write into DIR although it holds something")
    parser.add_argument("-q", "--quiet", action="store_true", help="no progress on stderr")
    parser.add_argument("-j", "--json", action="store_true", help="one JSON document on stdout: the cards")
    parser.set_defaults(run=run, resumes=True)


def arguments(text: str) -> dict[str, Any]:
    """A JSON object."""
    try:
        found = json.loads(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no JSON ({error})") from None
    if not isinstance(found, dict):
        raise argparse.ArgumentTypeError(f'{text!r} is no JSON object; write {{"name": value}}')
    return found


def sides(text: str) -> tuple[int, ...]:
    """Numbers with x between them."""
    return tuple(positive(side) for side in text.split("x"))


def run(args: argparse.Namespace) -> int:
    """Capture every generation, then say what was written."""
    from geometry.schema import dumps
    from geometry.sources.captured import read_card

    captures = _generations(args)
    alone_there = captures[0][-1] is None
    _prepare(args.output, [] if alone_there else [f"gen_{one[-1]}" for one in captures], args.force)
    set_threads(args.threads)
    with nullcontext() if alone_there else alone(args.output):
        folders = _captured(args, captures)
    cards = {str(folder): read_card(folder) for folder in folders}
    _warn(cards)
    print(dumps(cards) if args.json else "\n".join(_line(folder, card) for folder, card in cards.items()))
    return 0


def _captured(args: argparse.Namespace, captures: list[tuple[str, str | None, int | None]]) -> list[Path]:
    """The folder of every generation, done now or before, with its plates."""
    from geometry.report.layer_sight import write
    from geometry.sources.capture import capture, subject
    from geometry.sources.captured import is_captured

    request, tell = _request(args), teller(args)
    folders = []
    for model, checkpoint, generation in captures:
        folder = args.output if generation is None else args.output / f"gen_{generation}"
        being, told = subject(model, checkpoint, **args.model_args), checkpoint or model
        tell(f"{told}: already captured" if is_captured(folder) and not args.force else f"{told}")
        folders.append(
            capture(
                being, args.data, request, folder, checkpoint=checkpoint, generation=generation, force=args.force,
                progress=_each_second(tell, str(told)),
            )
        )  # fmt: skip
        write(folder)
    return folders


def _prepare(folder: Path, own: list[str], force: bool) -> None:
    """The folder made ready: captured generations of this run, or its one capture, may be in it."""
    from geometry.sources.captured import is_captured

    def known(one: Path) -> bool:
        return (one.name in own and is_captured(one)) or LEFT.fullmatch(one.name) is not None

    there = folder.iterdir() if folder.is_dir() else ()
    require_place(folder, force or (not own and is_captured(folder)) or all(known(one) for one in there))


def _each_second(tell: Callable[[str], None], what: str) -> Callable[[int], None]:
    """Progress that is told once a second."""
    last = time.perf_counter()

    def progress(items: int) -> None:
        nonlocal last
        if time.perf_counter() - last >= 1:
            last = time.perf_counter()
            tell(f"{what}: {items} items")

    return progress


def _request(args: argparse.Namespace) -> Request:
    from geometry.sources.capture import Request

    plain = {name: getattr(args, name) for name in ("pool", "take", "shape", "batch", "limit", "see", "device")}
    return Request(tuple(args.layers), steer=tuple(_steer(text) for text in args.steer), **plain)


def _steer(text: str) -> Steer:
    from geometry.sources.capture.layers import steer_from

    hit = STEER.fullmatch(text)
    if hit is None:
        raise UsageError(f"--steer '{text}' is no LAYER=PATH or LAYER=PATH*STRENGTH")
    strength = float(hit["strength"] or 1.0)
    if not math.isfinite(strength):
        raise UsageError(f"--steer '{text}': a strength is a finite number")
    return steer_from(hit["layer"], hit["path"], strength)


def _generations(args: argparse.Namespace) -> list[tuple[str, str | None, int | None]]:
    """(model, checkpoint, generation) of every capture; generation None where there is one alone."""
    from geometry.sources.paths import locate
    from geometry.sources.patterns import expand

    if args.checkpoint:
        places = locate([args.checkpoint])
        numbers = [place.generation if place.generation is not None else i for i, place in enumerate(places)]
        if len(set(numbers)) < len(numbers):
            raise InputError(f"{args.checkpoint} names several checkpoints of one generation; name one each")
        alone = len(places) == 1 and places[0].generation is None
        return [(args.model, str(p), None if alone else g) for p, g in zip(places, numbers, strict=True)]
    if "{generation}" in args.model:
        return [(str(match.path), None, match.generation) for match in expand(args.model)]
    return [(args.model, None, None)]


def _warn(cards: dict[str, dict[str, Any]]) -> None:
    """How many layers of a glob were left out or have no input made, with a reason, once for all generations alike."""
    for unmade in {tuple(one["reason"] for one in card.get("unmade", ())) for card in cards.values()}:
        if unmade:
            print(f"geometry: warning: no inputs are made for {len(unmade)} layers: {unmade[0]}", file=sys.stderr)
    for left in {tuple(one["reason"] for one in card["left_out"]) for card in cards.values()}:
        if left:
            print(
                f"geometry: warning: {len(left)} layers of a glob are left out, the first: {left[0]}", file=sys.stderr
            )


def _line(folder: str, card: dict[str, Any]) -> str:
    layers = ", ".join(f"{one['name']} {one['shape'][0]} x {one['shape'][1]}" for one in card["layers"])
    return f"{folder}: {layers}"
