"""The loop that the demo shows: a VAE of the digits under `replace` and, from the same first fit, under `accumulate`.

Both regimes share every setting and the first generation; only the rows that train the later ones differ.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from geometry.loops.lineage import Generation, Lineage
from geometry.loops.loop import run_settings
from geometry.loops.settings import Settings, settings_of
from geometry.types import EmbeddingSet

REGIMES = ("replace", "accumulate")
GENERATIONS = 9
ROWS = 1797  # all digits: the first fit sees each once
BIAS = 0.95
OPTIONS: dict[str, Any] = {}  # of the VAE; its defaults


@dataclass(frozen=True)
class DemoRun:
    """One regime of the demo: samples holds generations 0 (real digits) to 9, representation 1 to 9."""

    regime: str
    samples: list[EmbeddingSet]
    representation: list[EmbeddingSet]
    folder: Path
    lineage: Lineage


def demo_runs(
    folder: Path | str,
    *,
    generations: int = GENERATIONS,
    seed: int = 0,
    progress: Callable[[str, int, int], None] | None = None,
) -> list[DemoRun]:
    """Both regimes, each into folder/{regime}/gen_{t}; a stopped run goes on where it stood.

    progress(regime, generation, generations) is called as each generation is finished. Raises InputError where the
    folder holds other runs.
    """
    return [_one(regime, Path(folder) / regime, generations, seed, progress) for regime in REGIMES]


def settings(regime: str, seed: int) -> Settings:
    """Those of one regime of the demo."""
    return settings_of("vae", regime, ROWS, seed=seed, bias=BIAS, options=OPTIONS)


def _one(
    regime: str, folder: Path, generations: int, seed: int, progress: Callable[[str, int, int], None] | None
) -> DemoRun:
    def tell(generation: Generation) -> None:
        if progress is not None:
            progress(regime, generation.index, generations)

    lineage = run_settings(settings(regime, seed), generations, folder, tell)
    return DemoRun(regime, lineage.samples_view(), lineage.representation_view(), folder, lineage)
