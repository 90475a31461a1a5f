"""Curves for TensorBoard: what training showed can be read back."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from molmeta.errors import InputError
from molmeta.training.pretrain import Epoch
from molmeta.training.progress import Progress
from molmeta.training.tensorboard import tensorboard


def row(step: int) -> Progress:
    return Progress(step, 1 / step, 2.0, 1e-3, 30.0, 5.0, float("nan"), float("nan"), 0)


def read(folder: Path) -> dict[str, dict[int, float]]:
    module = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    events = module.EventAccumulator(str(folder)).Reload()
    return {
        tag: {event.step: event.value for event in events.Scalars(tag)}
        for tag in events.Tags()["scalars"]
    }


def test_rows_and_epochs_are_read_back_and_a_resumed_run_replaces_its_own(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    show = tensorboard(tmp_path / "curves")
    assert not (tmp_path / "curves").exists()
    show(Epoch(1, 2, 0.5, 3.0))
    for step in (2, 4, 6):
        show(row(step))
    resumed = tensorboard(tmp_path / "curves")
    resumed(row(4))
    assert read(tmp_path / "curves" / "pretraining") == {"loss": {1: 0.5}, "seconds": {1: 3.0}}
    training = read(tmp_path / "curves" / "training")
    assert training["loss"] == {2: 0.5, 4: 0.25}
    assert not {"step", "best", "valid_delta_auprc"} & set(training)  # not yet numbers


def test_without_the_package_the_reason_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(InputError, match=r"no package tensorboard\. pip install"):
        tensorboard(tmp_path)
