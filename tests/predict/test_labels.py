"""Labels of every kind give the same figures, in scikit-learn's tools too; others are refused."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import joblib  # type: ignore[import-untyped]
import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.exceptions import DataConversionWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, get_scorer, make_scorer
from sklearn.model_selection import GridSearchCV, cross_val_predict, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.validation import has_fit_parameter

from molmeta import EncoderTransformer, FewShotClassifier, FewShotRegressor
from molmeta.assays import drug_mechanisms
from molmeta.errors import InputError
from molmeta.runs.model import Model

FRAME = drug_mechanisms("test").query("assay == 'fluoroquinolone'").sample(frac=1, random_state=0)
SMILES, ACTIVE = FRAME["smiles"][:36].tolist(), FRAME["label"].to_numpy()[:36] == 1


def words(inactive: Any, active: Any) -> Callable[[], Any]:
    return lambda: [active if one else inactive for one in ACTIVE]


KINDS: dict[str, Callable[[], Any]] = {
    "0/1": words(0, 1),
    "False/True": words(False, True),
    "inactive/active": words("inactive", "active"),
    "negative/positive": words("negative", "positive"),
    "no/yes": words("no", "yes"),
    "Inactive/Active": words("Inactive", "Active"),
    "+1/-1": words(-1, 1),
    "1/2": words(1, 2),
    "text 0/1": words("0", "1"),
    "text 10/9": words("9", "10"),
    "float32": lambda: ACTIVE.astype(np.float32),
    "objects": lambda: np.array(words("inactive", "active")(), dtype=object),
    "string": lambda: pd.Series(words("inactive", "active")(), dtype="string"),
    "categories": lambda: pd.Series(words("inactive", "active")(), dtype="category"),
    "boolean": lambda: pd.Series(ACTIVE, dtype="boolean"),
    "Int64": lambda: pd.Series(ACTIVE, dtype="Int64"),
    "Series, index reversed": lambda: pd.Series(ACTIVE.astype(int), index=range(35, -1, -1)),
}


@pytest.fixture(scope="module")
def plain(kernel_model: Model) -> FewShotClassifier:
    return FewShotClassifier(kernel_model).fit(SMILES[:16], ACTIVE[:16])


@pytest.mark.parametrize("kind", KINDS)
def test_labels_of_every_kind_say_the_same(
    kind: str, plain: FewShotClassifier, kernel_model: Model
) -> None:
    y, library = KINDS[kind](), SMILES[16:]
    model = FewShotClassifier(kernel_model).fit(SMILES[:16], y[:16])
    labels = np.asarray(y, dtype=object)
    np.testing.assert_array_equal(model.classes_, np.unique(labels))
    assert model.active_class_ == labels[ACTIVE][0]
    np.testing.assert_array_equal(
        model.predict(library) == model.active_class_, plain.predict(library)
    )
    column = int(np.flatnonzero(model.classes_ == model.active_class_)[0])
    for name in ("predict_active", "log_odds"):
        expected = getattr(plain, name)(library)
        np.testing.assert_array_equal(getattr(model, name)(library), expected)
    assert_columns(model, column, library)
    sets = [one.set_of_scores(one.log_odds(library), 0.4) for one in (model, plain)]
    np.testing.assert_array_equal(sets[0], sets[1])
    np.testing.assert_array_equal(model.predict_set(library, 0.4)[:, column], sets[1][:, 1])
    why, other = (one.explain(library[:3]) for one in (model, plain))
    np.testing.assert_array_equal(
        why["support_label"] == model.active_class_, other["support_label"]
    )
    pd.testing.assert_series_equal(why["weight"], other["weight"])
    np.testing.assert_array_equal(model.left_out_, plain.left_out_)
    counts = model.support_report_.n_molecules
    assert list(counts.values()) == list(plain.support_report_.n_molecules.values())
    assert list(counts)[1] == str(model.active_class_)
    (found,), (shade,) = (one.atom_contributions(library[:1]) for one in (model, plain))
    np.testing.assert_array_equal(found[1], shade[1])


def assert_columns(model: FewShotClassifier, column: int, library: list[str]) -> None:
    """`predict_proba` and `decision_function` follow `classes_`."""
    probabilities = model.predict_proba(library)
    np.testing.assert_array_equal(probabilities[:, column], model.predict_active(library))
    np.testing.assert_array_equal(model.classes_[probabilities.argmax(1)], model.predict(library))
    decided = model.decision_function(library)
    np.testing.assert_array_equal(decided, model.log_odds(library) * (1 if column else -1))
    np.testing.assert_array_equal(model.classes_[(decided > 0).astype(int)], model.predict(library))


SKLEARN = [
    "0/1", "False/True", "inactive/active", "negative/positive", "no/yes", "string", "boolean",
    "categories",
]  # fmt: skip


ALSO_WORDS = ("negative/positive", "no/yes")
"""In the order of the alphabet, as "inactive/active" is."""


def figures(model: Model, y: Any) -> dict[str, Any]:
    """What scikit-learn's tools say of these labels."""
    estimator, active = FewShotClassifier(model), np.asarray(y, dtype=object)[ACTIVE][0]
    fitted = clone(estimator).fit(SMILES[:16], y[:16])
    file = io.BytesIO()
    joblib.dump(fitted, file)
    file.seek(0)
    found = {"joblib": joblib.load(file).predict_active(SMILES[16:])}
    found["roc_auc"] = get_scorer("roc_auc")(fitted, SMILES[16:], y[16:])
    found["neg_log_loss"] = get_scorer("neg_log_loss")(fitted, SMILES[16:], y[16:])
    found["accuracy"] = fitted.score(SMILES[16:], y[16:])
    how: dict[str, Any] = {"cv": 3}
    for scoring in ("roc_auc", "neg_log_loss", "balanced_accuracy"):
        found[f"cv {scoring}"] = cross_val_score(estimator, SMILES, y, scoring=scoring, **how)
    found["cv predictions"] = cross_val_predict(estimator, SMILES, y, **how) == active
    search = GridSearchCV(estimator, {"steps": [0, 1]}, scoring="roc_auc", **how).fit(SMILES, y)
    found["search"] = search.cv_results_["mean_test_score"]
    calibrated = CalibratedClassifierCV(estimator, **how).fit(SMILES, y)
    column = list(calibrated.classes_).index(active)
    found["calibrated"] = calibrated.predict_proba(SMILES)[:, column]
    take = FunctionTransformer(lambda frame: frame["smiles"])
    frame = pd.DataFrame({"smiles": SMILES, "other": 1})
    piped = make_pipeline(take, estimator)
    found["pipeline"] = cross_val_score(piped, frame, y, scoring="roc_auc", **how)
    linear = make_pipeline(EncoderTransformer(model), LogisticRegression())
    found["encoder"] = cross_val_score(linear, SMILES, y, scoring="roc_auc", **how)
    return found


