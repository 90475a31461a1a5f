"""Several assays side by side: the columns of each are those that it has alone."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from molmeta.assays import open_library, read_support
from molmeta.assays.support import read_supports
from molmeta.errors import InputError
from molmeta.predict import predict_table
from molmeta.predict.learnt import LearntAssay
from molmeta.predict.side_by_side import COMMON, EACH, predict_side_by_side
from molmeta.predict.table import OUTPUT_COLUMNS, rounded
from molmeta.runs.model import Model

PANEL = """smiles,EGFR IC50 (nM),HER2 pIC50
CCO,10,
CCN,9000,8
CCC,80000,4
CCCC,20,7.5
CCCO,30,5
c1ccccc1O,>8000,4.5
"""


@pytest.fixture
def learnt(model: Model, tmp_path: Path) -> list[LearntAssay]:
    (tmp_path / "panel.csv").write_text(PANEL)
    return [LearntAssay.learn(model, one) for one in read_supports(tmp_path / "panel.csv")]


@pytest.fixture
def library(tmp_path: Path) -> Path:
    path = tmp_path / "l.csv"
    path.write_text("id,smiles\na,CCCCO\nb,C(\nc,OCC\nd,CCF\n")
    return path


def test_each_assay_has_the_columns_that_it_has_alone(
    learnt: list[LearntAssay], library: Path
) -> None:
    found = predict_side_by_side(learnt, open_library(library), properties=True).table
    assert found["id"].tolist() == list("abcd")
    assert found["status"].tolist() == ["ok", "rejected", "ok", "ok"]
    assert found["mw"].notna().tolist() == [True, False, True, True]
    assert {*COMMON, *EACH} == {*OUTPUT_COLUMNS, "possible_classes"}
    for one in learnt:
        alone = predict_table(one.classifier, open_library(library), measured=one.measured).table
        alone = rounded(alone).reset_index(drop=True)
        for name in OUTPUT_COLUMNS:
            shown = found[name if name in COMMON else f"{name}_{one.name}"]
            pd.testing.assert_series_equal(
                shown.reset_index(drop=True), alone[name], check_names=False
            )
    assert found["already_measured_EGFR IC50 (nM)"].tolist() == [False, False, True, False]
    assert not found["already_measured_HER2 pIC50"].any()  # its cell is blank


def test_every_assay_has_a_threshold_and_a_unit_of_its_own(
    learnt: list[LearntAssay], tmp_path: Path
) -> None:
    first, second = read_supports(tmp_path / "panel.csv")
    assert (first.assay_id, second.assay_id) == ("EGFR IC50 (nM)", "HER2 pIC50")
    assert first.labels.tolist() == [1, 0, 0, 1, 1, 0]
    assert second.labels.tolist()[1:] == [1, 0, 1, 0, 0]
    assert "in nM" in first.notes[0]
    assert "in pXC50" in second.notes[0]
    (tmp_path / "low.csv").write_text("smiles,A Ki (nM),B Ki (uM)\nCCO,1,2\nCCN,5000,3\nCCC,9,40\n")
    first, second = read_supports(tmp_path / "low.csv")
    assert "the default" in first.notes[-1]
    assert "the median" in second.notes[-1]


def test_assays_of_wide_and_long_tables(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("smiles,A,B\nCCO,1,0\nCCN,0,1\nCCC,1,\n")
    wide = read_supports(path)
    assert [one.assay_id for one in wide] == ["A", "B"]
    assert [one.kept.sum() for one in wide] == [3, 2]
    alone = read_support(path, assay_id="B")
    assert wide[1].labels[wide[1].kept].tolist() == alone.labels[alone.kept].tolist()
    names = ",".join(f"a{i}" for i in range(21))
    path.write_text(f"smiles,{names}\nCCO{',1' * 21}\nCCN{',0' * 21}\n")
    with pytest.raises(InputError, match=r"21 assays.*20 at most.*--assay"):
        read_supports(path)


def test_an_assay_of_one_class_is_named(model: Model, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("smiles,A,B\nCCO,1,0\nCCN,0,0\n")
    first, second = read_supports(tmp_path / "t.csv")
    LearntAssay.learn(model, first)
    with pytest.raises(InputError, match=r"support set B.*at least one active"):
        LearntAssay.learn(model, second)


@pytest.mark.parametrize("name", ["p_active_HER2 pIC50", "status", "rank"])
def test_a_column_that_is_added_is_refused(
    learnt: list[LearntAssay], library: Path, name: str
) -> None:
    pd.read_csv(library).assign(**{name: 1}).to_csv(library, index=False)
    with pytest.raises(InputError, match=name):
        predict_side_by_side(learnt, open_library(library))
