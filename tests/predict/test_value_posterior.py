"""Predicted values and their intervals: laws of the distribution, and of what a value may move."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from molmeta import FewShotRegressor
from molmeta.assays import Columns, load_assays, open_library, read_support
from molmeta.errors import InputError
from molmeta.learning.learner import Learner
from molmeta.models import LinearHead, MatchingHead
from molmeta.predict import learn, predict_table
from molmeta.predict.learnt import LearntAssay
from molmeta.predict.value_posterior import Predicted
from molmeta.runs.model import Model
from tests.predict.test_estimators import FRAME, KNOWN, LIBRARY

SMILES = KNOWN["smiles"].tolist()
VALUES = np.random.default_rng(1).normal(6, 1, len(SMILES))


def test_interval_and_probability_are_of_one_distribution() -> None:
    predicted = Predicted(np.array([5.0, 7.0]), np.array([0.3, 2.0]))
    interval = predicted.interval(0.8)
    for number in range(2):
        low, high = interval[number]
        assert predicted.above(low)[number] == pytest.approx(0.9)
        assert predicted.above(high)[number] == pytest.approx(0.1)
    assert (np.diff(predicted.interval(0.9)) > np.diff(interval)).all()
    assert predicted.above(5.0)[0] == 0.5


def test_intervals_go_with_the_unit_of_the_values(kernel_model: Model) -> None:
    library = LIBRARY["smiles"].tolist()
    fitted = FewShotRegressor(kernel_model).fit(SMILES, VALUES)
    moved = FewShotRegressor(kernel_model).fit(SMILES, 3 * VALUES - 2)
    once, twice = (each.predict_interval(library, 0.6) for each in (fitted, moved))
    np.testing.assert_allclose(twice, 3 * once - 2, atol=1e-4)
    mean, std = fitted.predict(library, return_std=True)
    np.testing.assert_allclose(once.mean(1), mean)
    assert (std > 0).all()
    np.testing.assert_allclose(
        fitted.predict_above(library, 6.0), moved.predict_above(library, 16.0), atol=1e-5
    )


def test_the_support_set_has_no_order(kernel_model: Model) -> None:
    library, order = LIBRARY["smiles"].tolist(), np.random.default_rng(2).permutation(len(SMILES))
    once = FewShotRegressor(kernel_model).fit(SMILES, VALUES).predict_interval(library)
    shuffled = [SMILES[i] for i in order]
    again = FewShotRegressor(kernel_model).fit(shuffled, VALUES[order]).predict_interval(library)
    np.testing.assert_allclose(once, again, atol=1e-4)


def test_no_value_is_seen_where_it_is_left_out(kernel_model: Model) -> None:
    changed = VALUES.copy()
    highest = int(VALUES.argmax())
    changed[highest] += 2  # which leaves the median as it is
    once = FewShotRegressor(kernel_model).fit(SMILES, VALUES).left_out_
    again = FewShotRegressor(kernel_model).fit(SMILES, changed).left_out_
    assert again[highest] == pytest.approx(once[highest], abs=1e-5)
    assert not np.allclose(np.delete(once, highest), np.delete(again, highest), atol=1e-3)


def test_a_head_without_a_covariance_gives_values_alone(model: Model) -> None:
    learner = Learner(model.learner.encoder, MatchingHead(), projection=8)
    fitted = FewShotRegressor(replace(model, learner=learner.eval())).fit(SMILES, VALUES)
    assert np.isfinite(fitted.predict(SMILES)).all()
    for ask in (fitted.predict_interval, lambda smiles: fitted.predict_above(smiles, 6.0)):
        with pytest.raises(InputError, match=r"intervals of values.*no covariance.*Use predict"):
            ask(SMILES)


@pytest.mark.parametrize(
    ("n_exact", "of"), [(8, 12), (7, 12), (6, 14)], ids=["enough", "under eight", "under half"]
)
def test_a_table_with_few_exact_values_gets_no_predicted_ones(
    kernel_model: Model, tmp_path: Path, n_exact: int, of: int
) -> None:
    cells = [f"{4 + i / 4}" if i < n_exact else ">4" for i in range(of)]
    cells[-1] = ">7" if n_exact < of else cells[-1]
    lines = [f"{smiles},{cell}" for smiles, cell in zip(FRAME["smiles"], cells, strict=False)]
    support, library = tmp_path / "support.csv", tmp_path / "library.csv"
    support.write_text("\n".join(["smiles,pIC50", *lines]))
    library.write_text("smiles\nCCO\nno molecule\n")
    known = read_support(support, Columns(threshold=5))
    table = predict_table(learn(kernel_model, known), open_library(library)).table
    assert table["predicted_value"].notna().tolist() == [n_exact == 8, False]


def test_a_head_without_weights_ranks_a_table_of_values_all_the_same(
    model: Model, tmp_path: Path
) -> None:
    learner = Learner(model.learner.encoder, LinearHead(dim=8), projection=8)
    cells = [f"{smiles},{4 + i / 4}" for i, smiles in enumerate(SMILES)]
    support, library = tmp_path / "support.csv", tmp_path / "library.csv"
    support.write_text("\n".join(["smiles,pIC50", *cells]))
    library.write_text("smiles\nCCO\n")
    known = read_support(support, Columns(threshold=5))
    classifier = learn(replace(model, learner=learner.eval()), known)
    table = predict_table(classifier, open_library(library)).table
    assert table["p_active"].notna().all()
    assert table["predicted_value"].isna().all()


@pytest.mark.parametrize("coverage", [0, 1, -0.5, 80])
def test_a_coverage_that_is_no_share_is_refused(kernel_model: Model, coverage: float) -> None:
    fitted = FewShotRegressor(kernel_model).fit(SMILES, VALUES)
    with pytest.raises(InputError, match=r"coverage; got .*a share between 0 and 1"):
        fitted.predict_interval(SMILES, coverage)


def test_values_of_any_size_have_intervals_of_their_size(kernel_model: Model) -> None:
    small = FewShotRegressor(kernel_model).fit(SMILES, VALUES * 1e-9).predict_interval(SMILES)
    usual = FewShotRegressor(kernel_model).fit(SMILES, VALUES).predict_interval(SMILES)
    np.testing.assert_allclose(small * 1e9, usual, rtol=1e-5)


def test_values_all_alike_tell_nothing(kernel_model: Model, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="12 values, all 6; expected values that differ"):
        FewShotRegressor(kernel_model).fit(SMILES[:12], [6] * 12)
    cells = ["5000"] * 8 + ["<100"] * 4
    table = ranked([*zip(SMILES, cells, strict=False)], kernel_model, tmp_path)
    assert table["p_active"].notna().all()
    assert table["predicted_value"].isna().all()


def test_one_wrong_value_does_not_decide_all(kernel_model: Model) -> None:
    library, wrong = LIBRARY["smiles"].tolist(), VALUES.copy()
    wrong[3] = 40.0
    worse = VALUES.copy()
    worse[3] = 400.0
    fitted = [FewShotRegressor(kernel_model).fit(SMILES, v) for v in (wrong, worse)]
    assert (fitted[1].predict(library) < 400 * 2.5 / np.sqrt(len(SMILES))).all()
    sums = fitted[0].explain(library).groupby("smiles", sort=False)
    told = [(one["weight"] * one["support_label"].astype(float)).sum() for _, one in sums]
    np.testing.assert_allclose(told, fitted[0].predict(library), rtol=1e-5)


def bounded() -> list[tuple[str, str]]:
    """Eight anilides with an IC50, and eight acids of which only a bound is known."""
    series = [f"CC(=O)Nc1ccc({tail})cc1" for tail in ("OC", "OCC", "C", "F", "Cl", "Br", "N", "S")]
    acids = [f"OC(=O)c1ccccc1{tail}" for tail in ("O", "OC", "N", "C", "F", "Cl", "Br", "S")]
    nanomolar = ["12", "30", "5", "80", "44", "9", "100", "20"]
    return [*zip(series, nanomolar, strict=True), *((acid, ">10000") for acid in acids)]


def test_a_bound_is_kept(kernel_model: Model, tmp_path: Path) -> None:
    table = ranked(bounded(), kernel_model, tmp_path)
    assert (table["predicted_value"][:8] > 6).all()
    assert (table["predicted_value"][8:] < 5).all()


def test_a_store_tells_the_same_values_as_its_table(kernel_model: Model, tmp_path: Path) -> None:
    table = ranked(bounded(), kernel_model, tmp_path)
    store = load_assays(tmp_path / "support.csv", Columns(threshold=6))
    [one] = LearntAssay.of_store(kernel_model, store)
    again = predict_table(one.classifier, open_library(tmp_path / "support.csv")).table
    np.testing.assert_allclose(again["predicted_value"], table["predicted_value"], atol=1e-5)


def ranked(rows: list[tuple[str, str]], model: Model, folder: Path) -> pd.DataFrame:
    """Predict the molecules of a table of IC50s from all of them."""
    support = folder / "support.csv"
    support.write_text("\n".join(["smiles,IC50 (nM)", *(",".join(row) for row in rows)]))
    classifier = learn(model, read_support(support))
    return predict_table(classifier, open_library(support)).table
