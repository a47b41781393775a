"""The spectra of weights as a plain-text table: a line per matrix, and one per change against a parent."""

from __future__ import annotations

from typing import Any

from geometry.report.columns import columns
from geometry.report.reading import number

HEADINGS = (
    "matrix",
    "rows x columns",
    "norm",
    "rank",
    "effective",
    "stable",
    "above bulk",
    "alpha",
    "moved",
    "of parent",
)


def table(matrices: list[dict[str, Any]]) -> str:
    """Norm, ranks, values above the bulk and the exponent of the tail with its error, of every matrix.

    Under each matrix one line per parent: the same of the change, how far it has moved as a share of the parent's norm,
    and its effective rank over the parent's.
    """
    lines: list[tuple[str, ...]] = [HEADINGS]
    for one in matrices:
        lines.append((one["key"], f"{one['rows']} x {one['columns']}", *_values(one), "", ""))
        lines += [
            (
                f"  change from {change['parent']}",
                "",
                *_values(change),
                _share(change["relative"]),
                number(change["rank_ratio"]),
            )
            for change in one["changes"]
        ]
    used = [i for i in range(len(HEADINGS)) if any(line[i] for line in lines[1:])]
    return "".join(f"{row}\n" for row in columns([[line[i] for i in used] for line in lines]))


def _values(one: dict[str, Any]) -> tuple[str, ...]:
    alpha = number(one["alpha"])
    if one["alpha"] is not None:
        alpha += f" ±{number(one['alpha_stderr'], 2)}"
    plain = (number(one[key]) for key in ("norm", "rank", "effective_rank", "stable_rank", "above_bulk"))
    return (*plain, alpha)


def _share(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.3g} %"
