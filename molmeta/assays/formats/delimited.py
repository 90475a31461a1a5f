"""Delimited text: CSV, TSV, semicolons; the delimiter is found by a look at the first lines."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from molmeta.assays.formats.files import HEAD_BYTES, not_utf8, open_bytes, problem_of
from molmeta.assays.formats.table import Table, unique_names
from molmeta.errors import InputError


def recognises(path: Path, head: bytes) -> bool:
    """Any text may be delimited."""
    return True


def open_table(path: Path, head: bytes) -> Table:
    """The columns are the first line's cells; all cells are read as text."""
    text = head.decode("utf-8-sig", errors="replace")
    delimiter, names = _sniff(text, whole=len(head) < HEAD_BYTES)
    columns = unique_names(path, names)
    n_blank = next(i for i, line in enumerate(_lines(text)) if line.strip())

    def read(n_rows: int) -> Iterator[pd.DataFrame]:
        with open_bytes(path) as stream:
            try:
                with pd.read_csv(
                    stream,
                    sep=delimiter,
                    names=list(columns),
                    header=0,
                    skiprows=n_blank,
                    # In a table of one column a blank line is a row with a blank cell.
                    skip_blank_lines=len(columns) > 1,
                    dtype=str,
                    keep_default_na=False,
                    index_col=False,
                    chunksize=n_rows,
                    encoding="utf-8-sig",
                ) as chunks:
                    for chunk in chunks:
                        yield chunk.fillna("")  # cells that a short row lacks
            except (pd.errors.ParserError, pd.errors.ParserWarning, UnicodeError) as error:
                raise _explained(path, stream, error) from None

    return Table(path, columns, read, "delimited")


def _explained(path: Path, stream: io.BufferedReader, error: Exception) -> InputError:
    if (problem := problem_of(stream)) is not None:
        return problem
    if isinstance(error, UnicodeDecodeError):
        return not_utf8(path, error)
    message = str(error).removeprefix("Error tokenizing data. C error: ").strip()
    return InputError.of(
        str(path),
        got=f"lines that do not fit the header ({message})",
        expected="a cell a column",
        fix="Look at that line.",
    )


def _sniff(text: str, *, whole: bool) -> tuple[str, list[str]]:
    """The delimiter and the header: the delimiter that cuts all first lines alike, most finely."""
    lines = list(_lines(text))[:50]
    if len(lines) > 1 and not whole:
        lines = lines[:-1]

    def rank(delimiter: str) -> tuple[bool, int]:
        counts = [len(record) for record in csv.reader(lines, delimiter=delimiter) if record]
        alike = sum(n == counts[0] for n in counts) >= 0.9 * len(counts)
        return alike and counts[0] > 1, counts[0]

    csv.field_size_limit(max(csv.field_size_limit(), 2 * HEAD_BYTES))
    delimiter = max(",\t;", key=rank)
    return delimiter, next(record for record in csv.reader(lines, delimiter=delimiter) if record)


def _lines(text: str) -> io.StringIO:
    return io.StringIO(text, newline=None)  # which knows the three ends of a line, and no others
