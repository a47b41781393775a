"""Ablation: arms of equal size without their group, the planted group named, commands, and what is refused."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from geometry.attribution import arms
from geometry.errors import InputError, UsageError
from geometry.loops.ablate import Ablation, Files, Probe, Rows, ablate
from geometry.loops.ablate_command import Command
from geometry.loops.ablate_models import trainer
from geometry.report import ablation as report

GROUPS = ("a", "b", "clusters")


def planted(n: int, seed: int = 0) -> Rows:
    """Groups alike in 16 directions; one alone spreads over eight more, in clusters: a small model keeps those."""
    rng = np.random.default_rng(seed)
    groups = np.array(GROUPS)[np.arange(n) % len(GROUPS)]
    points = np.c_[0.05 * rng.standard_normal((n, 8)), rng.standard_normal((n, 16))]
    own = groups == "clusters"
    centres = 3 * rng.standard_normal((8, 8))
    points[own, :8] = centres[rng.integers(0, 8, own.sum())] + 0.3 * rng.standard_normal((own.sum(), 8))
    return Rows(points.astype(np.float32), groups)


DATA = planted(300)


@pytest.fixture(scope="module")
def found() -> Ablation:
    return ablate(trainer("pca", {"latent": 8}), DATA, Probe(DATA.points), replicates=2)


def test_arms_lack_their_group_and_have_equal_rows() -> None:
    parts = {group: DATA.without(group, 0) for group in (None, *GROUPS)}
    assert {len(part.points) for part in parts.values()} == {200}
    assert set(parts[None].groups) == set(GROUPS)
    assert all(set(part.groups) == set(GROUPS) - {group} for group, part in parts.items())
    assert not np.array_equal(DATA.without("a", 1).points, DATA.without("b", 1).points)
    assert not np.array_equal(DATA.without(None, 0).points, DATA.without(None, 1).points)


def test_the_planted_group_is_named(found: Ablation) -> None:
    effects = arms(found)
    first = effects[0]
    assert first.group == "clusters" and "structure_gain" in first.significant and "dimension_gap" in first.significant
    change = first.changes["structure_gain"]
    assert change.high < -0.1 and change.value == pytest.approx(
        change.profile["without"][0] - change.profile["with"][0]
    )
    assert abs(effects[1].changes["structure_gain"].value) < 0.05
    assert (first.rows, first.share) == (100, pytest.approx(1 / 3))
    assert report.sentence(effects) == "Structure falls most without clusters."
    assert report.text(effects).splitlines()[1].startswith("clusters") and "*" in report.text(effects)


def test_intervals_are_those_of_replicates_pooled_over_groups(found: Ablation) -> None:
    rank = np.array([[_rank(rows) for rows in arm.embeddings] for arm in found.arms])
    change = rank[1:] - rank[0]
    pooled = np.sqrt(change.var(axis=1, ddof=1).mean() / 2)
    for one in arms(found):
        made, own = one.changes["effective_rank"], change[GROUPS.index(one.group)]
        assert made.value == pytest.approx(own.mean(), rel=1e-6)
        assert made.stderr == pytest.approx(max(own.std(ddof=1) / np.sqrt(2), pooled), rel=1e-5)
        assert made.high - made.value == pytest.approx(3.1824 * made.stderr, rel=1e-3)  # Student, 3 degrees of freedom


def _rank(rows: np.ndarray) -> float:
    values = np.linalg.eigvalsh(np.cov(rows.T))
    share = values[values > 1e-12] / values[values > 1e-12].sum()
    return float(np.exp(-(share * np.log(share)).sum()))


def test_groups_that_do_nothing_are_not_named() -> None:
    rows = np.random.default_rng(3).standard_normal((300, 24)).astype(np.float32)
    data = Rows(rows, np.arange(300) % 3)
    effects = arms(ablate(trainer("pca"), data, Probe(rows), replicates=3))
    assert report.sentence(effects) == "No group's absence lowers the structure by more than chance and by .05."


def test_probe_rows_are_too_few_for_the_gauges() -> None:
    few = ablate(trainer("pca"), DATA, Probe(DATA.points[:50]), replicates=2)
    with pytest.raises(InputError, match="50 probe rows"):
        arms(few)


def test_figure_and_rows(found: Ablation) -> None:
    effects = arms(found)
    table = report.rows(effects)
    assert len(table) == 3 * 4 and len(table[0]) == len(report.COLUMNS)
    drawn = report.figure(effects)
    assert [label.get_text() for label in drawn.axes[0].get_yticklabels()] == [f"without {e.group}" for e in effects]


def test_a_stopped_run_goes_on_and_another_does_not(tmp_path: Path) -> None:
    told: list[str] = []
    model = trainer("pca", {"latent": 8})
    first = ablate(model, DATA, Probe(DATA.points, DATA.groups), replicates=2, out=tmp_path, progress=told.append)
    assert len(told) == 8
    place = tmp_path / "arms" / "without_a"
    kept = [np.load(place / name) for name in ("embeddings.npy", "replicates/1.npy", "embeddings_labels.npy")]
    assert np.array_equal(kept[0], first.arms[1].embeddings[0]) and np.array_equal(kept[1], first.arms[1].embeddings[1])
    assert np.array_equal(kept[2], DATA.groups)
    (place / "embeddings.npy").rename(place / "gone.npy")
    with pytest.raises(InputError, match="not a readable arm"):
        ablate(model, DATA, Probe(DATA.points), replicates=2, out=tmp_path)
    (place / "gone.npy").rename(place / "embeddings.npy")
    again = ablate(model, DATA, Probe(DATA.points), replicates=2, out=tmp_path, progress=told.append)
    assert len(told) == 8
    assert all(np.array_equal(a.embeddings, b.embeddings) for a, b in zip(first.arms, again.arms, strict=True))
    with pytest.raises(InputError, match="other data or arguments"):
        ablate(trainer("pca", {"latent": 7}), DATA, Probe(DATA.points), replicates=2, out=tmp_path)
    with pytest.raises(InputError, match="other data or arguments"):
        ablate(model, DATA, Probe(DATA.points), replicates=2, seed=1, out=tmp_path)


def test_vae_embeds_the_probe() -> None:
    model = trainer("vae", {"latent": 3, "steps": 2, "hidden": 8})
    one, again, other = (model.embeddings(DATA, DATA.points[:7], seed) for seed in (0, 0, 1))
    assert one.shape == (7, 3) and np.array_equal(one, again) and not np.array_equal(one, other)


SCRIPT = """
import sys, numpy as np
data, probe, out, seed = sys.argv[1:]
rows = np.load(data)["points"]
assert set(np.load(data)) == {"points", "groups"}
np.save(out, np.load(probe)[:, :3] - rows.mean(0)[:3] + 0 * int(seed))
"""


def test_a_users_command_is_trained_on_what_is_left(tmp_path: Path) -> None:
    script = tmp_path / "my train.py"
    script.write_text(SCRIPT)
    model = Command(f"{sys.executable} '{script}' {{data}} {{probe}} {{embeddings}} {{seed}}")
    made = model.embeddings(DATA.without("a", 0), DATA.points, 0)
    assert made == pytest.approx(DATA.points[:, :3] - DATA.without("a", 0).points.mean(0)[:3])


def test_files_are_groups_for_a_command(tmp_path: Path) -> None:
    for name in ("x.txt", "y.txt", "z.txt"):
        (tmp_path / "corpus").mkdir(exist_ok=True)
        (tmp_path / "corpus" / name).write_text(name * 3)
    listing = f"""{sys.executable} -c "import sys, os, numpy as np; d, o = sys.argv[1:]
