"""Run folders and adapted learners carry the version of their form; later ones are refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from molmeta.errors import InputError
from molmeta.learning import Adapted, Scorer
from molmeta.runs.config import CONFIG, VERSION
from molmeta.runs.model import load_model
from molmeta.tensors import load_tensors, save_tensors

RUN = Path(__file__).parent / "run_of_version_0_1"
SMILES = ["CCO", "CCN", "c1ccccc1", "CC(=O)O"]


def test_a_run_folder_of_a_later_version_is_refused(tmp_path: Path) -> None:
    shutil.copytree(RUN, tmp_path / "run")
    file = tmp_path / "run" / CONFIG
    config = json.loads(file.read_text(encoding="utf-8"))
    assert "version" not in config, "molmeta 0.1 wrote none, and its folder opens"
    file.write_text(json.dumps({**config, "version": VERSION + 1}), encoding="utf-8")
    with pytest.raises(InputError, match=f"of version {VERSION + 1}, by molmeta 0.1.0"):
        load_model(tmp_path / "run")


def test_an_adapted_learner_carries_its_version(tmp_path: Path) -> None:
    model = load_model(RUN)
    scorer = Scorer(model.learner, model.featurize(SMILES))
    file = tmp_path / "adapted.safetensors"
    scorer.adapt(np.arange(4), np.array([0, 1, 0, 1], np.float32)).save(file)
    tensors = load_tensors(file)
    version = tensors.pop("version")
    assert Adapted.load(file, model.learner).labels.tolist() == [0, 1, 0, 1]
    save_tensors(file, tensors)  # as molmeta 0.1 wrote it
    assert Adapted.load(file, model.learner).labels.tolist() == [0, 1, 0, 1]
    save_tensors(file, {**tensors, "version": version + 1})
    with pytest.raises(InputError, match="a file of version 2"):
        Adapted.load(file, model.learner)
