"""The transformers callback on a real Trainer: with and without knowing its trainer."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from geometry.monitor import CollapseMonitor

pytestmark = [pytest.mark.long, pytest.mark.filterwarnings("ignore")]


class Closing(torch.nn.Module):
    """One layer that is trained to close all directions but one; gives out a dict, as models of transformers do."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = torch.nn.Linear(8, 8)

    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"loss": (self.encoder(x)[:, 1:] ** 2).mean()}


@pytest.mark.parametrize("knows_its_trainer", [True, False])
def test_readings_are_logged_and_stop_the_training(tmp_path: Path, knows_its_trainer: bool) -> None:
    transformers = pytest.importorskip("transformers")
    from geometry.monitor import HuggingFaceMonitor

    torch.manual_seed(0)
    rows = [{"x": torch.randn(8)} for _ in range(256)]
    monitor = CollapseMonitor(["effective_rank"], rows=64, stop="effective_rank<0.7x")
    callback = HuggingFaceMonitor(monitor, "encoder", every=4, log=tmp_path / "own.jsonl")
    arguments = transformers.TrainingArguments(
        str(tmp_path / "out"),
        per_device_train_batch_size=32,
        learning_rate=1.0,
        lr_scheduler_type="constant",
        optim="sgd",
        num_train_epochs=50,
        report_to=[],
        disable_tqdm=True,
        save_strategy="steps",
        save_steps=8,
        use_cpu=True,
    )
    own = None if knows_its_trainer else [callback]
    trainer = transformers.Trainer(Closing(), arguments, train_dataset=rows, callbacks=own)
    if knows_its_trainer:
        assert callback.add_to(trainer) is callback
    trainer.train()
    steps = [one["step"] for one in trainer.state.log_history if "geometry/effective_rank.covariance" in one]
    assert steps == [one.step for one in callback.readings] == list(range(4, trainer.state.global_step + 1, 4))
    assert callback.readings[-1].stop and trainer.state.global_step < 400
    assert (tmp_path / "own.jsonl").read_text().count("\n") == len(steps)
    assert not trainer.model.encoder._forward_hooks
    again = HuggingFaceMonitor(CollapseMonitor(["effective_rank"], rows=64), "encoder", every=4)
    resumed = transformers.Trainer(Closing(), arguments, train_dataset=rows, callbacks=[again])
    arguments.max_steps = 16
    resumed.train(resume_from_checkpoint=str(tmp_path / "out" / "checkpoint-8"))
    rank = "effective_rank.covariance"
    assert again.monitor.baseline[rank].value == pytest.approx(callback.readings[0].scalars[rank])
    assert again.readings[0].scalars[rank] < 0.95 * callback.readings[0].scalars[rank]
