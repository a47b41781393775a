"""The monitor as a plain object: its queue, readings, baseline, conditions, and the hook that feeds it."""

from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import clouds
import numpy as np
import pytest
import torch
from torch.utils.checkpoint import checkpoint

from geometry.catalog import compute
from geometry.errors import InputError, UsageError
from geometry.monitor import CollapseMonitor, sink, watch
from geometry.monitor.queue import Queue
from geometry.sources.logs import read_log

POINTS = clouds.gaussian(300, 6).astype(np.float32)


def test_queue_keeps_the_newest_rows_in_order() -> None:
    queue = Queue(10)
    for first in range(0, 27, 3):
        queue.add(np.arange(first, first + 3)[:, None])
    assert queue.points().ravel().tolist() == list(range(17, 27))
    assert queue.full and queue.seen == 27
    queue.add(np.arange(100, 150)[:, None])
    assert queue.points().ravel().tolist() == list(range(140, 150))


def test_queue_leaves_out_what_is_not_finite_and_refuses_another_layer() -> None:
    queue = Queue(10)
    queue.add(np.array([[1.0, 2.0], [np.nan, 0.0], [1e300, 0.0], [3.0, 4.0]]))
    assert queue.points().tolist() == [[1, 2], [3, 4]] and queue.dropped == 2
    with pytest.raises(InputError, match="3 dimensions after rows of 2"):
        queue.add(np.ones((2, 3)))


def test_statistics_are_those_of_the_rows() -> None:
    monitor = CollapseMonitor(["effective_rank", "scale"], rows=100)
    for part in np.array_split(POINTS, 7):
        monitor.update(torch.from_numpy(part))
    made = monitor.compute()
    expected = compute("effective_rank", POINTS[-100:])
    assert made["effective_rank.covariance"].value == pytest.approx(expected["covariance"].value)
    assert set(made) == {"effective_rank.singular", "effective_rank.covariance", "scale.total variance"}


def test_merge_is_as_if_one_had_seen_all() -> None:
    parts = [CollapseMonitor("mean_cosine", rows=200) for _ in range(3)]
    for one, rows in zip(parts, np.array_split(POINTS[:150], 3), strict=True):
        one.update(rows)
    merged = parts[0].merge(*parts[1:]).compute()["mean_cosine"]
    assert merged.value == pytest.approx(compute("mean_cosine", POINTS[:150]).value)
    parts[0].reset()
    assert parts[0].compute()["mean_cosine"].status == "undefined"


def test_merged_are_the_newest_rows_of_all_workers() -> None:
    full, other, short, empty = (CollapseMonitor("scale", rows=8) for _ in range(4))
    full.update(np.arange(20.0)[:, None])
    other.update(100 + np.arange(8.0)[:, None])
    short.update(np.array([[np.nan], [1000.0]]))
    kept = full.merge(empty, other, short).queue.points().ravel().tolist()
    assert sorted(kept) == [17, 18, 19, 104, 105, 106, 107, 1000] and full.queue.dropped == 1
    assert full.queue.points()[-3:].ravel().tolist() == [19, 107, 1000]
    assert empty.merge(other).queue.points().ravel().tolist() == (100 + np.arange(8)).tolist()
    part = CollapseMonitor("scale", rows=8).merge(short)
    assert part.queue.points().tolist() == [[1000]] and not part.queue.full
    assert part.merge(CollapseMonitor("scale")).queue.points().tolist() == [[1000]]
    other.queue.add(np.full((3, 1), 9.0))
    assert other.queue.points().ravel().tolist() == [103, 104, 105, 106, 107, 9, 9, 9]
    wide = CollapseMonitor("scale")
    wide.update(POINTS)
    with pytest.raises(InputError, match="1 and 6 dimensions"):
        full.merge(wide)


def test_workers_send_monitors_and_threads_share_one() -> None:
    monitor = CollapseMonitor("scale", rows=50, stop="scale<0.5x")
    monitor.update(POINTS[:50])
    monitor.read(0)
    sent = pickle.loads(pickle.dumps(monitor))
    sent.update(0.1 * POINTS[:50])
    assert sent.read(1).stop and not monitor.read(1).stop
    queue = Queue(1_000)
    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(queue.add, np.full((3, 64), i)) for i in range(2_000)]:
            done.result()
    assert queue.seen == 6_000 and (np.bincount(queue.points()[:, 0].astype(int), minlength=2_000) <= 3).all()


def test_baseline_is_the_first_reading_of_a_full_queue() -> None:
    monitor = CollapseMonitor("scale", rows=100, stop="scale<0.5x")
    monitor.update(POINTS[:50] * 100)
    assert not monitor.read(0).stop and not monitor.baseline
    monitor.update(POINTS[:100])
    assert not monitor.read(1).stop
    monitor.update(0.8 * POINTS[100:200])
    assert not monitor.read(2).stop
    monitor.update(0.6 * POINTS[100:200])
    reading = monitor.read(3)
    assert [str(one) for one in reading.broken] == ["scale<0.5x"] and reading.step == 3
    fresh = CollapseMonitor("scale", rows=100, stop="scale<0.5x")
    fresh.load_state_dict(monitor.state_dict())
    fresh.update(0.6 * POINTS[100:200])
    assert fresh.read(4).stop


