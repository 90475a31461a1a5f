"""Reading what was pasted or uploaded; without torch, and no file outlives the reading."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from molmeta.assays import Columns, load_assays, open_library, read_support
from molmeta.assays.example import write_example
from molmeta.assays.formats.table import Table
from molmeta.assays.measurement import as_text
from molmeta.assays.tables import open_table
from molmeta.errors import InputError

_LISTED = 50  # columns and assays from which the user may choose


@contextmanager
def placed(name: str, content: bytes) -> Iterator[Path]:
    """Give a file of this content for a while; errors call it by its own name, without a folder.

    >>> with placed("mine.csv", b"smiles\\nCCO\\n") as path:
    ...     path.read_text()
    'smiles\\nCCO\\n'

    Args:
        name: The user's name for it; folders in it are dropped.
        content: Its bytes.

    Raises:
        InputError: What was raised within, without the folder.
    """
    plain = re.sub(r"[\x00-\x1f\x7f]", "", re.split(r"[/\\]", name)[-1]).strip(". ") or "table"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / plain.encode("utf-8", "replace").decode()[-80:]
        path.write_bytes(content)
        try:
            yield path
        except InputError as error:
            raise _without_folder(error, folder) from None


def _without_folder(error: InputError, folder: str) -> InputError:
    plain = InputError(str(error).replace(f"{folder}/", "").replace(folder, ""))
    plain.parts = {
        name: None if text is None else text.replace(f"{folder}/", "")
        for name, text in error.parts.items()
    }
    return plain


def read_measured(
    name: str, content: bytes, columns: Columns, assay: str | None, most_rows: int
) -> dict[str, Any]:
    """Read measured molecules, and say how their columns were understood.

    >>> table = b"name,smiles,IC50 (nM)\\nA,CCO,12\\nB,CCN,50000\\n"
    >>> answer = read_measured("ic50.csv", table, Columns(), None, 100)
    >>> answer["notes"][-1], [one["active"] for one in answer["molecules"]]
    ('active is pXC50 > 6 (below 1,000 nM), the default', [True, False])

    Returns:
        As `answers.Measured` describes.

    Raises:
        InputError: If the table cannot be used; its `parts` list `columns` and `assays` to choose.
    """
    with placed(name, content) as path:
        table = open_table(path)
        _check_size(table, most_rows)
        try:
            support = read_support(path, columns, assay_id=assay)
        except InputError as error:
            error.parts["columns"] = "\n".join(table.columns[:_LISTED])
            error.parts["assays"] = "\n".join(_assays(path, columns))
            raise
        rows = support.rows.reindex(columns=list(table.columns))
        return {
            "name": path.name,
            "assay": support.assay_id,
            "notes": [note.removeprefix(f"{path.name}: ") for note in support.notes],
            "columns": list(table.columns),
            "rows": _cells(rows),
            "molecules": [
                {
                    "smiles": smiles,
                    "active": None if np.isnan(label) else bool(label == 1),
                    "value": None if np.isnan(value) else round(float(value), 4),
                    "used": bool(kept),
                    "reason": reason,
                }
                for smiles, label, value, kept, reason in zip(
                    support.smiles,
                    support.labels,
                    support.values,
                    support.kept,
                    support.reasons,
                    strict=True,
                )
            ],
        }


def _assays(path: Path, columns: Columns) -> list[str]:
    """List the assays of a file, none where it cannot be read."""
    try:
        return load_assays(path, columns).assay_ids[:_LISTED]
    except InputError:
        return []


def read_library(
    name: str, content: bytes, smiles_column: str | None, most_rows: int
) -> dict[str, Any]:
    """Read the molecules of a library with all their columns.

    >>> read_library("mine.csv", b"id,smiles\\n1,CCO\\n", None, 100)["smiles"]
    ['CCO']

    Returns:
        As `answers.Library` describes.

    Raises:
        InputError: If the table cannot be used; `columns` in its `parts` lists its columns.
    """
    with placed(name, content) as path:
        table = open_table(path)
        _check_size(table, most_rows)
        try:
            library = open_library(path, smiles_column)
        except InputError as error:
            error.parts["columns"] = "\n".join(table.columns[:_LISTED])
            raise
        rows = pd.concat(library.chunks())
        return {
            "name": path.name,
            "smiles_column": library.smiles_column,
            "columns": list(rows.columns),
            "rows": _cells(rows),
            "smiles": as_text(rows[library.smiles_column]).tolist(),
        }


def example() -> dict[str, str]:
    """Give the bundled example: measured molecules and a library, as CSV.

    >>> sorted(example())
    ['library', 'measured']
    """
    with tempfile.TemporaryDirectory() as folder:
        write_example(Path(folder))
        files = {"measured": "support.csv", "library": "library.csv"}
        return {what: (Path(folder) / file).read_text("utf-8") for what, file in files.items()}


def warm() -> None:
    """Do nothing: that this module is imported is all."""


def _check_size(table: Table, most_rows: int) -> None:
    """Refuse a table of too many rows before more than these are read.

    Raises:
        InputError: If it has more.
    """
    n_rows = 0
    for chunk in table.chunks():
        n_rows += len(chunk)
        if n_rows > most_rows:
            raise InputError.of(
                str(table.path),
                got=f"more than {most_rows:,} rows",
                expected=f"{most_rows:,} rows at most on this page",
                fix="Send fewer rows, or use `molmeta predict` or `molmeta screen`.",
            )


def _cells(rows: pd.DataFrame) -> list[list[str]]:
    """Write a table's cells as text, "" where blank."""
    texts = [as_text(rows[name]).tolist() for name in rows]
    return [list(row) for row in zip(*texts, strict=True)]
