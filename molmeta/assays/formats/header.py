"""Where a table of delimited text begins: its delimiter, its header, and what stands before."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from molmeta.assays.columns import SMILES_NAMES
from molmeta.assays.formats.rows import Layout, is_like_smiles
from molmeta.chem.molecule import parses
from molmeta.errors import InputError

# Names that no data cell has; "mol" and "drug" may be cells too.
_SURE_NAMES = {name.casefold() for name in SMILES_NAMES if "smiles" in name.casefold()}
_NAMES = {name.casefold() for name in SMILES_NAMES}
_DELIMITERS = ",\t;|"
_N_ROWS = 50  # looked at, and so many of them for SMILES:
_N_PARSED = 20


@dataclass(frozen=True)
class _Record:
    """The cells of a row and the line that it ends in."""

    cells: list[str]
    n_lines: int

    @property
    def is_blank(self) -> bool:
        return self.n_filled == 0

    @property
    def n_filled(self) -> int:
        return sum(map(bool, map(str.strip, self.cells)))

    @property
    def filled(self) -> list[str]:
        """The cells up to the last one that is filled, and the first in any case."""
        n = max((i for i, cell in enumerate(self.cells, 1) if cell.strip()), default=1)
        return self.cells[:n]

    @property
    def is_comment(self) -> bool:
        first = self.cells[0].strip()
        return first.startswith("#") and not (first == "#" and len(self.cells) > 1)

    def names_smiles(self) -> bool:
        """Tell whether a cell is a sure name of a column of SMILES, also behind a `#`."""
        return any(cell.strip('# \t"').casefold() in _SURE_NAMES for cell in self.cells)


@dataclass(frozen=True)
class Header:
    """A table's header.

    Attributes:
        names: Its cells.
        layout: How it and the rows are cut.
        notes: What was passed over before it.
    """

    names: tuple[str, ...]
    layout: Layout
    notes: tuple[str, ...]


def find_header(source: str, lines: Sequence[str]) -> Header:
    """Find delimiter and header: that which cuts most lines alike, most finely.

    Lines before it are comments (`#`), blank, or titles: they have fewer cells.

    Args:
        source: The file, for messages.
        lines: Its first lines with their ends.

    Raises:
        InputError: If there is no header.
    """
    told = re.fullmatch(r'"?sep=(.)"?[,;\t]*', lines[0].strip(), re.IGNORECASE)
    skipped = 1 if told else 0
    candidates = [
        _Candidate.of(_records(lines[skipped:], delimiter), delimiter)
        for delimiter in (told[1] if told else _DELIMITERS)
    ]
    best = max(candidates, key=lambda candidate: candidate.rank)
    return best.header(source, skipped)


def find_header_row(source: str, rows: Sequence[list[str]]) -> Header:
    """Find the header among rows of a sheet, all of one width: a title is followed by blanks.

    Args:
        source: The file and its part, for messages.
        rows: The first rows.

    Raises:
        InputError: If there is no header.
    """
    found = [_Record(cells, number) for number, cells in enumerate(rows, 1)]
    filled = [_Record(record.filled, record.n_lines) for record in found]
    at = _find(filled)
    found[at] = filled[at]  # cells beyond it have no name
    return _Candidate(_DELIMITERS[0], found, at).header(source, 0)


def _records(lines: Sequence[str], delimiter: str) -> list[_Record]:
    csv.field_size_limit(max(csv.field_size_limit(), sum(map(len, lines))))
    reader = csv.reader(lines, delimiter=delimiter)
    found: list[_Record] = []
    for cells in reader:
        found.append(_Record(cells or [""], reader.line_num))
        if sum(not record.is_blank for record in found) > _N_ROWS:
            break
    return found


@dataclass(frozen=True)
class _Candidate:
    """A table as one delimiter cuts it: its records, and which of them is the header."""

    delimiter: str
    records: list[_Record]
    at: int

    @classmethod
    def of(cls, records: list[_Record], delimiter: str) -> _Candidate:
        return cls(delimiter, records, _find(records))

    @property
    def rows(self) -> list[_Record]:
        return [record for record in self.records[self.at + 1 :] if not record.is_blank]

    @property
    def rank(self) -> tuple[bool, bool, bool, int, float]:
        header = self.records[self.at]
        width = len(header.cells)
        fit = [len(row.cells) == width for row in self.rows]
        share = sum(fit) / len(fit) if fit else 1.0
        known = width > 1 and header.names_smiles()
        return known, width > 1 and share >= 0.9, width > 1, width, share

    def header(self, source: str, skipped: int) -> Header:
        """The header found.

        Raises:
            InputError: If it is a row of data, or not the header.
        """
        record, rows = self.records[self.at], self.rows
        names = [name.strip() for name in record.cells]
        if record.is_comment:
            names[0] = names[0].lstrip("# \t").strip('"')
        structures = _structures(rows, len(names))
        before = [r for r in self.records[: self.at] if not r.is_blank]
        where = f"{source}, line {record.n_lines + skipped}"
        _check_before(where, before)
        _check_width(where, names, rows)
        _check_commas(where, record.cells, rows)
        if not _NAMES.intersection(map(str.casefold, names)):
            _check_names(where, names, structures, rows)
        # A table of hardly any molecules, or of stray quotes, says by name where they should be.
        named = (i for i, name in enumerate(names) if name.casefold() in _NAMES)
        molecules = tuple(sorted({*structures, *named}))
        layout = Layout(self.delimiter, len(names), record.n_lines + skipped, molecules)
        notes = []
        if before:
            shown = self.delimiter.join(before[0].filled)[:60]
            more = f" and {len(before) - 1} more" if len(before) > 1 else ""
            notes.append(f"before the header was passed over: {shown!r}{more}")
        return Header(tuple(names), layout, tuple(notes))


def _find(records: list[_Record]) -> int:
    """Find the record that is the header."""
    filled = [i for i, record in enumerate(records) if not record.is_blank]
    plain = [i for i in filled if not records[i].is_comment] or filled or [0]
    width = Counter(len(records[i].cells) for i in plain).most_common(1)[0][0]
    for at in (i for chosen in (plain, filled) for i in chosen if records[i].names_smiles()):
        n_cells = len(records[at].cells)
        n_before = max((len(records[i].cells) for i in plain if i < at), default=0)
        if n_before < n_cells or n_cells == width == n_before == 1:
            return at
    at = next(i for i in plain if len(records[i].cells) >= width)
    shorter = [i for i in plain if i < at]
    if shorter and (records[shorter[-1]].n_filled > 1 or _holds_data(records, at)):
        return shorter[-1]  # the header, and the rows have too many cells
    return at


def _holds_data(records: list[_Record], at: int) -> bool:
    """Tell whether a record is no header: it holds numbers or molecules, as those below it."""
    cells = records[at].cells
    structures = _structures([r for r in records[at:] if not r.is_blank], len(cells))
    return any(map(_is_number, cells)) or any(is_like_smiles(cells[i]) for i in structures)


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _structures(rows: list[_Record], width: int) -> tuple[int, ...]:
    """The columns whose first cells look like SMILES, nearly all, and parse, at least half."""
    found = []
    data = [row for row in rows if not row.names_smiles()]
    for column in range(width):
        cells = [row.cells[column].strip() for row in data if column < len(row.cells)]
        filled = [cell for cell in cells if cell][:_N_PARSED]
        like = list(filter(is_like_smiles, filled))
        # Codes such as "B" and "F" parse as atoms, but hardly a whole column is that short.
        if max(map(len, like), default=0) < 3 or len(like) < 0.8 * len(filled):
            continue
        if sum(map(parses, like)) >= 0.5 * len(like):
            found.append(column)
    return tuple(found)


def _check_before(where: str, before: list[_Record]) -> None:
    """Refuse molecules among the lines that are passed over."""
    cells = (cell.strip() for record in before if not record.is_comment for cell in record.cells)
    molecule = next((cell for cell in cells if is_like_smiles(cell) and parses(cell)), None)
    if molecule is not None:
        raise InputError.of(
            where,
            got=f"a header with {molecule[:40]!r} above it",
            expected="a header in the first line",
            fix="Remove the lines above the header.",
        )


def _check_width(where: str, names: list[str], rows: list[_Record]) -> None:
    """Refuse a header without names, or one that is cut in more cells than any of the rows."""
    unnamed = [i for i, name in enumerate(names) if not name]
    filled = [i for i in unnamed if any(row.cells[i : i + 1] > [""] for row in rows)]
    if len(filled) > 1:  # one may hold row numbers
        raise InputError.of(
            where,
            got=f"{len(filled)} columns with cells and without names",
            expected="names of columns in the first line",
            fix="Add a header line, or name the columns.",
        )
    n_named = max((i + 1 for i, name in enumerate(names) if name), default=0)
    widest = max((len(row.cells) for row in rows), default=n_named)
    if 1 < widest < n_named:
        raise InputError.of(
            where,
            got=f"{n_named} names of columns above rows of {widest} cells",
            expected="a cell a column",
            fix="Put a name that holds the delimiter in double quotes, or remove a name.",
        )


def _check_commas(where: str, cells: list[str], rows: list[_Record]) -> None:
    """Refuse a blank after one delimiter of several above short rows: `hERG, 10 uM` is one name."""
    spaced = [cell for cell in cells[1:] if cell[:1] == " " and cell.strip()]
    short = any(not any(map(str.strip, row.cells[len(cells) - 1 :])) for row in rows)
    if short and 0 < len(spaced) < len(cells) - 1:
        raise InputError.of(
            where,
            got=f"a blank before the name {spaced[0].strip()[:40]!r}, and rows with too few cells",
            expected="a cell a column",
            fix="Put a name that holds the delimiter in double quotes, or remove the blank.",
        )


def _check_names(
    where: str, names: list[str], structures: tuple[int, ...], rows: list[_Record]
) -> None:
    """Refuse a row of data, or a title, in place of the header."""
    for column, name in enumerate(names):
        if (column in structures and is_like_smiles(name)) or _is_molecule(name, column, rows):
            raise InputError.of(
                where,
                got=f"the molecule {name[:40]!r} where the header should be",
                expected="names of columns in the first line",
                fix="Add a header line such as `smiles,active`, or name the file .smi if it is "
                "a plain list of molecules.",
            )
        if column not in structures:
            continue
        first = [row.cells[column].strip() for row in rows[:3] if column < len(row.cells)]
        if _SURE_NAMES.intersection(map(str.casefold, first)):
            raise InputError.of(
                where,
                got=f"{name[:40]!r} above the line that names the columns",
                expected="a header in the first line",
                fix="Remove the lines above the header.",
            )


def _is_molecule(name: str, column: int, rows: list[_Record]) -> bool:
    """Tell whether a name is a molecule above nothing but molecules, however small they are."""
    if len(name) < 3 or not parses(name):
        return False
    cells = [row.cells[column].strip() for row in rows if column < len(row.cells)]
    filled = [cell for cell in cells if cell]
    return bool(filled) and all(map(parses, filled))