def test_conditions_by_value_by_given_baseline_and_by_z() -> None:
    rows = POINTS[:100]

    def stops(stop: str, points: np.ndarray, **options: object) -> bool:
        monitor = CollapseMonitor((), rows=100, stop=stop, **options)
        monitor.update(rows)
        monitor.read(0)
        monitor.update(points)
        return monitor.read(1).stop

    assert stops("effective_rank.covariance>5", rows) and not stops("effective_rank.covariance<5", rows)
    assert stops("effective_rank<.5x", rows, baseline={"effective_rank.covariance": 20.0})
    assert stops("mean_cosine>4z", np.abs(rows)) and not stops("mean_cosine>4z", rows[::-1])
    assert stops("scale<-4z", 0.3 * rows) and not stops("scale<-4z", 0.95 * rows)


def test_a_given_baseline_is_of_what_it_names_and_the_rest_is_read() -> None:
    def stops(stop: str, baseline: dict[str, float]) -> bool:
        monitor = CollapseMonitor((), rows=100, stop=stop, baseline=baseline)
        for rows in (POINTS[:100], POINTS[:100] * [1, 1, 0.01, 0.01, 0.01, 0.01]):
            monitor.update(rows)
            last = monitor.read(0)
        return last.stop

    assert stops("scale<0.2x, effective_rank<0.5x", {"scale": 1.0})
    assert not stops("effective_rank<0.5x", {"effective_rank": 1.0})
    assert stops("effective_rank<0.5x", {"effective_rank.singular": 1.0})
    assert not stops("effective_rank.singular<0.5x", {"effective_rank.singular": 1.0})


def test_nothing_is_judged_before_the_queue_is_full_and_no_value_is_the_worst() -> None:
    monitor = CollapseMonitor((), rows=100, stop="effective_rank<4")
    monitor.update(POINTS[:3])
    assert monitor.read(0).estimates["effective_rank.covariance"].value < 4 and not monitor.read(0).stop
    monitor.update(POINTS[:100])
    assert not monitor.read(1).stop
    monitor.update(np.ones((100, 6)))
    reading = monitor.read(2)
    assert reading.estimates["effective_rank.covariance"].reason == "no-spread" and reading.stop
    alike = CollapseMonitor((), rows=10, stop="effective_rank<0.5x")
    alike.update(np.ones((10, 6)))
    assert alike.read(0).stop
    for rows in (POINTS[:10], POINTS[:10] * [1, 0, 0, 0, 0, 0]):
        alike.update(rows)
        last = alike.read(1)
    assert last.stop and alike.baseline["effective_rank.covariance"].value > 3


def test_patience_counts_readings_one_after_the_other() -> None:
    monitor = CollapseMonitor("scale", rows=100, stop="scale<0.5x", patience=2)
    seen = []
    for factor in (1, 0.1, 1, 0.1, 0.1, 1):
        monitor.update(factor * POINTS[:100])
        seen.append(monitor.read(0).stop)
    assert seen == [False, False, False, False, True, False]
    monitor.update(0.1 * POINTS[:100])
    assert not monitor.read(0).stop
    monitor.reset()
    monitor.update(0.1 * POINTS[:100])
    assert not monitor.read(0).stop and monitor.read(0).stop


def test_a_monitor_that_sees_nothing_says_so() -> None:
    with pytest.warns(UserWarning, match="no row yet.*evaluation mode"):
        assert not CollapseMonitor(stop="scale<1").read(0).stop


def test_options_that_are_none() -> None:
    with pytest.raises(UsageError, match="did you mean 'effective_rank'"):
        CollapseMonitor("efective_rank")
    with pytest.raises(UsageError, match="no statistic"):
        CollapseMonitor("scale", stop="nothing<3")
    with pytest.raises(UsageError, match="frechet needs a reference"):
        CollapseMonitor("frechet")
    for rows in (1, 2.5, "many"):
        with pytest.raises(UsageError, match="at least 2"):
            CollapseMonitor("scale", rows=rows)
    for options, said in (
        ({"stop": "effective_rank.covarianc<2"}, "has no 'covarianc'; it has singular, covariance"),
        ({"stop": "participation_ratio.x<2"}, "has no 'x'"),
        ({"stop": "lpca.fo<-2z"}, "lpca.fo has no standard error on 1024 rows"),
        ({"baseline": {"vendi": 3.0}}, "vendi is not computed"),
        ({"baseline": {"mle.harmonc": 3.0}}, "has no 'harmonc'"),
        ({"baseline": {"scale": float("nan")}}, "nan is no number"),
        ({"patience": 0}, "1 reading or more"),
    ):
        with pytest.raises(UsageError, match=said):
            CollapseMonitor(**options)


