"""Learnt assays in files: the same scores come back, and nothing else is taken for one."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors import safe_open

from molmeta.assays import AssayStore, read_support
from molmeta.errors import InputError
from molmeta.predict import FewShotClassifier
from molmeta.predict.learnt import LearntAssay, panel_of
from molmeta.runs.model import Model
from molmeta.tensors import load_tensors, save_tensors
from tests.predict.models import learn_panel

KNOWN = ["CCO", "CCN", "c1ccccc1O", "CCC", "CC", "C1CCCCC1"]
NEW = ["OCC", "CCCN", "C(", "c1ccccc1"]
PXC50 = [8.0, 7.5, 7.0, 5.0, np.nan, 4.0]


@pytest.fixture
def learnt(any_model: Model) -> LearntAssay:
    classifier = FewShotClassifier(any_model, prevalence=0.1)
    measured = dict(zip(KNOWN, PXC50, strict=True)) | {"CCF": np.nan}
    return LearntAssay("EGFR", classifier.fit(KNOWN, [1, 1, 1, 0, 0, 0], PXC50), measured)


@pytest.mark.filterwarnings("ignore::molmeta.errors.RejectedWarning")
def test_the_same_bits_come_back(learnt: LearntAssay, any_model: Model, tmp_path: Path) -> None:
    learnt.save(tmp_path / "egfr.molmeta")
    again = LearntAssay.load(tmp_path / "egfr.molmeta", any_model)
    assert again.name == "EGFR"
    assert list(again.measured) == [*KNOWN, "CCF"]
    np.testing.assert_array_equal(list(again.measured.values()), [*PXC50, np.nan])
    before, after = learnt.classifier, again.classifier
    np.testing.assert_array_equal(before.log_odds(NEW), after.log_odds(NEW))
    np.testing.assert_array_equal(before.predict_proba(NEW), after.predict_proba(NEW))
    np.testing.assert_allclose(before.left_out_, after.left_out_, atol=1e-5)  # adapts anew
    assert str(before.support_report_) == str(after.support_report_)
    assert before.explain(NEW[:1]).equals(after.explain(NEW[:1]))
    assert after.known_.features.identities == before.known_.features.identities


def test_names_are_those_of_the_molecules_that_were_learnt_from(
    kernel_model: Model, tmp_path: Path
) -> None:
    table = pd.DataFrame({"smiles": ["C(", *KNOWN], "active": [1, 1, 1, 1, 0, 0, None]})
    table["Name"] = ["no molecule", "a", "b", "c", "d", "e", "waits"]
    table.to_csv(tmp_path / "mine.csv", index=False)
    learnt = LearntAssay.learn(kernel_model, read_support(tmp_path / "mine.csv"))
    assert list(learnt.names) == ["a", "b", "c", "d", "e"]
    learnt.save(tmp_path / "mine.molmeta")
    again = LearntAssay.load(tmp_path / "mine.molmeta", kernel_model)
    assert again.names == ["a", "b", "c", "d", "e"]
    assert again.classifier.known_.smiles == KNOWN[:5]


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


def read_header(file: Path) -> dict[str, str]:
    with safe_open(file, "pt") as opened:
        return dict(opened.metadata())


def changed(file: Path, **header: object) -> None:
    """Write the file anew with another header."""
    old = json.loads(read_header(file)["molmeta"])
    save_tensors(file, load_tensors(file), {"molmeta": json.dumps(old | header)})


def test_damage_is_refused(kernel_model: Model, tmp_path: Path) -> None:
    file = tmp_path / "egfr.molmeta"
    classifier = FewShotClassifier(kernel_model).fit(KNOWN, [1, 1, 1, 0, 0, 0])

    def refused(match: str) -> None:
        with pytest.raises(InputError, match=match) as error:
            LearntAssay.load(file, kernel_model)
        assert str(error.value).count("; expected ") <= 1
        assert str(error.value).count(file.name) == 1
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
    changed(file, format=1)
    refused("got format 1")
    changed(file, smiles=KNOWN[:5])
    refused("do not belong together")
    changed(file, smiles=[*KNOWN[:5], "no molecule"])
    refused("do not belong together")
    for wrong in ({"smiles": "CCO"}, {"classes": 3}, {"measured": ["CCO"]}, {"steps": "two"}):
        changed(file, **wrong)
        refused("without a learnt assay")
    tensors = load_tensors(file)
    save_tensors(file, {k: v for k, v in tensors.items() if k != "support"}, read_header(file))
    refused("no support set")


def test_a_panel_of_files_is_that_of_the_tables(kernel_model: Model, tmp_path: Path) -> None:
    """So that a screening goes on, whichever of the two is given."""
    labels = np.array([1, 1, 1, 0, 0, 0], np.float32)
    learnt = LearntAssay("mine", FewShotClassifier(kernel_model).fit(KNOWN, labels))
    learnt.save(tmp_path / "mine.molmeta")
    found = panel_of([LearntAssay.load(tmp_path / "mine.molmeta", kernel_model)])
    expected = learn_panel(kernel_model, {"mine": (KNOWN, labels)})
    assert (found.assays, found.identity) == (expected.assays, expected.identity)
    features = kernel_model.featurize(NEW)
    np.testing.assert_array_equal(found.score(features), expected.score(features))


def test_a_panel_expects_each_assay_s_own_share_of_actives(kernel_model: Model) -> None:
    plain, rare = (
        LearntAssay(name, FewShotClassifier(kernel_model, prevalence=share).fit(KNOWN, [1, 0] * 3))
        for name, share in (("plain", None), ("rare", 0.01))
    )
    panel = panel_of([plain, rare])
    features = kernel_model.featurize(["OCC"])
    for column, one in enumerate([plain, rare]):
        expected = one.classifier.log_odds(["OCC"])
        np.testing.assert_allclose(panel.score(features)[:, column], expected, rtol=1e-5)
    assert panel_of([plain]).identity != panel_of([LearntAssay("plain", rare.classifier)]).identity


def test_two_assays_of_one_name_and_none_are_refused(kernel_model: Model) -> None:
    one = LearntAssay("mine", FewShotClassifier(kernel_model).fit(KNOWN, [1, 0] * 3))
    with pytest.raises(InputError, match=r"support set mine.*two assays"):
        panel_of([one, one])
    with pytest.raises(InputError, match="no assay"):
        panel_of([])


def test_a_store_s_assays_are_learnt_from_what_is_kept(kernel_model: Model) -> None:
    rows = [("a", smiles, i < 3) for i, smiles in enumerate([*KNOWN, "no molecule"])]
    rows += [("b", smiles, i > 3) for i, smiles in enumerate(KNOWN)]
    table = pd.DataFrame(rows, columns=["assay", "smiles", "label"]).astype({"label": float})
    learnt = LearntAssay.of_store(kernel_model, AssayStore.from_frame(table))
    assert [one.name for one in learnt] == ["a", "b"]
    assert [one.classifier.known_.labels.sum() for one in learnt] == [3, 2]
    assert all(len(one.measured) == len(KNOWN) for one in learnt)
    table.loc[table["assay"] == "b", "label"] = 1.0
    with pytest.raises(InputError, match=r"support set b.*at least one active"):
        LearntAssay.of_store(kernel_model, AssayStore.from_frame(table))
