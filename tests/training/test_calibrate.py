"""Calibration as a stage of a run, and what it fits."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from scipy.special import expit

from molmeta.assays import AssayStore
from molmeta.errors import InputError
from molmeta.runs import load_model
from molmeta.runs.release import release
from molmeta.runs.settings import Calibrating
from molmeta.tensors import load_tensors
from molmeta.training import calibrate, train
from molmeta.training.calibrate import NUMBERS, _fit_temperatures
from molmeta.training.held_out_draws import ScoredDraw
from tests.training.test_run import TINY

CALIBRATED: dict[str, Any] = {**TINY, "calibration": {"draws": 2, "support_sizes": [8, 200]}}


@pytest.fixture(scope="module")
def run(stores: tuple[AssayStore, AssayStore], tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("runs") / "calibrated"
    train(CALIBRATED, *stores, run)
    return run


def test_a_run_calibrates_its_model_where_the_recipe_asks_for_it(run: Path) -> None:
    found = load_model(run).calibration
    assert found is not None
    assert list(found.temperatures) == [8]  # no assay has 200 molecules
    assert set(found.delta_auprc.weights) == set(NUMBERS)
    assert found.delta_auprc.low < 0 < found.delta_auprc.high
    assert "valid: " in found.fitted_on
    config = json.loads((run / "config.json").read_text())
    assert config["recipe"]["calibration"]["draws"] == 2


def test_the_stage_and_the_function_fit_the_same(
    run: Path, stores: tuple[AssayStore, AssayStore]
) -> None:
    model = load_model(run)
    again, judged = calibrate(model, stores[1], Calibrating(draws=2, support_sizes=(8,)))
    assert again == model.calibration
    assert len(judged) == 2 * judged["assay"].nunique()


def test_temperatures_undo_what_made_scores_too_bold() -> None:
    rng = np.random.default_rng(0)
    known: Any = SimpleNamespace(labels=np.ones(8), model=SimpleNamespace(carries_ratio=False))
    draws = []
    for size, heat in ((8, 2.0), (16, 0.5)):
        right = rng.normal(0, 2, 20_000)
        labels = (rng.random(20_000) < expit(right)).astype(np.float32)
        draws.append(ScoredDraw("a", 0, size, known, right[:8], heat * right, labels, 0.0))
    found = _fit_temperatures(draws)
    assert found[8] == pytest.approx(2.0, rel=0.05)
    assert found[16] == pytest.approx(0.5, rel=0.05)


def test_assays_that_cannot_be_drawn_from_are_refused(
    run: Path, stores: tuple[AssayStore, AssayStore]
) -> None:
    few = stores[1].subset(stores[1].assay_ids[:2])
    with pytest.raises(InputError, match="calibration at support sizes 8; got assays of"):
        calibrate(load_model(run), few, Calibrating(draws=1, support_sizes=(8,)))


def test_a_release_scores_alike_in_half_the_space(run: Path, tmp_path: Path) -> None:
    card = tmp_path / "card.md"
    card.write_text("# Ours\n")
    release(run, card, tmp_path / "ours")
    released = load_model(tmp_path / "ours")
    assert released.calibration is None  # for the copy is to be calibrated
    assert (tmp_path / "ours" / "README.md").read_text() == "# Ours\n"
    weights, half = (load_tensors(f / "model.safetensors") for f in (run, tmp_path / "ours"))
    name = "matcher.projection.weight"
    assert half[name].element_size() == 2
    np.testing.assert_allclose(half[name].float(), weights[name], rtol=1e-3, atol=1e-7)
