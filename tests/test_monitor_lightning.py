"""The Lightning callback on a real Trainer: readings, loggers, callback metrics, stop, checkpoint."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
import torch

from geometry.errors import InputError
from geometry.monitor import CollapseMonitor

pytestmark = pytest.mark.filterwarnings("ignore")  # Lightning speaks of workers, intervals and its own deprecations


def fit(
    folder: Path, stop: str = "", layer: str = "encoder", epochs: int = 4, every: int = 4, watcher: object = None
) -> tuple[object, object]:
    """A net of one layer that is trained to close all directions but one."""
    import lightning.pytorch as pl
    from lightning.pytorch.loggers import CSVLogger

    from geometry.monitor import LightningMonitor

    class Closing(pl.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.encoder = torch.nn.Linear(8, 8)

        def training_step(self, batch: list[torch.Tensor], index: int) -> torch.Tensor:
            return (self.encoder(batch[0])[:, 1:] ** 2).mean()

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.SGD(self.parameters(), 1.0)

    torch.manual_seed(0)
    rows = torch.utils.data.TensorDataset(torch.randn(256, 8))
    monitor = CollapseMonitor(["effective_rank"], rows=64, stop=stop)
    callback = LightningMonitor(monitor, layer, every=every, log=folder / "own.csv")
    trainer = pl.Trainer(
        max_epochs=epochs,
        accelerator="cpu",
        callbacks=[watcher, callback] if watcher else [callback],
        logger=CSVLogger(folder),
        enable_progress_bar=False,
        enable_model_summary=False,
        enable_checkpointing=False,
    )
    module = Closing()
    trainer.fit(module, torch.utils.data.DataLoader(rows, 32))
    assert not module.encoder._forward_hooks
    trainer.save_checkpoint(folder / "last.ckpt")
    return callback, trainer


def test_readings_reach_loggers_metrics_and_checkpoint(tmp_path: Path) -> None:
    callback, trainer = fit(tmp_path)
    assert [one.step for one in callback.readings] == list(range(4, 33, 4))
    rank = "effective_rank.covariance"
    with next(tmp_path.rglob("metrics.csv")).open() as file:
        logged = {int(row["step"]): float(row[f"geometry/{rank}"]) for row in csv.DictReader(file)}
    assert logged == pytest.approx({one.step: one.scalars[rank] for one in callback.readings})
    assert (tmp_path / "own.csv").read_text().count("\n") == 9
    assert float(trainer.callback_metrics[f"geometry/{rank}"]) == pytest.approx(logged[32])
    kept = torch.load(tmp_path / "last.ckpt", weights_only=True)["callbacks"]["LightningMonitor"]["baseline"]
    assert kept[rank][0] == pytest.approx(logged[4])


def test_training_stops_where_the_condition_holds(tmp_path: Path) -> None:
    callback, trainer = fit(tmp_path, "effective_rank<0.7x", epochs=100)
    last = callback.readings[-1]
    assert last.stop and trainer.global_step == last.step < 800
    assert not any(one.stop for one in callback.readings[:-1])
    assert last.scalars["effective_rank.covariance"] < 0.7 * callback.readings[0].scalars["effective_rank.covariance"]


def test_others_can_watch_values_from_the_first_epoch_on(tmp_path: Path) -> None:
    from lightning.pytorch.callbacks import EarlyStopping

    rank = "geometry/effective_rank.covariance"
    callback, trainer = fit(tmp_path, epochs=2, every=9, watcher=EarlyStopping(rank, mode="max"))
    assert [one.step for one in callback.readings] == [8, 9] and trainer.global_step == 16
    callback.monitor.update(torch.ones(64, 8))
    callback.on_train_batch_end(Stub(9, trainer), None, None, None, 0)
    assert len(callback.readings) == 2
    stub = Stub(18, trainer)
    callback.on_train_batch_end(stub, None, None, None, 0)
    assert stub.callback_metrics[rank].isnan() and float(stub.callback_metrics["loss"]) == 2


class Stub:
    """A trainer at some step, with the metrics that another has left."""

    def __init__(self, step: int, trainer: object) -> None:
        self.global_step, self.is_global_zero, self.loggers = step, True, []
        self.callback_metrics = {**trainer.callback_metrics, "loss": torch.tensor(2.0)}


def test_a_layer_that_is_not_there_ends_it_before_the_first_step(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no layer is called like 'encodr'.*encoder"):
        fit(tmp_path, layer="encodr")
