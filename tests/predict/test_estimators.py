"""The estimators: scikit-learn's manners, one score a molecule, and the shipped model."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from rdkit import Chem
from sklearn.base import clone
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from molmeta import FewShotClassifier, FewShotRegressor, load_encoder
from molmeta.assays import drug_mechanisms
from molmeta.errors import InputError, RejectedWarning
from molmeta.learning import Learner
from molmeta.models import LinearHead
from molmeta.predict.encoder import MoleculeEncoder
from molmeta.runs.model import Model

FRAME = drug_mechanisms("test").query("assay == 'fluoroquinolone'").sample(frac=1, random_state=0)
KNOWN, LIBRARY = FRAME[:12], FRAME[12:]


@pytest.fixture(scope="module")
def fitted() -> FewShotClassifier:
    return FewShotClassifier().fit(KNOWN["smiles"], KNOWN["label"])


def test_shipped_model_ranks_a_new_assay(fitted: FewShotClassifier) -> None:
    p_active = fitted.predict_active(LIBRARY["smiles"])
    active = LIBRARY["label"].to_numpy() == 1
    assert p_active[active].mean() > p_active[~active].mean()
    assert fitted.score(LIBRARY["smiles"], LIBRARY["label"]) > 0.5


def test_probabilities_sum_to_one_and_agree_with_classes(fitted: FewShotClassifier) -> None:
    probabilities = fitted.predict_proba(LIBRARY["smiles"])
    np.testing.assert_allclose(probabilities.sum(1), 1)
    classes = fitted.classes_[probabilities.argmax(1)]
    np.testing.assert_array_equal(classes, fitted.predict(LIBRARY["smiles"]))


def test_queries_are_read_in_the_form_of_the_training_molecules(model: Model) -> None:
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
    with pytest.warns(RejectedWarning, match=r"2 of 4 molecules.*get NaN; the first at position 1"):
        probabilities = fitted.predict_proba(["CCO", "no molecule", "", "c1ccccc1"])
    assert np.isnan(probabilities).all(1).tolist() == [False, True, True, False]
    with pytest.raises(InputError, match=r"molecule 1.*'no molecule' \("):
        fitted.predict(["CCO", "no molecule"])


def test_support_molecules_that_do_not_parse_are_told() -> None:
    smiles, labels = [*KNOWN["smiles"], "no molecule"], [*KNOWN["label"], 1]
    with pytest.warns(RejectedWarning, match=r"1 of 13 molecules.*left out.*position 12"):
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


def test_parameters_are_scikit_learns() -> None:
    for estimator in (FewShotClassifier(steps=3, prevalence=0.1), FewShotRegressor(steps=2)):
        assert clone(estimator).get_params() == estimator.get_params()


def test_it_stands_in_scikit_learns_tools(any_model: Model) -> None:
    X, y = FRAME["smiles"], FRAME["label"].to_numpy()
    scores = cross_val_score(FewShotClassifier(any_model), X, y, cv=3, scoring="roc_auc")
    assert np.isfinite(scores).all()
    take = FunctionTransformer(lambda frame: frame["smiles"])
    piped = make_pipeline(take, FewShotClassifier(any_model)).fit(FRAME, y)
    alone = FewShotClassifier(any_model).fit(X, y)
    np.testing.assert_array_equal(piped.predict(FRAME), alone.predict(X))
    assert 0 <= alone.score(X, y) <= 1
    values = cross_val_score(FewShotRegressor(any_model), X, 5 + y + np.arange(len(y)) / 9, cv=3)
    assert np.isfinite(values).all()


def test_molecules_may_be_rdkits_or_a_column(any_model: Model) -> None:
    mols = [Chem.MolFromSmiles(one) for one in FRAME["smiles"]]
    fitted = FewShotClassifier(any_model).fit(mols[:12], KNOWN["label"])
    scores = fitted.decision_function(LIBRARY["smiles"])
    np.testing.assert_allclose(fitted.decision_function(mols[12:]), scores, atol=1e-5)
    np.testing.assert_array_equal(fitted.decision_function(LIBRARY[["smiles"]]), scores)
    with pytest.raises(InputError, match="one column"):
        fitted.predict(LIBRARY[["smiles", "name"]])


def test_a_left_out_molecule_is_scored_by_what_never_saw_it(any_model: Model) -> None:
    """The oracle fits an estimator to the others; the prior is that of all of them."""
    smiles, labels = KNOWN["smiles"].tolist(), KNOWN["label"].to_numpy()
    found = FewShotClassifier(any_model).fit(smiles, labels).left_out_
    for i in range(len(smiles)):
        rest = np.arange(len(smiles)) != i
        others = FewShotClassifier(any_model).fit(KNOWN["smiles"][rest], labels[rest])
        odds = [
            (part.sum() + 0.5) / (len(part) - part.sum() + 0.5) for part in (labels, labels[rest])
        ]
        expected = others.decision_function([smiles[i]])[0] + np.log(odds[0] / odds[1])
        assert found[i] == pytest.approx(expected, abs=1e-4)
    lonely = FewShotClassifier(any_model).fit(["CCO", "CCN", "c1ccccc1"], [0, 0, 1])
    assert np.isnan(lonely.left_out_).tolist() == [False, False, True]


def test_leaving_out_takes_no_more_memory_than_it_may(
    kernel_model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A view of the support set costs s² numbers: 64 of them at once would be gigabytes."""
    smiles, labels = KNOWN["smiles"], KNOWN["label"]
    whole = FewShotClassifier(kernel_model).fit(smiles, labels).left_out_
    head, seen = kernel_model.learner.matcher.head, []

    def count_views(_: object, arguments: tuple[torch.Tensor, ...]) -> None:
        if arguments[3] is not None:
            seen.append(len(arguments[3].unique(dim=0)))

    monkeypatch.setattr("molmeta.predict.adapted_assay.AT_ONCE", 5 * len(smiles) ** 2)
    with head.register_forward_pre_hook(count_views):
        parts = FewShotClassifier(kernel_model).fit(smiles, labels).left_out_
    assert seen == [5, 5, 2]
    np.testing.assert_allclose(parts, whole, atol=1e-5)


