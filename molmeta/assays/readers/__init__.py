"""Readers: tables → measurements, one file a known kind of export, recognised by its columns."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import pandas as pd

from molmeta.assays.columns import Columns
from molmeta.assays.readers import fsmol, plain
from molmeta.assays.tables import Table, open_table
from molmeta.errors import InputError


class Reader(Protocol):
    """What a reader module offers."""

    def recognises(self, table: Table) -> bool:
        """Whether the table is of this reader's kind."""

    def read(self, table: Table, columns: Columns) -> Iterator[pd.DataFrame]:
        """Its rows as frames of measurements, in source order."""


READERS: dict[str, Reader] = {"fsmol": fsmol, "plain": plain}


def read_measurements(
    path: Path | str, columns: Columns | None = None, *, format: str = "auto"
) -> Iterator[pd.DataFrame]:
    """Read a file's measurements, a chunk at a time.

    Args:
        path: The file.
        columns: What the user says about its columns.
        format: A reader's name, or "auto" to recognise it.

    Raises:
        InputError: If the file or what is said about it cannot be used.
    """
    if format != "auto" and format not in READERS:
        raise InputError.of(
            "--format", got=repr(format), expected=f"auto or one of {', '.join(READERS)}"
        )
    table = open_table(path)
    columns = columns or Columns()
    reader = READERS.get(format) or next(
        reader for reader in READERS.values() if reader.recognises(table)
    )
    yield from reader.read(table, columns)