class Net(torch.nn.Module):
    """Gives out tokens as a tuple, a dict, or a map, by name."""

    def __init__(self, kind: str = "rows") -> None:
        super().__init__()
        self.kind = kind
        self.body = torch.nn.Identity()
        self.tail = Out(kind)

    def forward(self, x: torch.Tensor) -> object:
        return self.tail(self.body(x))


class Out(torch.nn.Module):
    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind

    def forward(self, x: torch.Tensor) -> object:
        return {"rows": x, "tuple": (x, 2 * x), "dict": {"hidden": x, "loss": 2 * x}}[self.kind]


TOKENS = torch.arange(2 * 3 * 4, dtype=torch.float32).reshape(2, 3, 4)


@pytest.mark.parametrize(
    ("pool", "rows"),
    [("mean", TOKENS.mean(1)), ("cls", TOKENS[:, 0]), ("last", TOKENS[:, -1]), ("none", TOKENS.flatten(0, 1))],
)
def test_pooling_of_tokens(pool: str, rows: torch.Tensor) -> None:
    monitor, model = CollapseMonitor("scale", rows=10), Net()
    with watch(model, "tail", monitor, pool=pool):
        model(TOKENS)
    model(TOKENS)
    assert np.array_equal(monitor.queue.points(), rows.numpy())


def test_maps_are_pooled_over_places_and_large_batches_thinned() -> None:
    monitor, model = CollapseMonitor("scale", rows=4), Net()
    maps = torch.randn(8, 5, 3, 3)
    with watch(model, "tail", monitor):
        model(maps)
    assert monitor.queue.points() == pytest.approx(maps.mean((2, 3))[::2].numpy(), abs=1e-6)
    with watch(model, "tail", monitor, pool="cls"), pytest.raises(UsageError, match="no cls token"):
        model(maps)
    with watch(model, "tail", monitor), pytest.raises(InputError, match=r"gives out shape \(3,\)"):
        model(torch.ones(3))


def test_only_training_counts_unless_asked() -> None:
    model = Net().eval()
    for every in (False, True):
        monitor = CollapseMonitor("scale", rows=4)
        with watch(model, "*ail", monitor, training_only=not every):
            model(torch.ones(3, 2))
        assert monitor.queue.seen == 3 * every


@pytest.mark.parametrize("reentrant", [pytest.param(False, marks=pytest.mark.long), True])
def test_what_checkpointing_runs_again_counts_once(reentrant: bool) -> None:
    body, monitor = torch.nn.Linear(4, 4), CollapseMonitor("scale", rows=50)
    with watch(torch.nn.Sequential(body), "0", monitor):
        for _ in range(2):
            rows = torch.randn(10, 4, requires_grad=True)
            checkpoint(body, rows, use_reentrant=reentrant).sum().backward()
    assert monitor.queue.seen == 20


def test_tuples_and_dicts_are_asked_which_part() -> None:
    monitor = CollapseMonitor("scale", rows=4)
    for kind, take in (("tuple", "0"), ("dict", "hidden")):
        model = Net(kind)
        with (
            watch(model, "tail", monitor),
            pytest.raises(InputError, match=rf"{kind} of '{take}' \(3, 2\).*take="),
        ):
            model(torch.ones(3, 2))
        with watch(model, "tail", monitor, take=take):
            model(torch.ones(3, 2))
    assert monitor.queue.seen == 6


def test_layer_that_is_not_there() -> None:
    for layer, said in (("bdy", "body"), ("*", "means 2 modules")):
        with pytest.raises(InputError, match=said), watch(Net(), layer, CollapseMonitor()):
            pass
    with pytest.raises(UsageError, match="pool 'max'"), watch(Net(), "body", CollapseMonitor(), pool="max"):
        pass


def test_a_training_that_collapses_is_logged_and_stopped(tmp_path: Path) -> None:
    """Two noisy views of a row are pulled together and nothing holds rows apart."""
    torch.manual_seed(0)
    rows = torch.randn(512, 16)
    encoder = torch.nn.Sequential(torch.nn.Linear(16, 32), torch.nn.ReLU(), torch.nn.Linear(32, 8))
    optimizer = torch.optim.Adam(encoder.parameters(), 3e-3)
    monitor, log = CollapseMonitor(["scale"], rows=256, stop="scale<0.2x"), sink(tmp_path / "run.csv")
    with watch(encoder, "2", monitor):
        for step in range(1, 501):
            batch = rows[torch.randint(len(rows), (128,))]
            loss = (encoder(batch) - encoder(batch + 0.3 * torch.randn_like(batch))).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            if step % 10 == 0:
                reading = monitor.read(step)
                log(reading.scalars, step)
                if reading.stop:
                    break
    assert reading.stop and step < 500
    (logged,) = read_log(tmp_path / "run.csv")
    assert logged.at.tolist() == list(range(10, step + 1, 10)) and logged.value[-1] < 0.2 * logged.value[0]
