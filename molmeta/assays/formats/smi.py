"""SMILES files (.smi): a SMILES, then white space, a comma or a semicolon, then a name."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from molmeta.assays.columns import SMILES_NAMES
from molmeta.assays.formats.table import Names, Table
from molmeta.assays.formats.text import Head
from molmeta.chem.molecule import parses
from molmeta.errors import InputError

_SUFFIXES = {".smi", ".smiles", ".ism", ".can"}
_NAMES = {name.casefold() for name in SMILES_NAMES}
_PACKED = {".gz", ".bz2", ".xz"}
_N_LOOKED_AT = 20


@dataclass(frozen=True)
class _Shape:
    """The cut of a SMILES file's lines.

    Attributes:
        separator: What stands behind the SMILES; None is white space.
        header: The header's names, none where there is no header.
        n_before: Lines before the first molecule.
    """

    separator: str | None
    header: list[str]
    n_before: int


def recognises(head: Head) -> bool:
    """Tell whether nearly all first lines begin with a SMILES, or the name says so.

    A table with a header is none, whatever its name.
    """
    return _shape(head) is not None


def open_table(head: Head) -> Table:
    """The columns are the header's, else `smiles` and `name`, which holds the rest of a line.

    Raises:
        InputError: On reading, if a line has more or fewer words than a header of three or more.
    """
    shape = _shape(head)
    assert shape is not None, "recognised"
    header = shape.header or ["smiles"]
    if any('"' in name for name in header):
        raise InputError.of(
            f"{head.path}: header",
            got="quotes between words with blanks",
            expected="names without quotes",
            fix="Put tabs or commas between the columns.",
        )
    names = Names.of(header if len(header) > 1 else [*header, "name"])
    path, text = head.path, head.text

    def rows() -> Iterator[list[str]]:
        for number, line in enumerate(text.lines(), 1):
            if number > shape.n_before:
                yield _cells(line, shape.separator, len(names.columns), f"{path}, line {number}")

    return Table.of_rows(path, "smi", names, rows, text.notes)


def _cells(line: str, separator: str | None, n: int, where: str) -> list[str]:
    cells = [cell.strip() for cell in line.strip().split(separator, n - 1)]
    if n > 2 and cells not in ([], [""]) and (len(cells) != n or len(cells[-1].split()) > 1):
        raise InputError.of(
            where,
            got=f"{len(line.split(separator))} words: {line.strip()[:60]!r}",
            expected=f"{n}, as the header has",
            fix="Put tabs or commas between the columns.",
        )
    return cells + [""] * (n - len(cells))


def _shape(head: Head) -> _Shape | None:
    """Find the cut of a file of SMILES; None if it is another table."""
    path, lines = head.path, head.lines
    comments = next((i for i, line in enumerate(lines) if not line.startswith("#")), len(lines))
    lines = [line.strip() for line in lines[comments:]]
    filled = [line for line in lines if line][: _N_LOOKED_AT + 1]
    if not filled:
        return None
    first, rows = filled[0], filled[1:]
    before = comments + lines.index(first) + 1
    words = first.split()
    if words[0].casefold() in _NAMES and not any(mark in first for mark in ",;\t"):
        is_smi = _says_so(path) or (len(words) > 1 and _begin_with_smiles(rows, None))
        return _Shape(None, words, before) if is_smi else None
    if any(cell.strip().casefold() in _NAMES for mark in ",;\t" for cell in first.split(mark)):
        return None
    for separator in (None, ",", ";"):
        if _is_smiles(first, separator) and _begin_with_smiles(filled, separator):
            # A comma behind a SMILES is a table's, unless the name says otherwise.
            return _Shape(separator, [], comments) if separator is None or _says_so(path) else None
    return _Shape(None, [], comments) if _says_so(path) else None


def _begin_with_smiles(lines: list[str], separator: str | None) -> bool:
    """Tell whether nine in ten lines begin with a SMILES."""
    looked_at = lines[:_N_LOOKED_AT]
    n_parsed = sum(_is_smiles(line, separator) for line in looked_at)
    return bool(looked_at) and n_parsed >= 0.9 * len(looked_at)


def _is_smiles(line: str, separator: str | None) -> bool:
    return parses(line.split(separator, 1)[0])


def _says_so(path: Path) -> bool:
    """Tell whether the file's last ending, compression aside, is that of SMILES."""
    suffixes = [suffix.lower() for suffix in path.suffixes if suffix.lower() not in _PACKED]
    return bool(suffixes) and suffixes[-1] in _SUFFIXES
