"""The contract with other programs: names, order and types of columns (the page on output)."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest

from molmeta.assays import Columns, open_library, read_support
from molmeta.chem.filters import FILTER_COLUMNS
from molmeta.predict import learn, predict_table
from molmeta.predict.files import write_table
from molmeta.predict.table import OUTPUT_COLUMNS, POSSIBLE
from molmeta.runs.model import Model

WRITTEN = {
    "rank": "whole number",
    "p_active": "number",
    "score": "number",
    "status": "text",
    "reason": "text",
    "already_measured": "true or false",
    "measured_class": "text",
    "measured_value": "number",
    "predicted_value": "number",
    "predicted_lower": "number",
    "predicted_upper": "number",
    "nearest_support": "text",
    "nearest_similarity": "number",
    "nearest_training": "number",
    "in_domain": "true or false",
    "possible_classes": "text",
    "mw": "number",
    "clogp": "number",
    "tpsa": "number",
    "pains_alerts": "text",
    "brenk_alerts": "text",
}
"""Written out a second time: a change here breaks the tables of other people."""

NAMES = {
    "Int64": "whole number",
    "float64": "number",
    "object": "text",
    "bool": "true or false",
    "boolean": "true or false",
}


@pytest.fixture
def table(with_domain: Model, tmp_path: Path) -> pd.DataFrame:
    support, library = tmp_path / "s.csv", tmp_path / "l.csv"
    measured = "CCO,1\nCCCN,5\nCC,90000\nCCC,80000\nC1CC1,70000\nCCN,2\nCCS,3\nCCCCC,60000\n"
    support.write_text(f"smiles,IC50 (nM)\n{measured}")
    library.write_text("id,smiles\na,CCCCO\nb,C(\nc,OCC\n")
    classifier = learn(with_domain, read_support(support, Columns()))
    return predict_table(
        classifier, open_library(library), error=0.4, properties=True
    ).rounded().table  # fmt: skip


def test_the_page_lists_the_columns(root: Path) -> None:
    text = (root / "docs" / "reference" / "output.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| ([a-z ]+) \|", text, re.MULTILINE)
    assert rows == list(WRITTEN.items())


def test_names_and_order(table: pd.DataFrame) -> None:
    assert table.columns.tolist() == ["id", "smiles", *WRITTEN]
    declared = OUTPUT_COLUMNS | {POSSIBLE: "object"} | FILTER_COLUMNS
    assert {name: NAMES[kind] for name, kind in declared.items()} == WRITTEN


def test_types(table: pd.DataFrame) -> None:
    declared = OUTPUT_COLUMNS | {POSSIBLE: "object"} | FILTER_COLUMNS
    for name, kind in declared.items():
        if kind == "object":
            assert all(isinstance(cell, str) for cell in table[name]), name
        else:
            assert str(table[name].dtype) == kind, name


def test_parquet_keeps_the_types(table: pd.DataFrame, tmp_path: Path) -> None:
    write_table(table, tmp_path / "out.parquet")
    back = pd.read_parquet(tmp_path / "out.parquet")
    kinds = {name: str(dtype) for name, dtype in back.dtypes.items()}
    for name, kind in (OUTPUT_COLUMNS | FILTER_COLUMNS).items():
        if kind != "object":
            assert kinds[name] == kind, name


@pytest.mark.parametrize("ending", [".csv", ".tsv", ".xlsx"])
def test_cells_of_text_files_and_workbooks(
    table: pd.DataFrame, tmp_path: Path, ending: str
) -> None:
    path = tmp_path / f"out{ending}"
    write_table(table, path)
    if ending == ".xlsx":
        back = pd.read_excel(path, engine="calamine")
    else:
        back = pd.read_csv(path, sep="\t" if ending == ".tsv" else ",")
    assert back.columns.tolist() == list(table)
    new, rejected, measured = back.to_dict("records")
    assert (new["rank"], new["status"], new["already_measured"]) == (1, "ok", False)
    assert new["in_domain"] in (True, False)
    assert measured["already_measured"]
    assert (measured["measured_class"], measured["measured_value"]) == ("active", 9)
    assert pd.isna(measured["rank"])
    assert rejected["status"] == "rejected"
    for name in WRITTEN:
        if name not in ("status", "reason", "already_measured"):
            assert pd.isna(rejected[name]), name
    assert 0 < new["p_active"] < 1
    assert new["predicted_lower"] < new["predicted_value"] < new["predicted_upper"]
    assert measured["mw"] == 46.1
