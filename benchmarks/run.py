"""`python -m benchmarks.run`: the parity gate, then ours and the peers on the same data, one process per peer.

A table per case is printed, rows are appended to benchmarks/results/CASE.jsonl. A peer that is not installed, cannot do
the case or takes too long is named with the reason and leaves no row. Ours leaves a row only if every sampled row of
the timed result is the float64 truth as well. Exit code 1 if the gate fails, 2 where a GPU is asked for and there is
none.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.cases import CASES, QUICK, Case
from benchmarks.data import cloud
from benchmarks.machine import described, has_cuda, version_of
from benchmarks.peers import OURS, PEERS, Peer
from benchmarks.processes import GateError, Settings, ceiling, environment, measure, pass_gate
from benchmarks.rows import RESULTS, Row, append, row_of, with_ratios
from benchmarks.table import table
from benchmarks.truth import Truth, recall, truth_of


def main(words: list[str] | None = None) -> int:
    """Run the cases asked for."""
    args = _parser().parse_args(words)
    device = args.device or ("cuda" if args.case == ["gpu"] else "cpu")
    if ("gpu" in args.case or device == "cuda") and (device != "cuda" or not has_cuda()):
        print("case gpu and --device cuda need an NVIDIA GPU; nvidia-smi finds none, nothing was run", file=sys.stderr)
        return 2
    settings = Settings(
        device, args.repeats, args.limit, args.timeout, args.threads, args.quick, tuple(args.peer or ()), args.results
    )
    try:
        pass_gate(settings)
        for case in chosen(args):
            print(run_case(case, settings), flush=True)
    except GateError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def parsed(words: list[str]) -> argparse.Namespace:
    """The words of a command line."""
    return _parser().parse_args(words)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run", description=__doc__)
    parser.add_argument("--case", nargs="+", choices=tuple(CASES), default=["neighbors"], help="lists of cases")
    parser.add_argument("--quick", action="store_true", help="one small case each, to try the harness")
    parser.add_argument("--peer", action="append", metavar="NAME", help=f"only these, by name (ours: {OURS})")
    parser.add_argument("--only", action="append", default=[], metavar="KEY=VALUE", help="cases with this parameter")
    parser.add_argument("--device", choices=("cpu", "cuda"), help="cpu, but cuda for --case gpu")
    parser.add_argument("--repeats", type=int, default=5, help="timed runs after the first (5)")
    parser.add_argument("--limit", type=float, default=60.0, help="seconds past which one run is enough (60)")
    parser.add_argument("--timeout", type=float, default=1800.0, help="seconds for one peer in all (1800)")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1, help="CPU threads of every peer (all)")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder that rows are appended to")
    return parser


def chosen(args: argparse.Namespace) -> list[Case]:
    """The cases of the lists asked for, those with all of --only KEY=VALUE."""
    cases = [case for name in args.case for case in (QUICK if args.quick else CASES)[name]]
    asked = dict(word.split("=", 1) for word in args.only)
    return [case for case in cases if all(str(case.parameters.get(key)) == value for key, value in asked.items())]


def run_case(case: Case, settings: Settings) -> str:
    """The table of one case; rows are appended on the way out."""
    rows: list[Row] = []
    absent: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files, truth = _data(case, folder)
        rate = ceiling(settings) if case.task == "neighbors" else None
        for peer in PEERS[case.task]:
            if not peer.asked(case.parameters) or (settings.peers and peer.name not in settings.peers):
                continue
            answer = measure(
                case, peer, settings, folder, files | {"rows": [] if truth is None else truth.rows.tolist()}
            )
            if answer["status"] != "ok":
                absent[peer.name] = answer["reason"]
                continue
            found = _checked(peer, truth, files["points"], answer)
            sampled = None if found is None or truth is None else len(truth.rows)
            rows.append(row_of(case, peer.name, answer, found, rate) | _package(peer) | {"sampled_rows": sampled})
    rows = [row | _where(settings) for row in with_ratios(rows)]
    append(rows, settings.results)
    return table(f"\n{case}", rows, absent)


def _data(case: Case, folder: Path) -> tuple[dict[str, str], Truth | None]:
    """Files of the data, and the truth of sampled rows where neighbours are asked for."""
    p, files = case.parameters, {"points": "", "reference": ""}
    for name, rows, seed in (("points", p.get("n"), 0), ("reference", p.get("m"), 1)):
        if "kind" in p and rows:
            files[name] = str(folder / f"{name}.npy")
            np.save(files[name], cloud(p["kind"], rows, p["d"], seed))
    truth = truth_of(np.load(files["points"], mmap_mode="r"), p["k"]) if case.task == "neighbors" else None
    return files, truth


def _checked(peer: Peer, truth: Truth | None, points: str, answer: dict[str, Any]) -> float | None:
    """Recall on the sampled rows; GateError where ours is not the truth itself."""
    if truth is None or "index" not in answer:
        return None
    if peer.module == OURS and not np.array_equal(answer["index"], truth.index):
        raise GateError("the timed result of the engine differs from the float64 truth on sampled rows; no row is kept")
    return recall(truth, np.load(points, mmap_mode="r"), answer["index"])


def _package(peer: Peer) -> Row:
    return {"package": f"{peer.package} {version_of(peer.package)}".strip()}


def _where(settings: Settings) -> Row:
    return {"device": settings.device, "gate": "passed"} | described(settings.threads, environment(settings))


if __name__ == "__main__":
    sys.exit(main())
