"""Delimited text: CSV, TSV, semicolons, bars; the delimiter is found by a look at first lines."""

from collections.abc import Iterator

from molmeta.assays.formats.header import find_header
from molmeta.assays.formats.rows import read_rows
from molmeta.assays.formats.table import Names, Table
from molmeta.assays.formats.text import Head


def recognises(head: Head) -> bool:
    """Any text may be delimited."""
    return True


def open_table(head: Head) -> Table:
    """The columns are the header's cells; all cells are read as text."""
    path, text = head.path, head.text
    header = find_header(str(path), head.lines)
    names = Names.of(header.names)

    def rows() -> Iterator[list[str]]:
        return read_rows(str(path), text.lines(), header.layout)

    return Table.of_rows(path, "delimited", names, rows, text.notes + header.notes)