def test_prevalence_moves_every_log_odds_alike(any_model: Model) -> None:
    labels = KNOWN["label"].to_numpy()
    usual = FewShotClassifier(any_model).fit(KNOWN["smiles"], labels)
    rare = FewShotClassifier(any_model, prevalence=0.01).fit(KNOWN["smiles"], labels)
    moved = rare.decision_function(LIBRARY["smiles"]) - usual.decision_function(LIBRARY["smiles"])
    seen = (labels.sum() + 0.5) / (len(labels) + 1)
    np.testing.assert_allclose(moved, np.log(0.01 / 0.99) - np.log(seen / (1 - seen)), atol=1e-6)
    np.testing.assert_array_equal(
        rare.predict_set(LIBRARY["smiles"], 0.4), usual.predict_set(LIBRARY["smiles"], 0.4)
    )
    with pytest.raises(InputError, match="between 0 and 1"):
        FewShotClassifier(any_model, prevalence=1.0).fit(KNOWN["smiles"], labels)


def test_the_support_report_warns(with_domain: Model) -> None:
    series = ["c1ccccc1CC(=O)N" + "C" * n for n in range(1, 6)]
    others = ["CCO", "OCC(O)CO", "C1CCCCC1", "CCO", "ClC(Cl)Cl", "[Na+].[Cl-]"]
    report = (
        FewShotClassifier(with_domain)
        .fit([*series, series[0], *others], [1] * 5 + [0] * 7)
        .support_report_
    )
    said = " / ".join(report.warnings)
    assert "the actives are alike" in said
    assert "1 molecules with conflicting labels, e.g. c1ccccc1CC(=O)NC" in said
    assert "1 molecules occur more than once" in said
    assert report.n_molecules == {"0": 7, "1": 5}
    assert "7 of class 0, 5 of class 1" in str(report)
    few = FewShotClassifier(with_domain).fit([*series[:1], *others], [1] + [0] * 6).support_report_
    assert "only 1 active" in " ".join(few.warnings)
    strange = ["[SiH3][SiH2][SiH3]", "B1OB1", "[GeH4]", "[Te]=[Te]"]
    far = FewShotClassifier(with_domain).fit(strange, [1, 0, 1, 0]).support_report_
    assert "4 of 4 molecules are unlike all training molecules" in " ".join(far.warnings)


def test_values_follow_the_matching_formula(any_model: Model) -> None:
    smiles, library = KNOWN["smiles"], LIBRARY["smiles"].tolist()
    values = np.random.default_rng(0).normal(6, 1, len(smiles))
    fitted = FewShotRegressor(any_model).fit(smiles, values)
    with pytest.warns(RejectedWarning, match="get NaN"):
        predicted = fitted.predict([*library, "no molecule"])
    assert np.isnan(predicted).tolist() == [False] * len(library) + [True]
    why = fitted.explain(library)
    sums = why.groupby("molecule")["weight"].sum()
    np.testing.assert_allclose(sums, 1, atol=1e-5)
    told = (why["weight"] * why["support_label"]).groupby(why["molecule"]).sum()
    np.testing.assert_allclose(told, predicted[:-1], atol=1e-5)
    moved = FewShotRegressor(any_model).fit(smiles, 2 * values - 3).predict(library)
    np.testing.assert_allclose(moved, 2 * np.asarray(predicted)[:-1] - 3, atol=1e-4)
    assert fitted.support_report_.n_molecules == {"values": 12}
    assert "12 values" in str(fitted.support_report_)
    assert fitted.support_report_.figures["rmse"] > 0


def test_values_that_cannot_be_learnt_from_are_refused(model: Model) -> None:
    for y, message in (([5.0, np.nan], "1 of them without a value"), (["a", "b"], "numbers")):
        with pytest.raises(InputError, match=message):
            FewShotRegressor(model).fit(["CCO", "CC"], y)
    learner = Learner(model.learner.encoder, LinearHead(dim=8), projection=8)
    other = replace(model, learner=learner.eval())
    with pytest.raises(InputError, match=r"LinearHead.*a model with a matching head"):
        FewShotRegressor(other).fit(["CCO", "CC"], [5.0, 6.0])


@pytest.mark.parametrize(
    ("smiles", "labels", "message"),
    [
        (["CCO", "CCN"], [1, 1], "at least one active and one inactive"),
        (["CCO", "CCN"], [1, 0, 1], "shape"),
        (["CCO", "CCN", "CCC"], [1.0, 0.0, np.nan], "1 of them missing, the first at position 2"),
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
    with pytest.warns(RejectedWarning, match="1 of 3 molecules"):
        vectors = encoder.encode(["CCO", "no molecule", "c1ccccc1"])
    assert vectors.shape == (3, encoder.dim)
    assert vectors.dtype == np.float32
    assert np.isnan(vectors).all(1).tolist() == [False, True, False]
    np.testing.assert_allclose(encoder.encode(["CCO"])[0], vectors[0], atol=1e-5)
