"""What pre-training lets an encoder recall: the activity profiles of its assays' molecules."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from molmeta.assays import AssayStore
from molmeta.errors import InputError
from molmeta.learning.embed import embed
from molmeta.models import FingerprintEncoder
from molmeta.training import train
from tests.training.test_pretrain import RECIPE, changed, pretrainer, rules_of


def test_profiles_are_of_the_assays_that_pre_training_saw(tmp_path: Path) -> None:
    frames = [rules_of(n) for n in range(4)]
    store = AssayStore.from_frame(pd.concat(frames))
    settings = {**RECIPE["pretraining"], "epochs": 1}
    part = FingerprintEncoder(dim=8, hidden=12, profile=40)
    trainer = pretrainer(part, store, tmp_path, **settings)
    assert part.profiles is not None
    trainer.fill_profiles(part.profiles)
    first = trainer.store
    assert len(first) == 12  # of 20, every molecule in each
    assert len(part.profiles) == len(part.profiles.keys.unique()) == store.n_molecules
    vectors = embed(part, store, np.arange(40))[:, 8:]
    labels = np.stack([first.assay(t).labels for t in range(len(first))], 1)
    places = [np.flatnonzero(first.assay(0).molecules == m)[0] for m in range(40)]
    whole = torch.from_numpy(labels[places] - labels.mean(0)).double()
    whole = whole / (whole.square().sum(1, keepdim=True) + 2).sqrt()
    torch.testing.assert_close((vectors @ vectors.T).double(), whole @ whole.T, atol=0.02, rtol=0)


def test_profiles_without_pre_training_are_refused(
    stores: tuple[AssayStore, AssayStore], tmp_path: Path
) -> None:
    recipe = {**changed("encoder", profile=4), "known_assays": {}}
    recipe["pretraining"] = {**RECIPE["pretraining"], "epochs": 0}
    with pytest.raises(InputError, match=r"got pretraining\.epochs: 0, so that no molecule is"):
        train(recipe, *stores, tmp_path / "run")