@pytest.fixture(scope="module")
def expected(kernel_model: Model) -> dict[str, Any]:
    return figures(kernel_model, KINDS["0/1"]())


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param(kind, marks=[pytest.mark.slow] if kind in ALSO_WORDS else [])
        for kind in SKLEARN[1:]
    ],
)
def test_scikit_learns_tools_give_the_same_figures(
    kind: str, kernel_model: Model, expected: dict[str, Any]
) -> None:
    found = figures(kernel_model, KINDS[kind]())
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, atol=1e-6, err_msg=name)


def test_average_precision_is_that_of_scikit_learns_positive_class(
    kernel_model: Model, plain: FewShotClassifier
) -> None:
    """Where no `pos_label` is given scikit-learn takes 1; of words it asks for one."""
    usual = get_scorer("average_precision")(plain, SMILES[16:], ACTIVE[16:])
    for kind in ("0/1", "boolean", "float32"):
        y = KINDS[kind]()
        model = FewShotClassifier(kernel_model).fit(SMILES[:16], y[:16])
        assert get_scorer("average_precision")(model, SMILES[16:], y[16:]) == pytest.approx(usual)
    y = KINDS["inactive/active"]()
    model = FewShotClassifier(kernel_model).fit(SMILES[:16], y[:16])
    with pytest.raises(ValueError, match="pos_label"):
        get_scorer("average_precision")(model, SMILES[16:], y[16:])
    scorer = make_scorer(
        average_precision_score, pos_label="active", response_method="predict_proba"
    )
    assert scorer(model, SMILES[16:], y[16:]) == pytest.approx(usual)


