"""Reading what was pasted or uploaded; without torch, and no file outlives the reading."""

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
from molmeta.predict.learnt_file import LEARNT, LearntFile

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

    A learnt assay gives the molecules that it was learnt from.

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
        if path.suffix == LEARNT:
            return _read_learnt(path, columns, assay, most_rows)
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
                    "value": _rounded(value),
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


def _read_learnt(path: Path, columns: Columns, assay: str | None, most_rows: int) -> dict[str, Any]:
    """Read what `molmeta predict --save` wrote as the table that it was learnt from.

    Raises:
        InputError: If it is no such file, or this page cannot learn the same.
    """
    found = LearntFile.read(path)
    if columns != Columns() or assay is not None:
        raise InputError.of(
            str(path),
            got="a choice of how columns are read",
            expected="none: this assay is learnt already",
        )
    if found.steps is not None:
        raise InputError.of(
            str(path),
            got=f"an assay that was learnt in {found.steps} steps",
            expected="one that was learnt in as many as the model takes by itself",
            fix="Use `molmeta predict --support` with it.",
        )
    learnt_from = set(found.smiles)
    others = [smiles for smiles in found.measured if smiles not in learnt_from]
    n_rows = len(found.smiles) + len(others)
    if n_rows > most_rows:
        raise _too_many(str(path), most_rows)
    graded = np.full(len(found.smiles), np.nan) if found.values is None else found.values
    molecules: list[dict[str, Any]] = [
        {"smiles": smiles, "active": active, "value": _rounded(value), "used": True, "reason": ""}
        for smiles, active, value in zip(
            found.smiles, found.active.tolist(), graded.tolist(), strict=True
        )
    ]
    unused = {"active": None, "value": None, "used": False, "reason": "not learnt from"}
    molecules += [{"smiles": smiles, **unused} for smiles in others]
    values = [_rounded(found.measured.get(one["smiles"], np.nan)) for one in molecules]
    texts = ["" if value is None else str(value) for value in values]
    notes = [f"learnt before by the model {found.model!r}; the model of this page learns it again"]
    return {
        "name": path.name,
        "assay": found.name,
        "notes": [*notes, *(["values from 'value'"] if any(texts) else [])],
        "columns": ["smiles", "value"],
        "rows": [[one["smiles"], text] for one, text in zip(molecules, texts, strict=True)],
        "molecules": molecules,
        "learnt_by": found.model,
        "prevalence": found.prevalence,
    }


def _rounded(value: float) -> float | None:
    return None if np.isnan(value) else round(float(value), 4)


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
            raise _too_many(str(table.path), most_rows)


def _too_many(source: str, most_rows: int) -> InputError:
    return InputError.of(
        source,
        got=f"more than {most_rows:,} rows",
        expected=f"{most_rows:,} rows at most on this page",
        fix="Send fewer rows, or use `molmeta predict` or `molmeta screen`.",
    )


def _cells(rows: pd.DataFrame) -> list[list[str]]:
    """Write a table's cells as text, "" where blank."""
    texts = [as_text(rows[name]).tolist() for name in rows]
    return [list(row) for row in zip(*texts, strict=True)]
