"""Final epochs: pre-training goes on with all assays once meta-training is done."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from molmeta.assays import AssayStore
from molmeta.errors import InputError, Interrupted
from molmeta.runs import load_model
from molmeta.runs.recipe import build_learner, resolve_recipe
from molmeta.training import train
from molmeta.training.final_epochs import carry_over
from molmeta.training.pretrain import Epoch
from molmeta.training.progress import Progress
from tests.training.test_pretrain import RECIPE, assert_same_bits, changed, pretrainer

FINAL = changed("pretraining", final=1)


@pytest.fixture(scope="module")
def undisturbed(
    stores: tuple[AssayStore, AssayStore], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    run = tmp_path_factory.mktemp("runs") / "undisturbed"
    rows: list[Any] = []
    best = train(FINAL, *stores, run, progress=rows.append)
    kinds = [f"epoch {row.number}" if isinstance(row, Epoch) else "step" for row in rows]
    assert kinds == ["epoch 1", "epoch 2", "step", "epoch 3"]
    assert f"{best:.3f}" in (run / "README.md").read_text(encoding="utf-8")
    return run


def interrupted(stores: tuple[AssayStore, AssayStore], run: Path) -> Path:
    """A run that was stopped in its final epoch, right after meta-training."""
    seen: list[Any] = []

    def meta_training_is_done() -> bool:
        return any(isinstance(row, Progress) for row in seen)

    with pytest.raises(Interrupted, match="epoch 3 of 3 of pre-training"):
        train(FINAL, *stores, run, progress=seen.append, stop=meta_training_is_done)
    return run


def test_all_assays_are_known_and_what_meta_training_learned_stays(
    undisturbed: Path, stores: tuple[AssayStore, AssayStore], tmp_path: Path
) -> None:
    run = interrupted(stores, tmp_path / "run")
    before, after = (load_file(folder / "model.safetensors") for folder in (run, undisturbed))
    assert len(before["matcher.known_assays.biases"]) == round(0.6 * len(stores[0]))
    assert len(after["matcher.known_assays.biases"]) == len(stores[0])
    for name in before:
        if name.startswith(("matcher.projection", "matcher.head", "matcher.known_assays.log")):
            assert torch.equal(before[name], after[name]), name
    assert not torch.equal(before["encoder.last.weight"], after["encoder.last.weight"])
    known = load_model(undisturbed).learner.matcher.known_assays
    assert known is not None
    assert len(known) == len(stores[0])


def test_interrupted_in_a_final_epoch_and_resumed_ends_in_the_same_bits(
    undisturbed: Path, stores: tuple[AssayStore, AssayStore], tmp_path: Path
) -> None:
    run = interrupted(stores, tmp_path / "run")
    with pytest.raises(Interrupted, match="epoch 3 of 3 of pre-training"):
        train(FINAL, *stores, run, resume=True, stop=lambda: True)
    train(FINAL, *stores, run, resume=True)
    assert_same_bits(undisturbed, run)
    train(FINAL, *stores, run, resume=True)  # done already: nothing changes
    assert_same_bits(undisturbed, run)


def test_readouts_and_moments_are_carried_to_their_assays(
    stores: tuple[AssayStore, AssayStore], tmp_path: Path
) -> None:
    recipe = resolve_recipe(FINAL)
    encoder = build_learner(recipe).encoder
    trainer = pretrainer(encoder, stores[0], tmp_path, **recipe.sections["pretraining"])
    trainer.run()
    final = pretrainer(
        trainer.encoder, stores[0], tmp_path, last=True, **recipe.sections["pretraining"]
    )
    carry_over(trainer, final)
    weights = dict(zip(trainer.store.assay_ids, trainer.readout.weights, strict=True))
    moments = dict(
        zip(
            trainer.store.assay_ids,
            trainer.optimizer.state[trainer.readout.weights]["exp_avg"],
            strict=True,
        )
    )
    mean = trainer.readout.weights.mean(0)
    carried = final.optimizer.state[final.readout.weights]["exp_avg"]
    assert set(weights) < set(final.store.assay_ids)
    for number, assay in enumerate(final.store.assay_ids):
        torch.testing.assert_close(final.readout.weights[number], weights.get(assay, mean))
        expected = moments.get(assay, torch.zeros_like(mean))
        torch.testing.assert_close(carried[number], expected)


@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        (changed("pretraining", final=3), "epochs before the final ones"),
        ({**FINAL, "pretraining": {**FINAL["pretraining"], "share": 1.0}}, "a share below 1"),
        (
            {**FINAL, "known_assays": {}, "training": {**RECIPE["training"], "encoder_rate": 0.5}},
            "leave pretraining.final out",
        ),
        (
            {**FINAL, "known_assays": {}, "pretraining": {"epochs": 0, "share": 0.6, "final": 1}},
            "epochs before the final ones",
        ),
    ],
)
def test_settings_that_contradict_final_epochs_are_refused(
    recipe: dict[str, Any], message: str, stores: tuple[AssayStore, AssayStore], tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=message):
        train(recipe, *stores, tmp_path / "run")
    assert not (tmp_path / "run").exists()  # so that the corrected recipe finds it new


def test_final_epochs_need_the_epochs_before(
    stores: tuple[AssayStore, AssayStore], tmp_path: Path
) -> None:
    recipe = resolve_recipe(FINAL)
    encoder = build_learner(recipe).encoder
    trainer = pretrainer(encoder, stores[0], tmp_path, **recipe.sections["pretraining"])
    with pytest.raises(InputError, match="no saved epoch"):
        carry_over(trainer, trainer)
