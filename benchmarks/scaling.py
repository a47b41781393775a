"""`python -m benchmarks.scaling`: how long neighbours take with 1 to 1,000 ranks, measured and modelled.

A rank of P has m = n / P rows. What it does, one after another:
  deal     the leader sends all other blocks            (n - m) d b / link
  own      its block against itself                     a m^2 + c m
  steps    (P - 1) / 2 blocks, the next on its way       max(a' m^2 + c' m, m d b / link + wait) + 2 m d b / host
  home     P // 2 times the tables of a block's rows     m (16 k + 9) / gather
  merges   of the s-th block min(1, k / s) of its rows  m t per row that gains
  gather   all tables to the leader                      (n - m) (16 k + 1) / gather
With even P the last of the P // 2 steps is half of one. a, c, a', c' are fitted to measured blocks (module `ranks`) or
follow from assumed rates; host is the way of a received block from a GPU through the host back to it, infinite on a
CPU. All figures of a machine stand in the csv and on the figure, each as measured or assumed. A model: nothing beyond
the measured points has run.
"""

from __future__ import annotations

import csv
import io
import json
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.ranks import FILE
from benchmarks.rows import RESULTS
from geometry.report import save, style
from geometry.types import Floats

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

RANKS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1000)
PARTS = ("deal", "own", "steps", "home", "merges", "gather")
RATE, SHARE, COPY = 790e12, 0.6, 4.3e12  # of an H200: products and copies; the share that blocks reach is a guess
INFINITE = float("inf")


@dataclass(frozen=True)
class Machine:
    """Figures of one kind of rank, in seconds and bytes a second; `told` says which are measured and which assumed.

    own, cross: seconds per pair of rows of a block, or of two, and per row. merge: seconds per row that gains. item:
    bytes of a coordinate.
    """

    name: str
    own: tuple[float, float]
    cross: tuple[float, float]
    merge: float
    link: float
    gather: float
    host: float
    wait: float
    item: int
    told: str


@dataclass(frozen=True)
class Job:
    """Neighbours of one set, (n, d)."""

    n: int
    d: int
    k: int


def parts(machine: Machine, job: Job, ranks: int) -> dict[str, float]:
    """Seconds of each part of the slowest rank; see the module."""
    m, width = job.n / ranks, job.d * machine.item
    passed = m * width / machine.link + machine.wait
    step = max(machine.cross[0] * m**2 + machine.cross[1] * m, passed) + 2 * m * width / machine.host
    gains = sum(min(1.0, job.k / met) for met in range(1, ranks))
    return {
        "deal": (job.n - m) * width / machine.link,
        "own": machine.own[0] * m**2 + machine.own[1] * m,
        "steps": (ranks - 1) / 2 * step,
        "home": ranks // 2 * m * (16 * job.k + 9) / machine.gather,
        "merges": gains * m * machine.merge,
        "gather": (job.n - m) * (16 * job.k + 1) / machine.gather,
    }


def measured_machine(lines: list[dict[str, Any]]) -> Machine:
    """A core of the machine that the lines are of, and its memory as the link."""
    own, cross = (_fitted([one for one in lines if one["what"] == what]) for what in ("own block", "two blocks"))
    merge = _only(lines, "merge")
    passed = _only(lines, "exchange")
    link = passed["rows"] * passed["d"] * 4 / passed["seconds"]
    told = (
        f"measured on {merge['processor']}, one thread a rank: own block {own[0]:.2e} m² + {own[1]:.1e} m s, "
        f"two blocks {cross[0]:.2e} m² + {cross[1]:.1e} m s, merge {merge['seconds'] / merge['rows'] * 1e6:.1f} µs a "
        f"row, gloo within the machine {link / 1e9:.2f} GB/s; assumed: a core for every rank, and the same link to it"
    )
    rates = {"merge": merge["seconds"] / merge["rows"], "link": link, "gather": link}
    return Machine("cores, gloo", own, cross, **rates, host=INFINITE, wait=1e-4, item=4, told=told)


def _only(lines: list[dict[str, Any]], what: str) -> dict[str, Any]:
    return next(one for one in reversed(lines) if one["what"] == what)


def _fitted(lines: list[dict[str, Any]]) -> tuple[float, float]:
    """Seconds per pair and per row of blocks of several sizes: least squares of relative errors, neither negative."""
    from scipy.optimize import nnls

    m, seconds = (np.array([one[name] for one in lines], np.float64) for name in ("rows", "seconds"))
    design: Floats = np.column_stack([m**2, m]) / seconds[:, None]
    found = nnls(design, np.ones(len(m)))[0]
    return float(found[0]), float(found[1])


