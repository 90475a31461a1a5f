"""The estimator: scikit-learn's manners, one score a molecule, and the shipped model."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.base import clone

from molmeta import FewShotClassifier, load_encoder
from molmeta.assays import drug_mechanisms
from molmeta.errors import InputError
from molmeta.meta.run import LoadedModel
from molmeta.predict.encoder import MoleculeEncoder

FRAME = drug_mechanisms("test").query("assay == 'fluoroquinolone'").sample(frac=1, random_state=0)
KNOWN, LIBRARY = FRAME[:12], FRAME[12:]


@pytest.fixture(scope="module")
def fitted() -> FewShotClassifier:
    return FewShotClassifier().fit(KNOWN["smiles"], KNOWN["label"])


def test_shipped_model_ranks_a_new_assay(fitted: FewShotClassifier) -> None:
    p_active = fitted.predict_proba(LIBRARY["smiles"])[:, 1]
    active = LIBRARY["label"].to_numpy() == 1
    assert p_active[active].mean() > p_active[~active].mean()
    assert fitted.score(LIBRARY["smiles"], LIBRARY["label"]) > 0.5


def test_probabilities_sum_to_one_and_agree_with_classes(fitted: FewShotClassifier) -> None:
    probabilities = fitted.predict_proba(LIBRARY["smiles"])
    np.testing.assert_allclose(probabilities.sum(1), 1)
    classes = fitted.classes_[probabilities.argmax(1)]
    np.testing.assert_array_equal(classes, fitted.predict(LIBRARY["smiles"]))


def test_queries_are_read_in_the_form_of_the_training_molecules(model: LoadedModel) -> None:
    """`model` is of the default form, `drawn` the same model of none."""
    drawn = replace(model, standardize=None)
    smiles = ["CN1CCCC1c1cccnc1", "Cl.CN1CCCC1c1cccnc1"]
    for known in (KNOWN["smiles"], KNOWN["smiles"] + ".Cl"):
        scores = FewShotClassifier(model).fit(known, KNOWN["label"]).decision_function(smiles)
        assert scores[0] == pytest.approx(scores[1], abs=1e-6)
    scores = FewShotClassifier(drawn).fit(KNOWN["smiles"], KNOWN["label"]).decision_function(smiles)
    assert scores[0] != pytest.approx(scores[1], abs=1e-3)
    for loaded, same in ((model, True), (drawn, False)):
        vectors = MoleculeEncoder(loaded).encode(smiles)
        assert np.allclose(vectors[0], vectors[1], atol=1e-6) == same


def test_what_does_not_parse_keeps_its_row(fitted: FewShotClassifier) -> None:
    probabilities = fitted.predict_proba(["CCO", "no molecule", "", "c1ccccc1"])
    assert np.isnan(probabilities).all(1).tolist() == [False, True, True, False]
    with pytest.raises(InputError, match="molecule 1"):
        fitted.predict(["CCO", "no molecule"])


def test_support_molecules_that_do_not_parse_are_told() -> None:
    smiles, labels = [*KNOWN["smiles"], "no molecule"], [*KNOWN["label"], 1]
    model = FewShotClassifier().fit(smiles, labels)
    ((position, reason),) = model.rejected_
    assert position == len(KNOWN)
    assert reason


def test_order_of_support_and_company_of_queries_do_not_matter(fitted: FewShotClassifier) -> None:
    smiles = LIBRARY["smiles"].tolist()
    shuffled = FewShotClassifier().fit(KNOWN["smiles"][::-1], KNOWN["label"][::-1])
    scores = fitted.decision_function(smiles)
    np.testing.assert_allclose(shuffled.decision_function(smiles), scores, atol=1e-4)
    alone = [fitted.decision_function([one])[0] for one in smiles]
    np.testing.assert_allclose(alone, scores, atol=1e-5)


def test_labels_may_be_words_or_truth_values(fitted: FewShotClassifier) -> None:
    words = np.where(KNOWN["label"] == 1, "binds", "as nothing")
    model = FewShotClassifier().fit(KNOWN["smiles"], words)
    assert model.classes_.tolist() == ["as nothing", "binds"]
    np.testing.assert_allclose(
        model.decision_function(LIBRARY["smiles"]), fitted.decision_function(LIBRARY["smiles"])
    )


def test_parameters_are_scikit_learns() -> None:
    model = FewShotClassifier(steps=3)
    assert clone(model).get_params() == model.get_params()


@pytest.mark.parametrize(
    ("smiles", "labels", "message"),
    [
        (["CCO", "CCN"], [1, 1], "at least one active and one inactive"),
        (["CCO", "CCN"], [1, 0, 1], "shape"),
        (["CCO", "CCN", "CCC"], [1.0, 0.0, np.nan], "1 of them unlabelled"),
        (["no molecule", "CCN"], [1, 0], "1 molecules that parse"),
        ([], [], "0 molecules"),
    ],
)
def test_support_sets_that_cannot_be_used_are_refused(
    smiles: list[str], labels: list[float], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        FewShotClassifier().fit(smiles, labels)


def test_encoder_gives_a_row_a_molecule() -> None:
    encoder = load_encoder()
    vectors = encoder.encode(["CCO", "no molecule", "c1ccccc1"])
    assert vectors.shape == (3, encoder.dim)
    assert vectors.dtype == np.float32
    assert np.isnan(vectors).all(1).tolist() == [False, True, False]
    np.testing.assert_allclose(encoder.encode(["CCO"])[0], vectors[0], atol=1e-5)
