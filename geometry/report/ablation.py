"""What leaving each group of the training data out does: a figure, a table for the terminal, and rows for a file.

Reads effects as `geometry.attribution.arms` gives them, most responsible group first; computes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

from geometry.report import style
from geometry.report.columns import columns
from geometry.report.reading import aligned, number
from geometry.types import Estimate
from geometry.verdict.constants import PLAIN_GAIN

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

HEADINGS = {
    "structure_gain": "structure gain",
    "dimension_gap": "dimension gap",
    "mle": "intrinsic dimension",
    "effective_rank": "effective rank",
}
GAUGES = ("structure_gain", "dimension_gap")
COLUMNS = ["group", "rows", "share", "statistic", "with", "without", "change", "low", "high", "stderr", "significant"]


class Effect(Protocol):
    """What is read of a `GroupEffect`."""

    @property
    def group(self) -> Any: ...
    @property
    def rows(self) -> int: ...
    @property
    def share(self) -> float: ...
    @property
    def changes(self) -> Mapping[str, Estimate]: ...
    @property
    def structure_fall(self) -> float: ...
    @property
    def significant(self) -> tuple[str, ...]: ...


def records(effects: Sequence[Effect]) -> list[dict[str, Any]]:
    """A record per group and statistic, by COLUMNS; None for what is not there."""
    found = []
    for one in effects:
        for name, change in one.changes.items():
            sides = (
                [None, None]
                if change.profile is None
                else [float(change.profile[key][0]) for key in ("with", "without")]
            )
            values = [*sides, change.value, change.low, change.high, change.stderr]
            cells = [one.group, one.rows, one.share, name, *values, name in one.significant]
            found.append(dict(zip(COLUMNS, cells, strict=True)))
    return found


def rows(effects: Sequence[Effect]) -> list[list[Any]]:
    """The records as text under COLUMNS; an empty field for what is not there."""
    table = []
    for group, count, share, name, *values, stands in (one.values() for one in records(effects)):
        table.append([group, count, f"{share:.4g}", name, *map(_field, values), int(stands)])
    return table


def text(effects: Sequence[Effect]) -> str:
    """A line per group: its share, and each change with its interval, starred where it stands over all looks."""
    lines = [["left out", "share", *HEADINGS.values()]]
    lines += [[str(one.group), f"{one.share:.1%}", *(_cell(one, name) for name in HEADINGS)] for one in effects]
    return "\n".join(columns(lines))


def sentence(effects: Sequence[Effect]) -> str:
    """Which group is responsible, and which others do at least half as much; or that none is.

    A fall counts that stands over all looks and is as large as a gauge must be to be more than nothing, .05.
    """
    fallen = [
        one for one in effects if one.structure_fall >= PLAIN_GAIN and any(map(one.significant.__contains__, GAUGES))
    ]
    if not fallen:
        return "No group's absence lowers the structure by more than chance and by .05."
    first, *rest = fallen
    others = [str(one.group) for one in rest if one.structure_fall >= first.structure_fall / 2]
    more = f" (half as much or more without {', '.join(others)})" if others else ""
    return f"Structure falls most without {first.group}{more}."


def figure(effects: Sequence[Effect]) -> Figure:
    """A panel per statistic: the change without each group with its 95 % interval, the most responsible on top."""
    with style.sheet():
        width = (style.WIDTH - 1.5) / len(HEADINGS) - 0.15
        margins = style.Margins(left=1.3, right=0.15, top=0.35, bottom=0.5, across=0.15)
        drawn, axes = style.panels(len(HEADINGS), [0.4 + 0.24 * len(effects)], width, margins)
        for ax, (name, heading) in zip(axes[0], HEADINGS.items(), strict=True):
            _panel(ax, effects, name)
            ax.set_title(heading)
        axes[0][0].set_yticks(range(len(effects)), [style.literal(f"without {one.group}") for one in effects])
        axes[0][0].set_xlabel("change")
    return drawn


def _panel(ax: Axes, effects: Sequence[Effect], name: str) -> None:
    ax.axvline(0, color=style.NULL, lw=1, ls=(0, (4, 2)))
    for y, one in enumerate(effects):
        change = one.changes[name]
        if change.value is None:
            continue
        color = style.DATA if name in one.significant else style.MUTED
        if change.low is not None and change.high is not None:
            ax.hlines(y, change.low, change.high, color=color, lw=1.2)
        ax.plot([change.value], [y], "o", color=color, mew=0, ms=4)
    ax.set_ylim(len(effects) - 0.5, -0.5)
    ax.set_yticks([])
    ax.locator_params(axis="x", nbins=4)
    ax.grid(axis="x")


def _cell(one: Effect, name: str) -> str:
    change = one.changes[name]
    if change.value is None or change.low is None or change.high is None:
        return number(change.value)
    value, low, high = aligned(change.value, change.low, change.high)
    return f"{value} ({low} to {high}){'*' if name in one.significant else ' '}"


def _field(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"
