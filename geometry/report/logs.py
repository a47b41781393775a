"""Curves of training logs as panels of the trends, over the positions that the record gives them."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from geometry.report import style
from geometry.report.reading import number as tick_text
from geometry.types import Array, Record

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST = 8  # panels: those named as losses first, then in the order of the log
Logged = tuple[str, Array, Array]  # heading, positions, values


def logged(record: Record, most: int | None = None) -> list[Logged]:
    """Name, positions and values of every curve, or of the first `most`."""
    several = _told_apart(record.run.get("logs", []))
    curves = [
        (several[i], record.arrays[f"log.{i}.position"], record.arrays[f"log.{i}.value"])
        for i, one in enumerate(record.run.get("logs", []))
        if f"log.{i}.value" in record.arrays
    ]
    ranked = sorted(curves, key=lambda one: "loss" not in one[0].lower())
    return curves if most is None else ranked[:most]


def _told_apart(logs: list[dict[str, Any]]) -> list[str]:
    """The names of the curves; where two have one, the first folder or file in which their logs differ goes along."""
    names = [str(one["name"]) for one in logs]
    parts = [PurePath(str(one["source"])).parts for one in logs]
    same = next((i for i, part in enumerate(zip(*parts, strict=False)) if len(set(part)) > 1), 0)
    return [
        f"{name} ({PurePath(parts[i][same]).stem})" if names.count(name) > 1 else name for i, name in enumerate(names)
    ]


def draw(ax: Axes, one: Logged) -> None:
    """A curve, with points where there are few."""
    heading, position, value = one
    ax.grid(axis="y")
    ax.plot(position, value, color=style.LOGGED, lw=1, marker="o" if len(value) < 30 else "", ms=2.5, mew=0)
    ax.yaxis.set_major_formatter(lambda tick, at: tick_text(tick))
    ax.set_title(style.literal(f"log: {heading}"))


def data(record: Record) -> list[list[Any]]:
    """Every value, under the columns of the trends' data; the generation may lie between two."""
    return [
        [f"log: {heading}", "", f"{x:.6g}", f"{y:.6g}", None, None, None]
        for heading, position, value in logged(record)
        for x, y in zip(position.tolist(), value.tolist(), strict=True)
    ]
