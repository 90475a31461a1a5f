"""Values in use: labels are graded by them, and nothing that left-out scores see is their own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from molmeta import FewShotClassifier
from molmeta.assays import Columns, drug_mechanisms, load_assays
from molmeta.assays.graded import grade
from molmeta.errors import InputError
from molmeta.predict.learnt import LearntAssay, panel_of
from molmeta.runs.model import Model

FRAME = drug_mechanisms("test").query("assay == 'fluoroquinolone'").sample(frac=1, random_state=0)
SMILES, LABELS = FRAME["smiles"][:24].tolist(), FRAME["label"].to_numpy()[:24].astype(int)
VALUES = np.where(LABELS, 7.0, 5.0) + np.linspace(-0.9, 0.9, 24)


def test_values_grade_labels_and_leave_classes_alone(any_model: Model) -> None:
    hard = FewShotClassifier(any_model).fit(SMILES, LABELS)
    graded = FewShotClassifier(any_model).fit(SMILES, LABELS, VALUES)
    assert graded.known_.labels.tolist() == graded.known_.panel.labels[0].tolist()
    expected = grade(LABELS.astype(np.float32), VALUES)
    np.testing.assert_allclose(graded.known_.adapted.labels.numpy(), expected, rtol=1e-4)
    none = FewShotClassifier(any_model).fit(SMILES, LABELS, np.full(24, np.nan))
    np.testing.assert_array_equal(none.left_out_, hard.left_out_)


def test_ridge_attention_hears_values(kernel_model: Model) -> None:
    hard = FewShotClassifier(kernel_model).fit(SMILES, LABELS).decision_function(SMILES)
    graded = FewShotClassifier(kernel_model).fit(SMILES, LABELS, VALUES)
    assert np.abs(graded.decision_function(SMILES) - hard).max() > 1e-3


def test_a_left_out_molecule_does_not_see_its_own_value(kernel_model: Model) -> None:
    before = FewShotClassifier(kernel_model).fit(SMILES, LABELS, VALUES).left_out_
    values = VALUES.copy()
    values[3] += 2.5 if LABELS[3] else -2.5
    after = FewShotClassifier(kernel_model).fit(SMILES, LABELS, values).left_out_
    assert before[3] == after[3]
    assert not np.allclose(before, after)


@pytest.mark.parametrize("values", [["a"] * 24, [np.inf] * 24, [1.0]])
def test_values_that_are_none(kernel_model: Model, values: Any) -> None:
    with pytest.raises(InputError):
        FewShotClassifier(kernel_model).fit(SMILES, LABELS, values)


def test_a_panel_of_a_file_is_graded_unless_told_otherwise(
    kernel_model: Model, tmp_path: Path
) -> None:
    path = tmp_path / "mine.csv"
    lines = [f"{s},{v}" for s, v in zip(SMILES, VALUES, strict=True)]
    path.write_text("\n".join(["smiles,pIC50", *lines]) + "\n")
    store = load_assays(path, Columns(threshold=6))
    graded, alone = (
        panel_of(LearntAssay.of_store(kernel_model, store, labels_only=o)) for o in (False, True)
    )
    assert graded.identity != alone.identity
    assert set(alone._adapted[0].labels.tolist()) == {0, 1}
    assert len(set(graded._adapted[0].labels.tolist())) > 2
