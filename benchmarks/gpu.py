"""The first minutes on a GPU, a command each: is it right, and then how fast. Neither needs a network.

  python -m benchmarks.gpu prove -o FOLDER    every kernel and every path, a line each: passed or FAILED, with the first
                                              thing that differs; the ceilings of the device. Goes on after failures.
  python -m benchmarks.gpu time -o FOLDER     the goals: neighbours, statistics, analyze, loops, capture

`prove` writes prove.txt as printed and prove.jsonl, `time` the rows of `benchmarks.run`. Both stop asking before
--minutes are over and name what was left out. The steps of `prove` are processes of their own (`gpu_steps`), each ended
after its share of the time: a kernel that hangs or ruins its context costs its own step.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks import gpu_steps, processes, run
from benchmarks.machine import ROOT, has_cuda
from benchmarks.processes import GateError, Settings

MINUTES, LAST = 9.0, 10.0  # of a whole command; seconds that must be left for another step
LONGEST = {"analysis": 150.0, "chosen": 150.0, "sanitizer memcheck": 120.0, "sanitizer racecheck": 120.0}
USUAL = 60.0  # seconds of any other step
REPEATS, LIMIT = 3, 20.0  # timed runs after the first, of which one is enough past so many seconds
TIMED: tuple[tuple[str, ...], ...] = (  # what `benchmarks.run` is asked in turn
    ("--case", "device"),
    ("--case", "gpu", "--only", "n=100000", "--only", "d=128", "--only", "k=15"),
    ("--case", "gpu", "--only", "n=1000000", "--only", "d=128", "--only", "k=15", "--peer", "geometry"),
    ("--case", "refit"),
    ("--case", "statistics", "--only", "n=10000", "--peer", "geometry"),
    ("--case", "analyze"),
    ("--case", "layers"),
    ("--case", "gpu-768", "--peer", "geometry", "--peer", "torch mm+topk"),
)


@dataclass(frozen=True)
class Budget:
    """Seconds that a command may still take."""

    end: float

    @property
    def left(self) -> float:
        return self.end - time.monotonic()


def main(words: list[str] | None = None) -> int:
    """Exit code 1 where anything failed, 2 without a GPU."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description=__doc__)
    parser.add_argument("command", choices=("prove", "time"))
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder that lines and rows are appended to")
    parser.add_argument("--minutes", type=float, default=MINUTES, help="after which nothing more is begun (9)")
    parser.add_argument("--only", action="append", help="steps of prove whose name holds this")
    args = parser.parse_args(words)
    if not has_cuda():
        print("benchmarks.gpu needs an NVIDIA GPU; nvidia-smi finds none, nothing was run", file=sys.stderr)
        return 2
    budget = Budget(time.monotonic() + 60 * args.minutes)
    args.output.mkdir(parents=True, exist_ok=True)
    return prove(args.output, budget, args.only) if args.command == "prove" else timed(args.output, budget)


def prove(folder: Path, budget: Budget, only: list[str] | None = None) -> int:
    """A line per answer, printed and kept; 1 where one failed."""
    failed = 0
    with (folder / "prove.txt").open("a") as text, (folder / "prove.jsonl").open("a") as rows:
        for name in gpu_steps.steps():
            if only and not any(word in name for word in only):
                continue
            for one in _answers(name, budget):
                failed += bool(one["wrong"])
                line = f"{'FAILED' if one['wrong'] else 'passed':7} {one['what']:58} {one['wrong'] or one['told']}"
                print(line, flush=True)
                text.write(line + "\n")
                rows.write(json.dumps({"step": name, **one}) + "\n")
    print(f"{failed} failed; lines are in {folder / 'prove.txt'}")
    return int(failed > 0)


def _answers(name: str, budget: Budget) -> Iterator[dict[str, Any]]:
    """What a step says until it ends, or is ended; how it ended is an answer where that was not its own will."""
    if budget.left < LAST:
        yield gpu_steps.answer(name, "not asked: no time was left")
        return
    seconds = min(LONGEST.get(name, USUAL), budget.left)
    start = time.monotonic()
    try:
        words = [sys.executable, "-m", gpu_steps.HERE, name]
        ran = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=seconds)
        out, ended = ran.stdout, "" if ran.returncode == 0 else f"exit code {ran.returncode}: {_end(ran.stderr)}"
    except subprocess.TimeoutExpired as late:
        out = late.stdout.decode() if isinstance(late.stdout, bytes) else late.stdout or ""
        ended = f"ended after {seconds:.0f} s"
    for line in out.splitlines():
        if line.startswith("{") and line.endswith("}"):
            yield json.loads(line)
    if ended:
        yield gpu_steps.answer(f"step {name}", ended, f"{time.monotonic() - start:.0f} s")


def _end(text: str) -> str:
    return " ".join(text.split())[-400:]


def timed(folder: Path, budget: Budget) -> int:
    """Rows of every list of cases behind one gate; what cannot begin in time is named. 1 where ours was wrong."""
    settings = Settings("cuda", REPEATS, LIMIT, budget.left, os.cpu_count() or 1, results=folder)
    code = 0
    try:
        processes.pass_gate(settings)
    except GateError as error:
        print(error, file=sys.stderr)
        return 1
    for words in TIMED:
        args = run.parsed(list(words))
        for case in run.chosen(args):
            if budget.left < 3 * LAST:
                print(f"not timed: {case}, no time was left")
                continue
            try:
                print(
                    run.run_case(case, replace(settings, timeout=budget.left, peers=tuple(args.peer or ()))), flush=True
                )
            except GateError as error:
                print(error, file=sys.stderr)
                code = 1
    return code


if __name__ == "__main__":
    sys.exit(main())
