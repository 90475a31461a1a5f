"""A calibrated model: the same ranks, milder or bolder, everywhere alike; and what it expects."""

from __future__ import annotations

from dataclasses import asdict, replace

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from molmeta import AssayStore, FewShotClassifier
from molmeta.assays import drug_mechanisms
from molmeta.chem.fingerprint import tanimoto
from molmeta.evaluation.learners import LearnerMethod
from molmeta.predict.indicators import Indicators, indicators
from molmeta.runs.calibration import Calibration, Line, prior
from molmeta.runs.model import Model
from tests.predict.models import learn_panel

DRUGS = drug_mechanisms("test").query("assay == 'fluoroquinolone'").sample(frac=1, random_state=0)
KNOWN, LIBRARY = DRUGS[:12], DRUGS["smiles"][12:40].tolist()
HEAT = 2.5


def calibrated(model: Model, line: Line | None = None) -> Model:
    line = line or Line(0.1, {"information": 0.0}, -0.2, 0.3, 0.8)
    loses = {"hinted": 0.37, "otherwise": 0.11}
    return replace(model, calibration=Calibration("nothing", {16: HEAT}, line, loses))


def fitted(model: Model, **options: float) -> FewShotClassifier:
    return FewShotClassifier(model, **options).fit(KNOWN["smiles"], KNOWN["label"])  # type: ignore[arg-type]


def test_what_goes_beyond_the_prior_is_divided(any_model: Model) -> None:
    raw, mild = fitted(any_model), fitted(calibrated(any_model))
    middle = prior(raw.known_.labels) if any_model.carries_ratio else 0.0
    before, after = raw.decision_function(LIBRARY), mild.decision_function(LIBRARY)
    np.testing.assert_allclose(after - middle, (before - middle) / HEAT, atol=1e-6)
    np.testing.assert_allclose(mild.left_out_ - middle, (raw.left_out_ - middle) / HEAT, atol=1e-6)
    features = raw.featurize(LIBRARY)
    errors = [one.known_.standard_errors(features) for one in (raw, mild)]
    np.testing.assert_allclose(errors[1], errors[0] / HEAT, atol=1e-6)
    sets = [one.predict_set(LIBRARY, 0.34) for one in (raw, mild)]
    np.testing.assert_array_equal(sets[0], sets[1])  # they hang on ranks alone


def test_prevalence_is_told_after_calibration(any_model: Model) -> None:
    model = calibrated(any_model)
    plain = fitted(model).decision_function(LIBRARY)
    rare = fitted(model, prevalence=0.01).decision_function(LIBRARY)
    rarer = fitted(model, prevalence=0.001).decision_function(LIBRARY)
    shift = np.log(0.001 / 0.999) - np.log(0.01 / 0.99)
    np.testing.assert_allclose(rarer - rare, shift, atol=1e-6)
    assert np.ptp(rare - plain) < 1e-6


def test_screening_and_evaluation_say_the_same(any_model: Model) -> None:
    model = calibrated(any_model)
    classifier = fitted(model)
    known = (KNOWN["smiles"].tolist(), KNOWN["label"].to_numpy(np.float32))
    panel, plain = learn_panel(model, {"it": known}), learn_panel(any_model, {"it": known})
    expected = classifier.decision_function(LIBRARY)
    np.testing.assert_allclose(panel.score(model.featurize(LIBRARY))[:, 0], expected, atol=1e-5)
    assert panel.identity != plain.identity
    method, store = LearnerMethod("it", model.path), AssayStore.from_frame(DRUGS)
    method.__dict__["_model"] = model
    rows = store.assay(0).molecules
    labels = store.assay(0).labels
    scores = method.scores(store, rows[:12], labels[:12], rows[12:40])
    np.testing.assert_allclose(scores, expected, atol=1e-5)


def test_hints_agree_with_scikit_learn(with_domain: Model) -> None:
    classifier = fitted(with_domain)
    found = indicators(classifier.known_, classifier.left_out_)
    active = KNOWN["label"].to_numpy() == 1
    assert found.left_out_auc == pytest.approx(roc_auc_score(active, classifier.left_out_) - 0.5)
    prints = classifier.known_.features.fingerprints
    assert prints is not None
    nearer = []
    for i in range(len(KNOWN)):
        others = np.arange(len(KNOWN)) != i
        row = tanimoto(prints[[i]], prints)[0]
        nearer.append(row[others & active].max() - row[others & ~active].max())
    assert found.similarity_auc == pytest.approx(roc_auc_score(active, nearer) - 0.5)
    nothing = indicators(classifier.known_, np.full(len(KNOWN), prior(classifier.known_.labels)))
    assert nothing.information == pytest.approx(0, abs=1e-9)
    assert nothing.left_out_auc == 0
    perfect = indicators(classifier.known_, np.where(active, 50.0, -50.0))
    assert perfect.left_out_auc == 0.5
    assert perfect.information > found.information
    assert 0 < found.training <= 1


def test_a_single_active_molecule_hints_at_little(kernel_model: Model) -> None:
    known = pd.concat([DRUGS[DRUGS["label"] == label][:n] for label, n in ((0, 5), (1, 1))])
    classifier = FewShotClassifier(kernel_model).fit(known["smiles"], known["label"])
    found = indicators(classifier.known_, classifier.left_out_)
    assert np.isfinite(list(asdict(found).values())).all()
    assert found.left_out_auc == found.similarity_auc == 0.0


def test_fit_says_what_to_expect(kernel_model: Model) -> None:
    weights = {"information": 0.5, "training": 1.0}
    model = calibrated(kernel_model, Line(0.1, weights, -0.2, 0.3, 0.8))
    classifier = fitted(model)
    found = indicators(classifier.known_, classifier.left_out_)
    report = classifier.support_report_
    assert report.expected is not None
    middle = 0.1 + 0.5 * found.information + found.training
    assert report.expected.delta_auprc == pytest.approx(middle)
    assert report.expected.high - report.expected.low == pytest.approx(0.5)
    assert "expected here: delta_auprc" in str(report)
    assert fitted(kernel_model).support_report_.expected is None


@pytest.mark.parametrize("similarity", [0.1, 0.4])
def test_it_warns_where_similarity_search_was_better(
    similarity: float, kernel_model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = Indicators(0.2, 0.0, 0.0, 0.0, similarity)
    monkeypatch.setattr("molmeta.predict.support_report.indicators", lambda *_: found)
    warnings = " ".join(fitted(calibrated(kernel_model)).support_report_.warnings)
    assert ("better one in 37% of held-out cases (elsewhere in 11%)" in warnings) == (
        similarity > 0.2
    )
