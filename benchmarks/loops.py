"""`python -m benchmarks.loops`: do self-consuming loops do what is known of them? Rows and one figure per finding.

Measures the findings of `benchmarks.loop_cases` and, where --images or --text name the data, of `benchmarks.loop_data`;
replaces their rows in benchmarks/results/loops.jsonl and draws them. --draw draws what the rows hold and measures
nothing. Says of every closed answer how far the measurement is from it.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks import loop_cases, loop_data, loop_figures
from benchmarks.loop_cases import Point
from benchmarks.rows import RESULTS

FILE = "loops.jsonl"
KEPT = ("date", "processor", "threads", "versions", "commit")  # of the machine


def main(words: list[str] | None = None) -> int:
    """Measure what is asked for, then draw."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.loops", description=__doc__)
    parser.add_argument("findings", nargs="*", metavar="FINDING", help="closed, slope, regimes, narrow, digits, text")
    parser.add_argument("--images", help="of digits: an IDX file, a folder, an .npz")
    parser.add_argument("--text", help="of text: a file in UTF-8")
    parser.add_argument("--encoder", default="", help="of text: a sentence encoder, as of geometry generate --encoder")
    parser.add_argument("--generations", type=int, default=6, help="of digits and text")
    parser.add_argument("--seeds", type=int, default=2, help="runs of each, of digits and text")
    parser.add_argument("--runs", type=Path, default=Path("build/loops"), help="folder that keeps their generations")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--draw", action="store_true", help="draw only")
    args = parser.parse_args(words)
    for name, measure in _asked(args).items():
        points = list(measure())
        _replace_rows(args.results / FILE, name, points)
        _report(name, points)
    for path in loop_figures.draw_all(_points(args.results / FILE), args.results):
        print(path)
    return 0


def _asked(args: argparse.Namespace) -> dict[str, Callable[[], Iterator[Point]]]:
    plain = {
        "closed": loop_cases.closed,
        "slope": loop_cases.slope,
        "regimes": loop_cases.regimes,
        "narrow": loop_cases.narrow,
        "digits": lambda: loop_data.digits(args.images, args.runs, args.generations, args.seeds),
        "text": lambda: loop_data.text(args.text, args.runs, args.generations, args.seeds, args.encoder),
    }
    missing = [name for name, given in (("digits", args.images), ("text", args.text)) if not given]
    names = args.findings or [name for name in plain if name not in missing]
    for name in names:
        if name not in plain or name in missing:
            raise SystemExit(f"{name}: no such finding, or its data are not given; there are {', '.join(plain)}")
    return {} if args.draw else {name: plain[name] for name in names}


def _replace_rows(path: Path, finding: str, points: list[Point]) -> None:
    """The points as rows of this finding, in place of its earlier ones."""
    from benchmarks.machine import described  # brings the whole analysis along

    kept = [row for row in _rows(path) if row["finding"] != finding]
    machine = {name: value for name, value in described(1).items() if name in KEPT}
    told = [{"finding": finding, **_known(point), **(machine if i == 0 else {})} for i, point in enumerate(points)]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row, allow_nan=False) + "\n" for row in kept + told))


def _known(point: Point) -> dict[str, Any]:
    """The fields of a point that are not empty."""
    return {name: value for name, value in asdict(point).items() if value not in (None, {})}


def _rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def _points(path: Path) -> dict[str, list[Point]]:
    """Committed points by finding."""
    found: dict[str, list[Point]] = {}
    for row in _rows(path):
        fields = {name: row[name] for name in Point.__dataclass_fields__ if name in row}
        found.setdefault(row["finding"], []).append(Point(**fields))
    return found


def _report(name: str, points: list[Point]) -> None:
    """How far from the closed answers, or the values themselves."""
    z = [abs(point.z) for point in points if point.z is not None]
    if z:
        print(f"{name}: {len(z)} closed answers, the farthest {max(z):.2f} standard errors, mean {sum(z) / len(z):.2f}")
        return
    for point in points:
        if not point.panel.startswith(("histogram", "quantile")):
            error = "" if point.stderr is None else f" +- {point.stderr:.4f}"
            seed = f", seed {point.setting['seed']}" if "seed" in point.setting else ""
            print(f"{name}: {point.panel}, {point.series}{seed}, {point.x:g}: {point.value:.4f}{error}")


if __name__ == "__main__":
    raise SystemExit(main())
