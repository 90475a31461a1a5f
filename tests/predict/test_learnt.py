"""Learnt assays in files: the same scores come back, and nothing else is taken for one."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from molmeta.errors import InputError
from molmeta.predict import FewShotClassifier
from molmeta.predict.learnt import LearntAssay
from molmeta.runs.model import Model
from molmeta.tensors import load_tensors, read_header, save_tensors

KNOWN = ["CCO", "CCN", "c1ccccc1O", "CCC", "CC", "C1CCCCC1"]
NEW = ["OCC", "CCCN", "C(", "c1ccccc1"]
PXC50 = [8.0, 7.5, 7.0, 5.0, np.nan, 4.0]


@pytest.fixture
def learnt(any_model: Model) -> LearntAssay:
    classifier = FewShotClassifier(any_model, prevalence=0.1)
    return LearntAssay("EGFR", classifier.fit(KNOWN, [1, 1, 1, 0, 0, 0], PXC50), ["CCF"])


@pytest.mark.filterwarnings("ignore::molmeta.errors.RejectedWarning")
def test_the_same_bits_come_back(learnt: LearntAssay, any_model: Model, tmp_path: Path) -> None:
    learnt.save(tmp_path / "egfr.molmeta")
    again = LearntAssay.load(tmp_path / "egfr.molmeta", any_model)
    assert (again.name, again.looked_at) == ("EGFR", ["CCF"])
    before, after = learnt.classifier, again.classifier
    np.testing.assert_array_equal(before.log_odds(NEW), after.log_odds(NEW))
    np.testing.assert_array_equal(before.predict_proba(NEW), after.predict_proba(NEW))
    np.testing.assert_allclose(before.left_out_, after.left_out_, atol=1e-5)  # adapts anew
    assert str(before.support_report_) == str(after.support_report_)
    assert before.explain(NEW[:1]).equals(after.explain(NEW[:1]))
    assert after.known_.features.identities == before.known_.features.identities


def test_classes_of_any_kind_come_back(kernel_model: Model, tmp_path: Path) -> None:
    words = ["binder"] * 3 + ["dud"] * 3
    classifier = FewShotClassifier(kernel_model, active="binder").fit(KNOWN, words)
    LearntAssay("mine", classifier).save(tmp_path / "mine.molmeta")
    again = LearntAssay.load(tmp_path / "mine.molmeta", kernel_model).classifier
    assert again.active_class_ == "binder"
    assert again.predict(KNOWN).tolist() == classifier.predict(KNOWN).tolist()


def test_no_encoder_and_no_pickle_is_in_the_file(learnt: LearntAssay, tmp_path: Path) -> None:
    learnt.save(tmp_path / "egfr.molmeta")
    tensors = load_tensors(tmp_path / "egfr.molmeta")
    assert not [name for name in tensors if "encoder" in name]
    assert b"pickle" not in (tmp_path / "egfr.molmeta").read_bytes()
    header = json.loads(read_header(tmp_path / "egfr.molmeta")["molmeta"])
    assert header["smiles"] == KNOWN


def test_another_model_is_refused(
    learnt: LearntAssay, model: Model, kernel_model: Model, tmp_path: Path
) -> None:
    learnt.save(tmp_path / "egfr.molmeta")
    other = model if learnt.classifier.known_.model is kernel_model else kernel_model
    with pytest.raises(InputError, match=r"not saved from this learner.*by the model 'random'"):
        LearntAssay.load(tmp_path / "egfr.molmeta", other)


def changed(file: Path, **header: object) -> None:
    """Write the file anew with another header."""
    old = json.loads(read_header(file)["molmeta"])
    save_tensors(file, load_tensors(file), {"molmeta": json.dumps(old | header)})


def test_damage_is_refused(kernel_model: Model, tmp_path: Path) -> None:
    file = tmp_path / "egfr.molmeta"
    classifier = FewShotClassifier(kernel_model).fit(KNOWN, [1, 1, 1, 0, 0, 0])

    def refused(match: str) -> None:
        with pytest.raises(InputError, match=match):
            LearntAssay.load(file, kernel_model)
        LearntAssay("EGFR", classifier).save(file)

    refused("no such file")
    file.write_bytes(file.read_bytes()[:-100])
    refused("cannot be read")
    file.write_text("smiles,active\nCCO,1\n")
    refused("cannot be read")
    save_tensors(file, {"weight": torch.ones(3)})
    refused("without a learnt assay")
    save_tensors(file, load_tensors(file), {"molmeta": "[1"})
    refused("without a learnt assay")
    changed(file, format=2)
    refused("got format 2")
    changed(file, smiles=KNOWN[:5])
    refused("do not belong together")
    changed(file, smiles=[*KNOWN[:5], "no molecule"])
    refused("do not belong together")
    changed(file, smiles="CCO")
    refused("format")
    tensors = load_tensors(file)
    save_tensors(file, {k: v for k, v in tensors.items() if k != "support"}, read_header(file))
    refused("no support set")