np.save(o, [[sum(map(len, os.listdir(d))), len(open(os.path.join(d, 'y.txt')).read())]])" {{data}} {{embeddings}}"""
    data = Files({path.name: path for path in sorted((tmp_path / "corpus").iterdir())})
    assert Command(listing).embeddings(data.without("x.txt", 0), None, 0).tolist() == [[10.0, 15.0]]
    assert data.names == ["x.txt", "y.txt", "z.txt"] and data.sizes() == {"x.txt": 1, "y.txt": 1, "z.txt": 1}
    with pytest.raises(UsageError, match="pca is trained on rows"):
        ablate(trainer("pca"), data, Probe())


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("false {data} {embeddings}", "ended with code 1"),
        ("true {data} {embeddings}", "wrote no {embeddings} file"),
        ("/no/such/program {data} {embeddings}", "cannot be started"),
        (f"{sys.executable} -c 'raise SystemExit(\"no memory\")' {{data}} {{embeddings}}", "no memory"),
        ("cp {data} {embeddings}", "is no .npy array"),
    ],
)
def test_a_command_that_fails_leaves_nothing_half(command: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=said):
        ablate(Command(command), DATA, Probe(DATA.points), replicates=2, out=tmp_path)
    assert not (tmp_path / "arms").exists()


def test_a_command_that_hangs_or_is_killed_is_said(tmp_path: Path) -> None:
    for body, timeout, said in (
        ("import time; time.sleep(60)", 0.3, r"took more than 0\.3 seconds"),
        ("import os; os.kill(os.getpid(), 9)", None, "ended with Killed"),
    ):
        asked = Command(f"{sys.executable} -c '{body}' {{data}} {{embeddings}}", timeout)
        with pytest.raises(InputError, match=said):
            ablate(asked, DATA, Probe(DATA.points), replicates=2, out=tmp_path)
    assert list(tmp_path.iterdir()) == [] and "timeout" not in asked.card()


def test_a_command_that_asks_for_probe_rows_needs_some(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_text(name)
    asked = Files({name: tmp_path / name for name in ("a", "b")})
    with pytest.raises(UsageError, match="name them with --probe"):
        ablate(Command("train {data} {probe} {embeddings}"), asked, Probe(), replicates=2)


def test_embeddings_that_cannot_be_used_are_refused() -> None:
    class Wrong:
        def __init__(self, rows: np.ndarray) -> None:
            self.rows = rows

        def card(self) -> dict[str, object]:
            return {}

        def embeddings(self, *given: object) -> np.ndarray:
            return self.rows

    for rows, said in ((np.ones((5, 2)), r"need \(300, d\)"), (np.full((300, 2), np.nan), "NaN")):
        with pytest.raises(InputError, match=said):
            ablate(Wrong(rows), DATA, Probe(DATA.points), replicates=2)


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ("vea", "did you mean 'vae'"),
        ("train.py {data}", "lacks {embeddings}"),
        ("train.py {data} {embeddings} {sed}", "known are {data}"),
        ("train.py '{data} {embeddings}", "cannot be split"),
    ],
)
def test_models_and_commands_that_are_none(model: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        trainer(model)


def test_options_that_are_none() -> None:
    with pytest.raises(UsageError, match="pca has no option 'steps'"):
        trainer("pca", {"steps": 3})
    with pytest.raises(UsageError, match="replicates = 1"):
        ablate(trainer("pca"), DATA, Probe(DATA.points), replicates=1)
    with pytest.raises(UsageError, match="there is 1 group"):
        ablate(trainer("pca"), Rows(DATA.points, np.zeros(300)), Probe(DATA.points))
    with pytest.raises(InputError, match="groups have shape"):
        Rows(DATA.points, np.zeros(3))
