"""Delimited text: CSV, TSV, semicolons, bars; the delimiter is found by a look at first lines."""

from collections.abc import Iterator

import pandas as pd

from molmeta.assays.formats.header import find_header
from molmeta.assays.formats.rows import read_rows
from molmeta.assays.formats.table import Names, Table, in_chunks
from molmeta.assays.formats.text import Head


def recognises(head: Head) -> bool:
    """Any text may be delimited."""
    return True


def open_table(head: Head) -> Table:
    """The columns are the header's cells; all cells are read as text."""
    path, text = head.path, head.text
    header = find_header(str(path), head.lines)
    names = Names.of(header.names)

    def read(n_rows: int) -> Iterator[pd.DataFrame]:
        rows = read_rows(str(path), text.lines(), header.layout)
        return in_chunks(rows, names.columns, n_rows)

    notes = text.notes + header.notes + names.notes
    return Table(path, names.columns, read, "delimited", names.repeated, notes)
