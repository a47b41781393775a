"""What self-consuming loops are known to do, on models that are trained: minutes, so behind the mark `long`."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import loop_cases, loop_data
from benchmarks.loop_cases import ORDER, Point
from geometry import loops
from geometry.catalog import compute
from geometry.loops import Lineage
from geometry.loops.digits import classifier_features, digits
from geometry.loops.language import LanguageModel

ROOT = Path(__file__).resolve().parent.parent
LAST = 5
pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def at_ten() -> dict[str, dict[str, Point]]:
    """Points of generation 10 by panel and regime."""
    found: dict[str, dict[str, Point]] = defaultdict(dict)
    for point in loop_cases.regimes(seeds=40):
        found[point.panel][point.series] = point
    return found


@pytest.mark.parametrize("panel", ["effective rank", "recall", "vendi"])
def test_regimes_keep_their_order_at_generation_ten(at_ten: dict[str, dict[str, Point]], panel: str) -> None:
    fresh, accumulate, subsample, replace, narrow = (at_ten[panel][arm].value for arm in ORDER)
    assert min(fresh, accumulate) > subsample > replace >= narrow


def test_lambda_below_one_takes_the_variance_and_leaves_the_rank(at_ten: dict[str, dict[str, Point]]) -> None:
    variance, rank = at_ten["total variance"], at_ten["effective rank"]
    assert variance[ORDER[-1]].value < 0.25 * variance["replace"].value
    assert abs(rank[ORDER[-1]].value - rank["replace"].value) < 1e-6  # the same draws, scaled


def vae(regime: str) -> Lineage:
    return loops.run("vae", regime=regime, generations=LAST, n=900, bias=0.95, steps=800, seed=1)


def test_images_lose_recall_and_tails_under_replace_and_keep_them_under_accumulate() -> None:
    replace, accumulate = vae("replace"), vae("accumulate")
    known = {row.tobytes() for row in replace[0].samples}
    real = np.array([row for row in digits().points if row.tobytes() not in known])
    recall = {}
    for name, run in (("replace", replace), ("accumulate", accumulate)):
        for t in (1, LAST):
            found = compute("prdc", classifier_features(run[t].samples), classifier_features(real))
            assert isinstance(found, dict)
            recall[name, t] = float(found["recall"])
    assert recall["replace", LAST] < 0.6 * recall["replace", 1]
    assert recall["accumulate", LAST] > 0.75 * recall["accumulate", 1]


def test_text_drawn_cold_loses_its_rare_characters_and_real_text_surprises_more(tmp_path: Path) -> None:
    book = tmp_path / "source.txt"  # a text that is at hand wherever the tests are
    book.write_text("\n".join(path.read_text("utf-8") for path in sorted((ROOT / "geometry").rglob("*.py"))))
    options: dict[str, Any] = {"data": str(book), "width": 64, "layers": 1, "steps": 300, "batch": 32, "length": 32}
    model = LanguageModel(**options)
    points: dict[tuple[str, str, float], float] = {}
    for regime in ("replace", "accumulate"):
        run = loops.run("language-model", regime=regime, generations=4, n=1500, bias=0.7, **options)
        found = [*loop_data._losses(model, run, regime), *loop_data._characters(model, run, regime)]
        points |= {(one.panel, one.series, one.x): one.value for one in found}
    loss, rare = "loss, real text, own model", "rare characters, of their share"
    assert points[loss, "replace", 4] > points[loss, "replace", 1] + 0.2
    assert points[loss, "replace", 4] > points[loss, "accumulate", 4] + 0.1
    assert points[rare, "replace", 4] < 0.5 * points[rare, "replace", 0]
    assert points["characters never drawn", "replace", 4] > points["characters never drawn", "accumulate", 4]
    tail = "quantile 0.999, real text, own model"
    assert points[tail, "replace", 4] > points[tail, "replace", 1]
