"""`python -m benchmarks.parity`: values of ours beside those of other packages, on the same rows.

A pair either agrees to 1e-6, or has the reason why it does not: another definition, chance, or a defect. The table goes
to benchmarks/results/parity.md, its rows to parity.jsonl; exit code 1 where a pair differs without a reason. A package
that is not installed is named in the table. DADApy 0.3.4 does not build against NumPy 2 and is not here.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass
from importlib import import_module, metadata
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.data import cloud
from benchmarks.machine import described
from geometry.catalog import compute
from geometry.types import Array, Estimate

RESULTS = Path(__file__).resolve().parent / "results"
SAME = 1e-6
N, M, D = 600, 500, 16
RULES = {"fo": "FO", "ratio": "ratio", "maxgap": "maxgap", "participation": "participation_ratio", "kaiser": "Kaiser",
         "broken_stick": "broken_stick", "marchenko_pastur": "MP", "gavish_donoho": "GD", "minka": "Minka",
         "parallel": "parallel"}  # fmt: skip
DRAWN = "theirs draws its balls anew for every dimension, ours takes their neighbourhoods from the law"
SUBSETS = "theirs draws subsets of the rows at random and gives a whole number"


@dataclass(frozen=True)
class Pair:
    """What is compared: a name, the call of the other package, both values (functions of nothing), the reason."""

    name: str
    call: str
    ours: Callable[[], float]
    theirs: Callable[[], float]
    reason: str = ""


@dataclass(frozen=True)
class Rows:
    """points (N, D) of one law, reference (M, D) of another, and copies: 100 rows, each six times."""

    points: Array
    reference: Array
    copies: Array


def main() -> int:
    """Compare all, write the table, and say which pairs differ without a reason."""
    rows = _rows()
    found: list[dict[str, Any]] = []
    absent: list[str] = []
    for package, pairs in (
        ("scikit-dimension", of_skdim), ("prdc", of_prdc), ("vendi-score", of_vendi), ("torchmetrics", of_torchmetrics),
    ):  # fmt: skip
        try:
            found += [_compared(package, pair) for pair in pairs(rows)]
        except ImportError as error:
            absent.append(f"{package}: not installed ({error})")
    where = described()
    (RESULTS / "parity.jsonl").write_text("".join(json.dumps(row | where) + "\n" for row in found))
    (RESULTS / "parity.md").write_text(_table(found, absent))
    wrong = [row for row in found if not row["agrees"] and not row["reason"]]
    print(*(f"differs without a reason: {row['statistic']} {row['call']}" for row in wrong), sep="\n")
    return 1 if wrong else 0


def _rows() -> Rows:
    points, reference = (cloud("mixture", n, D, seed).astype(np.float64) for n, seed in ((N, 0), (M, 1)))
    return Rows(points, 0.8 * reference + 0.3, np.tile(points[:100], (6, 1)))


def of_skdim(rows: Rows) -> Iterator[Pair]:
    """Estimators of dimension: skdim.id.NAME(...).fit(points).dimension_."""
    peer, x = import_module("skdim.id"), rows.points

    def pair(name: str, call: str, made: Any, ours: Callable[[], float], reason: str = "", **fit: Any) -> Pair:
        return Pair(name, call, ours, lambda: float(made.fit(x, **fit).dimension_), reason)

    yield pair("two_nn", "TwoNN()", peer.TwoNN(), _of("two_nn", x))
    for n1 in (1, 2, 8):
        yield pair(f"gride n1={n1}", f"GRIDE(n1={n1})", peer.GRIDE(n1=n1), _of("gride", x, n1=n1))
    yield pair("mle", "MLE(), n_neighbors=20", peer.MLE(), _of("mle", x), n_neighbors=20)
    arithmetic = _of("mle", x, combine="arithmetic")
    yield pair("mle combine=arithmetic", "MLE(unbiased=True), comb=mean", peer.MLE(unbiased=True), arithmetic,
               n_neighbors=20, comb="mean")  # fmt: skip
    yield pair("mom, mean over rows", "MOM(), n_neighbors=100", peer.MOM(), _mean("mom", x), n_neighbors=100)
    yield pair("mada, mean over rows", "MADA(), n_neighbors=20", peer.MADA(), _mean("mada", x), n_neighbors=20)
    yield pair("corr_int", "CorrInt()", peer.CorrInt(), _of("corr_int", x))
    yield pair("fisher_s", "FisherS()", peer.FisherS(), _of("fisher_s", x))
    yield pair("mind_ml", f"MiND_ML(k=10, D={D})", peer.MiND_ML(k=10, D=D), _of("mind_ml", x, k=10))
    yield pair("tle", "TLE(), n_neighbors=20", peer.TLE(), _of("tle", x), n_neighbors=20)
    linear = "theirs is linear between whole dimensions, ours inverts the Gamma functions"
    yield pair("ess", "ESS(), n_neighbors=100", peer.ESS(random_state=0), _of("ess", x), linear, n_neighbors=100)
    keeps = "theirs keeps .05 of the variance where ours leaves .05 out"
    for rule, theirs in RULES.items():
        reason = keeps if rule == "ratio" else ""
        yield pair(f"lpca rule={rule}", f"lPCA('{theirs}')", peer.lPCA(theirs), _of("lpca", x, rule=rule), reason)
    yield pair("lpca rule=ratio", "lPCA('ratio', alphaRatio=0.95)", peer.lPCA("ratio", alphaRatio=0.95),
               _of("lpca", x, rule="ratio"))  # fmt: skip
    yield pair("danco", "DANCo()", peer.DANCo(random_state=0), _of("danco", x), DRAWN)
    yield pair("knn_graph", "KNN()", peer.KNN(random_state=0), _of("knn_graph", x), SUBSETS)
    both = "both draw subsets of the rows at random"
    yield pair("ph0", "PH(nsteps=10)", peer.PH(nsteps=10, random_state=0), _of("ph0", x), both)


def of_prdc(rows: Rows) -> Iterator[Pair]:
    """compute_prdc(real_features, fake_features, nearest_k=5)."""
    measure = import_module("prdc").compute_prdc
    copies = "theirs wants distances below the radius, which among copies is 0 or rounding"
    for title, x, y, reason in (
        ("", rows.points, rows.reference, ""),
        (", identical", rows.copies, rows.copies, copies),
    ):
        for key in ("precision", "recall", "density", "coverage"):
            yield Pair(f"prdc {key}{title}", f"compute_prdc()['{key}']", _of("prdc", x, y, key=key),
                       lambda x=x, y=y, key=key: float(measure(y, x, nearest_k=5)[key]), reason)  # type: ignore[misc]  # fmt: skip


def of_vendi(rows: Rows) -> Iterator[Pair]:
    """score_X takes the kernel of all pairs, score_dual the matrix of all dimensions."""
    peer, x = import_module("vendi_score.vendi"), rows.points
    yield Pair("vendi", "score_X(X)", _of("vendi", x), lambda: float(peer.score_X(x)))
    yield Pair("vendi", "score_dual(X)", _of("vendi", x), lambda: float(peer.score_dual(x)))
    yield Pair("vendi q=2", "score_dual(X, q=2)", _of("vendi", x, q=2.0), lambda: float(peer.score_dual(x, q=2)))
    yield Pair("rke", "score_dual(X, q=2)", _of("rke", x), lambda: float(peer.score_dual(x, q=2)))
    yield Pair("vendi q=2", "score_X(X, q=2)", _of("vendi", x, q=2.0), lambda: float(peer.score_X(x, q=2)),
               "theirs ignores q: it is the value at q = 1")  # fmt: skip


def of_torchmetrics(rows: Rows) -> Iterator[Pair]:
    """Distances of features that are passed through as they are."""
    torch, fid = import_module("torch"), import_module("torchmetrics.image.fid")
    kid_module = import_module("torchmetrics.image.kid")
    functional, shape = (import_module(f"torchmetrics.functional{of}") for of in ("", ".shape"))
    x, y = rows.points[:M], rows.reference

    class Given(torch.nn.Module):  # type: ignore[misc, name-defined]
        num_features = D

        def forward(self, features: Any) -> Any:
            return features

    def fed(metric: Any) -> Any:
        for real, features in ((True, y), (False, x)):
            metric.update(torch.from_numpy(features), real=real)
        return metric.compute()

    def disparity() -> float:
        clouds = (torch.from_numpy(one.copy())[None] for one in (y, x))
        return float(shape.procrustes_disparity(*clouds)[0])

    def cosine() -> float:
        every = functional.pairwise_cosine_similarity(torch.from_numpy(x), zero_diagonal=True)
        return float(every.sum() / (M * (M - 1)))

    def kid() -> float:
        made = kid_module.KernelInceptionDistance(feature=Given(), subsets=1, subset_size=M).double()
        return float(fed(made)[0])

    yield Pair("frechet", "FrechetInceptionDistance()", _of("frechet", x, y),
               lambda: float(fed(fid.FrechetInceptionDistance(feature=Given()).double())),
               "theirs divides the covariances by n - 1")  # fmt: skip
    yield Pair("frechet of moments with n - 1", "FrechetInceptionDistance()", lambda: _frechet_of_moments(x, y),
               lambda: float(fed(fid.FrechetInceptionDistance(feature=Given()).double())))  # fmt: skip
    yield Pair(
        "kernel_distance kid", "KernelInceptionDistance(subsets=1)", _of("kernel_distance", x, y, key="kid"), kid
    )
    yield Pair("procrustes", "procrustes_disparity()", _of("procrustes", x, y, paired=True), disparity)
    yield Pair("mean_cosine", "pairwise_cosine_similarity(), mean off the diagonal", _of("mean_cosine", x), cosine)


def _frechet_of_moments(x: Array, y: Array) -> float:
    from geometry.types import Moments

    made = [Moments(len(one), one.mean(axis=0), np.cov(one.T)) for one in (x, y)]
    return float(compute("frechet", *made))  # type: ignore[arg-type]


def _of(name: str, *sets: Array, key: str = "", **options: Any) -> Callable[[], float]:
    """The value of a statistic, of the estimate under `key` where it has several."""

    def value() -> float:
        found = compute(name, *sets, **options)
        return float(found if isinstance(found, Estimate) else found[key])

    return value


def _mean(name: str, points: Array) -> Callable[[], float]:
    """The mean of the values per row."""

    def value() -> float:
        found = compute(name, points)
        assert isinstance(found, Estimate) and found.per_point is not None
        return float(np.nanmean(found.per_point))

    return value


def _compared(package: str, pair: Pair) -> dict[str, Any]:
    with redirect_stdout(StringIO()):  # some packages print
        ours, theirs = pair.ours(), pair.theirs()
    scale = max(abs(theirs), abs(ours), 1e-12)
    apart = abs(ours - theirs) / scale
    return {
        "case": "parity",
        "statistic": pair.name,
        "package": f"{package} {metadata.version(package)}",
        "call": pair.call,
        "ours": ours,
        "theirs": theirs,
        "relative": apart,
        "agrees": bool(apart <= SAME),
        "reason": "" if apart <= SAME else pair.reason,
    }


def _table(found: list[dict[str, Any]], absent: list[str]) -> str:
    head = [
        "# Parity",
        "",
        f"Values on {N} rows of {D} dimensions (two sets: {M} rows each way where they must be equal), float64.",
        "",
        "| statistic | package | call | ours | theirs | relative difference | reason |",
        "|---|---|---|---|---|---|---|",
    ]
    lines = [
        f"| {row['statistic']} | {row['package']} | `{row['call']}` | {row['ours']:.9g} | {row['theirs']:.9g} | "
        f"{row['relative']:.1e} | {row['reason'] or ('agrees' if row['agrees'] else 'differs')} |"
        for row in found
    ]
    return "\n".join([*head, *lines, "", *(f"- {line}" for line in absent)]).rstrip() + "\n"


if __name__ == "__main__":
    sys.exit(main())
