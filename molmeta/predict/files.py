"""Writing results as the file's name says: CSV, TSV or Parquet, whole or not at all."""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd

from molmeta.errors import InputError
from molmeta.resources import write_atomically

_TEXT = {".csv": ",", ".tsv": "\t"}


def check_ending(path: Path, also: str = "") -> None:
    """Refuse a name that says no known format, before any work is done for it.

    Raises:
        InputError: If the ending is none of .csv, .tsv (also with .gz), .parquet or `also`.
    """
    known = [".csv", ".tsv", ".parquet", *([also] if also else [])]
    if str(path) != "-" and _ending(path) not in known:
        raise InputError.of(
            f"output {path}", got=f"the ending {path.suffix!r}", expected=" or ".join(known)
        )


def write_table(table: pd.DataFrame, path: Path) -> None:
    """Write a table to `path`; `-` is CSV on standard output.

    Raises:
        InputError: If the name's ending is not known.
    """
    check_ending(path)
    if str(path) == "-":
        table.to_csv(sys.stdout, index=False)
        return
    with write_atomically(path) as temporary:
        if _ending(path) == ".parquet":
            table.to_parquet(temporary, index=False)
        else:
            table.to_csv(temporary, index=False, sep=separator_of(path))


def separator_of(path: Path) -> str:
    """What stands between the cells of a text file of this name; `-` is CSV."""
    return _TEXT.get(_ending(path), ",")


def _ending(path: Path) -> str:
    """The format's ending, compressed or not."""
    return path.with_suffix("").suffix if path.suffix == ".gz" else path.suffix
