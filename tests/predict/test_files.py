"""Results are written as the file's name says."""

from __future__ import annotations

import csv
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pandas as pd
import pytest

from molmeta.assays import open_library
from molmeta.assays.tables import open_table
from molmeta.errors import InputError
from molmeta.predict.files import check_ending, check_structures, write_table

TABLE = pd.DataFrame({"smiles": ["CCO", "CC"], "p_active": [0.5, np.nan]}, index=[3, 9])


@pytest.mark.parametrize("ending", [".csv", ".csv.gz", ".tsv", ".tsv.gz", ".parquet"])
def test_tables(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"out{ending}"
    write_table(TABLE, path)
    separator = "\t" if "tsv" in ending else ","
    back = pd.read_parquet(path) if ending == ".parquet" else pd.read_csv(path, sep=separator)
    pd.testing.assert_frame_equal(back, TABLE.reset_index(drop=True))
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    write_table(TABLE, Path("-"))
    assert capsys.readouterr().out == "smiles,p_active\nCCO,0.5\nCC,\n"


@pytest.mark.parametrize("ending", [".csv", ".tsv"])
def test_a_bare_carriage_return_ends_no_row(ending: str, tmp_path: Path) -> None:
    """In a cell, or in a column's name."""
    path, separator = tmp_path / f"out{ending}", "\t" if ending == ".tsv" else ","
    for table in (TABLE.assign(note=["a\rb", "c"]), TABLE.assign(**{"no\rte": ["a", "b"]})):
        write_table(table, path)
        pd.testing.assert_frame_equal(
            pd.read_csv(path, sep=separator), table.reset_index(drop=True)
        )
        with path.open(newline="") as file:
            rows = list(csv.reader(file, delimiter=separator))
        assert rows[0] == list(table)
        assert [row[-1] for row in rows[1:]] == table.iloc[:, -1].tolist()


def test_other_endings_are_refused(tmp_path: Path) -> None:
    for name in ("out", "out.xlsx", "out.npy", "out.parquet.gz"):
        with pytest.raises(InputError, match=r"\.parquet"):
            check_ending(tmp_path / name)
    check_ending(tmp_path / "out.npy", ".npy")
    check_ending(tmp_path / "out.xlsx", ".sdf", ".xlsx")
    with pytest.raises(InputError, match=r"'\.gz'"):
        write_table(TABLE, tmp_path / "out.xlsx.gz")


ODD = ["=1+1", "+1", "-CCO", "@SUM(A1)", "#N/A", "", " a", "007", "a\nb", "<b>&\"'"]


@pytest.fixture
def book(tmp_path: Path) -> pd.DataFrame:
    """A workbook, read back as the program reads one."""
    return pd.DataFrame(
        {
            "odd": ODD,
            "=name": ODD[::-1],
            "number": [str(i) for i in range(10)],
            "share": ["0.5", "", *["-2.25"] * 8],
            "code": ["007", *["1"] * 9],
            "float": [np.nan, np.inf, *np.arange(8) / 8],
            "whole": pd.array([None, *range(1, 10)], dtype="Int64"),
            "large": 2**60,
            "truth": [True, False] * 5,
            "maybe": pd.array([None, True, *[False] * 8], dtype="boolean"),
        }
    )


def cells(path: Path, name: str) -> list[object]:
    sheet = openpyxl.load_workbook(path).worksheets[0]
    column = next(column for column in sheet.iter_cols() if column[0].value == name)
    return [cell.value for cell in column[1:]]


def test_a_workbook_holds_what_the_table_held(book: pd.DataFrame, tmp_path: Path) -> None:
    path = tmp_path / "out.xlsx"
    write_table(book, path)
    back = pd.concat(open_table(path).chunks())
    assert back.columns.tolist() == list(book)
    for name in ("odd", "=name", "number", "share", "code"):
        assert back[name].tolist() == book[name].tolist(), name
    assert cells(path, "number") == list(range(10))
    assert cells(path, "share") == [0.5, None, *[-2.25] * 8]
    assert cells(path, "code") == ["007", *["1"] * 9]  # one number that would change: all text
    assert cells(path, "float") == [None, "inf", *np.arange(8) / 8]
    assert cells(path, "whole") == [None, *range(1, 10)]
    assert cells(path, "large") == [str(2**60)] * 10
    assert cells(path, "truth") == [True, False] * 5
    assert cells(path, "maybe") == [None, True, *[False] * 8]


def test_no_cell_of_a_workbook_is_a_formula(book: pd.DataFrame, tmp_path: Path) -> None:
    write_table(book, tmp_path / "out.xlsx")
    sheet = openpyxl.load_workbook(tmp_path / "out.xlsx").worksheets[0]
    of_text = [cell for row in sheet for cell in row if isinstance(cell.value, str)]
    assert {cell.data_type for cell in of_text} == {"s"}
    for cell in of_text:
        assert cell.quotePrefix == (str(cell.value)[0] in "=+-@"), cell.value
    with zipfile.ZipFile(tmp_path / "out.xlsx") as archive:
        assert b"<f>" not in archive.read("xl/worksheets/sheet1.xml")


def test_what_a_cell_cannot_hold_is_marked(tmp_path: Path) -> None:
    write_table(pd.DataFrame({"a": ["x" * 40_000, "\x01b"]}), tmp_path / "out.xlsx")
    long, odd = cells(tmp_path / "out.xlsx", "a")
    assert long == "x" * 32_766 + "…"
    assert odd == "\ufffdb"


def test_structures_are_drawn_in_cells_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("molmeta.predict.workbook.MOST_DRAWN", 3)
    table, path = pd.DataFrame({"id": range(4)}), tmp_path / "out.xlsx"
    write_table(table, path, ["CCO", "no molecule", "C[PH](=O)(=O)O", "CC"], structures=True)
    sheet: Any = openpyxl.load_workbook(path).worksheets[0]
    assert [cell.value for cell in sheet[1]] == ["drawing", "id"]
    assert [row[1].value for row in sheet.iter_rows(min_row=2)] == [0, 1, 2, 3]
    assert [image.anchor._from.row for image in sheet._images] == [1, 3]
    assert sheet.row_dimensions[2].height == 90
    with pytest.raises(InputError, match=r"out\.csv; expected a workbook"):
        check_structures(tmp_path / "out.csv")


@pytest.mark.parametrize("name", ["structure", "mol", "Drawing"])
def test_a_workbook_with_drawings_is_read_again(tmp_path: Path, name: str) -> None:
    smiles, path = ["CCO", "CCN"], tmp_path / "out.xlsx"
    write_table(pd.DataFrame({name: smiles, "p": [0.5, 1]}), path, smiles, structures=True)
    library = open_library(path)
    assert library.smiles_column == name
    assert pd.concat(library.chunks())[name].tolist() == smiles


def test_rows_beyond_a_sheet_go_on_in_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("molmeta.predict.workbook.MOST_ROWS", 4)
    write_table(pd.DataFrame({"a": range(7)}), tmp_path / "out.xlsx")
    book = openpyxl.load_workbook(tmp_path / "out.xlsx")
    assert [[row[0].value for row in sheet] for sheet in book] == [
        ["a", 0, 1, 2], ["a", 3, 4, 5], ["a", 6],
    ]  # fmt: skip
    write_table(pd.DataFrame({"a": []}), tmp_path / "none.xlsx")
    assert cells(tmp_path / "none.xlsx", "a") == []