def assumed_gpu(job: Job, merge: float) -> Machine:
    """An H200 with figures that nobody has measured with this package."""
    pair, row = 2 * job.d / (RATE * SHARE), 4 * job.k * job.d / COPY
    told = (
        f"all assumed: blocks at {SHARE:.0%} of {RATE / 1e12:.0f} TFLOP/s, half the pairs of an own block, all of "
        f"two blocks from either side, {job.k} rows re-measured per row and block at {COPY / 1e12:.1f} TB/s, 50 GB/s "
        "between GPUs, 20 GB/s to the host and back, 3 GB/s for tables; merges on the host as measured here "
        f"({merge * 1e6:.1f} µs a row)"
    )
    rates = {"merge": merge, "link": 50e9, "gather": 3e9, "host": 20e9, "wait": 5e-5}
    return Machine("H200, NCCL", (pair / 2, row), (2 * pair, 2 * row), **rates, item=2, told=told)


def rows_of(machine: Machine, job: Job, lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A modelled row per number of ranks, and the measured ones of this very job."""
    modelled: list[dict[str, Any]] = []
    for ranks in RANKS:
        found = parts(machine, job, ranks)
        whole = {"machine": machine.name, "kind": "modelled", **asdict(job), "ranks": ranks}
        modelled.append(whole | {"seconds": sum(found.values()), **found, "told": machine.told})
    of_job = [one for one in lines if one["what"] == "set" and (one["rows"], one["d"], one["k"]) == _shape(job)]
    seen = {one["ranks"]: one for one in of_job if one["threads"] == 1}.values()  # the newest
    blank = dict.fromkeys(PARTS, "")
    return modelled + [
        {"machine": machine.name, "kind": "measured", **asdict(job), "ranks": one["ranks"], "seconds": one["seconds"]}
        | blank
        | {"told": f"{one['processor']}, {one['date']}, {one['commit']}"}
        for one in seen
        if machine.host == INFINITE
    ]


def _shape(job: Job) -> tuple[int, ...]:
    return tuple(getattr(job, one.name) for one in fields(job))


def draw(panels: list[list[dict[str, Any]]]) -> Figure:
    """Seconds against ranks, a panel per machine; points where there is a measurement."""
    with style.sheet():
        margins = style.Margins(left=0.6, right=0.3, top=0.45, bottom=1.05, across=0.7, down=0.8)
        figure, axes = style.panels(len(panels), [2.8], 4.4, margins)
        for ax, rows in zip(axes[0], panels, strict=True):
            _panel(ax, rows)
    return figure


def _panel(ax: Axes, rows: list[dict[str, Any]]) -> None:
    jobs = list(dict.fromkeys((row["n"], row["d"]) for row in rows))
    for (n, d), colour in zip(jobs, style.LABELS, strict=False):
        for kind, look in (("modelled", {"lw": 1.6}), ("measured", {"marker": "o", "ls": ""})):
            of = [row for row in rows if (row["n"], row["d"], row["kind"]) == (n, d, kind)]
            if of:
                label = f"{n:,} x {d}, {kind}"
                ax.plot([row["ranks"] for row in of], [row["seconds"] for row in of], color=colour, label=label, **look)
        first = next(row["seconds"] for row in rows if (row["n"], row["d"]) == (n, d))
        ax.plot(RANKS, [first / ranks for ranks in RANKS], color=colour, lw=0.7, ls=":")
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlabel("ranks (dotted: the time of one, divided)")
    ax.set_ylabel("seconds, neighbours, k = 32")
    ax.set_title(f"{rows[0]['machine']}: a model")
    ax.grid(axis="y")
    ax.legend(fontsize=6)
    words = rows[0]["told"].split(" ")
    lines = [""]
    for word in words:
        lines = [*lines, word] if len(lines[-1]) + len(word) > 88 else [*lines[:-1], f"{lines[-1]} {word}".strip()]
    ax.text(0, -0.22, "\n".join(lines), transform=ax.transAxes, fontsize=5.5, va="top")


def main() -> int:
    """Write scaling.csv and draw scaling.png from the newest lines."""
    lines = [json.loads(line) for line in FILE.read_text().splitlines()]
    core = measured_machine(lines)
    shapes = [Job(80_000, 128, 32), Job(1_000_000, 128, 32)]
    large = [Job(10_000_000, 768, 32), Job(100_000_000, 768, 32)]
    panels = [
        [row for job in shapes for row in rows_of(core, job, lines)],
        [row for job in large for row in rows_of(assumed_gpu(job, core.merge), job, lines)],
    ]
    table = io.StringIO()
    writer = csv.DictWriter(table, list(panels[0][0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows({key: _short(value) for key, value in row.items()} for rows in panels for row in rows)
    (RESULTS / "scaling.csv").write_text(table.getvalue())
    print(save.write_bytes(RESULTS / "scaling.png", save.encode(draw(panels), "png")))
    return 0


def _short(value: Any) -> Any:
    return f"{value:.5g}" if isinstance(value, float) else value


if __name__ == "__main__":
    raise SystemExit(main())