def test_tools_that_encode_labels_do_not_pass_unseen(kernel_model: Model) -> None:
    """`cross_val_predict` of probabilities numbers the classes in the order of the alphabet.

    Nothing in 0 and 1 says then that 0 was "active": who named it gets a refusal.
    """
    y, named = KINDS["inactive/active"](), FewShotClassifier(kernel_model, active="active")
    how: dict[str, Any] = {"method": "predict_proba", "cv": 3}
    with pytest.raises(InputError, match=r"expected one of 0, 1.*encode labels as numbers"):
        cross_val_predict(named, SMILES, y, **how)
    assert (cross_val_predict(named, SMILES, y, cv=3) == cross_val_predict(
        FewShotClassifier(kernel_model), SMILES, y, cv=3)).all()  # fmt: skip
    plain = FewShotClassifier(kernel_model)
    found = [cross_val_predict(plain, SMILES, KINDS[kind](), **how) for kind in ("0/1", "no/yes")]
    np.testing.assert_array_equal(*found)


def test_the_active_class_may_be_named(plain: FewShotClassifier, kernel_model: Model) -> None:
    for inactive, active in (("as nothing", "binds"), ("two", "one"), (1, 0), (True, False)):
        y = words(inactive, active)()[:16]
        model = FewShotClassifier(kernel_model, active=active).fit(SMILES[:16], y)
        assert model.active_class_ == active
        np.testing.assert_array_equal(
            model.predict_active(SMILES[16:]), plain.predict_active(SMILES[16:])
        )
    with pytest.raises(InputError, match="active; got 'on'; expected one of 'binds', 'none'"):
        FewShotClassifier(kernel_model, active="on").fit(["CCO", "CC"], ["binds", "none"])


NAN = float("nan")


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (
            ["one", "two", "one"],
            r"'one', 'two', which do not say which one is active.*active='two'",
        ),
        (["active", "yes", "yes"], "do not say which one is active"),
        (["active", "binder", "binder"], "do not say which one is active"),
        ([1.0, 0.0, NAN], "3 labels, 1 of them missing, the first at position 2"),
        (["active", NAN, "inactive"], "1 of them missing, the first at position 1"),
        (pd.array([True, pd.NA, False], dtype="boolean"), "1 of them missing"),
        ([5.1, 7.3, 6.2], r"continuous; got 3 numbers that are no classes.*FewShotRegressor"),
        ([0.0, 0.5, 0.5], "continuous"),
        ([0.0, float("inf"), 0.0], "continuous"),
        ([5, 6, 7], "3 classes: 5, 6, 7.*FewShotRegressor"),
        (["a", "b", "c"], "3 classes"),
        (["active", "inactive", ""], "3 classes"),
        ([1, 1, 1], "of 1 class: 1; expected at least one active and one inactive"),
        ([1, "0", 1], "labels of type int, str"),
        ([True, "no", "no"], "labels of type bool, str"),
        ([b"no", b"yes", b"no"], "labels of type bytes"),
        ([[0, 1], [1, 0], [0, 1]], r"shape \(3, 2\)"),
        ({0, 1}, r"shape \(\)"),
        ([0, 1], r"shape \(2,\); expected shape \(3,\)"),
    ],
)
def test_labels_that_cannot_be_used_are_refused(
    labels: Any, message: str, kernel_model: Model
) -> None:
    with pytest.raises(InputError, match=message):
        FewShotClassifier(kernel_model).fit(["CCO", "CC", "CCN"], labels)


