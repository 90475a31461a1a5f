"""Files as tables, whatever their format: `open_table`."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from molmeta.assays.formats import delimited, jsonl, parquet, sdf, smi
from molmeta.assays.formats.files import read_head
from molmeta.assays.formats.table import Table


class Format(Protocol):
    """What a format's module offers."""

    def recognises(self, path: Path, head: bytes) -> bool:
        """Whether a file with these first bytes is of this format."""

    def open_table(self, path: Path, head: bytes) -> Table:
        """The file as a table."""


_FORMATS: tuple[Format, ...] = (parquet, sdf, jsonl, smi, delimited)


def open_table(path: Path | str) -> Table:
    """Open a file as a table; its format is recognised from its content, not its name.

    Raises:
        InputError: If there is no such file, or it is empty, truncated, not a table, or its
            columns are not all different.
    """
    path = Path(path)
    head = read_head(path)
    return next(f for f in _FORMATS if f.recognises(path, head)).open_table(path, head)
