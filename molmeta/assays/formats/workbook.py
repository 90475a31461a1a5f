"""Workbooks (xlsx, xlsb, xls, ods): the cells of the first sheet, or of a named one, as text."""

import datetime
import io
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook, SheetVisibleEnum

from molmeta.assays.columns import listed
from molmeta.assays.formats.files import WORKBOOKS, open_bytes
from molmeta.assays.formats.header import find_header_row
from molmeta.assays.formats.shown import Shown, read_shown
from molmeta.assays.formats.table import Names, Table
from molmeta.assays.formats.text import Head
from molmeta.errors import InputError, did_you_mean

_N_LOOKED_AT = 200


def recognises(head: Head) -> bool:
    """Tell whether the file begins as a workbook does, or any zip archive."""
    return head.content.startswith(WORKBOOKS)


def open_table(head: Head, name: str | None = None) -> Table:
    """Open a sheet, the first visible one unless it is named.

    The columns are the cells of its header.

    Raises:
        InputError: If the file is no workbook, has a password, has no such sheet, or it holds no
            table.
    """
    path = head.path
    with open_bytes(path) as stream:
        content = stream.read()
    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(content))
        at = _first_visible(book) if name is None else _position(path, book, name)
        sheet = book.get_sheet_by_index(at)
    except (CalamineError, IndexError) as error:
        raise InputError.of(
            str(path),
            got=f"an archive that is no workbook ({error})",
            expected="a workbook (xlsx, xlsb, xls, ods), CSV, TSV, Parquet or SDF",
            fix="Unpack the archive; remove the password of a workbook; or save it as CSV (UTF-8).",
        ) from None
    where = f"{path}, sheet {sheet.name!r}"
    shown = read_shown(where, content, sheet.name)
    start = list(islice(_rows(sheet, shown), _N_LOOKED_AT))
    if not start:
        raise InputError.of(where, got="no cells", expected="a table with a header line")
    header = find_header_row(where, start)
    names = Names.of(header.names)
    first = 1 + (sheet.start or (0, 0))[0]

    def rows() -> Iterator[list[str]]:
        below = islice(enumerate(_rows(sheet, shown), first), header.layout.n_lines, None)
        return (_named(cells, len(names.columns), where, number) for number, cells in below)

    n_sheets, notes = len(book.sheet_names), tuple[str, ...]()
    if name is None and n_sheets > 1:
        which = "first visible" if at > 0 else "first"
        notes = (f"the {which} sheet, {sheet.name!r}, was read of {n_sheets}",)
    n_hidden = sum(row + 1 >= first + header.layout.n_lines for row in shown.hidden)
    if n_hidden:
        notes += (f"{n_hidden} of the sheet's rows are hidden, and were read too",)
    return Table.of_rows(path, "workbook", names, rows, notes + header.notes)


def _first_visible(book: CalamineWorkbook) -> int:
    states = [sheet.visible == SheetVisibleEnum.Visible for sheet in book.sheets_metadata]
    return states.index(True) if True in states else 0


def _position(path: Path, book: CalamineWorkbook, name: str) -> int:
    if name in book.sheet_names:
        return book.sheet_names.index(name)
    raise InputError.of(
        f"sheet of {path}",
        got=repr(name),
        expected=f"one of the sheets {listed(book.sheet_names)}",
        fix=did_you_mean(name, book.sheet_names),
    )


def _rows(sheet: CalamineSheet, shown: Shown) -> Iterator[list[str]]:
    """Give a sheet's rows from its first filled cell on, all of one width."""
    top, left = sheet.start or (0, 0)
    for number, row in enumerate(sheet.to_python(skip_empty_area=True), top):
        cells = list(map(_text, row))
        for column, text in shown.texts.get(number, {}).items():
            if left <= column < left + len(cells):
                cells[column - left] = text
        yield cells


def _named(cells: list[str], width: int, where: str, number: int) -> list[str]:
    """Give a row's cells below the header.

    Raises:
        InputError: If there are more that are not blank.
    """
    beyond = next(filter(str.strip, cells[width:]), None)
    if beyond is not None:
        raise InputError.of(
            f"{where}, row {number}",
            got=f"{beyond[:40]!r} right of the last column that has a name",
            expected="a name above each column",
            fix="Name the column, or clear the cell.",
        )
    return cells[:width]


def _text(cell: object) -> str:
    """Write a cell as a table of text holds it: 12 for 12.0, dates as ISO 8601."""
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e15:
        return str(int(cell))
    if isinstance(cell, bool):
        return str(cell).upper()
    if isinstance(cell, datetime.date | datetime.time):
        return cell.isoformat()
    return str(cell)
