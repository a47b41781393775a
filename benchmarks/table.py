"""The rows of one case as text: who, how long, how many times ours, how good, how near the machine, how much memory."""

from __future__ import annotations

from benchmarks.rows import Row

HEAD = ("peer", "p50 s", "p20..p80", "x ours", "recall", "TFLOP/s", "of peak", "peak MiB", "values")


def table(title: str, rows: list[Row], absent: dict[str, str]) -> str:
    """The table, and below it whoever was not timed and why."""
    cells = [HEAD, *(_cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(HEAD))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in cells]
    return "\n".join([title, *lines, *(f"not timed: {peer} ({why})" for peer, why in absent.items())])


def _cells(row: Row) -> tuple[str, ...]:
    values = " ".join(f"{name}={_number(value, '.4g')}" for name, value in row["values"].items())
    return (
        row["peer"],
        _number(row["p50"], ".4g"),
        f"{row['p20']:.3g}..{row['p80']:.3g} ({row['repeats']})",
        _number(row["ratio"], ".2f"),
        _number(row["recall"], ".4f"),
        _number(row["tflops"], ".3g"),
        _number(row["share_of_peak"], ".0%"),
        _number(row["peak_bytes"] / 2**20, ".0f"),
        values if len(values) <= 60 else values[:57] + "...",
    )


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)
