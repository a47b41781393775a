"""The registry: what every entry must say, looking one up by name, and registering one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from geometry import registry, statistics
from geometry.errors import UsageError
from geometry.estimates import measured
from geometry.registry import Entry, entry, statistic
from geometry.types import Estimate

NAMES = {
    # intrinsic dimension
    "two_nn", "gride", "abide", "mle", "lid", "mom", "mada", "mind_ml", "danco", "tle", "ess", "abid", "corr_int",
    "lpca", "ca_pca", "fisher_s", "knn_graph", "ph0", "magnitude", "geo_mle", "binomial", "binary_id", "intrinsic_dim",
    # collapse of one set
    "effective_rank", "rankme", "participation_ratio", "iso_score", "stable_rank", "nesum", "condition", "alpha_req",
    "vendi", "rke", "uniformity", "alignment", "mean_cosine", "partition_isotropy", "self_cluster", "hubness",
    "rayleigh", "bingham", "gine", "ajne", "shell", "angle_dimension", "cone", "structure_gain", "dimension_gap",
    "scale", "duplicates", "neural_collapse", "lidar", "void", "ring",
    # against a reference
    "prdc", "authenticity", "alpha_precision", "beta_recall", "frechet", "frechet_inf", "kernel_distance",
    "sliced_wasserstein", "c2st", "vendi_ratio", "magnitude_ratio", "tail_survival", "mode_coverage", "spectrum_shift",
    "cka", "procrustes", "mutual_knn", "svcca", "rtd", "gulp", "novelty", "inward_drift", "mean_regression",
    "modality_gap", "label_agreement", "curvature", "provenance",
}  # fmt: skip


def test_the_catalogue_holds_every_statistic_once() -> None:
    names = [one.name for one in statistics()]
    assert set(names) >= NAMES and len(set(names)) == len(names)


@pytest.mark.parametrize("one", statistics(), ids=lambda one: str(one.name))
def test_an_entry_says_what_it_needs_means_and_comes_from(one: Entry) -> None:
    assert one.needs and one.source.strip() and one.direction.strip()
    assert one.range[0] < one.range[1]
    assert one.definition.splitlines()[0].endswith(".")
    assert one.k > 0 or "neighbors" not in one.needs
    assert one.takes_reference == any(need.endswith("reference") for need in one.needs)
    assert entry(one.name) is one


@pytest.mark.parametrize("one", statistics(), ids=lambda one: str(one.name))
def test_every_statistic_has_a_test_of_its_own(one: Entry) -> None:
    """Beside those that run over the whole registry: in a file of its package's tests, by its name or as a call."""
    package = one.function.__module__.split(".")[1]
    files = Path(__file__).parent.glob(f"test_{package}_*.py")
    asked = re.compile(rf"""["']{one.name}["']|(?<!\w){one.name}\(""")
    assert any(asked.search(file.read_text()) for file in files)


@pytest.mark.parametrize("field", ["definition", "formula", "null", "fails", "source"])
def test_no_entry_lacks(field: str) -> None:
    assert [one.name for one in statistics() if not str(getattr(one, field)).strip()] == []


def test_a_name_that_is_not_there_gets_a_suggestion() -> None:
    with pytest.raises(UsageError, match="did you mean 'effective_rank'"):
        entry("efective_rank")
    with pytest.raises(UsageError, match="geometry explain"):
        entry("qqqqqqqq")


def test_registering_keeps_function_and_options(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_entries", {})

    @statistic(
        "ones", needs=("points", "optional reference"), range=(0, 1), invariances=(), direction="down", source="none"
    )
    def ones(scan: object, *, share: float = 0.5) -> Estimate:
        """Always one."""
        return measured("ones", 1.0)

    (made,) = registry.entries()
    assert made is entry("ones") and made.function is ones
    assert made.options == {"share": 0.5} and made.definition == "Always one."
    assert made.takes_reference and not made.needs_reference
