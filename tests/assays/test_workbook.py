"""Workbooks: the first sheet is the table that its CSV would be."""

from __future__ import annotations

import datetime
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
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


def test_a_hidden_sheet_is_passed_over(tmp_path: Path) -> None:
    path = saved(tmp_path / "mine.xlsx", [["smiles", "IC50 (nM)"], ["CCO", 1]], "plates")
    book = openpyxl.load_workbook(path)
    for row in (["smiles", "IC50 (nM)"], ["CCN", 10]):
        book["plates"].append(row)
    book.active, book["Results"].sheet_state = 1, "hidden"
    book.save(path)
    assert rows_of(path)["smiles"].tolist() == ["CCN"]
    assert open_table(path).notes == ("the first visible sheet, 'plates', was read of 2",)
    assert open_table(path, "Results").first_rows(1)["smiles"].tolist() == ["CCO"]


def test_hidden_rows_are_counted(tmp_path: Path) -> None:
    path = saved(tmp_path / "mine.xlsx", [["smiles", "x"], ["CCO", 1], ["CCN", 2], ["CCC", 3]])
    book = openpyxl.load_workbook(path)
    for row in (3, 4, 9):  # the last one holds nothing
        book["Results"].row_dimensions[row].hidden = True
    book.save(path)
    assert open_table(path).notes == ("2 of the sheet's rows are hidden, and were read too",)
    assert len(rows_of(path)) == 3


@pytest.mark.parametrize("style", ["0%", "0.00%", "0.0 %;[Red]-0.0 %"])
def test_percentages_are_read_as_shown(tmp_path: Path, style: str) -> None:
    inhibition = [0.5, 0.07, 1.02, -0.031, 0]
    smiles = ["CCO", "CCN", "CCC", "CC", "CCCC"]
    rows = list(zip(smiles, inhibition, strict=True))
    path = saved(tmp_path / "mine.xlsx", [[], [None, "smiles", "% inhibition"]])
    book = openpyxl.load_workbook(path)
    for r, (one, value) in enumerate(rows, 3):
        book["Results"].cell(r, 2).value = one
        book["Results"].cell(r, 3).value = value
        book["Results"].cell(r, 3).number_format = style
    book.save(path)
    assert rows_of(path)["% inhibition"].tolist() == ["50%", "7%", "102%", "-3.1%", "0%"]
    support = read_support(path)
    np.testing.assert_allclose(support.values, [50, 7, 102, -3.1, 0], rtol=1e-6)


def test_a_percent_sign_that_only_stands_behind_the_number_scales_nothing(tmp_path: Path) -> None:
    path = saved(tmp_path / "mine.xlsx", [["smiles", "% inhibition"], ["CCO", 50], ["CCN", 3]])
    book = openpyxl.load_workbook(path)
    book["Results"]["B2"].number_format = '0"%"'
    book["Results"]["B3"].number_format = "0\\%"
    book.save(path)
    assert rows_of(path)["% inhibition"].tolist() == ["50", "3"]


@pytest.mark.parametrize("column", ["IC50 (nM)", "active"])
def test_errors_and_formulas_without_a_result_are_rows_with_a_reason(
    tmp_path: Path, column: str
) -> None:
    cells = [1, 0, "#N/A", "=1+0", "#DIV/0!", None]
    smiles = ["CCO", "CCN", "CCC", "CC", "CCCC", "CCF"]
    path = tmp_path / "mine.xlsx"
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    sheet.append([column, "smiles"])
    for cell, one in zip(cells, smiles, strict=True):
        sheet.append([cell, one])
    if column != "active":
        sheet["A3"] = 90_000
    book.save(path)
    shown = ["#N/A", "formula without a result", "#DIV/0!"]
    assert rows_of(path)[column].tolist()[2:] == [*shown, ""]
    support = read_support(path)
    assert support.blank.tolist() == [False] * 5 + [True]
    what = "label is an error" if column == "active" else "value is no number"
    assert support.reasons[2:5] == [f"{what}: {one}" for one in shown]


def test_errors_in_a_table_of_one_assay_are_rows_with_a_reason(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("smiles,hit\nCCO,1\nCCN,0\nCCC,#N/A\nCC,\n")
    support = read_support(path)
    assert support.blank.tolist() == [False, False, False, True]
    assert support.reasons[2] == "label is an error: #N/A"
    path.write_text("smiles,hit,other\nCCO,1,#N/A\nCCN,0,1\nCCC,#N/A,0\n")  # blank there
    assert load_assays(path).audit["reason"].tolist() == [""] * 4


def test_a_formula_whose_result_is_no_text_is_blank(tmp_path: Path) -> None:
    path = saved(tmp_path / "mine.xlsx", [["smiles", "IC50 (nM)"], ["CCO", 1], ["CCN", 9]])
    with zipfile.ZipFile(path) as old:
        parts = {name: old.read(name) for name in old.namelist()}
    name = "xl/worksheets/sheet1.xml"
    cell = b'<c r="B3" t="n"><v>9</v></c>'
    assert cell in parts[name]
    parts[name] = parts[name].replace(cell, b'<c r="B3" t="str"><f>""</f><v></v></c>')
    with zipfile.ZipFile(path, "w") as new:
        for part, content in parts.items():
            new.writestr(part, content)
    assert rows_of(path)["IC50 (nM)"].tolist() == ["1", ""]
