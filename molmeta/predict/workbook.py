"""Writing tables as workbooks (.xlsx): what a cell holds is shown, never computed."""

import io
import re
from collections.abc import Sequence
from itertools import chain, count
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.drawing.image import Image
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter
from rdkit import Chem, rdBase
from rdkit.Chem.Draw.rdMolDraw2D import MolDraw2DCairo, PrepareAndDrawMolecule

from molmeta.chem.repair import respell

MOST_ROWS = 1_048_576
"""Rows of a sheet, the header included; what is more goes on in the next one."""

MOST_CHARACTERS = 32_767
"""Characters of a cell; longer text is cut, and ends with an ellipsis."""

MOST_DRAWN = 500
"""Rows with a drawing: each is some 8 KB of the file."""

_SIZE = 200, 120  # of a drawing, in pixels
_WIDTHS = 8, 50
_N_MEASURED = 200  # rows that set a column's width


def write_workbook(table: pd.DataFrame, path: Path, structures: Sequence[str] = ()) -> None:
    """Write a table as a sheet with a fixed header and filters.

    Text stays text, also what begins with "=", "+", "-" or "@". A column of text is one of numbers
    if each of its cells is how Python writes one: not "007" or "1.50", which would change.

    >>> from molmeta.assays.tables import open_table
    >>> table = pd.DataFrame({"id": ["=1+1", "b"], "pIC50": [6.5, None]})
    >>> write_workbook(table, Path("mine.xlsx"))
    >>> next(open_table("mine.xlsx").chunks()).values.tolist()
    [['=1+1', '6.5'], ['b', '']]

    Args:
        table: n rows.
        path: Where to, .xlsx.
        structures: SMILES of the rows, n of them, to draw the first `MOST_DRAWN` molecules in a
            column `drawing` before the others; none by default. It is no column of SMILES, and
            its name is numbered where a column has it.
        title: The sheet's name.
    """
    book = Workbook(write_only=True)
    columns = [_cells(table[name]) for name in table]
    names = [str(name) for name in table]
    if structures:
        columns, names = [[None] * len(table), *columns], [_free_name(names), *names]
    for number, start in enumerate(range(0, max(len(table), 1), MOST_ROWS - 1), 1):
        part = [column[start : start + MOST_ROWS - 1] for column in columns]
        sheet = book.create_sheet("molecules" if number == 1 else f"molecules {number}")
        sheet.freeze_panes = "A2"
        sheet.auto_filter.ref = f"A1:{get_column_letter(len(names))}{1 + len(part[0])}"
        for i, (name, cells) in enumerate(zip(names, part, strict=True), 1):
            sheet.column_dimensions[get_column_letter(i)].width = _width(name, cells)
        if structures and number == 1:
            _draw(sheet, structures[:MOST_DRAWN])
        header = [_text_cell(sheet, name) for name in names]
        for cell in header:
            cell.font = Font(bold=True)
        sheet.append(header)
        for row in zip(*part, strict=True):
            sheet.append(one if _is_plain(one) else _text_cell(sheet, str(one)) for one in row)
    book.save(path)


def _free_name(names: Sequence[str]) -> str:
    """Name the column of drawings as no other is called."""
    taken = set(map(str.casefold, names))
    numbered = (f"drawing.{n}" for n in count(2))
    return next(name for name in chain(["drawing"], numbered) if name not in taken)


def _draw(sheet: Any, structures: Sequence[str]) -> None:
    """Draw molecules in the first column, one a row below the header."""
    sheet.column_dimensions["A"].width = _SIZE[0] / 7
    for row, smiles in enumerate(structures, 2):
        with rdBase.BlockLogs():
            mol = Chem.MolFromSmiles(respell(smiles))
        if mol is not None:
            drawer = MolDraw2DCairo(*_SIZE)
            PrepareAndDrawMolecule(drawer, mol)
            drawer.FinishDrawing()
            sheet.row_dimensions[row].height = _SIZE[1] * 3 / 4  # points
            sheet.add_image(Image(io.BytesIO(drawer.GetDrawingText())), f"A{row}")


def _cells(column: pd.Series) -> list[Any]:
    """Give a column's cells as Python's own numbers, truth values, text, and None."""
    values = column.astype(object).where(column.notna(), None).tolist()
    filled = [value for value in values if value not in (None, "")]
    if all(isinstance(value, str) for value in filled):
        read = {value: _number(value) for value in set(filled)}
        if None not in read.values():
            return [read.get(value) for value in values]
    return [value.item() if isinstance(value, np.generic) else value for value in values]


def _number(text: str) -> int | float | None:
    """Read a number that is written back as the same text; None if it is no such one."""
    if not re.fullmatch(r"-?\d{1,15}(\.\d{1,15})?", text) or len(text) > 16:
        return None
    number = float(text) if "." in text else int(text)
    return number if str(number) == text else None


def _is_plain(value: object) -> bool:
    """Tell whether a value is a number as Excel has them: finite, and of 15 digits."""
    if isinstance(value, float):
        return bool(np.isfinite(value))
    return value is None or (isinstance(value, int) and abs(value) < 10**15)


def _text_cell(sheet: Any, text: str) -> Any:
    plain = ILLEGAL_CHARACTERS_RE.sub("\ufffd", text)
    if len(plain) > MOST_CHARACTERS:
        plain = plain[: MOST_CHARACTERS - 1] + "…"
    cell = WriteOnlyCell(sheet, plain or None)
    if plain:
        cell.data_type = "s"  # whatever it looks like: "=1+1" would be a formula, "#N/A" an error
        cell.quotePrefix = plain[0] in "=+-@"  # text too once somebody has edited it
    return cell


def _width(name: str, cells: Sequence[Any]) -> float:
    longest = max((len(str(cell)) for cell in cells[:_N_MEASURED] if cell is not None), default=0)
    return float(np.clip(2 + max(longest, len(name)), *_WIDTHS))
