"""Shown cells of an .xlsx, where bare values do not tell: percentages, errors, hidden rows."""

import io
import posixpath
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO
from xml.etree import ElementTree as Xml

from openpyxl.utils.cell import coordinate_to_tuple

from molmeta.assays.measurement import NO_RESULT
from molmeta.errors import InputError

_PERCENT_FORMATS = {"9", "10"}  # numbers of the formats 0% and 0.00%
_LITERAL = re.compile(r'"[^"]*"|\\.|\[[^\]]*\]')  # in a format: shown as it is


@dataclass
class Shown:
    """The cells that a sheet shows and bare values do not tell; empty for files other than .xlsx.

    Attributes:
        texts: The text of cells, by row and column, both from 0: `50%` for 0.5 that is formatted
            as a percentage, `#N/A`, and `NO_RESULT` for a formula that was never computed.
        hidden: The rows that are hidden and hold something, from 0.
    """

    texts: dict[int, dict[int, str]] = field(default_factory=dict)
    hidden: list[int] = field(default_factory=list)


def read_shown(where: str, content: bytes, sheet: str) -> Shown:
    """Read what a sheet of a workbook shows.

    Args:
        where: The sheet, for the message.
        content: The workbook's bytes.
        sheet: The sheet's name.

    Raises:
        InputError: If it is an .xlsx, and damaged.
    """
    shown, archive = Shown(), io.BytesIO(content)
    if not zipfile.is_zipfile(archive):
        return shown
    with zipfile.ZipFile(archive) as parts:
        book = next((name for name in parts.namelist() if name.endswith("workbook.xml")), None)
        if book is None:
            return shown
        try:
            folder = posixpath.dirname(book)
            percent = _percent_styles(parts, folder)
            content = parts.read(_sheet_path(parts, book, folder, sheet))
            if _has_marks(content, percent):
                for number, row in _rows(io.BytesIO(content)):
                    _add_row(shown, number, row, percent)
        except (zipfile.BadZipFile, Xml.ParseError, LookupError, ValueError) as error:
            raise InputError.of(
                where,
                got=f"a damaged workbook ({error})",
                expected="a whole one",
                fix="Save it again in a spreadsheet program, or save it as CSV (UTF-8).",
            ) from None
    return shown


def _sheet_path(parts: zipfile.ZipFile, book: str, folder: str, sheet: str) -> str:
    """Find a sheet's file in the archive."""
    found = {one.get("name"): one for one in _elements(parts, book, "sheet")}[sheet]
    (key,) = (value for name, value in found.items() if name.endswith("}id"))
    links = _elements(parts, f"{folder}/_rels/workbook.xml.rels".lstrip("/"), "Relationship")
    target = {one.get("Id"): one.get("Target", "") for one in links}[key]
    return posixpath.normpath(posixpath.join("/", folder, target)).lstrip("/")


def _percent_styles(parts: zipfile.ZipFile, folder: str) -> set[str]:
    """Find the numbers of the styles that show 0.5 as 50%."""
    path = f"{folder}/styles.xml".lstrip("/")
    if path not in parts.namelist():
        return set()
    formats = set(_PERCENT_FORMATS)
    for one in _elements(parts, path, "numFmt"):
        if "%" in _LITERAL.sub("", one.get("formatCode", "")):
            formats.add(one.get("numFmtId", ""))
    styles = (style for cells in _elements(parts, path, "cellXfs") for style in cells)
    return {str(i) for i, style in enumerate(styles) if style.get("numFmtId") in formats}


def _elements(parts: zipfile.ZipFile, path: str, tag: str) -> list[Xml.Element]:
    return Xml.fromstring(parts.read(path)).findall(f".//{{*}}{tag}")


def _has_marks(content: bytes, percent: set[str]) -> bool:
    """Tell whether a sheet may show more than values: most do not, and parsing takes long."""
    marks = ["hidden=", "<f", ":f", '"e"', "'e'"]
    marks += [f"s={quote}{style}{quote}" for style in percent for quote in "'\""]
    # In UTF-16, which XML may be in, there is a NUL at every other place.
    return b"\0" in content[:100] or any(mark.encode() in content for mark in marks)


def _rows(stream: IO[bytes]) -> Iterator[tuple[int, Xml.Element]]:
    """Give a sheet's rows with their numbers from 0, in little memory."""
    number = -1
    for _, element in Xml.iterparse(stream):
        if element.tag.endswith("}row"):
            number = int(element.get("r", number + 2)) - 1
            yield number, element
            element.clear()


def _add_row(shown: Shown, number: int, row: Xml.Element, percent: set[str]) -> None:
    for i, cell in enumerate(row):
        text = _text(cell, percent)
        if text is not None:
            at = cell.get("r")
            column = i if at is None else coordinate_to_tuple(at)[1] - 1
            shown.texts.setdefault(number, {})[column] = text
    if row.get("hidden") in ("1", "true") and any(len(cell) for cell in row):
        shown.hidden.append(number)


def _text(cell: Xml.Element, percent: set[str]) -> str | None:
    """Give the text that a cell shows, None where its value tells."""
    kind, value, computed = cell.get("t", "n"), "", False
    for child in cell:
        if child.tag.endswith("}v"):
            value = child.text or ""
        elif child.tag.endswith("}f"):
            computed = True
    if kind == "e" or (computed and not value and kind != "str"):
        return value or NO_RESULT
    if kind == "n" and value and cell.get("s") in percent:
        return f"{100 * float(value):.12g}%"
    return None
