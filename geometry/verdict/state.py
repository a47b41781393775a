"""The state of one set, from facts alone: rich, sphere-like, low-dimensional, point-like or undetermined.

point-like comes first (its gauges mean nothing), then few rows, then structure, and only a set without structure is
told apart by the number of its dimensions. Facts that a few rows could bend (radii, angles) are read on the core of the
set; see `geometry.nulls.core`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from geometry.collapse.directions import cone
from geometry.collapse.shell import shell
from geometry.nulls.core import ROWS, Core, core_of
from geometry.nulls.gauges import profile_of
from geometry.pairs import Scan
from geometry.verdict import constants as limit


@dataclass(frozen=True)
class Facts:
    """The numbers a state rests on; None where a set is too small or too flat to have one."""

    rows: int
    distinct_rows: int
    copies: float
    outliers: float
    spread: float
    rounding: float
    offset: float | None  # norm(mean) / spread
    scale_ratio: float | None
    structure_gain: float | None
    dimension_gap: float | None
    angle_dimension: float | None
    radial_cv: float | None  # of all rows
    shell_ratio: float | None  # of all rows
    core_shell_ratio: float | None
    cone: float
    normalised: bool


@dataclass(frozen=True)
class State:
    """A state with the reason where it is undetermined or point-like, flags, and the facts behind both."""

    state: str
    reason: str
    flags: tuple[str, ...]
    facts: Facts

    @property
    def evidence(self) -> dict[str, float | None]:
        return asdict(self.facts)


def facts_of(scan: Scan, reference: Scan | None = None, rows: int = ROWS) -> Facts:
    """Facts of one set; `rows` is the number of rows the gauges look at, the same in every generation."""
    core = core_of(scan, rows)
    variance = float(scan.spectrum.eigenvalues.sum())
    spread, centre = float(np.sqrt(variance)), float(np.linalg.norm(scan.spectrum.mean))
    before = None if reference is None else float(reference.spectrum.eigenvalues.sum())
    gauges = profile_of(scan, rows) if len(core.rows) >= limit.FEW_ROWS else None
    radial = shell(scan)
    return Facts(
        rows=scan.n,
        distinct_rows=len(core.rows),
        copies=core.merged,
        outliers=core.outliers,
        spread=spread,
        rounding=float(np.finfo(scan.points.dtype).eps) * float(np.hypot(centre, spread)),
        offset=centre / spread if spread > 0 else None,
        scale_ratio=variance / before if before else None,
        structure_gain=None if gauges is None else float(gauges.gain[gauges.best_gain]),
        dimension_gap=None if gauges is None else float(gauges.gap[gauges.best_gap]),
        angle_dimension=_angle_dimension(core),
        radial_cv=radial["cv"].value,
        shell_ratio=radial["ratio"].value,
        core_shell_ratio=_core_shell_ratio(core),
        cone=cone(scan).value or 0.0,
        normalised=core.normalised,
    )


def _angle_dimension(core: Core) -> float | None:
    """1 / E[cos^2] over the pairs of the core's directions, through the second moment of the directions."""
    length = np.linalg.norm(core.scores, axis=1)
    unit = core.scores[length > 0] / length[length > 0, None]
    n = len(unit)
    if n < 2:
        return None
    mean_square = (np.linalg.norm(unit.T @ unit) ** 2 - n) / (n * (n - 1))
    return float(1 / mean_square) if mean_square > 0 else float(n)


def _core_shell_ratio(core: Core) -> float | None:
    """Radial CV of the core over 1 / sqrt(2 PR), that of a Gaussian of its spectrum."""
    if len(core.sd) == 0:
        return None
    radius, variance = np.linalg.norm(core.scores, axis=1), core.sd**2
    rank = variance.sum() ** 2 / (variance**2).sum()
    return float(radius.std() / radius.mean() * np.sqrt(2 * rank))


def state_of(facts: Facts) -> State:
    """The state that the facts allow, its reason, and the flags."""
    flags = tuple(_flags(facts))
    point = _point(facts)
    if facts.rows <= 2:
        return State("undetermined", "few-rows", (), facts)
    if point:
        return State("point-like", point, (), facts)
    if facts.structure_gain is None or facts.dimension_gap is None:
        return State("undetermined", "few-rows", flags, facts)
    gain, gap = facts.structure_gain, abs(facts.dimension_gap)
    if gain >= limit.RICH_GAIN or gap >= limit.RICH_GAP:
        return State("rich", "", flags, facts)
    if gain > limit.PLAIN_GAIN or gap > limit.PLAIN_GAP:
        return State("undetermined", "weak-structure", flags, facts)
    round_ = (facts.angle_dimension or 0.0) > limit.SPHERE_DIMENSIONS or "hollow" in flags
    return State("sphere-like" if round_ else "low-dimensional", "", flags, facts)


def _point(facts: Facts) -> str:
    """Why the set is a point, or nothing."""
    far = np.inf if facts.offset is None else facts.offset
    if facts.copies >= limit.COPIES:
        return "copies"
    if facts.spread <= limit.ROUNDING * facts.rounding:
        return "rounding"
    if far > limit.FAR_POINT:
        return "offset"
    lost = facts.scale_ratio is not None and facts.scale_ratio < limit.LOST_SCALE
    return "scale" if lost and far > limit.LOST_SCALE_FAR else ""


def _flags(facts: Facts) -> list[str]:
    flags = []
    if facts.cone >= limit.CONE:
        flags.append("cone")
    if facts.normalised:
        flags.append("normalised")
    if _hollow(facts):
        flags.append("hollow")
    if (facts.radial_cv or 0.0) > limit.HEAVY_CV and (facts.shell_ratio or 0.0) > limit.HEAVY_RATIO:
        flags.append("heavy-tailed")
    if facts.copies >= limit.DUPLICATED:
        flags.append("duplicated")
    if facts.outliers > 0:
        flags.append("outliers")
    return flags


def _hollow(facts: Facts) -> bool:
    """Rows at one distance from their middle, in more than one dimension, and not by L2 normalisation alone."""
    by_design = facts.normalised and facts.cone < limit.CENTRED_CONE
    around = (facts.angle_dimension or 0.0) >= limit.HOLLOW_DIMENSIONS
    return facts.core_shell_ratio is not None and facts.core_shell_ratio < limit.HOLLOW and around and not by_design
