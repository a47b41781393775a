"""Several lineages that share all but chance: at once where the model can, else one after the other with own seeds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from geometry.loops.lineage import Generation, Lineage
from geometry.loops.loop import run_settings
from geometry.loops.model import family
from geometry.loops.regimes import LOOKING
from geometry.loops.settings import Settings


def replicated(
    settings: Settings,
    generations: int,
    out: Path | None = None,
    progress: Callable[[int, Generation], None] | None = None,
) -> list[Lineage]:
    """The lineages of `settings.replicates` replicates: one that holds them all, or one for each.

    One for each: replicate r is the run with seed + r, in out/replicate_{r} where there are several. progress is called
    with the replicate's number and every generation.
    """
    runs = apart(settings)
    found = []
    for r, one in enumerate(runs):
        folder = out if out is None or len(runs) == 1 else out / f"replicate_{r}"
        found.append(run_settings(one, generations, folder, _told(progress, r)))
    return found


def apart(settings: Settings) -> list[Settings]:
    """The runs that these settings need: one, or one for each replicate."""
    if family(settings.model).batched and settings.regime not in LOOKING:
        return [settings]
    return [replace(settings, replicates=1, seed=settings.seed + r) for r in range(settings.replicates)]


def _told(progress: Callable[[int, Generation], None] | None, r: int) -> Callable[[Generation], None] | None:
    return None if progress is None else lambda generation: progress(r, generation)
