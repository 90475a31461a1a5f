"""Lines of delimited text → rows of cells: none cut off, none swallowed by a stray quote.

The grammar is RFC 4180's (https://www.rfc-editor.org/rfc/rfc4180), but a quote that does not pair
is read as the character that it is, where nothing else can be meant, else refused.
"""

import csv
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from molmeta.errors import InputError

_MOST_LINES = 10_000  # of one cell
_SMILES = re.compile(
    r"(?=[A-Za-z\[])(?:\[[^\[\]\s]+\]|Br?|Cl?|[NOPSFI]|[bcnops]|[-=#$:/\\.()%\d@+*~])+"
)


def is_like_smiles(cell: str) -> bool:
    """Tell whether a cell has only a SMILES's marks and begins with an atom, right or not."""
    return _SMILES.fullmatch(cell.strip()) is not None


@dataclass(frozen=True)
class Layout:
    """The cut of a table's lines into cells.

    Attributes:
        delimiter: What stands between cells.
        width: Cells of the header.
        n_lines: Lines up to the header and with it.
        structures: Columns whose first cells are SMILES.
    """

    delimiter: str
    width: int
    n_lines: int
    structures: tuple[int, ...]

    def is_like_row(self, line: str) -> bool:
        """Tell whether a line could be a row by itself, its quotes taken literally."""
        cells = _literal(line, self.delimiter)
        if len(cells) < self.width or any(map(str.strip, cells[self.width :])):
            return False
        of_molecules = [cells[i] for i in self.structures]
        return not of_molecules or any(map(is_like_smiles, of_molecules))


class _Lines:
    """Lines that know their number, from 1, and can be put back."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines, self._back = iter(lines), list[str]()
        self.number = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._back.pop() if self._back else next(self._lines)
        self.number += 1
        return line

    def put_back(self, line: str) -> None:
        self._back.append(line)
        self.number -= 1


def read_rows(source: str, lines: Iterable[str], layout: Layout) -> Iterator[list[str]]:
    """The rows below the header, as many cells each as it has; short rows get blanks.

    Args:
        source: The file, for messages.
        lines: All its lines with their ends.
        layout: How to cut them.

    Raises:
        InputError: If a row has more cells than the header that are not blank, or a quote is not
            closed.
    """
    numbered = _Lines(lines)
    for _ in islice(numbered, layout.n_lines):
        pass
    width, delimiter = layout.width, layout.delimiter
    for line in numbered:
        start = numbered.number
        if '"' in line:
            cells = _quoted(source, line, numbered, layout)
        else:
            cells = line.rstrip("\r\n").split(delimiter)
        if len(cells) != width:
            if len(cells) < width:
                if len(cells) == 1 and not cells[0].strip():
                    continue  # a blank line; in a table of one column it is a blank cell
                cells += [""] * (width - len(cells))
            elif any(map(str.strip, cells[width:])):
                raise _too_many(source, start, cells, layout)
            else:
                del cells[width:]
        yield cells


def cut(text: str, delimiter: str) -> list[str] | None:
    """The cells of a row; none if its quotes do not pair, and None if one is still open."""
    try:
        return next(csv.reader([text], delimiter=delimiter, strict=True), [""])
    except csv.Error:
        pass
    quoted = re.compile(r'"((?:[^"]|"")*+)"')
    cells, at = [], 0
    while True:
        if text.startswith('"', at):
            match = quoted.match(text, at)
            if match is None:
                return None
            cell, end = match[1].replace('""', '"'), match.end()
        else:
            end = text.find(delimiter, at)
            end = len(text) if end < 0 else end
            cell = text[at:end]
        cells.append(cell)
        if end == len(text):
            return cells
        if not text.startswith(delimiter, end):
            return []
        at = end + 1


def _literal(line: str, delimiter: str) -> list[str]:
    return line.rstrip("\r\n").split(delimiter)


def _quoted(source: str, line: str, lines: _Lines, layout: Layout) -> list[str]:
    """The cells of a row with quotes, which may go on in the next lines."""
    cells = cut(line.rstrip("\r\n"), layout.delimiter)
    literal = _literal(line, layout.delimiter)
    if cells is not None:
        if 0 < len(cells) < layout.width == len(literal):
            raise _unpaired(source, lines.number, f"{len(cells)} cells, or {len(literal)}")
        return cells or literal
    start, parts = lines.number, [line]
    n_like = int(layout.is_like_row(line))
    for more in lines:
        n_like += layout.is_like_row(more)
        if n_like > 1 or len(parts) > _MOST_LINES:
            # Tabs are what cells with tabs in them are not exported with.
            if layout.delimiter == "\t" and len(parts) == 1 and layout.is_like_row(line):
                lines.put_back(more)
                return literal
            raise _unpaired(source, start, "lines that look like rows follow")
        parts.append(more)
        if '"' in more:
            cells = cut("".join(parts).rstrip("\r\n"), layout.delimiter)
            if cells is not None:
                if len(cells) == layout.width:
                    return cells
                raise _unpaired(source, start, f"no row up to line {lines.number}")
    if layout.delimiter == "\t" and len(parts) == 1 and layout.is_like_row(line):
        return literal
    raise _unpaired(source, start, "the file ends before it is closed")


def _too_many(source: str, number: int, cells: list[str], layout: Layout) -> InputError:
    shown = layout.delimiter.join(cells)
    return InputError.of(
        f"{source}, line {number}",
        got=f"{len(cells)} cells: {shown[:60]!r}",
        expected=f"at most {layout.width}, a cell a column: it does not fit the header",
        fix=f"Put a cell that holds {layout.delimiter!r} in quotes, or write 7.92 for 7,92.",
    )


def _unpaired(source: str, number: int, got: str) -> InputError:
    return InputError.of(
        f"{source}, line {number}: quotes that do not pair",
        got=got,
        expected="rows that fit the header",
        fix='Remove the quote, or put the cell in quotes and write each " in it twice.',
    )
