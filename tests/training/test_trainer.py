"""The trainer's parts: validation leaves no trace, several processes do as one does."""

from __future__ import annotations

import copy
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from safetensors.torch import load_file

from molmeta.assays import AssayStore, drug_mechanisms
from molmeta.assays.splits import split_assays, write_split
from molmeta.config import read_recipe
from molmeta.episodes.sampler import EpisodeSampler
from molmeta.errors import InputError
from molmeta.learning import Learner
from molmeta.runs.recipe import build_learner, resolve_recipe
from molmeta.runs.settings import Training
from molmeta.training import train
from molmeta.training.metatrain import MetaTrainer, make_sampler
from molmeta.training.parallel import Workers
from molmeta.training.validation import Validation

RECIPE: dict[str, Any] = {
    "encoder": {"dim": 16, "layers": 1},
    "learner": {"projection": 8},
    "training": {"steps": 6, "assays_per_step": 4, "support_sizes": [8], "query_size": 8,
                 "valid_every": 3, "valid_support_sizes": [8], "valid_draws": 1},
}  # fmt: skip


def meta_trainer(
    learner: Learner, store: AssayStore, folder: Path, settings: Training
) -> MetaTrainer:
    return MetaTrainer(
        learner, make_sampler(store, settings), Validation(None, settings), folder, settings
    )


def validation_score(
    learner: Learner, store: AssayStore, sizes: tuple[int, ...], n_draws: int
) -> float:
    settings = Training(valid_support_sizes=sizes, valid_draws=n_draws)
    return Validation(store, settings).score(learner, Workers())


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> AssayStore:
    folder = tmp_path_factory.mktemp("stores")
    return AssayStore.from_frame(drug_mechanisms("train"), folder / "train")


def test_validation_leaves_weights_and_optimiser_as_they_were(
    store: AssayStore, tmp_path: Path
) -> None:
    resolved = resolve_recipe(RECIPE)
    trainer = meta_trainer(build_learner(resolved), store, tmp_path, resolved.training)
    trainer.begin(fresh=True)
    trainer.step()
    before = copy.deepcopy(trainer.tensors())
    validation_score(trainer.averaged, store, (8,), 1)
    after = trainer.tensors()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)


@pytest.mark.parametrize("name", ["default", pytest.param("reptile", marks=pytest.mark.slow)])
def test_training_improves_the_score_on_its_own_assays(
    name: str, store: AssayStore, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    quick = {"steps": 120, "average": 0.9, "lr": 5e-3, "warmup": 10}
    inner = read_recipe(name)["inner"]
    recipe = {**RECIPE, "inner": inner, "training": {**RECIPE["training"], **quick}}
    resolved = resolve_recipe(recipe)
    trainer = meta_trainer(build_learner(resolved), store, tmp_path, resolved.training)
    trainer.begin(fresh=True)
    before = validation_score(trainer.averaged, store, (8,), 2)
    for _ in range(120):
        trainer.step()
        trainer.n_done += 1
    assert validation_score(trainer.averaged, store, (8,), 2) > before + 0.03


def test_scrambled_labels_teach_nothing(store: AssayStore) -> None:
    """With labels drawn at random, little is left but what average precision gives to chance.

    On some thirty queries, eight of them active, a random order is worth about +0.06.
    """
    learner = build_learner(resolve_recipe(RECIPE)).eval()
    frame = drug_mechanisms("train")
    rng = np.random.default_rng(0)
    frame["label"] = frame.groupby("assay")["label"].transform(lambda y: rng.permutation(y))
    scrambled = AssayStore.from_frame(frame)
    chance = validation_score(learner, scrambled, (8,), 10)
    assert chance < 0.1
    assert validation_score(learner, store, (8,), 10) > chance + 0.15


def test_episodes_are_a_function_of_seed_step_and_slot(store: AssayStore) -> None:
    one, other = (EpisodeSampler(store, (8,), 8, seed=3) for _ in range(2))
    for step, slot in [(0, 0), (5, 2), (5, 3)]:
        left, right = one.draw(step, slot), other.draw(step, slot)
        assert left[0].id == right[0].id
        np.testing.assert_array_equal(left[1].support, right[1].support)
        np.testing.assert_array_equal(left[1].query, right[1].query)
    assert len({one.draw(0, slot)[0].id for slot in range(40)}) > 10


def test_no_molecule_is_in_support_and_query_through_another_smiles(tmp_path: Path) -> None:
    frame = drug_mechanisms("train").query("assay == 'tetracycline'")[["assay", "smiles", "label"]]
    other = frame.assign(smiles=[backwards(smiles) for smiles in frame["smiles"]])
    assert not set(frame["smiles"]) & set(other["smiles"])
    import pandas as pd

    doubled = AssayStore.from_frame(pd.concat([frame, other]), tmp_path / "store")
    sampler = EpisodeSampler(doubled, (8,), 16, seed=0)
    for step in range(20):
        assay, draw = sampler.draw(step, 0)
        rows = np.concatenate([draw.support, draw.query])
        identities = doubled.identities[assay.molecules[rows]]
        assert len(set(identities)) == len(identities)


def backwards(smiles: str) -> str:
    """The same molecule, written from its last atom."""
    from rdkit import Chem

    mol = Chem.MolFromSmiles(smiles)
    written: str = Chem.MolToSmiles(mol, rootedAtAtom=mol.GetNumAtoms() - 1, canonical=False)
    return written


def test_no_assay_large_enough_is_refused(store: AssayStore) -> None:
    with pytest.raises(InputError, match="training assays"):
        EpisodeSampler(store, (400,), 8, seed=0)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["default", "reptile"])
def test_two_processes_train_to_the_same_weights_as_one(
    name: str, store: AssayStore, tmp_path: Path
) -> None:
    recipe, given = tmp_path / "recipe.yaml", {**RECIPE, "inner": read_recipe(name)["inner"]}
    recipe.write_text(yaml.safe_dump(given))
    folds = write_split(store, split_assays(store, fractions=(0.5, 0.5, 0)), tmp_path / "split")
    train(given, folds["train"], folds["valid"], tmp_path / "one")
    subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2",
         "--master-port", "29517", "-m", "molmeta_cli",
         "train", str(folds["train"].path), "--valid", str(folds["valid"].path),
         "--config", str(recipe), "-o", str(tmp_path / "two"), "--device", "cpu"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"},
        check=True,
        timeout=280,
    )  # fmt: skip
    one, two = (load_file(tmp_path / name / "model.safetensors") for name in ("one", "two"))
    for name, weights in one.items():
        torch.testing.assert_close(two[name], weights, rtol=1e-5, atol=1e-6)
