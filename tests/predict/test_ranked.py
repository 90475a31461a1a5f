"""What `predict` gives back: ranks, order, rounding, and what is already measured."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from molmeta.assays import Columns, open_library, read_support
from molmeta.chem.filters import FILTER_COLUMNS
from molmeta.errors import InputError
from molmeta.predict import learn
from molmeta.predict import predict_table as predict
from molmeta.predict.learnt import LearntAssay
from molmeta.predict.library.suggest import suggest
from molmeta.predict.table import OUTPUT_COLUMNS, Predictions
from molmeta.runs.model import Model

SUPPORT = "smiles,Ki (nM)\nCCO,10\nCC,9000\nCCN,30\nCCC,>10000\nC[C@H](N)O,20\n"
ROWS = ["CCCCO", "C(", "OCC", "c1ccccc1O", "", "CCC", "CCCCO", "C[C@@H](N)O", "CC(C)N"]


@pytest.fixture
def found(model: Model, tmp_path: Path) -> Predictions:
    (tmp_path / "support.csv").write_text(SUPPORT)
    table = pd.DataFrame({"id": range(len(ROWS)), "smiles": ROWS})
    table.to_csv(tmp_path / "library.csv", index=False)
    support = read_support(tmp_path / "support.csv", Columns(threshold="6"))
    return predict(learn(model, support), open_library(tmp_path / "library.csv"))


def test_new_molecules_are_ranked_by_score_in_the_inputs_order(found: Predictions) -> None:
    table = found.table
    assert table["id"].tolist() == [str(i) for i in range(len(ROWS))]
    new = table[table["rank"].notna()]
    assert new["smiles"].tolist() == [ROWS[i] for i in (0, 3, 6, 7, 8)]
    best = new.sort_values("score", ascending=False, kind="stable")
    assert best["rank"].tolist() == [1, 2, 3, 4, 5]
    assert table["rank"][6] == table["rank"][0] + 1  # of equals the first row comes first


def test_what_is_in_the_support_set_is_told_and_not_ranked(found: Predictions) -> None:
    measured = found.table[found.table["already_measured"]]
    assert measured["smiles"].tolist() == ["OCC", "CCC"]
    assert measured["measured_class"].tolist() == ["active", "inactive"]
    assert measured["measured_value"].round(3).tolist()[0] == 8
    assert measured["measured_value"].isna().tolist() == [False, True]  # > 10,000 is no value
    assert measured["score"].notna().all()
    others = found.table[~found.table["already_measured"]]
    assert (others["measured_class"] == "").all()
    assert others["measured_value"].isna().all()


def test_what_was_measured_and_not_learnt_from_is_no_new_molecule(
    model: Model, tmp_path: Path
) -> None:
    """A bound that decides nothing, and repeats that contradict each other."""
    odd = "CCF,>10\nCCS,1\nSCC,90000\nCCCl,\n"
    (tmp_path / "s.csv").write_text(f"smiles,Ki (nM)\nCCO,10\nCC,9000\n{odd}")
    (tmp_path / "l.csv").write_text("smiles\nFCC\nCCS\nCCCl\nOCC\n")
    support = read_support(tmp_path / "s.csv")
    assert list(support.measured) == ["CCF", "CCS", "SCC", "CCO", "CC"]
    values = list(support.measured.values())
    np.testing.assert_allclose(values, [np.nan] * 3 + [8, 9 - np.log10(9000)], rtol=1e-6)
    table = predict(
        learn(model, support), open_library(tmp_path / "l.csv"), measured=support.measured
    ).table
    assert table["already_measured"].tolist() == [True, True, False, True]
    assert table["measured_class"].tolist() == ["", "", "", "active"]
    assert table["measured_value"].isna().tolist() == [True, True, True, False]
    assert table["rank"].isna().tolist() == [True, True, False, True]


def test_a_tautomer_is_the_molecule_that_was_measured(model: Model, tmp_path: Path) -> None:
    """As the reader takes it that merges them; and a salt of it is that molecule too."""
    learnt, bound = "Cc1ccc2nc(N)[nH]c2c1,15\n", "Cc1c[nH]cn1,>10\n"
    (tmp_path / "s.csv").write_text(f"smiles,Ki (nM)\nCCO,10\nCC,9000\n{learnt}{bound}")
    rows = ["Cc1ccc2[nH]c(N)nc2c1", "Cc1ccc2[nH]c(N)nc2c1.Cl", "Cc1cnc[nH]1", "Cc1ccc2[nH]cnc2c1"]
    (tmp_path / "l.csv").write_text("\n".join(["smiles", *rows]))
    support, library = read_support(tmp_path / "s.csv"), open_library(tmp_path / "l.csv")
    table = predict(learn(model, support), library, measured=support.measured).table
    assert table["already_measured"].tolist() == [True, True, True, False]
    assert table["measured_class"].tolist() == ["active", "active", "", ""]
    assert suggest(LearntAssay.learn(model, support), library, 9)["smiles"].tolist() == rows[3:]


def test_an_enantiomer_is_another_molecule(found: Predictions) -> None:
    twin = found.table[found.table["smiles"] == "C[C@@H](N)O"].iloc[0]
    assert twin["nearest_similarity"] == 1
    assert not twin["already_measured"]


def test_ranked_rows_are_new_ones_then_measured_then_rejected(found: Predictions) -> None:
    ranked = found.ranked()
    assert ranked.table["rank"].tolist()[:5] == [1, 2, 3, 4, 5]
    assert ranked.table["rank"].isna().tolist() == [False] * 5 + [True] * 4
    assert ranked.table["already_measured"].tolist() == [False] * 5 + [True] * 2 + [False] * 2
    assert ranked.table["score"][5:7].is_monotonic_decreasing
    assert ranked.smiles[-2:] == ["C(", ""]
    assert ranked.smiles == ranked.table["smiles"].tolist()


def test_figures_are_rounded_and_the_users_own_are_not(found: Predictions) -> None:
    own = replace(found, table=found.table.assign(own=0.123456789))
    table = own.rounded().table
    for name in ("p_active", "score", "nearest_similarity"):
        assert (table[name].dropna() == found.table[name].dropna().round(3)).all()
        assert (table[name].dropna() != found.table[name].dropna()).any()
    assert (table["own"] == 0.123456789).all()


def test_labels_alone_have_no_values(model: Model, tmp_path: Path) -> None:
    (tmp_path / "s.csv").write_text("smiles,active\nCCO,1\nCC,0\n")
    (tmp_path / "l.csv").write_text("smiles\nCCO\n")
    support = read_support(tmp_path / "s.csv")
    row = predict(learn(model, support), open_library(tmp_path / "l.csv")).table.iloc[0]
    assert row["already_measured"]
    assert row["measured_class"] == "active"
    assert pd.isna(row["measured_value"])
    assert pd.isna(row["rank"])


def test_properties_are_added_for_what_parses(model: Model, tmp_path: Path) -> None:
    (tmp_path / "s.csv").write_text("smiles,active\nCCO,1\nCC,0\n")
    (tmp_path / "l.csv").write_text("smiles\nC(\nOc1ccccc1O\n")
    classifier = learn(model, read_support(tmp_path / "s.csv"))
    table = predict(classifier, open_library(tmp_path / "l.csv"), properties=True).table
    assert table.columns.tolist() == ["smiles", *OUTPUT_COLUMNS, *FILTER_COLUMNS]
    assert table["mw"].fillna(0).tolist() == [0, 110.1]
    assert table["brenk_alerts"].tolist() == ["", "catechol"]
    (tmp_path / "l.csv").write_text("smiles,tpsa\nCCO,1\n")
    with pytest.raises(InputError, match="'tpsa', which molmeta adds"):
        predict(classifier, open_library(tmp_path / "l.csv"), properties=True)


def test_labels_alone_are_learnt_from_and_the_measured_value_is_told(
    model: Model, tmp_path: Path
) -> None:
    """A bound is no value, nor is one of two that contradict each other."""
    (tmp_path / "s.csv").write_text(
        "smiles,Ki (nM)\nCCO,10\nOCC,1000\nCC,9000\nCCC,>8000\nCCN,20\nNCC,30\n"
    )
    (tmp_path / "l.csv").write_text("smiles\nOCC\nCC\nCCC\nCCCC\nCCN\n")
    support = read_support(tmp_path / "s.csv")
    learnt = LearntAssay.learn(model, support, labels_only=True)
    library = open_library(tmp_path / "l.csv")
    table = predict(learnt.classifier, library, measured=learnt.measured).table
    plain = predict(learn(model, support, labels_only=True), library).table
    assert table["score"].tolist() == plain["score"].tolist()
    assert plain["measured_value"].isna().all()
    expected = predict(learn(model, support), library).table["measured_value"]
    pd.testing.assert_series_equal(table["measured_value"], expected)
    assert table["measured_value"].notna().sum() >= 2
    learnt.save(tmp_path / "a.molmeta")
    again = LearntAssay.load(tmp_path / "a.molmeta", model)
    pd.testing.assert_frame_equal(
        predict(again.classifier, library, measured=again.measured).table, table
    )
