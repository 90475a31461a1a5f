"""Workbooks: the first sheet is the table that its CSV would be."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from molmeta.assays import Columns, featurize_files, load_assays, open_library, read_support
from molmeta.assays.tables import open_table
from molmeta.errors import InputError

Cell = str | float | bool | datetime.date | None
cells: st.SearchStrategy[Any] = st.none() | st.booleans() | st.integers(-9999, 9999)
cells |= st.text(st.characters(categories=["L", "N", "P", "Zs"]), max_size=6).map(str.strip)
cells |= st.floats(-1e300, 1e300, allow_subnormal=False)


def saved(path: Path, rows: Sequence[Sequence[Cell]], *others: str) -> Path:
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    sheet.title = "Results"
    for r, row in enumerate(rows, 1):
        for k, cell in enumerate(row, 1):
            sheet.cell(r, k).value = cell
            if isinstance(cell, str):
                sheet.cell(r, k).data_type = "s"  # text that begins with "=" is no formula
    for name in others:
        book.create_sheet(name)
    book.save(path)
    return path


def rows_of(path: Path) -> pd.DataFrame:
    return pd.concat(open_table(path).chunks())


@settings(max_examples=40, deadline=None)
@given(rows=st.lists(st.tuples(cells, cells), min_size=1, max_size=5))
def test_cells_come_back(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[Cell, Cell]]
) -> None:
    path = tmp_path_factory.mktemp("book") / "mine.xlsx"
    saved(path, [("smiles", "a", "b"), *(("CCO", *row) for row in rows)])
    read = rows_of(path).reindex(columns=["smiles", "a", "b"], fill_value="")
    for got, row in zip(read[["a", "b"]].to_numpy().tolist(), rows, strict=True):
        for text, cell in zip(got, row, strict=True):
            if isinstance(cell, bool):
                assert text == str(cell).upper()
            elif isinstance(cell, int | float):
                assert float(text) == pytest.approx(cell, rel=1e-14)
            else:
                assert text == (cell or "")


def test_titles_blank_columns_dates_and_errors(tmp_path: Path) -> None:
    rows: list[list[Cell]] = [
        ["Results of May"],
        [],
        [None, "SMILES", "IC50 (nM)", "date", "note"],
        [None, "CCO", 12.0, datetime.date(2024, 5, 1), "#N/A"],
        [None, "CCN", ">30000", None, "two\nlines"],
    ]
    path = saved(tmp_path / "mine.xlsx", rows, "raw", "plates")
    table = open_table(path)
    assert table.notes == (
        "the first sheet, 'Results', was read of 3",
        "before the header was passed over: 'Results of May'",
    )
    read = rows_of(path)
    assert read["IC50 (nM)"].tolist() == ["12", ">30000"]
    assert read["date"].tolist() == ["2024-05-01", ""]
    assert load_assays(path, Columns(threshold=6)).assay("mine").labels.tolist() == [1, 0]


def test_a_sheet_is_chosen_by_name(tmp_path: Path) -> None:
    path = saved(tmp_path / "mine.xlsx", [["notes"], ["see plates"]], "plates", "raw")
    book = openpyxl.load_workbook(path)
    for row in (["smiles", "IC50 (nM)"], ["CCO", 10], ["CCN", 90000]):
        book["plates"].append(row)
    book.save(path)
    assert open_table(path, "plates").columns == ("smiles", "IC50 (nM)")
    assert open_table(path, "plates").notes == ()
    support = read_support(path, Columns(sheet="plates"))
    assert support.labels.tolist() == [1, 0]
    assert support.rows["smiles"].tolist() == ["CCO", "CCN"]
    assert open_library(path, sheet="plates").smiles_column == "smiles"
    with pytest.raises(InputError, match=r"mine\.xlsx; got 'plate'.*Did you mean 'plates'\?"):
        open_table(path, "plate")


def test_other_files_have_no_sheets(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("smiles,active\nCCO,1\nCCN,0\n")
    for read in (
        lambda: read_support(path, Columns(sheet="plates")),
        lambda: open_library(path, sheet="plates"),
    ):
        with pytest.raises(InputError, match=r"'plates', and a file without sheets"):
            read()
    featurize_files([path], tmp_path / "store")
    with pytest.raises(InputError, match="--sheet for"):
        read_support(tmp_path / "store", Columns(sheet="plates"))


def test_an_empty_sheet_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"sheet 'Results'; got no cells"):
        open_table(saved(tmp_path / "mine.xlsx", []))


def test_cells_right_of_the_header_are_refused(tmp_path: Path) -> None:
    rows: list[list[Cell]] = [["smiles", "active"], ["CCO", 1], ["CCC", 0, "why?"]]
    with pytest.raises(InputError, match=r"row 3; got 'why\?' right of the last column"):
        rows_of(saved(tmp_path / "mine.xlsx", rows))