@pytest.mark.filterwarnings("error")
def test_a_class_that_does_not_parse_is_told(kernel_model: Model) -> None:
    with pytest.raises(
        InputError, match=r"2 molecules that parse, 0 of them active; of the others"
    ):
        FewShotClassifier(kernel_model).fit(["CCO", "CC", "no"], [0, 0, 1])


def test_a_column_of_labels_is_taken_with_scikit_learns_warning(kernel_model: Model) -> None:
    for estimator in (FewShotClassifier(kernel_model), FewShotRegressor(kernel_model)):
        with pytest.warns(DataConversionWarning):
            estimator.fit(["CCO", "CC", "CCN"], [[0], [1], [0]])


@pytest.mark.parametrize("estimator", [FewShotClassifier, FewShotRegressor])
def test_weights_are_refused_and_not_offered(estimator: Any, kernel_model: Model) -> None:
    """Tools that ask whether `fit` takes them then do without, or say so themselves."""
    model = estimator(kernel_model)
    assert not has_fit_parameter(model, "sample_weight")
    with pytest.raises(TypeError, match="sample_weight"):
        model.fit(["CCO", "CC", "CCN"], [0, 1, 0], sample_weight=[1, 2, 1])


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([5.0, None, 6.0], "1 of them without a value, the first at position 1"),
        (pd.array([5, pd.NA, 6], dtype="Int64"), "1 of them without a value"),
        ([5.0, float("inf"), 6.0], "1 of them without a value"),
        (["5", "six", "7"], "numbers"),
        ([5 + 1j, 6, 7], "numbers"),
        ([5.0, 6.0], "shape"),
    ],
)
def test_values_that_cannot_be_used_are_refused(
    values: Any, message: str, kernel_model: Model
) -> None:
    with pytest.raises(InputError, match=message):
        FewShotRegressor(kernel_model).fit(["CCO", "CC", "CCN"], values)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"steps": -1}, "steps; got -1; expected a whole number, 0 or more"),
        ({"steps": 1.5}, "steps; got 1.5"),
        ({"workers": 0}, "workers; got 0"),
        ({"prevalence": 0.0}, "prevalence"),
        ({"prevalence": 1}, "prevalence"),
        ({"prevalence": NAN}, "prevalence"),
    ],
)
def test_settings_that_cannot_be_are_refused(
    options: dict[str, Any], message: str, kernel_model: Model
) -> None:
    with pytest.raises(InputError, match=message):
        FewShotClassifier(kernel_model, **options).fit(["CCO", "CC", "CCN"], [0, 1, 0])


def test_a_fit_that_fails_leaves_the_earlier_one(
    plain: FewShotClassifier, kernel_model: Model
) -> None:
    model = FewShotClassifier(kernel_model).fit(SMILES[:16], ACTIVE[:16])
    with pytest.raises(InputError):
        model.fit(["CCO", "CC", "no"], ["no", "no", "yes"])
    np.testing.assert_array_equal(model.predict(SMILES[16:]), plain.predict(SMILES[16:]))
    with pytest.raises(InputError, match="top; got -1"):
        model.explain(SMILES[16:], top=-1)


def test_what_is_given_twice_counts_twice_and_is_told(kernel_model: Model) -> None:
    smiles, y = [*SMILES[:8], SMILES[0]], [*ACTIVE[:8], not ACTIVE[0]]
    model = FewShotClassifier(kernel_model).fit(smiles, y)
    assert len(model.known_.smiles) == 9
    assert "1 molecules with conflicting labels" in " ".join(model.support_report_.warnings)
